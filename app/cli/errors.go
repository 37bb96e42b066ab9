package main

import (
	"context"
	"errors"
	"fmt"

	"davit/backend/api"
)

// Exit codes, docker's.
const (
	exitFailure     = 1
	exitDavit       = 125 // Davit itself, not the container
	exitInterrupted = 130
)

// exitError ends the process with a code. A nil err says nothing: it was
// said already, or it is the container's own code.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// exit is a process's own end; nil for code 0.
func exit(code int) error {
	if code == 0 {
		return nil
	}
	return &exitError{code: code}
}

// within gives err the code that the verb has for its own failures, where err
// does not bring one.
func within(code int, err error) error {
	if err == nil {
		return nil
	}
	var x *exitError
	var a *api.Error
	switch {
	case errors.As(err, &x):
		return err
	case errors.As(err, &a) && a.ExitCode != 0:
		code = a.ExitCode
	case api.KindOf(err) == api.KindCancelled:
		code = exitInterrupted
	}
	return &exitError{code: code, err: err}
}

// misuse is a command line that makes no sense.
func misuse(code int, path, msg string) error {
	return &exitError{code: code, err: api.Errorf(api.KindInvalid, "%s", msg).
		WithHint("run '%s --help' for how it is used", path)}
}

// invalid is a wrong value of an option.
func invalid(format string, args ...any) error {
	return &exitError{code: exitDavit, err: api.Errorf(api.KindInvalid, format, args...)}
}

// report tells err to the person and gives the exit code.
func report(e *env, err error) int {
	if err == nil {
		return 0
	}
	var x *exitError
	if !errors.As(within(exitFailure, err), &x) {
		return exitFailure
	}
	if x.err != nil {
		say(e, x.err)
	}
	return x.code
}

// say prints an error and what to do next. Its text may come from a registry
// or a container, hence clean.
func say(e *env, err error) {
	a := api.AsError(err)
	if errors.Is(err, context.Canceled) {
		a = &api.Error{Msg: "interrupted"}
	}
	fmt.Fprintf(e.err, "davit: %s\n", cleanText(a.Error()))
	if a.Hint != "" {
		fmt.Fprintf(e.err, "hint: %s\n", cleanText(a.Hint))
	}
}

// each calls do for all refs, prints every ref that went well and says every
// error; it fails if one did.
func each(e *env, refs []string, do func(ref string) error) error {
	failed := false
	for _, ref := range refs {
		err := do(ref)
		if errors.Is(err, errAbsent) {
			continue
		}
		if err != nil {
			if api.KindOf(err) == api.KindCancelled {
				return err
			}
			say(e, err)
			failed = true
			continue
		}
		fmt.Fprintln(e.out, ref)
	}
	if failed {
		return exit(exitFailure)
	}
	return nil
}
