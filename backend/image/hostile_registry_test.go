package image

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"davit/backend/api"
	"davit/tests/images"
)

// TestHostileRegistry pulls from every mode of shared/hostile/hostile_registry,
// with credentials in the auth file for each of its hosts: none may get to
// where it does not belong, no pull may take long or ask for ever.
func TestHostileRegistry(t *testing.T) {
	t.Parallel()
	addr := startHostile(t, images.Shared(t, "hostile", "hostile_registry"))
	modes := strings.Split(strings.TrimSpace(get(t, addr, "/modes")), "\n")
	if len(modes) < 40 {
		t.Fatalf("only %d modes", len(modes))
	}
	for _, line := range modes {
		f := strings.Split(line, "\t")
		m := misbehaviour{name: f[0], verdict: f[1], expect: f[2], host: f[3], addr: addr}
		t.Run(m.name, m.try)
	}
	// Those that wait ran side by side, after all others: what leaked meanwhile
	// is found here.
	leaks, _ := judged(t, addr, "")
	t.Cleanup(func() {
		after, _ := judged(t, addr, "")
		for _, l := range after[len(leaks):] {
			t.Errorf("leak: %s", l)
		}
	})
}

// misbehaviour is one mode of the hostile registry.
type misbehaviour struct{ name, verdict, expect, host, addr string }

func (m misbehaviour) try(t *testing.T) {
	slow := strings.HasPrefix(m.name, "slow-") || strings.HasPrefix(m.name, "stall-")
	if slow {
		t.Parallel()
	}
	s := open(t)
	logIn(t, s, m.host)
	leaks, hits := judged(t, m.addr, m.name)
	ctx, cancel := context.WithTimeout(bg, 20*time.Second)
	defer cancel()
	_, err := s.Pull(ctx, api.PullSpec{Ref: m.host + "/" + m.name + ":latest"}, nil)
	if ctx.Err() != nil {
		t.Error("it took too long")
	}
	if m.verdict == "reject" && err == nil || m.verdict == "accept" && err != nil {
		t.Errorf("%s, but: %v", m.expect, err)
	}
	if err != nil {
		refusal(t, s, err)
	}
	tags(t, s, m.host+"/"+m.name)
	after, asked := judged(t, m.addr, m.name)
	if !slow {
		for _, l := range after[len(leaks):] {
			t.Errorf("leak: %s", l)
		}
	}
	if asked-hits > 60 {
		t.Errorf("%d requests", asked-hits)
	}
}

// tags lists the tags too: names that are none must not come through.
func tags(t *testing.T, s *Store, repo string) {
	ctx, cancel := context.WithTimeout(bg, 20*time.Second)
	defer cancel()
	list, err := s.Tags(ctx, repo, api.RegistryAccess{})
	if ctx.Err() != nil {
		t.Error("tags took too long")
	}
	for _, tag := range list.Tags {
		if strings.ContainsAny(tag.Name, "\x1b<>") || strings.HasPrefix(tag.Name, "-") {
			t.Errorf("tag %q", tag.Name)
		}
	}
	if err != nil && strings.ContainsAny(err.Error(), "\x1b\n") {
		t.Errorf("%q", err)
	}
}

func startHostile(t *testing.T, src string) string {
	t.Helper()
	mod := t.TempDir()
	if err := os.CopyFS(mod, os.DirFS(src)); err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(mod, "hostile")
	build := exec.Command("go", "build", "-o", bin, ".")
	build.Dir, build.Env = mod, append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	if b, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	layer := filepath.Join(mod, "layer.tar.gz")
	i := images.Layer(t, images.File("data", noise(300<<10)))
	r, err := i.Compressed()
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(layer, b, 0o600); err != nil {
		t.Fatal(err)
	}
	addr := freeRange(t)
	cmd := exec.Command(bin, "-addr", addr, "-layer", layer)
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	if !bufio.NewScanner(out).Scan() {
		t.Fatal("the hostile registry did not start")
	}
	go io.Copy(io.Discard, out)
	waitFor(t, addr)
	return addr
}

// noise is data that does not compress.
func noise(n int) string {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return string(b)
}

// freeRange finds a port such that those which the hostile registry takes
// beside it are free too.
func freeRange(t *testing.T) string {
	t.Helper()
	for base := 20000 + os.Getpid()%20000; base < 60000; base += 20 {
		free := true
		for _, off := range []int{0, 1, 10, 11, 12, 13, 14, 15, 16, 17} {
			l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", base+off))
			if err != nil {
				free = false
				break
			}
			l.Close()
		}
		if free {
			return fmt.Sprintf("127.0.0.1:%d", base)
		}
	}
	t.Fatal("no free ports")
	return ""
}

func waitFor(t *testing.T, addr string) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return
		}
	}
	t.Fatal("the hostile registry does not listen")
}

func get(t *testing.T, addr, path string) string {
	t.Helper()
	r, err := http.Get("http://" + addr + path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// judged asks what leaked so far, and how many requests a mode got.
func judged(t *testing.T, addr, mode string) (leaks []string, requests int) {
	t.Helper()
	var v struct {
		Leaks []string
		Hits  map[string]int
	}
	if err := json.Unmarshal([]byte(get(t, addr, "/verdict")), &v); err != nil {
		t.Fatal(err)
	}
	for k, n := range v.Hits {
		if strings.Contains(k, mode) {
			requests += n
		}
	}
	for _, l := range v.Leaks {
		if !strings.HasPrefix(l, "REQUEST ") { // an anonymous request is no leak
			leaks = append(leaks, l)
		}
	}
	return leaks, requests
}

// logIn writes credentials as docker login would.
func logIn(t *testing.T, s *Store, host string) {
	t.Helper()
	auth := base64.StdEncoding.EncodeToString([]byte("user:s3cret"))
	text := fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, host, auth)
	if err := os.MkdirAll(filepath.Dir(s.creds.Own), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.creds.Own, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
