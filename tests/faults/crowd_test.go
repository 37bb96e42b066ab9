package faults

import (
	"strings"
	"sync"
	"testing"

	"davit/backend/api"
)

// Two fronts look on while twenty command lines do what they like to one
// container: each gets an answer, and what is left is true.
func TestCrowdAtOneContainer(t *testing.T) {
	p := newPlace(t)
	p.davit("run", "-d", "--name", "one", busybox, "sh", "-c", "echo began; "+forever)
	fronts := [][]string{{"events"}, {"logs", "-f", "one"}}
	for _, args := range fronts {
		front := p.begin(args...)
		defer func() { _ = front.Process.Kill(); _ = front.Wait() }()
	}
	verbs := [][]string{
		{"start", "one"}, {"stop", "-t", "1", "one"}, {"restart", "-t", "0", "one"}, {"kill", "one"},
		{"exec", "one", "true"}, {"logs", "one"}, {"inspect", "one"}, {"ps", "-a"}, {"start", "one"}, {"wait", "one"},
	}
	var all sync.WaitGroup
	for i := range 20 * factor() {
		all.Go(func() {
			verb := verbs[i%len(verbs)]
			if verb[0] == "wait" { // it may wait for ever: nobody has to stop last
				return
			}
			if out, code := p.try(verb...); strings.Contains(out, "panic") || code == 2 {
				t.Errorf("davit %v: %d, %s", verb, code, out)
			}
		})
	}
	all.Wait()
	p.davit("stop", "-t", "0", "one")
	p.state("one", api.StateExited)
	p.davit("start", "one")
	if c := p.state("one", api.StateRunning); !runs(c.PID) {
		t.Errorf("it is said to run as %d", c.PID)
	}
	p.atOnce(t, []string{"rm", "-f", "one"}, -1)
	if left := p.list(); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	p.atOnce(t, []string{"run", "-d", "--name", "two", busybox, "sleep", "1000"}, 1)
	if left := p.list(); len(left) != 1 {
		t.Errorf("%d containers are called two", len(left))
	}
}

// atOnce runs a command line ten times at once. want says how many succeed,
// -1: at least one.
func (p *place) atOnce(t *testing.T, args []string, want int) {
	t.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	succeeded := 0
	for range 10 {
		all.Go(func() {
			if _, code := p.try(args...); code == 0 {
				mu.Lock()
				defer mu.Unlock()
				succeeded++
			}
		})
	}
	all.Wait()
	if succeeded != want && (want >= 0 || succeeded == 0) {
		t.Errorf("davit %v succeeded %d times", args, succeeded)
	}
}
