package confine

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"davit/backend/api"
	"davit/backend/guard"
	"davit/backend/store"
)

// The process that enters has the number inside that the one it was copied
// from has outside: it was never to become its program then.
func TestNumbersInsideAndOutsideMeet(t *testing.T) {
	s := newStage(t)
	s.start("numbers", "--privileged", attackerImage, "sleep", "100")
	id := strings.TrimSpace(s.ok("ps", "-q", "--no-trunc", "--filter", "name=numbers"))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	shell := s.Command(ctx, "davit", "exec", "-i", "numbers", "sh", "-c", "while read n; do echo $n >/proc/sys/kernel/ns_last_pid && echo $n; done")
	in, err := shell.StdinPipe()
	must(t, err)
	out, err := shell.StdoutPipe()
	must(t, err)
	must(t, shell.Start())
	answers := bufio.NewReader(out)
	dirs, err := store.Locate(s.Getenv)
	must(t, err)
	client := guard.NewClient(dirs, func(context.Context) error { return nil }) // it runs
	for n := range 120 {
		// The next number outside is one of those that come next inside.
		last := lastNumber(t) - n%8
		_, err := fmt.Fprintln(in, last)
		must(t, err)
		if line, err := answers.ReadString('\n'); err != nil || line != fmt.Sprintln(last) {
			t.Fatalf("the container's numbers cannot be set: %q, %v", line, err)
		}
		conn, err := client.Exec(ctx, id, api.ExecSpec{Args: []string{"true"}, User: "1:1"})
		if err != nil {
			t.Fatalf("exec %d: %v", n, err)
		}
		exit, err := api.NewSession(conn).Stream(io.Discard, io.Discard)
		if err != nil || exit.Code != 0 {
			t.Errorf("exec %d: %+v, %v", n, exit, err)
		}
		must(t, conn.Close())
	}
	must(t, in.Close())
	must(t, shell.Wait())
}

// lastNumber is the number that the last process of the machine was given.
func lastNumber(t *testing.T) (last int) {
	t.Helper()
	b, err := os.ReadFile("/proc/loadavg")
	must(t, err)
	fields := strings.Fields(string(b))
	_, err = fmt.Sscan(fields[len(fields)-1], &last)
	must(t, err)
	return last
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
