package guard

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"davit/backend/api"
	"davit/backend/store"
	"davit/backend/userns/keeper"
)

// journaled is a guard that finds a container in a state, and of it in the
// journal what an earlier guard came to note.
func journaled(t *testing.T, state api.State, noted string) (*Guard, *container) {
	t.Helper()
	g := &Guard{
		Config:     Config{Dirs: store.Dirs{Data: t.TempDir()}, Log: slog.New(slog.DiscardHandler)},
		containers: map[string]*container{}, exits: map[process]keeper.Exit{{pid: 1}: {}},
	}
	g.noted = sync.OnceValue(g.lastNoted)
	var end context.CancelCauseFunc
	g.ctx, end = context.WithCancelCause(t.Context())
	end(nil) // no restart is planned
	id := strings.Repeat("a", 64)
	dir := g.Dirs.Container(id)
	if err := os.MkdirAll(string(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	rec := store.Record{Version: store.RecordVersion, ID: id, Name: "web", Restart: "always"}
	st := store.State{Version: store.StateVersion, State: state, Started: time.Now()}
	if err := store.WriteJSON(dir.Record(), rec); err != nil {
		t.Fatal(err)
	}
	if err := store.WriteJSON(dir.State(), st); err != nil {
		t.Fatal(err)
	}
	for _, action := range strings.Fields(noted) {
		if err := store.Note(g.Dirs, api.Event{Time: time.Now(), Type: "container", Action: action, ID: id, Name: "web"}); err != nil {
			t.Fatal(err)
		}
	}
	c, err := g.container(id)
	if err != nil {
		t.Fatal(err)
	}
	return g, c
}

func journal(t *testing.T, g *Guard) string {
	t.Helper()
	list, err := store.ReadJournal(g.Dirs, api.EventQuery{})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range list {
		all = append(all, e.Action)
	}
	return strings.Join(all, " ")
}

// A guard that was killed between recording and noting leaves the rest to the
// next one: each start and end is noted once.
func TestKilledGuardsNotesAreMadeUpFor(t *testing.T) {
	adopt := func(_ *Guard, c *container) { c.tellStart() }
	settle := func(_ *Guard, c *container) { c.settle() }
	end := func(g *Guard, c *container) { g.tellEnd(c.rec.ID) }
	for _, c := range []struct {
		what        string
		state       api.State
		noted, then string
		do          func(*Guard, *container)
	}{
		{"adopted", api.StateRunning, "create start", "create start", adopt},
		{"adopted, its start not noted", api.StateRunning, "create start die", "create start die start", adopt},
		{"adopted, of long ago", api.StateRunning, "pause unpause", "pause unpause", adopt},
		{"gone", api.StateRunning, "create start", "create start die", settle},
		{"gone, of long ago", api.StatePaused, "pause", "pause die", settle},
		{"gone, its start not noted", api.StateStopping, "create", "create start die", settle},
		{"to be restarted", api.StateRestarting, "create start die", "create start die", settle},
		{"to be restarted, its end not noted", api.StateRestarting, "create start", "create start die", settle},
		{"to be restarted, of long ago", api.StateRestarting, "", "", settle},
		{"left by its removal", api.StateExited, "create start die", "create start die", settle},
		{"ended", api.StateExited, "create start die stop", "create start die stop", end},
		{"ended, not noted", api.StateExited, "create start", "create start die", end},
		{"ended long ago", api.StateExited, "", "", end},
	} {
		g, ct := journaled(t, c.state, c.noted)
		c.do(g, ct)
		if got := journal(t, g); got != c.then {
			t.Errorf("%s: %q, want %q", c.what, got, c.then)
		}
	}
}

// What no guard was killed for is not looked for at each start of one.
func TestJournalIsNotReadInVain(t *testing.T) {
	g, c := journaled(t, api.StateExited, "create start")
	clear(g.exits)
	g.noted = func() map[string]string { t.Error("the journal was read"); return nil }
	g.tellEnd(c.rec.ID)
}

func TestRemovalThatWasCutShortIsNoted(t *testing.T) {
	for noted, want := range map[string]string{
		"create start die":         "create start die destroy",
		"create start die destroy": "create start die destroy",
	} {
		for _, record := range []bool{true, false} {
			g, c := journaled(t, api.StateExited, noted)
			gone, err := c.hide()
			if err != nil {
				t.Fatal(err)
			}
			if !record {
				if err := os.Remove(store.ContainerDir(gone).Record()); err != nil {
					t.Fatal(err)
				}
			}
			g.sweepRemoved()
			if got := journal(t, g); got != want {
				t.Errorf("%q, want %q", got, want)
			}
			if _, err := os.Lstat(gone); !os.IsNotExist(err) {
				t.Errorf("%s is there: %v", gone, err)
			}
		}
	}
}
