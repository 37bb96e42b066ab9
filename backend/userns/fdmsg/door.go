package fdmsg

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Door is a listener that stays reachable: where its socket is deleted, with
// or without the directory (a log-out, a cleaner of /tmp), it is made again. A
// socket that somebody else put there instead is left alone.
type Door struct {
	path  string
	conns chan *net.UnixConn
	over  chan struct{}
	watch *os.File // inotify; nil where the kernel has none left

	mu       sync.Mutex
	closed   bool
	listener *net.UnixListener
	restored func()
}

const (
	// restoreEvery is how often a door is looked at where nobody tells, and
	// tried to be restored where its directory cannot be made yet.
	restoreEvery = time.Second
	// lookEvery is how often where the kernel does tell: it does not when a
	// whole file system is taken away from over the path.
	lookEvery = 15 * time.Second
)

// Open makes a door at path; see [Listen].
func Open(path string) (*Door, error) {
	l, err := Listen(path)
	if err != nil {
		return nil, err
	}
	d := &Door{path: path, listener: l, conns: make(chan *net.UnixConn), over: make(chan struct{})}
	if fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK); err == nil {
		d.watch = os.NewFile(uintptr(fd), "inotify")
	}
	go d.accept(l)
	go d.stay()
	return d, nil
}

// Restored has f called each time when the door was made again.
func (d *Door) Restored(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.restored = f
}

// Accept waits for a connection that [PeerOK] holds of. After Close the error
// is net.ErrClosed.
func (d *Door) Accept() (*net.UnixConn, error) {
	select {
	case c := <-d.conns:
		return c, nil
	case <-d.over:
		return nil, net.ErrClosed
	}
}

// Close ends the door. Its socket stays where it is.
func (d *Door) Close() error { return d.close(func() {}) }

// Remove ends the door, its socket first: who finds none knows that nobody
// listens.
func (d *Door) Remove() error { return d.close(func() { _ = os.Remove(d.path) }) }

func (d *Door) close(first func()) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	close(d.over)
	first()
	if d.watch != nil {
		_ = d.watch.Close()
	}
	return d.listener.Close()
}

func (d *Door) accept(l *net.UnixListener) {
	for {
		c, err := Accept(l)
		if err != nil {
			return
		}
		select {
		case d.conns <- c:
		case <-d.over:
			_ = c.Close()
			return
		}
	}
}

// stay restores the door until it is closed.
func (d *Door) stay() {
	var buf [4096]byte
	for {
		told := d.look()
		err := d.restore()
		if errors.Is(err, errAgain) {
			continue
		}
		if told && err == nil {
			_ = d.watch.SetReadDeadline(time.Now().Add(lookEvery)) // a closed one fails below
			if _, err := d.watch.Read(buf[:]); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
				continue
			}
		}
		select {
		case <-time.After(restoreEvery):
		case <-d.over:
			return
		}
	}
}

// look has the kernel tell of changes to the socket's directory.
func (d *Door) look() bool {
	if d.watch == nil {
		return false
	}
	raw, err := d.watch.SyscallConn()
	if err != nil {
		return false
	}
	var werr error
	err = raw.Control(func(fd uintptr) {
		_, werr = unix.InotifyAddWatch(int(fd), filepath.Dir(d.path),
			unix.IN_DELETE|unix.IN_MOVED_FROM|unix.IN_DELETE_SELF|unix.IN_MOVE_SELF|unix.IN_ONLYDIR)
	})
	return errors.Join(err, werr) == nil
}

// restore makes the socket again, if it is gone.
func (d *Door) restore() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	if _, err := os.Lstat(d.path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(d.path), 0o700); err != nil {
		return err
	}
	l, err := Listen(d.path)
	if err != nil {
		return err
	}
	_ = d.listener.Close()
	d.listener = l
	go d.accept(l)
	if d.restored != nil {
		go d.restored()
	}
	return errAgain // the directory may be a new one: watch that
}

var errAgain = errors.New("made again")
