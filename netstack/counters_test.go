package netstack

import (
	"testing"
	"time"
)

// Rates are counted over a second at least and over two looks at most, and
// nobody who looks often spoils them for others.
func TestRatesAreOverSomeTime(t *testing.T) {
	e, late := &Endpoint{}, &Endpoint{}
	start := time.Now()
	var l looks
	at := func(after time.Duration, in int64, more ...*Endpoint) map[*Endpoint]Counters {
		now := look{at: start.Add(after), of: map[*Endpoint]Counters{e: {In: in, Out: 2 * in}}}
		for _, o := range more {
			now.of[o] = Counters{In: 1 << 30}
		}
		l.rate(now)
		return now.of
	}
	for _, c := range []struct {
		after time.Duration
		in    int64
		want  float64
	}{
		{0, 1000, 0},
		{500 * time.Millisecond, 5000, 0}, // too early to tell
		{2 * time.Second, 5000, 2000},
		{2100 * time.Millisecond, 5200, 2000}, // since the first: the second is too new
		{4 * time.Second, 15000, 5000},
		{4500 * time.Millisecond, 15000, 4000},
		{6 * time.Second, 100, 0}, // it was begun anew
	} {
		got := at(c.after, c.in, late)[e]
		if got.InRate != c.want || got.OutRate != 2*c.want {
			t.Errorf("after %v: %v in, %v out; want %v in", c.after, got.InRate, got.OutRate, c.want)
		}
	}
	newcomer := &Endpoint{}
	if got := at(9*time.Second, 0, newcomer)[newcomer]; got.InRate != 0 || got.In == 0 {
		t.Errorf("one that has just come: %+v", got)
	}
}

// What an endpoint sends and is sent is counted on its interface.
func TestCountersSeeAnInterface(t *testing.T) {
	n := newNetwork(t, Config{})
	a := attach(t, n, "a")
	l := listenHost(t, hostIP.String()+":0")
	go func() {
		if c, err := l.AcceptTCP(); err == nil {
			_, _ = c.Write(make([]byte, 100_000))
			_ = c.Close()
		}
	}()
	c, err := dialIn(a, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	sum := 0
	for b := make([]byte, 4096); ; {
		k, err := c.Read(b)
		sum += k
		if err != nil {
			break
		}
	}
	all, err := n.Counters()
	if err != nil {
		t.Fatal(err)
	}
	if got := all[a]; sum != 100_000 || got.In < 100_000 || got.Out == 0 || got.PacketsIn == 0 || got.PacketsOut < 3 {
		t.Errorf("of %d bytes: %+v", sum, got)
	}
}
