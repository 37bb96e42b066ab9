// Package form has patterns that are compiled when they are first asked for.
// Every start of davit and davit-guard would pay for those of all packages
// that it links: a millisecond or two, of which it needs none as a rule.
package form

import (
	"regexp"
	"sync"
)

// Of gives the pattern; it panics at its first use where it is none.
func Of(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}
