// Package fdmsg sends JSON messages with file descriptors over unix sockets:
// the language that fronts, keeper, guard and netd have in common.
//
// Sockets are SOCK_SEQPACKET, so that one message is one packet and a
// descriptor never arrives with the wrong one. The package runs in every
// process of Davit and assumes only that both ends belong to the same person
// and are outside of containers, which [Accept] and [Dial] verify.
package fdmsg

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// MaxMessage bounds a message in bytes; it stays below the kernel's default
// send buffer (212,992), which bounds a packet.
const MaxMessage = 128 << 10

// MaxFiles bounds the descriptors of one message; the kernel's own bound
// (SCM_MAX_FD) is 253.
const MaxFiles = 32

// Send sends v and files as one message. The files stay open here.
func Send(c *net.UnixConn, v any, files ...*os.File) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(b) > MaxMessage {
		return fmt.Errorf("message of %d bytes is over the bound of %d", len(b), MaxMessage)
	}
	if len(files) > MaxFiles {
		return fmt.Errorf("message with %d descriptors is over the bound of %d", len(files), MaxFiles)
	}
	var oob []byte
	if len(files) > 0 {
		fds := make([]int, len(files))
		for i, f := range files {
			if fds[i], err = number(f); err != nil {
				return err
			}
		}
		oob = unix.UnixRights(fds...)
	}
	_, _, err = c.WriteMsgUnix(b, oob, nil)
	// Fd() hands out a number only; the files must outlive the call that uses it.
	for _, f := range files {
		runtime.KeepAlive(f)
	}
	return err
}

// number gives a file's descriptor. File.Fd would make the open file
// description blocking, which the receiver shares.
func number(f *os.File) (int, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return -1, err
	}
	n := -1
	err = raw.Control(func(fd uintptr) { n = int(fd) })
	return n, err
}

// ErrCut says that a message was too long, or that this process may have no more descriptors.
// The connection is sound.
var ErrCut = errors.New("message was cut: it is too long, or there are too many open files")

// Receive waits for one message, decodes it into v and gives its descriptors,
// which are close-on-exec and the caller's to close. io.EOF: the other end
// has gone.
func Receive(c *net.UnixConn, v any) ([]*os.File, error) {
	p, err := receive(c)
	if err != nil {
		return nil, err
	}
	files, err := parseRights(p.oob)
	if err != nil {
		return nil, err
	}
	if len(p.text) == 0 && len(files) == 0 {
		return nil, io.EOF
	}
	if p.flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0 {
		CloseAll(files)
		return nil, ErrCut
	}
	if err := json.Unmarshal(p.text, v); err != nil {
		CloseAll(files)
		return nil, fmt.Errorf("message: %w", err)
	}
	return files, nil
}

type packet struct {
	text, oob []byte
	flags     int
}

// receive waits for a packet. It asks for the length first: most are short,
// and room for the longest would be most of what resident processes allocate.
func receive(c *net.UnixConn) (p packet, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return p, err
	}
	var rerr error
	err = raw.Read(func(fd uintptr) bool {
		var n, oobn int
		n, _, rerr = receiveFrom(fd, make([]byte, 1), nil, &p.flags, unix.MSG_PEEK|unix.MSG_TRUNC)
		if rerr != nil {
			return rerr != unix.EAGAIN
		}
		p.text, p.oob = make([]byte, max(1, min(n, MaxMessage))), make([]byte, unix.CmsgSpace(MaxFiles*4))
		n, oobn, rerr = receiveFrom(fd, p.text, p.oob, &p.flags, unix.MSG_CMSG_CLOEXEC)
		p.text, p.oob = p.text[:max(n, 0)], p.oob[:max(oobn, 0)]
		return rerr != unix.EAGAIN
	})
	if err != nil {
		return p, err
	}
	return p, os.NewSyscallError("recvmsg", rerr)
}

func receiveFrom(fd uintptr, p, oob []byte, got *int, flags int) (n, oobn int, err error) {
	for {
		n, oobn, *got, _, err = unix.Recvmsg(int(fd), p, oob, flags)
		if err != unix.EINTR {
			return n, oobn, err
		}
	}
}

// CloseAll closes files.
func CloseAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}

