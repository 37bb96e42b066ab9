// Package runspec reads and writes api.RunSpec in the other forms that people
// have for it: options of a command line, a line for a shell, a compose
// service, a quadlet, a Kubernetes pod; and says what is wrong with one.
//
// It runs in every process that needs it, in any namespace. It is pure: it
// opens no file, asks no environment and expands nothing of what it reads,
// which is whatever a person has pasted.
package runspec

import (
	"davit/backend/api"
)

// Here is what a command line may refer to of where it was typed. The zero
// value has none of it: relative paths stay as they are.
type Here struct {
	Lookup func(key string) (string, bool)     // environment variables
	Path   func(path string) (string, error)   // makes a path absolute
	Lines  func(file string) ([]string, error) // of a file of KEY=value lines
	Note   func(format string, args ...any)    // what is done in another way
}

func (h Here) note(format string, args ...any) {
	if h.Note != nil {
		h.Note(format, args...)
	}
}

func invalid(format string, args ...any) *api.Error {
	return api.Errorf(api.KindInvalid, format, args...)
}
