package confine

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// Who is in a container may stop what enters it, trace it, or keep what the
// guard waits for. An exec ends all the same, with a reason; stop and rm work,
// and nothing is left of those that tried.
func TestContainerHindersWhatEnters(t *testing.T) {
	s := newStage(t)
	var all sync.WaitGroup
	for name, options := range map[string][]string{"freeze": nil, "trace": {"--privileged"}, "hold": {"--privileged"}} {
		line := append([]string{"run", "-d", "--name", name}, options...)
		s.ok(append(line, attackerImage, "/attacker", "hinder", name, "60")...)
		all.Go(func() { s.hindered(t, name) })
	}
	all.Wait()
	deadline := time.Now().Add(patience)
	for left := s.zombies(); len(left) > 0; left = s.zombies() {
		if time.Now().After(deadline) {
			t.Fatalf("the guard left zombies: %v", left)
		}
		time.Sleep(10 * time.Millisecond) // between two looks
	}
}

// hindered executes in the container until something was held up.
func (s *stage) hindered(t *testing.T, name string) {
	t.Helper()
	var mu sync.Mutex
	held := 0
	for round := 0; round < 20 && held == 0; round++ {
		var all sync.WaitGroup
		for range 2 { // they enter one after another, and each may be held up for ten seconds
			all.Go(func() {
				r := s.davit("exec", name, "true")
				mu.Lock()
				defer mu.Unlock()
				switch {
				case r.code == 0:
				case r.code == 125 && strings.Contains(r.err, "cannot enter the container"):
					held++
				case r.code != 125 && r.code != 137:
					t.Errorf("%s: exec: %d, %s", name, r.code, r.err)
				}
			})
		}
		all.Wait()
	}
	if held == 0 {
		t.Errorf("%s: nothing was held up: the attack has not been tried", name)
	}
	late := make(chan ran, 1)
	go func() { late <- s.davit("exec", name, "true") }() // it may be held up when the container ends
	began := time.Now()
	s.davit("stop", "-t", "0", name)
	s.ok("rm", "-f", name)
	if took := time.Since(began); took > 12*time.Second {
		t.Errorf("%s: stop and rm took %v", name, took)
	}
	<-late
}

// zombies are children of the guard that nobody waits for.
func (s *stage) zombies() (left []string) {
	s.t.Helper()
	guards := map[int]bool{}
	for _, p := range s.processes("davit-guard guard") {
		guards[p.PID] = guards[p.PID] || p.Role == "davit-guard guard"
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue // no process, or one that has ended
		}
		var state string
		var parent int
		_, rest, _ := strings.Cut(string(b), ") ")
		if _, err := fmt.Sscan(rest, &state, &parent); err == nil && state == "Z" && guards[parent] {
			left = append(left, string(b[:min(len(b), 40)]))
		}
	}
	return left
}
