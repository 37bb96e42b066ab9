package logfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Fill takes what there is in the pipe (or terminal) from, a descriptor of the
// stream's container, through the spool into the log. It does not wait: where
// nothing is there the error is EAGAIN, and io.EOF where nothing will be. lost
// tells why the log misses some of p; the container goes on. p is what came,
// until the writer's next call.
func (s *Stream) Fill(from int) (p []byte, lost, err error) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	n, err := s.spool.take(from)
	if err != nil {
		return nil, nil, err
	}
	had := len(s.begun)
	s.w.in = slices.Grow(append(s.w.in[:0], s.begun...), n)[:had+n]
	if _, err := s.spool.f.ReadAt(s.w.in[had:], s.spool.end); err != nil {
		return nil, nil, fmt.Errorf("read the spool: %w", err)
	}
	s.spool.end += int64(n)
	lost = s.add(time.Now(), s.w.in)
	if s.spool.end > spoolData+spoolRoom {
		s.front()
	}
	return s.w.in[had:], lost, nil
}

// take moves bytes into the spool and tells how many.
func (p *spool) take(from int) (int, error) {
	if p.mid == nil {
		return splice(from, int(p.f.Fd()))
	}
	mid := int(p.mid.Fd())
	n, err := splice(mid, int(p.f.Fd())) // a killed writer may have left some
	if !errors.Is(err, unix.EAGAIN) {
		return n, err
	}
	_, err = splice(from, mid)
	if errors.Is(err, unix.EINVAL) {
		err = copyOver(from, mid)
	}
	if err != nil {
		return 0, err
	}
	return splice(mid, int(p.f.Fd()))
}

func splice(from, to int) (int, error) {
	for {
		n, err := unix.Splice(from, nil, to, nil, spoolRoom, unix.SPLICE_F_NONBLOCK|unix.SPLICE_F_MOVE)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EIO: // a terminal whose other side is closed
			return 0, io.EOF
		case err != nil:
			return 0, os.NewSyscallError("splice", err)
		case n == 0:
			return 0, io.EOF
		}
		return int(n), nil
	}
}

// copyOver is splice for terminals of kernels that cannot. A kill between its
// two calls loses up to a terminal's buffer, 4 KiB.
func copyOver(from, to int) error {
	var b [4096]byte
	n, err := unix.Read(from, b[:])
	switch {
	case err == unix.EIO, err == nil && n == 0:
		return io.EOF
	case err != nil:
		return os.NewSyscallError("read", err)
	}
	_, err = unix.Write(to, b[:n])
	return os.NewSyscallError("write", err)
}

// Resume goes on with the spool that an earlier writer of this log has left.
// The writer was opened with Options.Resume. What the spool holds and the log
// does not is written.
func (s *Stream) Resume(files []*os.File) error {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	p := &spool{f: files[0]}
	if len(files) > 1 {
		p.mid = files[1]
	}
	var m mark
	if err := binary.Read(io.NewSectionReader(p.f, 0, spoolData), binary.LittleEndian, &m); err != nil {
		return fmt.Errorf("read the spool's mark: %w", err)
	}
	if m.Magic != spoolMagic {
		return errors.New("the spool was made by another Davit")
	}
	if m.Moving != 0 {
		if _, err := p.f.Seek(spoolData+m.Base, io.SeekStart); err != nil {
			return fmt.Errorf("spool: %w", err)
		}
		m.Base = spoolData
	}
	end, err := p.f.Seek(0, io.SeekCurrent)
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	s.open = m.Open != 0
	n, err := s.logged(m)
	if err != nil {
		return err
	}
	p.end, p.base = end, min(m.Base+n, end)
	if p.base < spoolData {
		return fmt.Errorf("the spool's mark names byte %d", p.base)
	}
	s.w.in = make([]byte, end-p.base)
	if _, err := p.f.ReadAt(s.w.in, p.base); err != nil {
		return fmt.Errorf("read the spool: %w", err)
	}
	s.spool, s.begun = p, nil
	s.mark()
	return s.add(time.Now(), s.w.in)
}

// logged counts the bytes of the stream that the log has after the mark.
func (s *Stream) logged(m mark) (n int64, err error) {
	for seq := m.Seq; seq <= s.w.seq; seq++ {
		path, from := numbered(s.w.path, seq), int64(0)
		if seq == s.w.seq {
			path = s.w.path
		}
		if seq == m.Seq {
			from = m.Size
		}
		f, err := os.Open(path)
		if err != nil {
			return 0, fmt.Errorf("resume log: %w", err)
		}
		_, err = lines(f, from, 1<<62, func(_ int64, text string) (bool, error) {
			l, ok := split(text)
			if !ok || l.stream != s.name {
				return true, nil
			}
			if s.open = l.partial; !l.partial {
				n++ // its newline
			}
			n += int64(len(l.text))
			return true, nil
		})
		_ = f.Close()
		if err != nil {
			return 0, err
		}
	}
	return n, nil
}
