package logfile

import (
	"bytes"
	"errors"
	"time"
)

// Stream is one of a container's two output streams on its way into the log.
type Stream struct {
	w     *Writer
	name  string
	at    time.Time // of the first byte of begun
	begun []byte    // what no newline follows yet
	open  bool      // the last line written was a P
	spool *spool    // nil: what is begun is lost with the writer
}

// Write adds what the container wrote at that time, cut anywhere. Complete
// lines reach the file by one write(2); the rest waits for its newline, for
// [MaxText] bytes, for Flush or Close. After an error the file ends with a
// complete line; what p held may be lost. What does not fit into the file goes
// into the next one by a write of its own.
func (s *Stream) Write(at time.Time, p []byte) error {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.w.in = append(append(s.w.in[:0], s.begun...), p...)
	return s.add(at, s.w.in)
}

// add writes what is complete of p, which begins with what was begun, and
// keeps the rest; mu is held.
func (s *Stream) add(at time.Time, p []byte) error {
	w, had, open := s.w, len(s.begun), s.open
	h := w.head(s.name, at)
	var lost error
	line := func(flag byte, text []byte, size int) {
		if !w.fits(len(h) + len("F \n") + len(text)) {
			lost = errors.Join(lost, s.commit(open, p))
		}
		if had > 0 {
			w.line(w.head(s.name, s.at), flag, text)
		} else {
			w.line(h, flag, text)
		}
		had, open, p = max(0, had-size), flag == 'P', p[size:]
	}
	for from := had; ; from = 0 { // no newline was found in what was begun
		i := bytes.IndexByte(p[from:], '\n')
		if i >= 0 {
			i += from
		}
		for ; i > MaxText || i < 0 && len(p) > MaxText; i -= MaxText {
			line('P', p[:MaxText], MaxText)
		}
		if i < 0 {
			break
		}
		line('F', p[:i], i+1)
	}
	if had == 0 {
		s.at = at
	}
	lost = errors.Join(lost, s.commit(open, p))
	w.arm()
	return lost
}

// commit writes the lines gathered. open says whether the last of them is a
// part; left is what comes after them and waits.
func (s *Stream) commit(open bool, left []byte) error {
	any := len(s.w.buf) > 0
	err := s.w.flush()
	if s.begun = append(s.begun[:0], left...); len(left) == 0 && cap(s.begun) > 1<<10 {
		s.begun = nil
	}
	if !any {
		return nil
	}
	s.open = open
	if s.spool != nil {
		s.spool.base = s.spool.end - int64(len(left))
		if err != nil { // lines are lost, which the log does not tell
			s.mark()
		}
	}
	return err
}

// piece writes what is begun; its line goes on. mu is held.
func (s *Stream) piece() error {
	if len(s.begun) == 0 {
		return nil
	}
	s.w.line(s.w.head(s.name, s.at), 'P', s.begun)
	return s.commit(true, nil)
}

// end writes what is begun as the end of its line. mu is held.
func (s *Stream) end() error {
	if len(s.begun) == 0 {
		s.at = time.Now()
	}
	if !s.open && len(s.begun) == 0 {
		return nil
	}
	s.w.line(s.w.head(s.name, s.at), 'F', s.begun)
	return s.commit(false, nil)
}

// arm has the writer look after what is begun when nothing comes for a while.
func (w *Writer) arm() {
	if w.idle != nil && !w.closed {
		w.idle.Reset(w.Idle)
	}
}
