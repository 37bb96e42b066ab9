package netstack

import (
	"context"
	"io"
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"davit/netstack/nstest"
)

// Through pipes of a page, which the kernel gives to who has many, a stream
// arrives whole all the same; and it is known that copying is faster.
func TestTinyPipesCarryWhole(t *testing.T) {
	n := newNetwork(t, Config{})
	a := attach(t, n, "a")
	for range maxFreePipes {
		var fds [2]int
		if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
			t.Fatal(err)
		}
		n.pipes.put(&pipe{r: fds[0], w: fds[1], size: smallRead}) // that it is not to grow
	}
	for _, p := range n.pipes.free {
		if _, err := unix.FcntlInt(uintptr(p.w), unix.F_SETPIPE_SZ, 4096); err != nil {
			t.Fatal(err)
		}
	}
	const sum = 32 << 20
	nstest.Serve(listenIn(t, a, 80), func(c *net.TCPConn) { _, _ = c.Write(make([]byte, sum)) })
	ports, err := n.Publish(context.Background(), "a", []Port{{ContainerPort: 80}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", ports[0].Host().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got, err := io.Copy(io.Discard, c); err != nil || got != sum {
		t.Errorf("%d bytes, %v; want %d", got, err, sum)
	}
	small := &pipe{size: 4096}
	if !small.tiny() {
		t.Error("a page is not tiny")
	}
}
