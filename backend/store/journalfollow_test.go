package store

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"davit/backend/api"
)

func noted(t testing.TB, d Dirs, actions ...string) {
	t.Helper()
	for _, a := range actions {
		if err := Note(d, api.Event{Time: time.Now(), Type: "container", Action: a}); err != nil {
			t.Fatal(err)
		}
	}
}

func following(t testing.TB, d Dirs) *JournalReader {
	t.Helper()
	r, err := FollowJournal(d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// given fails unless these are next, and none else.
func given(t testing.TB, r *JournalReader, want ...string) {
	t.Helper()
	list, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range list {
		got = append(got, e.Action)
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Fatalf("%q, want %q", got, want)
	}
}

// begunAnew does what [Note] does to a journal that is full.
func begunAnew(t testing.TB, d Dirs) {
	t.Helper()
	if err := os.Rename(d.Journal(), d.OldJournal()); err != nil {
		t.Fatal(err)
	}
}

func TestJournalIsFollowed(t *testing.T) {
	d := Dirs{Data: t.TempDir()}
	r := following(t, d) // there is none yet
	given(t, r)
	noted(t, d, "a", "b")
	given(t, r, "a", "b")
	given(t, r)
	late := following(t, d)
	noted(t, d, "c")
	given(t, late, "c")
	begunAnew(t, d)
	given(t, late)
	between := following(t, d) // the next one is not begun yet
	noted(t, d, "d")
	given(t, r, "c", "d")
	given(t, late, "d")
	given(t, between, "d")
	noted(t, d, "e")
	begunAnew(t, d)
	noted(t, d, "f")
	begunAnew(t, d)
	noted(t, d, "g")
	given(t, late, "e", "f", "g")
	begunAnew(t, d)
	noted(t, d, "h")
	given(t, r, "e", "g", "h") // f is forgotten: nobody read it in time
	given(t, late, "h")
}

func TestFollowedJournalIsMeddledWith(t *testing.T) {
	d := Dirs{Data: t.TempDir()}
	noted(t, d, "a")
	begunAnew(t, d)
	noted(t, d, "b")
	r := following(t, d)
	if err := os.Remove(d.Journal()); err != nil {
		t.Fatal(err)
	}
	given(t, r)
	noted(t, d, "c")
	given(t, r, "c") // and not what was in the old one
	if err := os.Truncate(d.Journal(), 0); err != nil {
		t.Fatal(err)
	}
	given(t, r)
	noted(t, d, "d")
	given(t, r, "d")
}

// A line counts when it is whole, whoever begins to follow before that.
func TestHalfALineIsNotGiven(t *testing.T) {
	d := Dirs{Data: t.TempDir()}
	noted(t, d, "a")
	f, err := os.OpenFile(d.Journal(), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fmt.Fprint(f, `{"type":"container",`)
	r := following(t, d)
	given(t, r)
	fmt.Fprintln(f, `"action":"b"}`)
	given(t, r, "b")
}

// Many processes write while one follows, and the journal is begun anew twice,
// which is what a reader survives however long it does not get to read: each
// event comes once, each writer's in its order.
func TestFollowingManyWriters(t *testing.T) {
	d := Dirs{Data: t.TempDir()}
	noted(t, d, "first")
	r := following(t, d)
	const writers, each = 8, 80
	pad := strings.Repeat("x", 4<<10)
	var all sync.WaitGroup
	var done atomic.Bool
	for w := range writers {
		all.Go(func() {
			for i := range each {
				if err := Note(d, api.Event{Time: time.Now(), Type: fmt.Sprint(w), Action: fmt.Sprint(i), Name: pad}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	go func() { all.Wait(); done.Store(true) }()
	next := map[string]int{}
	for {
		last := done.Load()
		list, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			if e.Action != fmt.Sprint(next[e.Type]) {
				t.Fatalf("writer %s: event %s, want %d", e.Type, e.Action, next[e.Type])
			}
			next[e.Type]++
		}
		if last {
			break
		}
	}
	for w := range writers {
		if n := next[fmt.Sprint(w)]; n != each {
			t.Errorf("writer %d: %d events, want %d", w, n, each)
		}
	}
}
