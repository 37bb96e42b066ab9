package netstack

import (
	"runtime"
	"testing"
	"time"
)

// Where an id is none of ours a pipe is to be had all the same. The person's
// pages for pipes are shared with what else they run, and with those that Go's
// library keeps for the servers of other tests until it collects garbage: there
// may be none now.
func TestPipeOfAnIDThatIsNotOurs(t *testing.T) {
	s := &pipePool{owner: 77}
	defer s.close()
	p := s.get()
	for end := time.Now().Add(30 * time.Second); p == nil; p = s.get() {
		if time.Now().After(end) {
			t.Fatal("no pipe")
		}
		runtime.GC()
		time.Sleep(10 * time.Millisecond)
		s.rest = 0
	}
	s.put(p)
	if again := s.get(); again != p {
		t.Error("a pipe that was put back is not used again")
	}
	s.put(p)
}
