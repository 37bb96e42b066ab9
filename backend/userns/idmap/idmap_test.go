package idmap

import (
	"slices"
	"strings"
	"testing"
)

func TestKeepMapsThePersonAndAllOthersInOrder(t *testing.T) {
	for _, c := range []struct {
		id, total uint32
		want      []Range
	}{
		{1000, 65537, []Range{{0, 1, 1000}, {1000, 0, 1}, {1001, 1001, 64536}}},
		{0, 65537, []Range{{0, 0, 1}, {1, 1, 65536}}},
		{1, 65537, []Range{{0, 1, 1}, {1, 0, 1}, {2, 2, 65535}}},
		{65536, 65537, []Range{{0, 1, 65536}, {65536, 0, 1}}},
		{1_200_000, 65537, []Range{{0, 1, 65536}, {1_200_000, 0, 1}}},
		{1000, 1, []Range{{1000, 0, 1}}},
	} {
		got := Keep(c.id, c.total)
		if !slices.Equal(got, c.want) {
			t.Errorf("Keep(%d, %d) = %v, want %v", c.id, c.total, got, c.want)
		}
		seen := map[int]bool{}
		for i := range int(c.total) {
			in := inside(got, i)
			if out, ok := outside(got, in); !ok || out != i || seen[in] {
				t.Fatalf("Keep(%d, %d): %d outside is %d inside, which is %d, %v outside", c.id, c.total, i, in, out, ok)
			}
			seen[in] = true
		}
	}
}

func TestOwners(t *testing.T) {
	m := Maps{UIDs: Keep(1000, 2001), GIDs: Keep(100, 2001)}
	if u, g := m.Owner(0, 0); u != 1 || g != 1 {
		t.Errorf("root inside is %d:%d outside", u, g)
	}
	if u, g := m.Owner(1000, 100); u != 0 || g != 0 {
		t.Errorf("the person inside is %d:%d outside", u, g)
	}
	if u, g := m.Owner(2001, 3000); u != Nobody || g != Nobody {
		t.Errorf("ids that nobody has are %d:%d outside", u, g)
	}
	if u, g := m.Inside(0, 0); u != 1000 || g != 100 {
		t.Errorf("the person outside is %d:%d inside", u, g)
	}
	if _, _, ok := m.Outside(0, 2001); ok {
		t.Error("a group that is not mapped is taken for one")
	}
	if u, g := (Maps{}).Inside(5, 6); u != 5 || g != 6 {
		t.Errorf("without maps 5:6 is %d:%d", u, g)
	}
	if m.Key() == (Maps{UIDs: m.GIDs, GIDs: m.UIDs}).Key() {
		t.Error("different maps have one key")
	}
}

func TestFits(t *testing.T) {
	for _, c := range []struct {
		m    []Range
		want string
	}{
		{[]Range{{0, 1, 1000}, {1000, 0, 1}}, ""},
		{[]Range{{0, 0, 65537}}, ""},
		{[]Range{{0, 0, 65538}}, "no 65537"},
		{[]Range{{5, 0, 1}}, "0 inside"},
		{[]Range{{0, 1, 100}}, "0 outside"},
	} {
		err := Fits(c.m, 65537)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("Fits(%v) = %v, want %q", c.m, err, c.want)
		}
	}
}

func TestOwnMaps(t *testing.T) {
	for text, want := range map[string]uint32{
		"         0       1000          1\n         1     100000      65536\n": 65537,
		"1 100000 65536\n0 1000 1\n": 65537,
		"0 0 4294967295\n":           4294967295,
		"0 1000 1\n":                 1,
		"0 1000 1\n5 100000 10\n":    1,
	} {
		if got, err := parse(strings.NewReader(text)); err != nil || Total(got) != want {
			t.Errorf("%q has %v, %v; want %d ids", text, got, err, want)
		}
	}
	if _, err := parse(strings.NewReader("0 x 1\n")); err == nil {
		t.Error("what is no map is taken for one")
	}
}

func TestSplitWhereTheOuterRangesEnd(t *testing.T) {
	own := []Range{{0, 1000, 1}, {1, 100000, 10}, {11, 300000, 100}}
	got := Split([]Range{{5, 0, 20}, {100, 20, 5}}, own)
	want := []Range{{5, 0, 1}, {6, 1, 10}, {16, 11, 9}, {100, 20, 5}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
