package store

import (
	"regexp"
	"sync"
)

// form is a pattern that is compiled when it is first asked for. Together they
// take most of a millisecond, which every start of davit and davit-guard would
// pay: patterns that count repetitions are large ones.
func form(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}
