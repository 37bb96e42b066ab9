package engine

import (
	"context"
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"

	"davit/backend/api"
)

// explain makes an error for people out of any: one that is one already is
// left alone, the rest is told from what the kernel said.
func explain(err error) error {
	if err == nil {
		return nil
	}
	var e *api.Error
	if errors.As(err, &e) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return api.AsError(err)
	}
	of := func(kind api.Kind) *api.Error { return &api.Error{Kind: kind, Msg: err.Error(), Err: err} }
	switch {
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return of(api.KindNoSpace).WithHint("Remove images and containers that are not needed any more, or make room on the disk.")
	case errors.Is(err, unix.EROFS):
		return of(api.KindHost).WithHint("The file system is mounted read-only; Davit has to write there.")
	case errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE):
		return of(api.KindHost).WithHint("Too many files are open; raise the limit (ulimit -n).")
	case errors.Is(err, fs.ErrPermission):
		return of(api.KindDenied).WithHint("Check who owns it and who may write there.")
	case errors.Is(err, unix.ECONNREFUSED), errors.Is(err, unix.ECONNRESET), errors.Is(err, unix.EPIPE):
		return of(api.KindUnavailable).WithHint("Try again; if it stays so, see `davit doctor`.")
	}
	return of(api.KindInternal)
}

func invalid(ref, format string, args ...any) *api.Error {
	return api.Errorf(api.KindInvalid, format, args...).WithRef(ref)
}
