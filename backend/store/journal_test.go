package store

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"davit/backend/api"
)

func TestJournal(t *testing.T) {
	d := Dirs{Data: t.TempDir()}
	if list, err := ReadJournal(d, api.EventQuery{}); err != nil || len(list) != 0 {
		t.Fatalf("none: %v, %v", list, err)
	}
	base := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for i := range 10 {
		if err := Note(d, api.Event{Time: base.Add(time.Duration(i) * time.Minute), Type: "container", Action: fmt.Sprint(i), Cursor: 7}); err != nil {
			t.Fatal(err)
		}
	}
	list, err := ReadJournal(d, api.EventQuery{Since: base.Add(3 * time.Minute), Until: base.Add(5 * time.Minute)})
	if err != nil || len(list) != 3 || list[0].Action != "3" || list[2].Action != "5" || list[0].Cursor != 0 {
		t.Errorf("%+v, %v", list, err)
	}
}

// Writers in many processes lose no line and tear none, also while one of
// them begins the journal anew.
func TestJournalIsBoundedAndShared(t *testing.T) {
	d := Dirs{Data: t.TempDir()}
	const writers, each = 8, 200
	pad := strings.Repeat("x", 600)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				if err := Note(d, api.Event{Time: time.Now(), Type: "container", Action: fmt.Sprint(w, i), Name: pad}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	list, err := ReadJournal(d, api.EventQuery{})
	if err != nil || len(list) != writers*each {
		t.Errorf("%d events, want %d, %v", len(list), writers*each, err)
	}
	for i := range 2000 {
		if err := Note(d, api.Event{Time: time.Now(), Action: fmt.Sprint(i), Name: pad}); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{d.Journal(), d.OldJournal()} {
		info, err := os.Stat(path)
		if err != nil || info.Size() > maxJournal+maxEvent {
			t.Errorf("%s: %v, %v", path, info, err)
		}
	}
}

func TestDamagedJournal(t *testing.T) {
	d := Dirs{Data: t.TempDir()}
	if err := os.WriteFile(d.Journal(), []byte("nonsense\n{\"action\":\n\x00\x00\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Note(d, api.Event{Time: time.Now(), Action: "start"}); err != nil {
		t.Fatal(err)
	}
	list, err := ReadJournal(d, api.EventQuery{})
	if err != nil || len(list) != 1 || list[0].Action != "start" {
		t.Errorf("%+v, %v", list, err)
	}
	if err := Note(d, api.Event{Name: strings.Repeat("x", maxEvent)}); err == nil {
		t.Error("an endless event was noted")
	}
}
