package faults

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// cage is a place where some directories are other file systems: all of Davit
// runs in namespaces that a script has prepared. $DATA is the data directory.
// Only one user id can be had there. more are further namespaces, as options of
// unshare and nsenter.
func cage(t *testing.T, script string, more ...string) *place {
	t.Helper()
	t.Parallel()
	p := bare(t)
	shell := exec.Command("unshare", append([]string{"--user", "--map-current-user", "--keep-caps", "--mount"}, append(more, "sh")...)...)
	shell.Env = append(os.Environ(), "DATA="+p.getenv("XDG_DATA_HOME"))
	in, err := shell.StdinPipe()
	check(t, err)
	out, err := shell.StdoutPipe()
	check(t, err)
	check(t, shell.Start())
	t.Cleanup(func() { _ = shell.Process.Kill(); _ = shell.Wait() })
	p.shell = &inside{in: in, out: bufio.NewReader(out)}
	p.sh(script)
	p.shell.wrap = append(append([]string{"nsenter", "--preserve-credentials", "--user", "--mount"}, more...),
		"--target", itoa(shell.Process.Pid), "--")
	p.shell.root = "/proc/" + itoa(shell.Process.Pid) + "/root"
	p.env = []string{"PATH=/nonexistent"} // no newuidmap: it does not work in there
	return p
}

// inside is a shell with all rights in the cage.
type inside struct {
	in   io.Writer
	out  *bufio.Reader
	wrap []string // runs a command in the cage as the person
	root string   // of the cage, as seen from outside
}

// sh runs a command in the cage's shell, and gives what it says.
func (p *place) sh(script string) string {
	p.t.Helper()
	_, err := fmt.Fprintf(p.shell.in, "{ %s\n} 2>&1; echo \"--$?\"\n", script)
	check(p.t, err)
	var said strings.Builder
	for {
		line, err := p.shell.out.ReadString('\n')
		if err != nil {
			p.t.Fatalf("%s: %v: %s", script, err, &said)
		}
		if code, over := strings.CutPrefix(line, "--"); over {
			if code != "0\n" {
				p.t.Fatalf("%s: exit code %s%s", script, code, &said)
			}
			return strings.TrimSpace(said.String())
		}
		said.WriteString(line)
	}
}

// quiet ends the keeper and waits until nothing of Davit runs.
func (p *place) quiet() {
	p.t.Helper()
	p.kill(keeper)
	p.eventually("all has ended", func() bool { all, err := p.Processes(); return err == nil && len(all) == 0 })
}
