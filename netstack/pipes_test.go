package netstack

import "testing"

// Where an id is none of ours a pipe is to be had all the same.
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
