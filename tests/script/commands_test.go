package script

import (
	"errors"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// patience is how long a condition may take to become true.
const patience = 20 * time.Second

// cmdExits: exits CODE command [args...] runs a command that has to end with
// this exit code.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits code command [args...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := run(ts, args[1:]); got != want {
		ts.Fatalf("%s: exit code %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

func run(ts *testscript.TestScript, args []string) (code int) {
	err := ts.Exec(args[0], args[1:]...)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	ts.Check(err)
	return 0
}

// cmdKeep: keep NAME command [args...] runs a command and keeps the first
// line of its output in the environment.
func cmdKeep(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: keep name command [args...]")
	}
	if code := run(ts, args[1:]); code != 0 {
		ts.Fatalf("%s: exit code %d", strings.Join(args[1:], " "), code)
	}
	line, _, _ := strings.Cut(ts.ReadFile("stdout"), "\n")
	ts.Setenv(args[0], line)
}

// cmdWaitFor: waitfor PATTERN command [args...] runs a command again and
// again until its output (or its errors) match.
func cmdWaitFor(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: [!] waitfor pattern command [args...]")
	}
	pattern, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	text := ""
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(30 * time.Millisecond) {
		text = quietly(ts, args[1:])
		if pattern.MatchString(text) != neg {
			_, err := io.WriteString(ts.Stdout(), text)
			ts.Check(err)
			return
		}
	}
	ts.Fatalf("%q (wanted: %v) did not come true in %v; last:\n%s", args[0], !neg, patience, text)
}

// quietly runs a command without a trace in the script's log, which shows
// only what came of all the trying.
func quietly(ts *testscript.TestScript, args []string) string {
	path := args[0]
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if p := filepath.Join(dir, args[0]); executable(p) == nil {
			path = p
			break
		}
	}
	cmd := exec.Command(path, args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range personal {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		ts.Check(err)
	}
	return string(out)
}

// cmdHTTP: http URL [PATTERN] asks until the answer is 200 and matches;
// ! http URL asks until nothing answers.
func cmdHTTP(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: [!] http url [pattern]")
	}
	pattern := regexp.MustCompile(strings.Join(args[1:], ""))
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	last := ""
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(30 * time.Millisecond) {
		status, body, err := get(client, args[0])
		switch {
		case neg && err != nil:
			return
		case !neg && err == nil && status == http.StatusOK && pattern.MatchString(body):
			return
		}
		last = strconv.Itoa(status) + " " + body
		if err != nil {
			last = err.Error()
		}
	}
	ts.Fatalf("GET %s did not answer as wanted in %v; last: %s", args[0], patience, last)
}

func get(c *http.Client, url string) (status int, body string, err error) {
	r, err := c.Get(url)
	if err != nil {
		return 0, "", err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	return r.StatusCode, string(b), err
}

// cmdKillAll: killall PART sends SIGKILL to all processes of this script's
// home whose command line contains PART. There has to be one.
func cmdKillAll(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: killall part-of-the-command-line")
	}
	if killProcesses(filepath.Dir(ts.Getenv("HOME")), args[0]) == 0 {
		ts.Fatalf("no process of %q", args[0])
	}
}
