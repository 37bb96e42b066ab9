package netstack

import (
	"strings"
	"testing"
)

func TestPipesAreMadeForTheLastSubordinateID(t *testing.T) {
	for idMap, want := range map[string]int{
		"         0       1001          1\n         1     100000      65536\n": 65536,
		"0 1000 1\n":       0,
		"0 0 4294967295\n": 4294967294,
		"":                 0,
	} {
		if got := lastID(strings.NewReader(idMap)); got != want {
			t.Errorf("%q: %d, want %d", idMap, got, want)
		}
	}
}

// A thread that has made a pipe for another id is itself again, and where an id
// is none of ours a pipe is to be had all the same.
func TestPipeOfAnIDThatIsNotOurs(t *testing.T) {
	s := &pipePool{owner: 77}
	defer s.close()
	p := s.get()
	if p == nil {
		t.Fatal("no pipe")
	}
	s.put(p)
	if again := s.get(); again != p {
		t.Error("a pipe that was put back is not used again")
	}
	s.put(p)
}
