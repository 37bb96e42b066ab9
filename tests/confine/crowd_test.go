package confine

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc64"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"davit/backend/api"
)

// atOnce is how many clients of a published port there are at the same time.
const atOnce = 64

// crowd runs do so many times, by many at once.
func crowd(count int, do func() error) error {
	var mu sync.Mutex
	var all sync.WaitGroup
	var first error
	for range atOnce {
		all.Go(func() {
			for {
				mu.Lock()
				over := count <= 0 || first != nil
				count--
				mu.Unlock()
				if over {
					return
				}
				if err := do(); err != nil {
					mu.Lock()
					first = err
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	return first
}

// Ten thousand connections, as fast as they can be made, are all answered.
func TestTenThousandConnections(t *testing.T) {
	f := newFlooded(t)
	at := f.at("honest", "80")
	start := time.Now()
	f.watched(func() { must(t, crowd(10_000, func() error { return echoed(at) })) })
	t.Logf("%v for 10,000", time.Since(start))
	f.alive()
	f.quiet()
}

// echoed says a word and hears it.
func echoed(at string) error {
	c, err := begin(at)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetLinger(0) // a port that waits is none for the next
	if _, err := c.Write([]byte("x")); err != nil {
		return err
	}
	_, err = io.ReadFull(c, make([]byte, 1))
	return err
}

// quiet waits until the honest container has no connection.
func (f *flooded) quiet() {
	f.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) { // between two looks
		var left []api.Connection
		must(f.t, json.Unmarshal([]byte(f.ok("network", "connections", "--json", "honest")), &left))
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			f.t.Fatalf("%d connections are left, the last %+v", len(left), left[0])
		}
	}
}

// idleCount is ten thousand, or what this machine's limit of open files lets a
// process join, where each takes two.
func idleCount(t *testing.T) int {
	t.Helper()
	var l syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l))
	return int(min(10_000, l.Max*45/100))
}

// idleLimit is what netd may hold with all of them.
const idleLimit = 60 << 10 // KiB

// Thousands of connections that say nothing cost little, and hold nobody up.
func TestIdleConnectionsAreCheap(t *testing.T) {
	f := newFlooded(t)
	count, at := idleCount(t), f.at("honest", "81")
	var mu sync.Mutex
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			_ = c.Close()
		}
	}()
	must(t, crowd(count, func() error {
		c, err := net.DialTimeout("tcp4", at, patience)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		conns = append(conns, c)
		return nil
	}))
	f.alive()
	t.Logf("%d connections, %d MiB", count, f.most>>10)
	f.told(count)
	if f.most > idleLimit {
		t.Errorf("netd holds %d MiB with %d connections", f.most>>10, count)
	}
	// Each is a connection still.
	for i := 0; i < len(conns); i += 97 {
		must(t, conns[i].SetDeadline(time.Now().Add(patience)))
		_, err := conns[i].Write([]byte("x"))
		must(t, err)
		if _, err := conns[i].Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Fatalf("connection %d: %v, want its end", i, err)
		}
	}
}

// told waits until inspect knows of so many connections, and shows some: the
// last may not be accepted yet.
func (f *flooded) told(count int) {
	f.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) { // between two looks
		var all []api.ContainerDetail
		f.decode(f.ok("inspect", "--json", "honest"), &all)
		if len(all) != 1 || len(all[0].Attachments) != 1 || all[0].Attachments[0].Traffic == nil {
			f.t.Fatalf("inspect tells %+v", all)
		}
		a := all[0].Attachments[0]
		switch {
		case a.Traffic.Connections < count && time.Now().Before(deadline):
		case a.Traffic.Connections < count || len(a.Connections) == 0 || !a.Connections[len(a.Connections)-1].Inbound:
			f.t.Fatalf("inspect tells of %d connections of %d, and shows %+v", a.Traffic.Connections, count, a.Connections)
		default:
			return
		}
	}
}

// streamSize is what is sent each way. DAVIT_FLOODS=1 makes it a gigabyte.
func streamSize() int64 {
	if os.Getenv("DAVIT_FLOODS") != "" {
		return 1 << 30
	}
	return 128 << 20
}

// Both ways at the same time every byte arrives, once and in order.
func TestStreamsBothWaysAreWhole(t *testing.T) {
	f := newFlooded(t)
	f.watched(func() { f.streams(t) })
	f.alive()
}

func (f *flooded) streams(t *testing.T) {
	c := dial(t, f.at("honest", "82"))
	defer c.Close()
	must(t, c.SetDeadline(time.Now().Add(10*patience)))
	size := streamSize()
	must(t, binary.Write(c, binary.BigEndian, size))
	table := crc64.MakeTable(crc64.ECMA)
	sent := crc64.New(table)
	done := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.MultiWriter(c, sent), stream(size, 2))
		done <- errors.Join(err, c.CloseWrite())
	}()
	want, got := crc64.New(table), crc64.New(table)
	_, err := io.Copy(want, stream(size, 1))
	must(t, err)
	_, err = io.CopyN(got, c, size)
	must(t, err)
	must(t, <-done)
	theirs, err := io.ReadAll(c)
	must(t, err)
	if string(theirs) != string(sent.Sum(nil)) {
		t.Errorf("what the container got has the sum %x, want %x", theirs, sent.Sum(nil))
	}
	if got.Sum64() != want.Sum64() {
		t.Errorf("what came from the container has the sum %x, want %x", got.Sum(nil), want.Sum(nil))
	}
}

// stream is the attacker's, with a seed.
func stream(size int64, seed byte) io.Reader {
	return io.LimitReader(rand.NewChaCha8([32]byte{seed}), size)
}

// Connections that end by halves, from either side, or are torn, are carried to
// their end and leave nothing behind.
func TestHalfClosedConnections(t *testing.T) {
	f := newFlooded(t)
	last, mute := f.at("honest", "83"), f.at("honest", "84")
	const rounds = 1500
	f.watched(func() {
		must(t, crowd(rounds, func() error { return saidAll(last) }))
		must(t, crowd(rounds, func() error { return heardAll(mute) }))
		must(t, crowd(rounds, func() error { return tear(last) }))
	})
	f.alive()
	f.quiet()
}

func begin(at string) (*net.TCPConn, error) {
	c, err := net.DialTimeout("tcp4", at, patience)
	if err != nil {
		return nil, err
	}
	return c.(*net.TCPConn), c.SetDeadline(time.Now().Add(patience))
}

// saidAll ends its own side, and hears the answer.
func saidAll(at string) error {
	c, err := begin(at)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Write([]byte("question"))
	b, rerr := []byte(nil), error(nil)
	if err = errors.Join(err, c.CloseWrite()); err == nil {
		b, rerr = io.ReadAll(c)
	}
	if err = errors.Join(err, rerr); err == nil && string(b) != "re: question" {
		err = errors.New("the answer to a half-closed connection is " + string(b))
	}
	return err
}

// heardAll hears the other side end, and says something all the same.
func heardAll(at string) error {
	c, err := begin(at)
	if err != nil {
		return err
	}
	defer c.Close()
	b, err := io.ReadAll(c)
	if err == nil && string(b) != "all" {
		err = errors.New("a connection that ends says " + string(b))
	}
	if err != nil {
		return err
	}
	_, err = c.Write([]byte("late"))
	return err
}

// tear ends a connection in the middle of what it says.
func tear(at string) error {
	c, err := begin(at)
	if err != nil {
		return err
	}
	_, err = c.Write([]byte("ques"))
	return errors.Join(err, c.SetLinger(0), c.Close())
}
