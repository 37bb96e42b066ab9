package procs

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// patience bounds how long processes may take to stop: one that waits for a
	// disk stops when it has its answer.
	patience = 5 * time.Second
	step     = time.Millisecond
)

// Stop sends SIGSTOP to all processes of the container whose first is pid
// until none runs any more: a process that is just making another one leaves
// that one running.
func Stop(pid int) error {
	return until(pid, unix.SIGSTOP)
}

// Continue sends SIGCONT to all of them, once: what is stopped makes no others
// meanwhile. Processes that had been stopped before go on, too.
func Continue(pid int) error {
	t, err := Scan()
	if err != nil {
		return err
	}
	for _, p := range t.Of(pid) {
		if err := Signal(p.PID, p.Start, unix.SIGCONT); err != nil {
			return err
		}
	}
	return nil
}

// stopped counts those that a tracer holds: they do nothing until it says so.
func (p *Process) stopped() bool { return p.State == 'T' || p.State == 't' }

func (p *Process) ended() bool { return p.State == 'Z' || p.State == 'X' }

// until signals those that run until there are none. Processes in
// uninterruptible sleep have the signal waiting for them, and count as done
// when nothing else is left.
func until(pid int, sig unix.Signal) error {
	end := time.Now().Add(patience)
	for {
		t, err := Scan()
		if err != nil {
			return err
		}
		left, asleep := 0, 0
		for _, p := range t.Of(pid) {
			if p.stopped() || p.ended() {
				continue
			}
			left++
			if p.State == 'D' {
				asleep++
			}
			if err := Signal(p.PID, p.Start, sig); err != nil {
				return err
			}
		}
		switch {
		case left == 0:
			return nil
		case time.Now().After(end) && left == asleep:
			return nil
		case time.Now().After(end):
			return fmt.Errorf("%d processes do not heed %s", left, unix.SignalName(sig))
		}
		time.Sleep(step)
	}
}
