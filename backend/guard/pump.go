package guard

import (
	"errors"
	"io"
	"maps"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"davit/backend/logfile"
)

// chunk is how much is read from a process at once: a pipe's size.
const chunk = 64 << 10

// promptDelay is how long text without a newline, such as a prompt, waits
// before it is in the log.
const promptDelay = 100 * time.Millisecond

// The tags of a stream's spool, after the tag of the stream's own file.
const (
	spoolTag = ".spool"
	midTag   = ".mid" // a terminal's
)

// openLog opens the log of a run; resume where an earlier guard was killed.
func (c *container) openLog(resume bool) (*logfile.Writer, error) {
	return logfile.Open(c.dir.Log(), logfile.Options{
		MaxSize: c.rec.Spec.Log.MaxSize, MaxFiles: c.rec.Spec.Log.MaxFiles, Idle: promptDelay, Resume: resume,
	})
}

// pump moves what the container writes.
func (r *run) pump() {
	if r.console != nil {
		r.pumps.Go(func() { r.move("stdout", "console", r.console) })
		return
	}
	r.pumps.Go(func() { r.move("stdout", "out", r.stdout) })
	r.pumps.Go(func() { r.move("stderr", "err", r.stderr) })
}

// move moves one stream, f, through its spool into the log, and to those
// attached. The spool is made when first something comes: a container that
// is silent costs nothing.
func (r *run) move(stream, tag string, f *os.File) {
	if f == nil { // an earlier guard was done with it
		return
	}
	if r.c.rec.Spec.Log.None {
		r.unlogged(stream, f)
		return
	}
	raw, err := f.SyscallConn()
	if err != nil {
		r.c.log.Error("read what the container writes", "err", err)
		return
	}
	s, spooled := r.log.Stream(stream), r.resume(stream, tag)
	for err == nil {
		var ferr error
		err = raw.Read(func(fd uintptr) bool {
			if !spooled {
				if ferr = readable(int(fd)); ferr == nil {
					ferr = r.spool(s, tag)
					spooled = ferr == nil
				}
			}
			if ferr == nil {
				ferr = r.fill(stream, s, int(fd))
			}
			again := errors.Is(ferr, unix.EAGAIN)
			if again {
				ferr = nil
			}
			return !again
		})
		if err == nil {
			err = ferr
		}
	}
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, os.ErrClosed):
	case !spooled:
		r.c.log.Warn("a killed guard may lose lines", "err", err)
		r.plain(stream, f)
	default:
		r.c.log.Error("read what the container writes", "err", err)
	}
}

// readable tells whether there is something to read.
func readable(fd int) error {
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(p, 0)
	switch {
	case err == unix.EINTR, err == nil && n == 0:
		return unix.EAGAIN
	case err != nil:
		return os.NewSyscallError("poll", err)
	case p[0].Revents&unix.POLLIN == 0:
		return io.EOF
	}
	return nil
}

// fill moves what there is. A full disk loses log lines, never the container.
func (r *run) fill(stream string, s *logfile.Stream, fd int) error {
	r.streamMu.Lock()
	defer r.streamMu.Unlock()
	before := r.before()
	p, lost, err := s.Fill(fd)
	if lost != nil {
		r.c.log.Error("write the log", "err", lost)
	}
	if err == nil {
		r.share(stream, p, before)
	}
	return err
}

// before is where the log ends before something is added, for those attached;
// streamMu is held.
func (r *run) before() lag {
	if len(r.attached()) == 0 {
		return lag{}
	}
	return lagFrom(r.log)
}

func (r *run) attached() []*session {
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	return r.c.sessions
}

// share gives what came to those attached; streamMu is held. Who attached
// since before was taken has not lagged yet.
func (r *run) share(stream string, p []byte, before lag) {
	for _, s := range r.attached() {
		s.offer(stream, p, lag{before.at, maps.Clone(before.skip)})
	}
}

// spool makes the spool of a stream and has the keeper hold it.
func (r *run) spool(s *logfile.Stream, tag string) error {
	files, err := s.Spool(tag == "console")
	if err != nil {
		return err
	}
	for i, f := range files {
		name := tag + []string{spoolTag, midTag}[i]
		r.streamMu.Lock()
		r.spools[name] = f
		r.streamMu.Unlock()
		if err := r.c.g.keeper.Deposit(r.c.g.ctx, r.c.rec.ID+"/"+name, f); err != nil {
			r.c.log.Warn("deposit", "tag", name, "err", err)
		}
	}
	return nil
}

// resume goes on with the spool of a killed guard, where there is one.
func (r *run) resume(stream, tag string) bool {
	var files []*os.File
	for _, name := range []string{tag + spoolTag, tag + midTag} {
		if f := r.spools[name]; f != nil {
			files = append(files, f)
		}
	}
	if len(files) == 0 {
		return false
	}
	if err := r.log.Stream(stream).Resume(files); err != nil {
		r.c.log.Error("go on where the guard was killed", "stream", stream, "err", err)
		return false
	}
	return true
}

// plain moves a stream without a spool.
func (r *run) plain(stream string, f *os.File) {
	buf := make([]byte, chunk)
	for {
		n, err := f.Read(buf)
		if n > 0 {
			r.streamMu.Lock()
			before := r.before()
			if err := r.log.Write(stream, time.Now(), buf[:n]); err != nil {
				r.c.log.Error("write the log", "err", err)
			}
			r.share(stream, buf[:n], before)
			r.streamMu.Unlock()
		}
		if err != nil { // a terminal whose other side is closed gives EIO
			return
		}
	}
}

// dry waits until all that was written is moved. Who is slow to read what no
// log keeps is not waited for any more: what is left is a pipe's content.
func (r *run) dry() {
	if r.c.rec.Spec.Log.None {
		for _, s := range r.attached() {
			s.bind(false)
			defer s.bind(true) // it may see the next run, too
		}
	}
	r.pumps.Wait()
}

// unlogged moves a stream of a container that keeps no log to those attached,
// and waits for them: there is nothing that they could catch up from.
func (r *run) unlogged(stream string, f *os.File) {
	buf := make([]byte, chunk)
	for {
		n, err := f.Read(buf)
		if n > 0 {
			for _, s := range r.attached() {
				s.push(stream, buf[:n])
			}
		}
		if err != nil {
			return
		}
	}
}
