package unpack

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"davit/backend/api"
)

// IDs are the ids that exist in this user namespace.
type IDs struct {
	users, groups []span
}

// noID is (uid_t)-1, which means "leave it" to chown(2).
const noID = 1<<32 - 1

type span struct{ first, count int64 }

// ReadIDs reads the id maps of this process.
func ReadIDs() (IDs, error) {
	u, err := readMap("/proc/self/uid_map")
	if err != nil {
		return IDs{}, err
	}
	g, err := readMap("/proc/self/gid_map")
	return IDs{u, g}, err
}

func readMap(path string) ([]span, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []span
	for s := bufio.NewScanner(f); s.Scan(); {
		var in, outside, n int64
		if _, err := fmt.Sscan(s.Text(), &in, &outside, &n); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		out = append(out, span{in, n})
	}
	return out, nil
}

// Single tells whether only one user is there: then all files belong to it,
// because nothing else can be had.
func (i IDs) Single() bool { return len(i.users) == 1 && i.users[0].count == 1 }

// owner gives the ids to set for what an entry asks for.
func (i IDs) owner(name string, uid, gid int) (int, int, error) {
	if uid < 0 || gid < 0 || int64(uid) >= noID || int64(gid) >= noID {
		return 0, 0, corrupt("entry %s belongs to user %d, group %d: there are no such ids", quote(name), uid, gid)
	}
	if i.Single() {
		return 0, 0, nil
	}
	if !within(i.users, uid) {
		return 0, 0, unmapped("user", name, uid, i.users)
	}
	if !within(i.groups, gid) {
		return 0, 0, unmapped("group", name, gid, i.groups)
	}
	return uid, gid, nil
}

func within(spans []span, id int) bool {
	for _, s := range spans {
		if int64(id) >= s.first && int64(id) < s.first+s.count {
			return true
		}
	}
	return false
}

func unmapped(what, name string, id int, spans []span) error {
	var have []string
	for _, s := range spans {
		have = append(have, fmt.Sprintf("%d-%d", s.first, s.first+s.count-1))
	}
	return api.Errorf(api.KindCorrupt, "entry %s belongs to %s %d; containers here have the ids %s", quote(name), what, id, strings.Join(have, ", ")).
		WithHint("Give your user more ids in /etc/subuid and /etc/subgid, or make the image with smaller ones.")
}
