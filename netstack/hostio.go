package netstack

import (
	"errors"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// bufferSize is how much is read from a host's socket at once: a few segments
// of the largest size.
const bufferSize = 256 << 10

var buffers = sync.Pool{New: func() any { b := make([]byte, bufferSize); return &b }}

func getBuffer() []byte { return *buffers.Get().(*[]byte) }

func putBuffer(b []byte) {
	if b != nil {
		b = b[:bufferSize]
		buffers.Put(&b)
	}
}

// readPooled waits until c has something and reads it into a buffer, which is
// the caller's to put back. n is 0 at a stream's end, and for a datagram
// without content.
func readPooled(c syscall.Conn) (buf []byte, n int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, 0, err
	}
	rerr := raw.Read(func(fd uintptr) bool {
		b := getBuffer()
		for {
			n, err = unix.Read(int(fd), b)
			if !errors.Is(err, unix.EINTR) {
				break
			}
		}
		if errors.Is(err, unix.EAGAIN) {
			putBuffer(b)
			return false
		}
		buf = b
		return true
	})
	switch {
	case rerr != nil:
		return buf, 0, rerr
	case err != nil:
		return buf, 0, os.NewSyscallError("read", err)
	}
	return buf, n, nil
}

func isNotConnected(err error) bool { return errors.Is(err, unix.ENOTCONN) }
