package netstack

import (
	"bytes"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"
)

func packetsOn(t *testing.T, to net.Addr) *net.UDPConn {
	t.Helper()
	var c net.Conn
	var err error
	if to == nil {
		c, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	} else {
		c, err = net.Dial("udp4", to.String())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	return c.(*net.UDPConn)
}

// Datagrams that go on together arrive as they were sent: each by itself, in
// order, of its own size, empty ones too; also when the batch's last senders had
// longer addresses.
func TestPacketsTogetherArriveApart(t *testing.T) {
	published, server := packetsOn(t, nil), packetsOn(t, nil)
	one, two := packetsOn(t, published.LocalAddr()), packetsOn(t, published.LocalAddr())
	inside := packetsOn(t, server.LocalAddr())
	sent := []struct {
		by   *net.UDPConn
		size int
	}{{one, 100}, {one, 100}, {one, 40}, {one, 100}, {two, 100}, {two, 0}, {two, 1400}, {two, 1400}, {one, 9000}}
	var want [][]byte
	for i, s := range sent {
		b := bytes.Repeat([]byte{byte(i + 1)}, s.size)
		want = append(want, b)
		if _, err := s.by.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := published.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	batch, n := newPacketBatch(), 0
	for i := range batch.names {
		batch.names[i].Addr = [16]byte{12: byte(i), 15: 1}
	}
	rerr := raw.Read(func(fd uintptr) bool {
		n, err = batch.take(fd)
		return true
	})
	if rerr != nil || err != nil || n != len(sent) {
		t.Fatalf("%d datagrams, %v, %v", n, rerr, err)
	}
	var runs []int
	for i := 0; i < n; i += runs[len(runs)-1] {
		if by := netip.MustParseAddrPort(sent[i].by.LocalAddr().String()); batch.from(i) != by {
			t.Errorf("datagram %d is from %v, want %v", i, batch.from(i), by)
		}
		runs = append(runs, batch.run(i, n))
		if err := batch.send(inside, i, runs[len(runs)-1]); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(runs, []int{3, 1, 1, 1, 2, 1}) {
		t.Errorf("went together: %v", runs)
	}
	buf := make([]byte, maxPacket)
	for i, w := range want {
		k, err := server.Read(buf)
		if err != nil || !bytes.Equal(buf[:k], w) {
			t.Fatalf("datagram %d: %d bytes of %v, %v; want %d", i, k, buf[:min(k, 1)], err, len(w))
		}
	}
}
