package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"

	"golang.org/x/sys/unix"
)

// The first byte of a connection says what it is; of an HTTP request it is G.
const (
	kindUp   = 'U' // the client sends, and is told how many bytes came
	kindDown = 'D' // the server sends until nobody reads
)

// A datagram that begins with this asks how many came from its sender.
const countPlease = 'Q'

// block is how much is read and written at once, as iperf3 does it.
const block = 128 << 10

const (
	request  = "GET / HTTP/1.1\r\nHost: bench\r\nUser-Agent: load\r\n"
	response = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 14\r\n\r\nHello, world!\n"
)

func serve(port string) error {
	// The kernel shares processors out among sessions (sched_autogroup). A server
	// that was in the session of who carries its traffic, or of the client, had
	// those two served as one: what is in a container has a session of its own.
	if _, err := unix.Setsid(); err != nil && !errors.Is(err, unix.EPERM) { // it has one
		return err
	}
	u, err := net.ListenPacket("udp", ":"+port)
	if err != nil {
		return err
	}
	go count(u.(*net.UDPConn))
	l, err := net.Listen("tcp", ":"+port)
	if err != nil {
		return err
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			answer(c)
			_ = c.Close()
		}()
	}
}

func answer(c net.Conn) {
	r := bufio.NewReader(c)
	kind, err := r.Peek(1)
	switch {
	case err != nil:
	case kind[0] == kindUp:
		n, _ := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{c}, make([]byte, block))
		_ = binary.Write(c, binary.BigEndian, n)
	case kind[0] == kindDown:
		for b := make([]byte, block); err == nil; {
			_, err = c.Write(b)
		}
	default:
		for hello(c, r) {
		}
	}
}

// hello answers one request; false: there will be no other.
func hello(c net.Conn, r *bufio.Reader) bool {
	last := false
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return false
		}
		if line == "\r\n" {
			break
		}
		last = last || strings.HasPrefix(line, "Connection: close")
	}
	_, err := c.Write([]byte(response))
	return err == nil && !last
}

func count(u *net.UDPConn) {
	_ = u.SetReadBuffer(4 << 20)
	came := map[netip.AddrPort]uint64{}
	b := make([]byte, 1<<16)
	for {
		n, from, err := u.ReadFromUDPAddrPort(b)
		switch {
		case err != nil || n == 0:
		case b[0] == countPlease:
			_, _ = u.WriteToUDPAddrPort(binary.BigEndian.AppendUint64(nil, came[from]), from)
		default:
			came[from]++
		}
	}
}
