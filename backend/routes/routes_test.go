package routes

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
)

func TestRoutesAreRead(t *testing.T) {
	for line, want := range map[string]Route{
		"tun0 00004D0A 00000000 0001 0 0 0 0000FFFF 0 0 0":   {netip.MustParsePrefix("10.77.0.0/16"), "tun0"},
		"eth0 00000000 0102A8C0 0003 0 0 100 00000000 0 0 0": {netip.MustParsePrefix("0.0.0.0/0"), "eth0"},
	} {
		if got, ok := parse4(strings.Fields(line)); !ok || got != want {
			t.Errorf("%q: %v, %v", line, got, ok)
		}
	}
	six := "fd120000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000400 00000001 00000000 00000001 tun0"
	if got, ok := parse6(strings.Fields(six)); !ok || got != (Route{netip.MustParsePrefix("fd12::/64"), "tun0"}) {
		t.Errorf("%v, %v", got, ok)
	}
	for _, line := range []string{"", "Iface Destination Gateway Flags RefCnt Use Metric Mask", "x y z"} {
		_, ok4 := parse4(strings.Fields(line))
		_, ok6 := parse6(strings.Fields(line))
		if ok4 || ok6 {
			t.Errorf("%q is taken for a route", line)
		}
	}
	if _, ok := parse6(strings.Fields(strings.Replace(six, "fd12", "fe80", 1))); ok {
		t.Error("each link has addresses of its own link: they are no route")
	}
	if got := Collision("", "no range"); got != "" {
		t.Errorf("what is no range: %s", got)
	}
}

// Watching ends with its context, also where no route ever changes.
func TestWatchEnds(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("the test is over"))
	if err := Watch(ctx, func() {}); err != nil {
		t.Error(err)
	}
}
