package logfile

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// bell rings when a log grows or something is renamed beside it, as the state
// is when the container ends. Where the kernel has no inotify left for this
// user, it rings every now and then.
type bell struct {
	f   *os.File // inotify, or nil
	buf [4096]byte
}

func newBell(path string) *bell {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return &bell{}
	}
	dir := uint32(unix.IN_MODIFY | unix.IN_MOVED_TO | unix.IN_CREATE | unix.IN_DELETE | unix.IN_DELETE_SELF)
	if _, err := unix.InotifyAddWatch(fd, filepath.Dir(path), dir); err != nil {
		unix.Close(fd)
		return &bell{}
	}
	return &bell{f: os.NewFile(uintptr(fd), "inotify")}
}

// wait returns when it rings or after pollEvery, with ctx's error when ctx ends.
func (b *bell) wait(ctx context.Context) error {
	if b.f == nil {
		select {
		case <-time.After(pollEvery):
		case <-ctx.Done():
		}
		return ctx.Err()
	}
	if err := b.f.SetReadDeadline(time.Now().Add(pollEvery)); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = b.f.SetReadDeadline(time.Unix(1, 0)) })
	_, err := b.f.Read(b.buf[:])
	stop()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return nil
}

func (b *bell) close() {
	if b.f != nil {
		b.f.Close()
	}
}
