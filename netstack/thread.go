package netstack

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// thread is one OS thread of its own, on which functions run that change
// their network namespace; it goes back to the host's after each.
type thread struct {
	host *os.File
	work chan func()
	done chan struct{}
}

var errThreadLost = errors.New("the thread cannot return to the host's network namespace")

func newThread(host *os.File) *thread {
	t := &thread{host: host, work: make(chan func()), done: make(chan struct{})}
	go func() {
		defer close(t.done)
		// Never unlocked: a thread that was elsewhere ends with its goroutine.
		runtime.LockOSThread()
		for f := range t.work {
			f()
		}
	}()
	return t
}

// do runs f on the thread and waits for it.
func (t *thread) do(f func() error) error {
	result := make(chan error, 1)
	t.work <- func() {
		err := f()
		if back := unix.Setns(int(t.host.Fd()), unix.CLONE_NEWNET); back != nil {
			err = errors.Join(err, errThreadLost, back)
		}
		result <- err
	}
	return <-result
}

// in runs f on the thread, in the namespace ns.
func (t *thread) in(ns *os.File, f func() error) error {
	return t.do(func() error {
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("enter network namespace: %w", err)
		}
		return f()
	})
}

// close ends the thread; nobody may use it any more.
func (t *thread) close() {
	close(t.work)
	<-t.done
}

// currentNamespace opens the calling thread's network namespace.
func currentNamespace() (*os.File, error) {
	f, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return nil, fmt.Errorf("open network namespace: %w", err)
	}
	return f, nil
}