func parseRights(oob []byte) ([]*os.File, error) {
	if len(oob) == 0 {
		return nil, nil
	}
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, fmt.Errorf("control message: %w", err)
	}
	var files []*os.File
	for i := range msgs {
		fds, err := unix.ParseUnixRights(&msgs[i])
		if err != nil {
			continue // credentials or the like: nothing that we asked for
		}
		for _, fd := range fds {
			unix.CloseOnExec(fd)
			files = append(files, os.NewFile(uintptr(fd), fmt.Sprintf("fdmsg:%d", fd)))
		}
	}
	return files, nil
}

// Listen makes a socket at path that only the person can connect to. A
// stale socket there is replaced: the caller holds the lock that makes it the
// only listener.
func Listen(path string) (*net.UnixListener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	short, done, err := shortPath(path)
	if err != nil {
		return nil, err
	}
	defer done()
	l, err := net.ListenUnix("unixpacket", &net.UnixAddr{Name: short, Net: "unixpacket"})
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	// Unlinking by the short name would hit a descriptor that is closed by then.
	l.SetUnlinkOnClose(false)
	if err := os.Chmod(path, 0o600); err != nil {
		_ = l.Close()
		return nil, err
	}
	return l, nil
}

// acceptPause is how long Accept waits when descriptors or memory run out.
const acceptPause = 10 * time.Millisecond

// Accept waits for a connection that [PeerOK] holds of; others are closed
// without an answer.
func Accept(l *net.UnixListener) (*net.UnixConn, error) {
	for {
		c, err := l.AcceptUnix()
		if errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) || errors.Is(err, unix.ENOMEM) || errors.Is(err, unix.ENOBUFS) {
			time.Sleep(acceptPause) // it passes, and a keeper that stops listening is lost
			continue
		}
		if err != nil {
			return nil, err
		}
		if PeerOK(c) {
			return c, nil
		}
		_ = c.Close()
	}
}

// Dial connects to the socket at path, if [PeerOK] holds of who listens there.
func Dial(ctx context.Context, path string) (*net.UnixConn, error) {
	short, done, err := shortPath(path)
	if err != nil {
		return nil, err
	}
	defer done()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unixpacket", short)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", path, err)
	}
	c := conn.(*net.UnixConn)
	if !PeerOK(c) {
		_ = c.Close()
		return nil, fmt.Errorf("connect to %s: whoever listens there is not of this person, or is inside a container: %w", path, fs.ErrPermission)
	}
	return c, nil
}

// shortPath names path in the 107 bytes that a socket address holds, through
// a descriptor of its directory where the path is longer. done releases it.
func shortPath(path string) (short string, done func(), err error) {
	if len(path) < len(syscall.RawSockaddrUnix{}.Path) {
		return path, func() {}, nil
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return "", nil, err
	}
	short = fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path))
	return short, func() { _ = dir.Close() }, nil
}

// Call connects to path, sends req with files and waits for one reply. The
// caller closes the descriptors of the reply.
func Call(ctx context.Context, path string, req, reply any, files ...*os.File) ([]*os.File, error) {
	c, err := Dial(ctx, path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	return Exchange(ctx, c, req, reply, files...)
}

// Exchange sends req over an open connection and waits for one reply. When
// ctx ends first, the connection is closed.
func Exchange(ctx context.Context, c *net.UnixConn, req, reply any, files ...*os.File) ([]*os.File, error) {
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	if err := Send(c, req, files...); err != nil {
		return nil, cause(ctx, err)
	}
	got, err := Receive(c, reply)
	return got, cause(ctx, err)
}

func cause(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// Pair makes two connected sockets: ours, and a file to give to a process.
func Pair() (*net.UnixConn, *os.File, error) { return pair(unix.SOCK_SEQPACKET) }

// StreamPair makes two connected byte streams: ours, and a file to give away.
func StreamPair() (*net.UnixConn, *os.File, error) { return pair(unix.SOCK_STREAM) }

func pair(kind int) (*net.UnixConn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	theirs := os.NewFile(uintptr(fds[1]), "socketpair")
	c, err := Conn(os.NewFile(uintptr(fds[0]), "socketpair"))
	if err != nil {
		_ = theirs.Close()
		return nil, nil, err
	}
	return c, theirs, nil
}

// Conn turns a socket's file, which it closes, into a connection.
func Conn(f *os.File) (*net.UnixConn, error) {
	defer func() { _ = f.Close() }()
	c, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("descriptor %s: %w", f.Name(), err)
	}
	u, ok := c.(*net.UnixConn)
	if !ok {
		_ = c.Close()
		return nil, fmt.Errorf("descriptor %s is no unix socket", f.Name())
	}
	return u, nil
}
