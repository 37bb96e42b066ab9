package netstack

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"davit/netstack/nstest"
)

// Whoever has taken all connections that there are gets no more; others do,
// both ways, and so does he when he gives some back.
func TestOneContainerDoesNotTakeAllConnections(t *testing.T) {
	eachPath(t, func(t *testing.T, path Path) {
		n := newNetwork(t, Config{Path: path})
		n.descriptors = 400
		if last, _ := n.Exhausted(); !last.IsZero() {
			t.Errorf("refused %v, and nobody has asked", last)
		}
		a, b := attach(t, n, "a"), attach(t, n, "b")
		for _, e := range []*Endpoint{a, b} {
			nstest.Serve(listenIn(t, e, 80), echo)
		}
		greedy := publish(t, n, "a", Port{ContainerPort: 80}).Host().String()
		var held []net.Conn
		defer func() {
			for _, c := range held {
				c.Close()
			}
		}()
		for {
			c, err := served(greedy)
			if err != nil {
				break
			}
			if held = append(held, c); len(held) > 400 {
				t.Fatal("there is no bound")
			}
		}
		if len(held) < alwaysServed {
			t.Fatalf("it had %d only", len(held))
		}
		if last, of := n.Exhausted(); last.IsZero() || of != 400 {
			t.Errorf("that connections were refused is not told: %v, %d", last, of)
		}
		l := listenHost(t, hostIP.String()+":0")
		nstest.Serve(l, echo)
		if c, err := dialIn(a, l.Addr().String()); !errors.Is(err, unix.ECONNREFUSED) {
			t.Errorf("the greedy one reaches out: %v, %v", c, err)
		}
		stillServed(t, n, b)
		for _, c := range held[:len(held)/2] {
			c.Close()
		}
		for end := time.Now().Add(30 * time.Second); ; {
			c, err := served(greedy)
			if err == nil {
				c.Close()
				return
			}
			if time.Now().After(end) {
				t.Fatal("what was given back is not used again:", err)
			}
		}
	})
}

// served connects and sees that something is there.
func served(to string) (net.Conn, error) {
	c, err := net.DialTimeout("tcp", to, 30*time.Second)
	if err != nil {
		return nil, err
	}
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	_, err = c.Write([]byte("x"))
	if err == nil {
		_, err = io.ReadFull(c, make([]byte, 1))
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}
