package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"davit/backend/api"
)

// maxJournal is how long the journal may grow before it becomes the old one,
// in bytes: some four thousand events.
const maxJournal = 1 << 20

// maxEvent bounds a line, so that one write(2) carries it whole.
const maxEvent = 16 << 10

// Note appends an event to the journal. Whoever does something notes it.
func Note(d Dirs, e api.Event) error {
	e.Cursor = 0 // counts in one engine only
	b, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if len(b) > maxEvent {
		return fmt.Errorf("journal: an event of %d bytes", len(b))
	}
	f, err := openJournal(d.Journal())
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	defer func() { _ = f.Close() }() // with the lock
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	// A line that a full disk cut short is taken back.
	if _, err := f.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("journal: %w", errors.Join(err, f.Truncate(info.Size())))
	}
	if info.Size() > maxJournal {
		if err := os.Rename(d.Journal(), d.OldJournal()); err != nil {
			return fmt.Errorf("journal: %w", err)
		}
	}
	return nil
}

// openJournal opens and locks the file that bears the name: another process
// may just have made it the old one.
func openJournal(path string) (*os.File, error) {
	for {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
		if err != nil {
			return nil, err
		}
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
			_ = f.Close()
			return nil, os.NewSyscallError("flock", err)
		}
		mine, err1 := f.Stat()
		named, err2 := os.Stat(path)
		if err1 == nil && err2 == nil && os.SameFile(mine, named) {
			return f, nil
		}
		_ = f.Close()
		if err := errors.Join(err1, err2); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
}

// ReadJournal gives the events of a span of time, oldest first. Lines that are
// none are left out.
func ReadJournal(d Dirs, q api.EventQuery) ([]api.Event, error) {
	list := []api.Event{}
	old, now, err := openJournals(d)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	for _, f := range []*os.File{old, now} {
		if f == nil {
			continue
		}
		b, rerr := io.ReadAll(io.LimitReader(f, maxJSON))
		err = errors.Join(err, rerr, f.Close())
		for _, e := range parseEvents(b) {
			if !e.Time.Before(q.Since) && (q.Until.IsZero() || !e.Time.After(q.Until)) {
				list = append(list, e)
			}
		}
	}
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	return list, nil
}

// parseEvents leaves out what are no events.
func parseEvents(b []byte) []api.Event {
	var list []api.Event
	for line := range bytes.Lines(b) {
		var e api.Event
		if json.Unmarshal(line, &e) == nil {
			list = append(list, e)
		}
	}
	return list
}

// openJournals opens the old journal and the one that follows it; nil: there
// is none. It needs no lock: that the journal still bears its name after the
// old one was opened says that the two belong together.
func openJournals(d Dirs) (old, now *os.File, err error) {
	for {
		if now, err = openIfThere(d.Journal()); err != nil {
			return nil, nil, err
		}
		if old, err = openIfThere(d.OldJournal()); err != nil {
			return nil, nil, errors.Join(err, closeFile(now))
		}
		same, err := bearsName(now, d.Journal())
		if same || err != nil {
			if err != nil {
				err = errors.Join(err, closeFile(old), closeFile(now))
				old, now = nil, nil
			}
			return old, now, err
		}
		if err := errors.Join(closeFile(old), closeFile(now)); err != nil {
			return nil, nil, err
		}
	}
}

// bearsName tells whether f bears the name path; nil does where nobody bears it.
func bearsName(f *os.File, path string) (bool, error) {
	there, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return f == nil, nil
	}
	if err != nil || f == nil {
		return false, err
	}
	mine, err := f.Stat()
	return err == nil && os.SameFile(mine, there), err
}

func openIfThere(path string) (*os.File, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return f, err
}

func closeFile(f *os.File) error {
	if f == nil {
		return nil
	}
	return f.Close()
}
