package netstack

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"davit/netstack/nstest"
)

// Somebody else may hold the namespace of who leaves, so that its link does
// not go with that; and who stays keeps what it has.
func TestLinksOfManyThatLeaveAreTakenAway(t *testing.T) {
	n := newNetwork(t, Config{})
	stays := attach(t, n, "stays")
	nstest.Serve(listenIn(t, stays, 80), echo)
	var left []*os.File
	for i := range 12 {
		e := attach(t, n, fmt.Sprint("leaves", i))
		fd, err := unix.FcntlInt(e.Namespace().Fd(), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		f := os.NewFile(uintptr(fd), e.ID)
		t.Cleanup(func() { f.Close() })
		left = append(left, f)
		if !hasLink(t, f) {
			t.Fatalf("%s never had its link", e.ID)
		}
	}
	for i := range left {
		if err := n.Detach(fmt.Sprint("leaves", i)); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range left {
		for began := time.Now(); hasLink(t, f); time.Sleep(5 * time.Millisecond) {
			if time.Since(began) > 30*time.Second {
				t.Fatalf("%s has its link still", f.Name())
			}
		}
	}
	c, err := dialIn(attach(t, n, "comes"), fmt.Sprintf("%s:80", stays.IP))
	say(t, c, err)
}

func hasLink(t *testing.T, ns *os.File) bool {
	t.Helper()
	links := within(t, ns, func() ([]netlink.Link, error) { return consistent(netlink.LinkList) })
	for _, l := range links {
		if l.Attrs().Name == endpointLink {
			return true
		}
	}
	return false
}
