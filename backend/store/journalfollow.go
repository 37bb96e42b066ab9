package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"davit/backend/api"
)

// JournalReader reads the journal as it grows: each event once, in the order
// in which they were noted, also where the journal is begun anew meanwhile. It
// belongs to one goroutine at a time; [WatchStore] tells when to read.
type JournalReader struct {
	d  Dirs
	f  *os.File // nil: there has been no journal yet
	at int64    // the first line not given yet begins here
}

// FollowJournal begins at the journal's end. Close ends it.
func FollowJournal(d Dirs) (*JournalReader, error) {
	old, now, err := openJournals(d)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	r := &JournalReader{d: d, f: now}
	if now == nil {
		r.f, old = old, nil // the next one is not begun yet
	}
	if err = closeFile(old); err == nil && r.f != nil {
		r.at, err = lastLineEnd(r.f)
	}
	if err != nil {
		return nil, fmt.Errorf("journal: %w", errors.Join(err, r.Close()))
	}
	return r, nil
}

// lastLineEnd is where the last whole line ends: what is just being written
// comes later.
func lastLineEnd(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	from := max(0, info.Size()-maxEvent-1)
	b, err := io.ReadAll(io.NewSectionReader(f, from, info.Size()-from))
	if err != nil {
		return 0, err
	}
	if i := bytes.LastIndexByte(b, '\n'); i >= 0 || from == 0 {
		return from + int64(i+1), nil
	}
	return info.Size(), nil // no line is that long: it is none of ours
}

// Next gives what was noted since; there may be some with an error, too. Of
// what was noted while the journal was begun anew twice, it gives what the two
// files still hold.
func (r *JournalReader) Next() ([]api.Event, error) {
	var all []api.Event
	for {
		// Asked before the read: nothing is added to a file that has a successor.
		next, err := r.successor()
		events, rerr := r.read()
		all = append(all, events...)
		if err = errors.Join(err, rerr); err != nil {
			return all, fmt.Errorf("journal: %w", errors.Join(err, closeFile(next)))
		}
		if next == nil {
			return all, nil
		}
		if err := closeFile(r.f); err != nil {
			return all, fmt.Errorf("journal: %w", errors.Join(err, next.Close()))
		}
		r.f, r.at = next, 0
	}
}

// successor opens the file after the one that is read; nil: there is none yet.
func (r *JournalReader) successor() (*os.File, error) {
	if same, err := bearsName(r.f, r.d.Journal()); same || err != nil {
		return nil, err
	}
	old, now, err := openJournals(r.d)
	if err != nil {
		return nil, err
	}
	between, err := r.isBefore(old)
	if err != nil {
		return nil, errors.Join(err, closeFile(old), closeFile(now))
	}
	if between {
		return old, closeFile(now)
	}
	return now, closeFile(old)
}

// isBefore tells whether the old journal comes after the file that is read: it
// is not the same, nor an older one, as where somebody removed what was read.
func (r *JournalReader) isBefore(old *os.File) (bool, error) {
	if old == nil || r.f == nil {
		return old != nil, nil
	}
	mine, err := r.f.Stat()
	if err != nil {
		return false, err
	}
	theirs, err := old.Stat()
	return err == nil && !os.SameFile(mine, theirs) && !theirs.ModTime().Before(mine.ModTime()), err
}

// read gives the whole lines that are new in the file.
func (r *JournalReader) read() ([]api.Event, error) {
	if r.f == nil {
		return nil, nil
	}
	info, err := r.f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() < r.at {
		r.at = 0 // somebody emptied it
	}
	b, err := io.ReadAll(io.NewSectionReader(r.f, r.at, min(info.Size()-r.at, maxJSON)))
	if err != nil {
		return nil, err
	}
	end := bytes.LastIndexByte(b, '\n') + 1
	r.at += int64(end)
	return parseEvents(b[:end]), nil
}

// Close ends it.
func (r *JournalReader) Close() error { return closeFile(r.f) }
