package runspec

import (
	"regexp"
	"sync"
)

// form is a pattern that is compiled when it is first asked for. Together they
// take half a millisecond, which every start of davit would pay.
func form(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}
