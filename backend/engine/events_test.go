package engine

import (
	"errors"
	"slices"
	"testing"
	"time"

	"davit/backend/api"
	"davit/backend/store"
)

// listen gives the events of containers as "action name", but those that say
// no more than that something is different.
func listen(t testing.TB, e *Engine, cursor uint64) <-chan string {
	t.Helper()
	out, hello := make(chan string, 100), make(chan struct{})
	go func() {
		_ = e.Events(t.Context(), cursor, func(ev api.Event) error {
			if ev.Type == "hello" {
				close(hello)
			} else if ev.Type == "container" && ev.Action != "" {
				out <- ev.Action + " " + ev.Name
			}
			return nil
		})
	}()
	<-hello
	return out
}

func expect(t testing.TB, events <-chan string, want ...string) {
	t.Helper()
	for _, w := range want {
		select {
		case got := <-events:
			if got != w {
				t.Fatalf("event %q, want %q", got, w)
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("no event %q", w)
		}
	}
}

func TestEvents(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	b.made(t, api.RunSpec{Name: "old"})
	other := New(Config{Dirs: b.dirs, Guard: b.guard, Images: b.images})
	defer other.Close()
	mine, theirs := listen(t, b.Engine, 0), listen(t, other, 0)
	c := b.made(t, api.RunSpec{Name: "web"})
	expect(t, mine, "create web")
	expect(t, theirs, "create web")
	kind(t, b.Start(ctx, "web"), "", "")
	expect(t, mine, "start web")
	expect(t, theirs, "start web")
	if err := b.guard.end(c.ID, 1); err != nil {
		t.Fatal(err)
	}
	expect(t, mine, "die web")
	expect(t, theirs, "die web")
	kind(t, b.Remove(ctx, "web", api.RemoveOptions{}), "", "")
	expect(t, mine, "destroy web")
	expect(t, theirs, "destroy web")
}

func TestEventsByCursor(t *testing.T) {
	b := newBench(t)
	var cursor uint64
	stop := errors.New("enough")
	_ = b.Events(t.Context(), 0, func(e api.Event) error { cursor = e.Cursor; return stop })
	b.made(t, api.RunSpec{Name: "one"})
	b.made(t, api.RunSpec{Name: "two"})
	expect(t, listen(t, b.Engine, cursor), "create one", "create two")
	for range maxEvents + 1 {
		b.news.tell("registry", "login", "", "")
	}
	for _, old := range []uint64{1, cursor, cursor + 1e9} {
		kind(t, b.Events(t.Context(), old, func(api.Event) error { return nil }), api.KindConflict, "not known any more")
	}
	if cursor >= 1<<53 {
		t.Error("no float64 counts so far")
	}
}

func TestDeathWithoutAGuardIsNews(t *testing.T) {
	b := newBench(t)
	c := b.made(t, api.RunSpec{Name: "web"})
	kind(t, b.Start(t.Context(), "web"), "", "")
	events := listen(t, b.Engine, 0)
	usurp(t, b, c.ID)
	expect(t, events, "die web")
	d, err := b.Container(t.Context(), "web")
	if err != nil || d.State != api.StateExited || d.ExitCode != 137 || d.Reason == "" || d.PID != 0 {
		t.Errorf("%+v, %v", d.Container, err)
	}
}

// usurp has another process have the pid of a container's first.
func usurp(t testing.TB, b *bench, id string) {
	t.Helper()
	st, err := store.ReadState(b.dirs.Container(id))
	if err != nil {
		t.Fatal(err)
	}
	st.PIDStart++
	if err := b.guard.write(id, st); err != nil {
		t.Fatal(err)
	}
}

// What another process does between two looks is told as it noted it, once.
func TestShortLivesAreNews(t *testing.T) {
	b := newBench(t)
	events := listen(t, b.Engine, 0)
	var want []string
	for _, name := range []string{"one", "two", "three"} {
		for _, action := range []string{"create", "start", "oom", "die", "start", "die", "destroy"} {
			note(t, b, api.Event{Type: "container", Action: action, ID: newID(), Name: name})
			want = append(want, action+" "+name)
		}
	}
	expect(t, events, want...)
	nothingMore(t, b, events)
}

// note is what another process does.
func note(t testing.TB, b *bench, e api.Event) {
	t.Helper()
	e.Time = time.Now().UTC()
	if err := store.Note(b.dirs, e); err != nil {
		t.Fatal(err)
	}
}

// nothingMore fails where anything comes before what is noted now.
func nothingMore(t testing.TB, b *bench, events <-chan string) {
	t.Helper()
	note(t, b, api.Event{Type: "container", Action: "exec", ID: newID(), Name: "last"})
	expect(t, events, "exec last")
}

// The guard that comes later notes a death that has been told.
func TestDeathWithoutAGuardIsToldOnce(t *testing.T) {
	b := newBench(t)
	c := b.made(t, api.RunSpec{Name: "web"})
	kind(t, b.Start(t.Context(), "web"), "", "")
	events := listen(t, b.Engine, 0)
	usurp(t, b, c.ID)
	expect(t, events, "die web")
	note(t, b, api.Event{Type: "container", Action: "die", ID: c.ID, Name: "web"})
	kind(t, b.Start(t.Context(), "web"), "", "")
	expect(t, events, "start web")
	if err := b.guard.end(c.ID, 0); err != nil {
		t.Fatal(err)
	}
	expect(t, events, "die web")
	nothingMore(t, b, events)
}

// hear waits for an event that fits.
func hear(t testing.TB, e *Engine, do func(), fits func(api.Event) bool) {
	t.Helper()
	enough := errors.New("enough")
	err := e.Events(t.Context(), 0, func(ev api.Event) error {
		if ev.Type == "hello" {
			do()
		} else if fits(ev) {
			return enough
		}
		return nil
	})
	kind(t, err, api.KindInternal, "enough")
}

// What nobody notes is told as a difference.
func TestFilesTellWhatTheJournalDoesNot(t *testing.T) {
	b := newBench(t)
	c := b.made(t, api.RunSpec{Name: "web"})
	kind(t, b.Start(t.Context(), "web"), "", "")
	for _, change := range []func(*store.State){
		func(s *store.State) { s.State = api.StateStopping },
		func(s *store.State) { s.Ports = []api.Port{{ContainerPort: 80, HostPort: 8080}} },
		func(s *store.State) { s.Networks = []store.Place{{Attachment: api.Attachment{Network: "other"}}} },
		func(s *store.State) { s.Health = api.HealthUnhealthy },
	} {
		do := func() {
			if err := b.guard.become(c.ID, change); err != nil {
				t.Error(err)
			}
		}
		hear(t, b.Engine, do, func(e api.Event) bool { return e.ID == c.ID && e.Action == "" && e.Name == "web" })
	}
}

// What is written anew as it was is no news, whatever the zone of its times.
func TestSameStateIsNoNews(t *testing.T) {
	b := newBench(t)
	c := b.made(t, api.RunSpec{Name: "web"})
	kind(t, b.Start(t.Context(), "web"), "", "")
	far := func(s *store.State) { s.Started = s.Started.In(time.FixedZone("", 5*3600+1800)) }
	if err := b.guard.become(c.ID, far); err != nil {
		t.Fatal(err)
	}
	var got []string
	hear(t, b.Engine, func() {
		for range 3 {
			if err := b.guard.become(c.ID, far); err != nil {
				t.Error(err)
			}
			b.news.look(c.ID)
		}
		note(t, b, api.Event{Type: "container", Action: "exec", ID: newID()})
	}, func(e api.Event) bool {
		got = append(got, e.Type+" "+e.Action)
		return e.Action == "exec"
	})
	if !slices.Equal(got, []string{"container exec"}) {
		t.Errorf("%q", got)
	}
}

// Another process's work on what are no containers is news, too, and is known later.
func TestAllKindsAreNoted(t *testing.T) {
	b := newBench(t)
	other := New(Config{Dirs: b.dirs, Guard: b.guard, Images: b.images})
	defer other.Close()
	ctx := t.Context()
	for what, do := range map[string]func() error{
		"volume create":  func() error { _, err := other.CreateVolume(ctx, api.VolumeSpec{Name: "data"}); return err },
		"network create": func() error { _, err := other.CreateNetwork(ctx, api.NetworkSpec{Name: "app"}); return err },
		"image untag":    func() error { _, err := other.RemoveImage(ctx, "scratch", api.RemoveImageOptions{}); return err },
	} {
		hear(t, b.Engine, func() { kind(t, do(), "", "") }, func(e api.Event) bool { return e.Type+" "+e.Action == what })
		past, err := b.PastEvents(ctx, api.EventQuery{})
		if err != nil || !slices.ContainsFunc(past, func(e api.Event) bool { return e.Type+" "+e.Action == what }) {
			t.Errorf("%s is not among what is past: %+v, %v", what, past, err)
		}
	}
}

// Of two that remove a container at once, one notes it.
func TestRemovalIsNotedOnce(t *testing.T) {
	b := newBench(t)
	c := b.made(t, api.RunSpec{Name: "web"})
	entry, err := store.ReadContainer(b.dirs, c.ID)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := b.remove(t.Context(), entry, api.RemoveOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	past, err := b.PastEvents(t.Context(), api.EventQuery{})
	if err != nil || len(past) != 2 || past[0].Action != "create" || past[1].Action != "destroy" {
		t.Errorf("%+v, %v", past, err)
	}
}
