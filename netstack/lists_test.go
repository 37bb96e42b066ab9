package netstack

import (
	"errors"
	"slices"
	"testing"

	"github.com/vishvananda/netlink"
)

// A netd that came back while links of the one before were going gave up, and
// its containers were without a network from then on.
func TestListThatChangesIsAskedForAgain(t *testing.T) {
	asked := 0
	got, err := consistent(func() ([]int, error) {
		if asked++; asked < 4 {
			return []int{1}, netlink.ErrDumpInterrupted
		}
		return []int{1, 2}, nil
	})
	if err != nil || !slices.Equal(got, []int{1, 2}) || asked != 4 {
		t.Errorf("%v, %v, asked %d times", got, err, asked)
	}
	broken := errors.New("broken")
	if _, err := consistent(func() ([]int, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
	if _, err := consistent(func() ([]int, error) { return nil, netlink.ErrDumpInterrupted }); !errors.Is(err, netlink.ErrDumpInterrupted) {
		t.Error("a list that never holds still:", err)
	}
}
