package confine

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"davit/tests/images"
)

// probe builds the probe that lies beside the project; it is a module of its own.
func probe(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(images.Shared(t, "hostile", "inside_probe"))); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "probe")
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", bin, ".")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the probe: %v\n%s", err, out)
	}
	return bin
}

// hears is a service of the host's on its loopback: it counts who reaches it.
func hears(t *testing.T) (port int, heard func() int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	calls := make(chan struct{}, 1000)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			calls <- struct{}{}
			_, _ = io.WriteString(c, "CANARY\n")
			_ = c.Close()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port, func() int { return len(calls) }
}

// itself is the descriptor by which the probe reads its own list of them: it
// is closed when its link is looked at.
var itself = regexp.MustCompile(`^[0-9]+->$`)

// TestProbeReportsNothing runs the probe in a default container and without a
// network. It is asked for addresses of the container's own network only:
// others would be the surroundings' answer, and traffic of a test stays here.
func TestProbeReportsNothing(t *testing.T) {
	bin := probe(t)
	s := newStage(t)
	port, heard := hears(t)
	for network, least := range map[string]int{"default": 60, "none": 60} {
		gateway := "10.88.0.1"
		if network == "default" {
			gateway = strings.Fields(s.ok("run", "--rm", attackerImage, "ip", "route"))[2]
		}
		out := s.ok("run", "--rm", "--network", network, "-v", bin+":/probe:ro", attackerImage,
			"/probe", "-canary-port", fmt.Sprint(port), "-hosts", gateway+",127.0.0.1,0.0.0.0")
		checks := 0
		for line := range strings.Lines(out) {
			var c struct {
				ID, Got, Want string
				OK            bool
			}
			if err := json.Unmarshal([]byte(line), &c); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			checks++
			if !c.OK && !(c.ID == "fd-leak" && itself.MatchString(c.Got)) {
				t.Errorf("%s network: %s: got %s, want %s", network, c.ID, c.Got, c.Want)
			}
		}
		if checks < least {
			t.Errorf("%s network: only %d checks:\n%s", network, checks, out)
		}
	}
	if n := heard(); n != 0 {
		t.Errorf("the host's loopback was reached %d times", n)
	}
}
