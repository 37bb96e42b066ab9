package netstack

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// thread is one OS thread of its own, on which functions run that change
// their network namespace. It can never go back to the host's, which belongs
// to the host's user namespace: between two functions it rests in the network's
// own, so that it holds no container's longer than it works there.
type thread struct {
	rest *os.File // set once that namespace is there
	work chan func()
	done chan struct{}
}

func newThread() *thread {
	t := &thread{work: make(chan func()), done: make(chan struct{})}
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
		if t.rest != nil {
			err = errors.Join(err, enter(t.rest))
		}
		result <- err
	}
	return <-result
}

// in runs f on the thread, in the namespace ns.
func (t *thread) in(ns *os.File, f func() error) error {
	return t.do(func() error {
		if err := enter(ns); err != nil {
			return err
		}
		return f()
	})
}

func enter(ns *os.File) error {
	if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter network namespace: %w", err)
	}
	return nil
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
