// Package idmap says which user and group ids a container has for those of the
// user namespace that all containers are in. A container without maps has the
// same; one with maps runs in a namespace of its own below that.
//
// It is pure but for [Own], and used in engine and guard. Inside is what the
// container's processes see; Outside is the namespace of Davit, where 0 is the
// person and the others are subordinate ids.
package idmap

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"slices"
)

// Nobody is the id under which the kernel shows those that have none.
const Nobody = 65534

// Range maps Count ids from Inside on to those from Outside on.
type Range struct {
	Inside  uint32 `json:"inside"`
	Outside uint32 `json:"outside"`
	Count   uint32 `json:"count"`
}

// Maps are those of a container. Without any, ids are as they are.
type Maps struct {
	UIDs []Range `json:"uids,omitempty"`
	GIDs []Range `json:"gids,omitempty"`
}

// None tells that ids are as they are.
func (m Maps) None() bool { return len(m.UIDs)+len(m.GIDs) == 0 }

// Equal tells whether two containers have the same ids.
func (m Maps) Equal(o Maps) bool { return slices.Equal(m.UIDs, o.UIDs) && slices.Equal(m.GIDs, o.GIDs) }

// Outside gives what the container's ids are outside; ok is false where they
// are none of its own.
func (m Maps) Outside(uid, gid int) (u, g int, ok bool) {
	if m.None() {
		return uid, gid, true
	}
	u, ok1 := outside(m.UIDs, uid)
	g, ok2 := outside(m.GIDs, gid)
	return u, g, ok1 && ok2
}

// Inside gives what the container sees of ids outside: nobody where it has none.
func (m Maps) Inside(uid, gid int) (u, g int) {
	if m.None() {
		return uid, gid
	}
	return inside(m.UIDs, uid), inside(m.GIDs, gid)
}

// Root is who owns what is made for the container's root, as chown takes it:
// -1, as it is made, where the container has Davit's own ids.
func (m Maps) Root() (uid, gid int) {
	if m.None() {
		return -1, -1
	}
	return m.Owner(0, 0)
}

// Owner is Outside for owners of files: those of nobody of the container's are
// nobody's outside.
func (m Maps) Owner(uid, gid int) (int, int) {
	if m.None() {
		return uid, gid
	}
	u, ok := outside(m.UIDs, uid)
	if !ok {
		u = Nobody
	}
	g, ok := outside(m.GIDs, gid)
	if !ok {
		g = Nobody
	}
	return u, g
}

func outside(m []Range, id int) (int, bool) {
	for _, r := range m {
		if n := id - int(r.Inside); n >= 0 && n < int(r.Count) {
			return int(r.Outside) + n, true
		}
	}
	return 0, false
}

func inside(m []Range, id int) int {
	for _, r := range m {
		if n := id - int(r.Outside); n >= 0 && n < int(r.Count) {
			return int(r.Inside) + n
		}
	}
	return Nobody
}

// Key names the maps: 32 hex digits.
func (m Maps) Key() string {
	h := sha256.New()
	fmt.Fprint(h, m.UIDs, m.GIDs)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Keep gives the map in which id inside is 0 outside, the person, and the
// other ids of total follow in order, as podman's keep-id has them.
func Keep(id, total uint32) []Range {
	if total < 2 {
		return []Range{{Inside: id, Count: 1}}
	}
	low := min(id, total-1) // ids inside below the kept one
	var m []Range
	if low > 0 {
		m = append(m, Range{Inside: 0, Outside: 1, Count: low})
	}
	m = append(m, Range{Inside: id, Outside: 0, Count: 1})
	if rest := total - 1 - low; rest > 0 {
		m = append(m, Range{Inside: id + 1, Outside: low + 1, Count: rest})
	}
	return m
}

// Fits tells why a container cannot have a map in a namespace of total ids.
func Fits(m []Range, total uint32) error {
	root, person := false, false
	for _, r := range m {
		if uint64(r.Outside)+uint64(r.Count) > uint64(total) {
			return fmt.Errorf("there are the ids 0 to %d outside, and no %d", total-1, uint64(r.Outside)+uint64(r.Count)-1)
		}
		root = root || r.Inside == 0
		person = person || r.Outside == 0
	}
	switch {
	case !root:
		return fmt.Errorf("0 inside is mapped to nothing, and a container cannot be made without its root")
	case !person:
		return fmt.Errorf("0 outside, which is you, is mapped to nothing: the container could not reach its own files, which lie below your home directory")
	}
	return nil
}

// MaxRanges is the kernel's UID_GID_MAP_MAX_EXTENTS.
const MaxRanges = 340

// Own are the maps of this process's own namespace, from 0 on.
func Own() (Maps, error) {
	uids, err := read("/proc/self/uid_map")
	if err != nil {
		return Maps{}, err
	}
	gids, err := read("/proc/self/gid_map")
	return Maps{UIDs: uids, GIDs: gids}, err
}

// Total counts the ids of a map inside.
func Total(m []Range) uint32 {
	var n uint32
	for _, r := range m {
		n += r.Count
	}
	return n
}

func read(path string) ([]Range, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	m, err := parse(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// parse reads a map as the kernel writes it, "inside outside count" a line, up
// to the first id that is left out.
func parse(r io.Reader) ([]Range, error) {
	var all []Range
	for lines := bufio.NewScanner(r); lines.Scan(); {
		var m Range
		if _, err := fmt.Sscan(lines.Text(), &m.Inside, &m.Outside, &m.Count); err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b Range) int { return int(int64(a.Inside) - int64(b.Inside)) })
	var next uint32
	for i, m := range all {
		if m.Inside != next {
			return all[:i], nil
		}
		next += m.Count
	}
	return all, nil
}

// Split parts the ranges of a map where those of the namespace outside end:
// the kernel takes none that reaches over two of them.
func Split(m, own []Range) []Range {
	var parts []Range
	for _, r := range m {
		for r.Count > 0 {
			n := min(r.Count, untilEnd(r.Outside, own))
			parts = append(parts, Range{r.Inside, r.Outside, n})
			r.Inside, r.Outside, r.Count = r.Inside+n, r.Outside+n, r.Count-n
		}
	}
	return parts
}

// untilEnd counts the ids from id on to the end of the range that it is in.
func untilEnd(id uint32, own []Range) uint32 {
	for _, o := range own {
		if id >= o.Inside && id-o.Inside < o.Count {
			return o.Count - (id - o.Inside)
		}
	}
	return 1 // it is in none, and the kernel will say so
}
