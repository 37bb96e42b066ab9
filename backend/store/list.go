package store

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"davit/backend/api"
)

// Entry is a container as its files tell. Where Err is set, they could not be
// read: Record has ID and Name at least, State is StateBroken with the Reason.
type Entry struct {
	Record Record
	State  State // effective: what is true
	Err    error

	// Written is the state as its file has it. It differs from State where the
	// file says that something runs and nothing does.
	Written State
}

// unseen tells of a container that seems to have ended in this boot without
// its guard having written so.
func (e Entry) unseen() bool {
	return e.Err == nil && e.Written.Active() && !e.State.Active() && e.Written.BootID == BootID()
}

// ListContainers reads all containers, newest first. A container whose files
// are damaged is in the list, too.
func ListContainers(d Dirs) ([]Entry, error) {
	ids, err := containerIDs(d)
	if err != nil {
		return nil, err
	}
	found := make([]*Entry, len(ids))
	var unsure atomic.Bool
	look := func(i int) {
		e, err := readContainer(d, ids[i])
		if found[i] = &e; err != nil {
			found[i] = nil
			return
		}
		if e.unseen() {
			unsure.Store(true)
		}
	}
	parallel(len(ids), look)
	if unsure.Load() {
		time.Sleep(settle)
		parallel(len(ids), func(i int) {
			if found[i] != nil && found[i].unseen() {
				look(i)
			}
		})
		guarded := guardAnswers(d)
		for _, e := range found {
			if e != nil && e.unseen() && guarded {
				e.State = e.Written.ending()
			}
		}
	}
	entries := make([]Entry, 0, len(ids))
	for _, e := range found {
		if e != nil {
			entries = append(entries, *e)
		}
	}
	slices.SortStableFunc(entries, func(a, b Entry) int {
		if c := b.Record.Created.Compare(a.Record.Created); c != 0 {
			return c
		}
		return cmp.Compare(a.Record.ID, b.Record.ID)
	})
	return entries, nil
}

// settle is how long a process may be gone before somebody asks whether there
// is a guard that will write how it ended.
const settle = 10 * time.Millisecond

// ReadContainer reads the container with that complete id. Its error is
// fs.ErrNotExist where there is none; damaged files are in Entry.Err.
func ReadContainer(d Dirs, id string) (Entry, error) {
	e, err := readContainer(d, id)
	if err != nil || !e.unseen() {
		return e, err
	}
	time.Sleep(settle)
	e, err = readContainer(d, id)
	if err == nil && e.unseen() && guardAnswers(d) {
		e.State = e.Written.ending()
	}
	return e, err
}

func readContainer(d Dirs, id string) (Entry, error) {
	dir := d.Container(id)
	rec, err := ReadRecord(dir)
	if err != nil {
		return broken(dir, id, err)
	}
	st, err := ReadState(dir)
	if err != nil {
		return Entry{Record: rec, Err: err, State: State{State: api.StateBroken, Reason: err.Error()}}, nil
	}
	return Entry{Record: rec, State: st.Effective(), Written: st}, nil
}

// guardAnswers tells whether a guard listens.
func guardAnswers(d Dirs) bool {
	c, err := net.DialTimeout("unixpacket", d.GuardSocket(), time.Second)
	if err != nil {
		return false
	}
	return c.Close() == nil
}

// broken tells a container that is gone from one that cannot be read.
func broken(dir ContainerDir, id string, err error) (Entry, error) {
	if _, serr := os.Lstat(string(dir)); serr != nil {
		return Entry{}, serr
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = api.Errorf(api.KindCorrupt, "%s is missing", dir.Record()).WithRef(dir.Record())
	}
	_, name := head(dir)
	if name == "" {
		name = id[:min(12, len(id))]
	}
	e := Entry{Record: Record{ID: id, Name: name}, Err: err}
	e.State = State{State: api.StateBroken, Reason: err.Error()}
	return e, nil
}

// FindContainer gives the id of the container that ref means: a complete id,
// a name, or the beginning of an id, in this order. KindNotFound where there
// is none, KindConflict where the beginning fits several.
func FindContainer(d Dirs, ref string) (string, error) {
	if IsID(ref) {
		if _, err := os.Lstat(string(d.Container(ref))); err == nil {
			return ref, nil
		}
	}
	ids, err := containerIDs(d)
	if err != nil {
		return "", err
	}
	if id := byName(d, ids, strings.TrimPrefix(ref, "/")); id != "" {
		return id, nil
	}
	var fits []string
	for _, id := range ids {
		if ref != "" && strings.HasPrefix(id, ref) {
			fits = append(fits, id)
		}
	}
	switch len(fits) {
	case 1:
		return fits[0], nil
	case 0:
		return "", api.Errorf(api.KindNotFound, "no such container: %s", ref).WithRef(ref)
	}
	return "", api.Errorf(api.KindConflict, "%s fits %d containers", ref, len(fits)).WithRef(ref).
		WithHint("Use more digits of the id, or the name.")
}

// NameHolder gives the id of the container that has the name; "" for none.
// Who is about to give a name away holds NamesLock.
func NameHolder(d Dirs, name string) (string, error) {
	ids, err := containerIDs(d)
	if err != nil {
		return "", err
	}
	return byName(d, ids, name), nil
}

func byName(d Dirs, ids []string, name string) string {
	if found := named(d, ids, func(n string) bool { return n == name }); len(found) > 0 {
		return found[0]
	}
	return ""
}

// Named lists the ids of the containers with such a name, without reading more
// of them.
func Named(d Dirs, such func(name string) bool) ([]string, error) {
	ids, err := containerIDs(d)
	if err != nil {
		return nil, err
	}
	return named(d, ids, such), nil
}

func named(d Dirs, ids []string, such func(name string) bool) []string {
	is := make([]bool, len(ids))
	parallel(len(ids), func(i int) {
		_, n := head(d.Container(ids[i]))
		is[i] = n != "" && such(n)
	})
	var found []string
	for i, id := range ids {
		if is[i] {
			found = append(found, id)
		}
	}
	return found
}

// head reads id and name only, which is a tenth of the work.
func head(dir ContainerDir) (id, name string) {
	fd, err := open(dir.Record())
	if err != nil {
		return "", ""
	}
	defer unix.Close(fd)
	var b [512]byte
	n, err := unix.Read(fd, b[:])
	if err != nil {
		return "", ""
	}
	return headOf(b[:n])
}

// containerIDs lists the directories that are named as containers are.
func containerIDs(d Dirs) ([]string, error) {
	f, err := os.Open(d.Containers())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", err)
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", err)
	}
	return slices.DeleteFunc(names, func(n string) bool { return !IsID(n) }), nil
}

// IsID tells whether s has the form of a complete id or of a layer's digest:
// 64 hex digits. Nothing else becomes part of a path.
func IsID(s string) bool {
	if len(s) != 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// parallel calls do for 0…n-1 on all processors.
func parallel(n int, do func(int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), (n+15)/16) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	wg.Wait()
}
