package logfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// A spool is a stretch of memory that outlives its writer: a memfd whose
// description somebody else (the keeper) holds, too. The kernel moves what a
// container writes from its pipe into the spool by splice(2), and counts it in
// the spool's file position, so that at any instruction each byte is either in
// the pipe or in the spool. It counts as logged only when the log has it:
//
//	pipe ──splice──▶ spool ──lines──▶ log
//	                 │ mark: bytes before Base are logged before (Seq, Size)
//
// A writer that resumes after a kill reads the mark, counts the bytes of its
// stream that the log has after the mark, and goes on with those that follow:
// none is lost and none comes twice. The log itself is the commit record. The
// mark is written before each write to the log.
type spool struct {
	f    *os.File
	mid  *os.File // of a terminal: splice needs a pipe on one side
	base int64    // offset of the first byte that is not in the log
	end  int64    // the file position: what was taken ends here
	seq  int64    // of the mark
	size int64    // of the mark
}

const (
	// spoolData is where the container's bytes begin; the mark is before.
	spoolData = 4096
	// spoolRoom is how much is taken before the spool begins at its front
	// again, and how much is taken at once.
	spoolRoom = 64 << 10
	// markEvery bounds what has to be read to resume.
	markEvery = 4 << 20
)

const spoolMagic = 0x31_6c_6f_6f_70_73_76_64 // "dvspool1"

// mark is the beginning of a spool.
type mark struct {
	Magic  uint64
	Moving int64 // 1: the first Base bytes of the data are what is not logged, and the position is to follow
	Base   int64
	Seq    int64
	Size   int64
	Open   int64 // 1: the last line before was a P
}

// Spool makes the stream's spool and gives the files to be held by whoever
// survives: to be given back to [Stream.Resume] in this order. terminal says
// that it is to be filled from a terminal.
func (s *Stream) Spool(terminal bool) ([]*os.File, error) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	fd, err := unix.MemfdCreate("davit-"+s.name, unix.MFD_CLOEXEC|unix.MFD_NOEXEC_SEAL)
	if errors.Is(err, unix.EINVAL) { // before Linux 6.3
		fd, err = unix.MemfdCreate("davit-"+s.name, unix.MFD_CLOEXEC)
	}
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	sp := &spool{f: os.NewFile(uintptr(fd), "spool"), base: spoolData, end: spoolData}
	if _, err := sp.f.Seek(spoolData, io.SeekStart); err != nil {
		return nil, errors.Join(fmt.Errorf("spool: %w", err), sp.f.Close())
	}
	if terminal {
		if sp.mid, err = between(); err != nil {
			return nil, errors.Join(err, sp.f.Close())
		}
	}
	s.spool = sp
	s.mark()
	return sp.files(), nil
}

// between makes a pipe that is one file: both of its ends.
func between() (*os.File, error) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	defer func() { _ = unix.Close(p[0]); _ = unix.Close(p[1]) }()
	fd, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", p[0]), unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	return os.NewFile(uintptr(fd), "between"), nil
}

func (p *spool) files() []*os.File {
	if p.mid == nil {
		return []*os.File{p.f}
	}
	return []*os.File{p.f, p.mid}
}

// mark writes down what is in the log; mu is held.
func (s *Stream) mark() { s.writeMark(mark{Base: s.base()}) }

func (s *Stream) base() int64 {
	if s.spool == nil {
		return 0
	}
	return s.spool.base
}

func (s *Stream) writeMark(m mark) {
	if s.spool == nil {
		return
	}
	m.Magic, m.Seq, m.Size = spoolMagic, s.w.seq, s.w.size
	if s.open {
		m.Open = 1
	}
	s.spool.seq, s.spool.size = m.Seq, m.Size
	b, err := binary.Append(make([]byte, 0, 64), binary.LittleEndian, m)
	if err == nil {
		// Memory of our own: it fails where none is left, and costs exactness then.
		_, _ = s.spool.f.WriteAt(b, 0)
	}
}

// markStale writes the marks from which too much would have to be read.
func (w *Writer) markStale() {
	for i := range w.streams {
		s := &w.streams[i]
		if p := s.spool; p != nil && (p.seq != w.seq || w.size-p.size > markEvery) {
			s.mark()
		}
	}
}

// front begins at the front of the spool again, with what is not logged.
// A kill in between leaves a mark that says how far it came; the bytes that
// are written over are in the log.
func (s *Stream) front() {
	p, n := s.spool, int64(len(s.begun))
	if p.base-spoolData < n {
		return
	}
	if _, err := p.f.WriteAt(s.begun, spoolData); err != nil {
		return
	}
	s.writeMark(mark{Moving: 1, Base: n})
	if _, err := p.f.Seek(spoolData+n, io.SeekStart); err != nil {
		return
	}
	p.base, p.end = spoolData, spoolData+n
	s.mark()
}

// shrink gives back the memory of a spool in which nothing waits.
func (s *Stream) shrink() {
	p := s.spool
	if p == nil || len(s.begun) > 0 || p.end == spoolData {
		return
	}
	s.front()
	if p.end == spoolData {
		_ = p.f.Truncate(spoolData)
	}
}
