package screen

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
)

// Pointer moves the session's pointer and presses its button without starting
// a program for it, so that one knows to the millisecond when that was. It
// speaks the X protocol: the connection's set-up and the extension XTEST.
// https://www.x.org/releases/X11R7.7/doc/xproto/x11protocol.html
// https://www.x.org/releases/X11R7.7/doc/xextproto/xtest.html
type Pointer struct {
	conn  net.Conn
	xtest byte // the extension's major opcode
}

const (
	xQueryExtension = 98
	xtestFakeInput  = 2
	xButtonPress    = 4
	xButtonRelease  = 5
	xMotionNotify   = 6
)

// Pointer connects to the session's display.
func (s *Session) Pointer() (*Pointer, error) {
	conn, err := net.Dial("unix", "/tmp/.X11-unix/X"+strings.TrimPrefix(s.display, ":"))
	if err != nil {
		return nil, err
	}
	p := &Pointer{conn: conn}
	if err := errors.Join(p.greet(), p.findXTest()); err != nil {
		conn.Close()
		return nil, fmt.Errorf("display %s: %w", s.display, err)
	}
	return p, nil
}

// Close ends the connection.
func (p *Pointer) Close() error { return p.conn.Close() }

// greet sends the set-up, and skips the description of the display that answers it.
func (p *Pointer) greet() error {
	hello := make([]byte, 12)
	hello[0] = 'l' // little-endian from here on
	binary.LittleEndian.PutUint16(hello[2:], 11)
	if _, err := p.conn.Write(hello); err != nil {
		return err
	}
	var head [8]byte
	if _, err := io.ReadFull(p.conn, head[:]); err != nil {
		return err
	}
	if head[0] != 1 {
		return errors.New("it refuses the connection")
	}
	_, err := io.CopyN(io.Discard, p.conn, 4*int64(binary.LittleEndian.Uint16(head[6:])))
	return err
}

func (p *Pointer) findXTest() error {
	const name = "XTEST"
	ask := make([]byte, 16)
	ask[0], ask[2], ask[4] = xQueryExtension, byte(len(ask)/4), byte(len(name))
	copy(ask[8:], name)
	if _, err := p.conn.Write(ask); err != nil {
		return err
	}
	var reply [32]byte
	if _, err := io.ReadFull(p.conn, reply[:]); err != nil {
		return err
	}
	if reply[8] == 0 {
		return errors.New("it has no XTEST")
	}
	p.xtest = reply[9]
	return nil
}

// Move puts the pointer there, in pixels.
func (p *Pointer) Move(x, y int) error { return p.fake(xMotionNotify, 0, x, y) }

// Press presses and releases the first button where the pointer is.
func (p *Pointer) Press() error {
	return errors.Join(p.fake(xButtonPress, 1, 0, 0), p.fake(xButtonRelease, 1, 0, 0))
}

func (p *Pointer) fake(event, detail byte, x, y int) error {
	b := make([]byte, 36)
	b[0], b[1], b[2] = p.xtest, xtestFakeInput, byte(len(b)/4)
	b[4], b[5] = event, detail
	binary.LittleEndian.PutUint16(b[24:], uint16(x))
	binary.LittleEndian.PutUint16(b[26:], uint16(y))
	_, err := p.conn.Write(b)
	return err
}
