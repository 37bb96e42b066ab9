package usage

import (
	"os"
	"sync/atomic"
	"testing"

	"davit/backend/store"
	"davit/backend/userns/fdmsg"
	"davit/netstack/netd"
)

// playNetd answers for a network that knows of one container.
func playNetd(t *testing.T, socket string, m netd.Member) *atomic.Int32 {
	t.Helper()
	l, err := fdmsg.Listen(socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	var asked atomic.Int32
	go func() {
		for {
			c, err := fdmsg.Accept(l)
			if err != nil {
				return
			}
			var q netd.Message
			if _, err := fdmsg.Receive(c, &q); err == nil && q.Op == netd.OpInfo {
				asked.Add(1)
				_ = fdmsg.Send(c, netd.Reply{Info: netd.Info{Endpoints: []netd.Member{m}}})
			}
			_ = c.Close()
		}
	}()
	return &asked
}

// What went through published ports counts in all networks of a container, of
// which each is asked once in a round. One without a process has none.
func TestTrafficOfPublishedPorts(t *testing.T) {
	dirs := store.Dirs{Data: t.TempDir(), Runtime: t.TempDir()}
	member := netd.Member{Request: netd.Request{ID: "web"}, Traffic: netd.Traffic{In: 1000, Out: 7}}
	first := playNetd(t, dirs.NetdSocket("default"), member)
	member.Traffic = netd.Traffic{In: 1, Out: 2}
	playNetd(t, dirs.NetdSocket("app"), member)
	round := Traffic{Dirs: dirs}
	web, other := Target{ID: "web", PID: os.Getpid()}, Target{ID: "other"}
	round.Add(t.Context(), &web, []string{"default", "app", "gone"})
	round.Add(t.Context(), &other, []string{"default"})
	if web.In != 1001 || web.Out != 9 || other.In != 0 || other.Out != 0 {
		t.Errorf("web %d/%d, other %d/%d", web.In, web.Out, other.In, other.Out)
	}
	if n := first.Load(); n != 1 {
		t.Errorf("a network was asked %d times", n)
	}
	var plain, ported Sampler
	without, err := plain.Sample([]Target{{ID: "web", PID: os.Getpid()}})
	if err != nil {
		t.Fatal(err)
	}
	with, err := ported.Sample([]Target{web})
	if err != nil {
		t.Fatal(err)
	}
	if with[0].NetIn < without[0].NetIn+1001 || with[0].NetOut < without[0].NetOut+9 {
		t.Errorf("with %d/%d, without %d/%d", with[0].NetIn, with[0].NetOut, without[0].NetIn, without[0].NetOut)
	}
}
