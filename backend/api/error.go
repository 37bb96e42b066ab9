package api

import (
	"context"
	"errors"
	"fmt"
)

// Kind classifies an error. The list only grows, and only at its end.
type Kind string

// The kinds.
const (
	KindInternal    Kind = "internal"     // a fault of ours, or nothing better known
	KindInvalid     Kind = "invalid"      // the request makes no sense
	KindNotFound    Kind = "not-found"    // no such container, image, …
	KindConflict    Kind = "conflict"     // name taken, in use, wrong state
	KindUnavailable Kind = "unavailable"  // a registry or the engine does not answer
	KindDenied      Kind = "denied"       // credentials, permissions
	KindHost        Kind = "host"         // the host is in the way; see doctor
	KindStart       Kind = "start"        // the container could not be started
	KindNoSpace     Kind = "no-space"     // disk full
	KindRateLimited Kind = "rate-limited" // come back later
	KindCancelled   Kind = "cancelled"
	KindCorrupt     Kind = "corrupt" // digest, size or format is not what was promised
)

// Error is what went wrong, for people: Msg says what and why in plain
// words, Hint what to do next.
type Error struct {
	Kind Kind   `json:"kind"`
	Msg  string `json:"msg"`
	Hint string `json:"hint,omitempty"`
	Ref  string `json:"ref,omitempty"` // what it is about
	// Field is the place in a RunSpec that it is about, as JSON names it:
	// "name", "ports[0].hostPort", "sysctls.net.foo".
	Field    string `json:"field,omitempty"`
	ExitCode int    `json:"exitCode,omitempty"` // for the command line; 0: as the verb says
	// RetryAfter is how many seconds a registry wants us to wait; 0: it did not say.
	RetryAfter int   `json:"retryAfter,omitempty"`
	Err        error `json:"-"`
}

func (e *Error) Error() string { return e.Msg }

// Unwrap gives the cause; it does not travel over the wire.
func (e *Error) Unwrap() error { return e.Err }

// Is makes errors.Is(err, &Error{Kind: k}) true for every error of kind k.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Msg == "" && t.Kind == e.Kind
}

// Errorf makes an Error; %w is honoured.
func Errorf(kind Kind, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Kind: kind, Msg: err.Error(), Err: errors.Unwrap(err)}
}

// WithHint returns e with what to do next.
func (e *Error) WithHint(format string, args ...any) *Error {
	c := *e
	c.Hint = fmt.Sprintf(format, args...)
	return &c
}

// WithRef returns e with what it is about.
func (e *Error) WithRef(ref string) *Error {
	c := *e
	c.Ref = ref
	return &c
}

// WithField returns e with the place in a RunSpec that it is about.
func (e *Error) WithField(format string, args ...any) *Error {
	c := *e
	c.Field = fmt.Sprintf(format, args...)
	return &c
}

// WithExit returns e with an exit code for the command line.
func (e *Error) WithExit(code int) *Error {
	c := *e
	c.ExitCode = code
	return &c
}

// AsError turns any error into an *Error: itself where it is one (outer text
// kept), KindCancelled for a context's end, KindInternal otherwise. nil stays nil.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		if e.Error() == err.Error() {
			return e
		}
		c := *e
		c.Msg = err.Error()
		c.Err = err
		return &c
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return &Error{Kind: KindCancelled, Msg: err.Error(), Err: err}
	}
	return &Error{Kind: KindInternal, Msg: err.Error(), Err: err}
}

// KindOf tells the kind of any error; "" for nil.
func KindOf(err error) Kind {
	if e := AsError(err); e != nil {
		return e.Kind
	}
	return ""
}
