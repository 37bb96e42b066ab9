// Package pulls keeps a record of each pull that is under way, so that pulls
// outlive the engine that does them and engines see each other's.
//
// It runs in the engine. A record is three files: ID.json, written by its owner
// alone; ID.lock, which the owner holds locked, so that a record nobody holds
// is one whose engine ended; and ID.wish, what another engine asks of the owner.
package pulls

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/backend/form"
	"davit/backend/store"
)

// Record is a pull.
type Record struct {
	Spec api.PullSpec  `json:"spec"`
	Now  api.Operation `json:"now"`
	// Held tells that a person paused it: nobody goes on with it unasked.
	Held bool `json:"held,omitempty"`
}

// Wish is what is asked of an owner.
type Wish string

// The wishes.
const (
	Pause  Wish = "pause"
	Resume Wish = "resume"
	Cancel Wish = "cancel"
)

// keepEnded is how long a record stays after its pull ended, for those who
// watch it from elsewhere.
const keepEnded = 5 * time.Minute

// Dir is the directory of all records.
type Dir struct{ path string }

// Open gives the directory, which is made with the first record.
func Open(path string) Dir { return Dir{path} }

func (d Dir) file(id, kind string) string { return filepath.Join(d.path, id+kind) }

// Own is a record of ours. Its methods are for one goroutine at a time.
type Own struct {
	dir  Dir
	id   string
	lock *os.File
}

// Begin makes a record.
func (d Dir) Begin(r Record) (*Own, error) {
	if err := os.MkdirAll(d.path, 0o700); err != nil {
		return nil, fmt.Errorf("note a pull: %w", err)
	}
	o, err := d.lock(r.Now.ID)
	if err != nil || o == nil {
		return nil, errors.Join(err, errTaken)
	}
	if err := o.Write(r); err != nil {
		o.lock.Close()
		return nil, err
	}
	return o, nil
}

var errTaken = errors.New("the record has an owner")

// lock makes a record ours; nil where it is another's.
func (d Dir) lock(id string) (*Own, error) {
	f, err := os.OpenFile(d.file(id, ".lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("note a pull: %w", err)
	}
	// Who lists records holds each for a moment, which is not to own it.
	for try := 0; ; try++ {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return &Own{d, id, f}, nil
		}
		if try == 5 || !errors.Is(err, unix.EWOULDBLOCK) {
			break
		}
		time.Sleep(2 * time.Millisecond)
	}
	f.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, nil
	}
	return nil, os.NewSyscallError("flock", err)
}

// Take makes a record ours that has no owner; nil where it has one, or is not
// there any more.
func (d Dir) Take(id string) (*Own, Record, error) {
	var r Record
	if !known().MatchString(id) {
		return nil, r, nil
	}
	if _, err := os.Stat(d.file(id, ".json")); err != nil {
		return nil, r, nil
	}
	o, err := d.lock(id)
	if o == nil || err != nil {
		return nil, r, err
	}
	if err := store.ReadJSON(d.file(id, ".json"), &r); err != nil || r.Now.ID != id {
		o.drop() // removed just now, or damaged
		return nil, r, nil
	}
	return o, r, nil
}

var known = form.Of(`^[0-9a-f]{1,64}$`)

// Write notes how it stands.
func (o *Own) Write(r Record) error { return store.WriteJSONVolatile(o.dir.file(o.id, ".json"), r) }

// Leave notes how it stands and lets go of it.
func (o *Own) Leave(r Record) error {
	err := o.Write(r)
	_ = os.Remove(o.dir.file(o.id, ".wish"))
	o.lock.Close()
	return err
}

// drop removes the record.
func (o *Own) drop() {
	for _, kind := range []string{".json", ".wish", ".lock"} {
		_ = os.Remove(o.dir.file(o.id, kind))
	}
	o.lock.Close()
}

// Drop removes a record that nobody holds.
func (d Dir) Drop(id string) {
	if own, _, err := d.Take(id); own != nil && err == nil {
		own.drop()
	}
}

// Wish takes what others asked; "" is nothing.
func (o *Own) Wish() Wish {
	path := o.dir.file(o.id, ".wish")
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	_ = os.Remove(path)
	return Wish(strings.TrimSpace(string(b)))
}

// Ask asks the owner of a record.
func (d Dir) Ask(id string, w Wish) error {
	tmp := d.file(id, ".wish.tmp")
	if err := os.WriteFile(tmp, []byte(w), 0o600); err != nil {
		return fmt.Errorf("ask for a %s: %w", w, err)
	}
	return os.Rename(tmp, d.file(id, ".wish"))
}

// Listed is a record with whether somebody works on it.
type Listed struct {
	Record
	Owned bool
}

// List reads all records, oldest first, and removes those that ended long ago.
func (d Dir) List() ([]Listed, error) {
	all, err := os.ReadDir(d.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list pulls: %w", err)
	}
	var out []Listed
	for _, e := range all {
		id, ok := strings.CutSuffix(e.Name(), ".json")
		if !ok || !known().MatchString(id) {
			continue
		}
		if l, ok := d.look(id); ok {
			out = append(out, l)
		}
	}
	slices.SortStableFunc(out, func(a, b Listed) int { return a.Now.Started.Compare(b.Now.Started) })
	return out, nil
}

func (d Dir) look(id string) (Listed, bool) {
	var r Record
	f, err := os.Open(d.file(id, ".lock"))
	if err != nil {
		return Listed{}, false
	}
	defer f.Close()
	owned := unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB) != nil
	if err := store.ReadJSON(d.file(id, ".json"), &r); err != nil || r.Now.ID != id {
		return Listed{}, false
	}
	if !owned && r.Now.State.Ended() && time.Since(r.Now.Ended) > keepEnded {
		(&Own{d, id, f}).drop()
		return Listed{}, false
	}
	return Listed{r, owned}, true
}
