package guard

import (
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/backend/store"
)

func TestWantsRestart(t *testing.T) {
	for _, c := range []struct {
		policy         string
		code, restarts int
		want           bool
	}{
		{"", 1, 0, false}, {"no", 1, 0, false}, {"always", 0, 99, true}, {"unless-stopped", 0, 0, true},
		{"on-failure", 0, 0, false}, {"on-failure", 1, 1000, true}, {"on-failure:2", 1, 1, true},
		{"on-failure:2", 1, 2, false}, {"on-failure:2", 0, 0, false},
	} {
		if got := wantsRestart(c.policy, c.code, c.restarts); got != c.want {
			t.Errorf("wantsRestart(%q, %d, %d) = %v", c.policy, c.code, c.restarts, got)
		}
	}
}

// Another port of a range may be open than the one that was written down.
func TestPortsThatGo(t *testing.T) {
	exact, of, other := api.Port{HostPort: 80, ContainerPort: 80}, api.Port{HostPort: 91, HostFirst: 90, HostLast: 92, ContainerPort: 80}, api.Port{HostPort: 92, HostFirst: 90, HostLast: 92, ContainerPort: 80}
	open := []api.Port{exact, of, other}
	for _, c := range []struct{ remove, left []api.Port }{
		{nil, open},
		{[]api.Port{exact}, []api.Port{of, other}},
		{[]api.Port{other}, []api.Port{exact, of}},
		{[]api.Port{{HostPort: 90, HostFirst: 90, HostLast: 92, ContainerPort: 80}}, []api.Port{exact, other}},
		{[]api.Port{{HostPort: 90, HostFirst: 90, HostLast: 93, ContainerPort: 80}, {HostPort: 81, ContainerPort: 80}}, open},
	} {
		gone, left := parted(open, c.remove)
		if !slices.Equal(left, c.left) || len(gone)+len(left) != len(open) {
			t.Errorf("without %v: %v left, %v gone", c.remove, left, gone)
		}
	}
}

func TestParseSignal(t *testing.T) {
	for in, want := range map[string]unix.Signal{
		"TERM": 15, "SIGTERM": 15, "sigkill": 9, "15": 15, "RTMIN": 34, "RTMIN+3": 37, "64": 64,
		"": 0, "0": 0, "65": 0, "NOPE": 0, "TERM+1": 0, "-9": 0, "RTMIN+31": 0,
	} {
		got, err := parseSignal(in)
		if got != want || (err == nil) != (want != 0) {
			t.Errorf("parseSignal(%q) = %d, %v, want %d", in, got, err, want)
		}
	}
}

func TestExitTellsCodeAndReason(t *testing.T) {
	const exited = 8 // shift of the code in a wait status
	for _, c := range []struct {
		status        syscall.WaitStatus
		asked, killed bool
		code          int
		reason        string
	}{
		{0, false, false, 0, ""},
		{7 << exited, false, false, 7, "code 7"},
		{127 << exited, false, false, 127, "not found"},
		{143 << exited, true, false, 143, "it was stopped"},
		{syscall.WaitStatus(unix.SIGTERM), true, false, 143, "it was stopped"},
		{syscall.WaitStatus(unix.SIGKILL), true, false, 137, "time given"},
		{syscall.WaitStatus(unix.SIGKILL), false, true, 137, "killed as asked"},
		{syscall.WaitStatus(unix.SIGKILL), false, false, 137, "memory"},
		{syscall.WaitStatus(unix.SIGSEGV), false, false, 139, "SEGV"},
	} {
		r := &run{}
		r.asked.Store(c.asked)
		r.killed.Store(c.killed)
		got := r.exit(c.status)
		if got.Code != c.code || !strings.Contains(got.Reason, c.reason) || (c.reason == "") != (got.Reason == "") {
			t.Errorf("status %#x: got %+v, want %d %q", int(c.status), got, c.code, c.reason)
		}
	}
}

// A reader that stands still delays neither the end nor other readers, and
// gets everything when it goes on.
func TestSessionOfSlowReaderKeepsEverything(t *testing.T) {
	ours, theirs := net.Pipe()
	s := newSession(theirs)
	block := bytes.Repeat([]byte("x"), chunk)
	n := sessionBuffer/chunk + 8
	pushed := make(chan struct{})
	go func() {
		for range n {
			s.push("stdout", block)
		}
		close(pushed)
	}()
	select {
	case <-pushed:
		t.Fatal("more was queued than the bound")
	case <-waitFor(func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.size > sessionBuffer }):
	}
	s.unbound()
	<-pushed
	s.finish(piece{exit: &api.Exit{Code: 3}})
	var out bytes.Buffer
	exit, err := api.NewSession(ours).Stream(&out, io.Discard)
	if err != nil || exit.Code != 3 || out.Len() != n*chunk {
		t.Fatalf("got %d bytes of %d, %+v, %v", out.Len(), n*chunk, exit, err)
	}
}

func waitFor(cond func() bool) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		for !cond() {
			runtime.Gosched()
		}
		close(done)
	}()
	return done
}

// Files of the image are read inside it, and only if they are plain files.
func TestAccountsStayInsideTheImage(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("root:x:0:0::/outside:/bin/sh\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, prepare := range map[string]func(etc string) error{
		"absolute link out": func(etc string) error { return os.Symlink(secret, etc+"/passwd") },
		"relative link out": func(etc string) error {
			return os.Symlink("../../../../../../../../../.."+secret, etc+"/passwd")
		},
		"pipe":      func(etc string) error { return unix.Mkfifo(etc+"/passwd", 0o600) },
		"directory": func(etc string) error { return os.Mkdir(etc+"/passwd", 0o700) },
		"missing":   func(string) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			if err := os.Mkdir(root+"/etc", 0o700); err != nil {
				t.Fatal(err)
			}
			if err := prepare(root + "/etc"); err != nil {
				t.Fatal(err)
			}
			u, home, err := resolveUser(root, "")
			if err != nil || u.UID != 0 || home != "/" {
				t.Fatalf("got %+v, home %q, %v", u, home, err)
			}
			if _, _, err := resolveUser(root, "nobody-here"); api.KindOf(err) != api.KindStart {
				t.Fatalf("an unknown user gave %v", err)
			}
		})
	}
}

func TestUserByNameAndNumber(t *testing.T) {
	root := t.TempDir()
	if err := os.Mkdir(root+"/etc", 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"passwd": "root:x:0:0::/root:/bin/sh\nweb:x:33:34::/srv:/bin/sh\n",
		"group":  "root:x:0:\nweb:x:34:\nlogs:x:40:web\n",
	} {
		if err := os.WriteFile(root+"/etc/"+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for in, want := range map[string][2]uint32{"": {0, 0}, "web": {33, 34}, "33": {33, 34}, "1234": {1234, 0}, "web:logs": {33, 40}, "5:6": {5, 6}} {
		u, _, err := resolveUser(root, in)
		if err != nil || u.UID != want[0] || u.GID != want[1] {
			t.Errorf("user %q: got %d:%d, %v, want %v", in, u.UID, u.GID, err, want)
		}
	}
	u, home, err := resolveUser(root, "web")
	if err != nil || home != "/srv" || !slices.Contains(u.AdditionalGids, 40) {
		t.Errorf("web: %+v, home %q, %v", u, home, err)
	}
}

// CVE-2022-36109, CVE-2023-25173: the primary group is a supplementary one,
// too, and no group comes from anywhere but the image.
func TestGroupsOfAUser(t *testing.T) {
	root := accountsRoot(t, "root:x:0:0::/root:\nweb:x:33:34::/srv:\n", "wheel:x:10:root\nweb:x:34:\nlogs:x:40:web\nagain:x:34:web\n")
	for in, want := range map[string][]uint32{"": {0, 10}, "0": {0, 10}, "web": {34, 40}, "33": {34, 40}, "1000": {0}, "web:logs": {40}, "5:6": {6}} {
		u, _, err := resolveUser(root, in)
		if err != nil || !slices.Equal(u.AdditionalGids, want) {
			t.Errorf("user %q: groups %v, %v, want %v", in, u.AdditionalGids, err, want)
		}
	}
}

// Ids of the image that are none never become root.
func TestIdsThatWrapAreNotRoot(t *testing.T) {
	root := accountsRoot(t, "wrap:x:4294967296:4294967296::/:\nminus:x:-4294967296:0::/:\nword:x:zero:0::/:\nlong:x:99999999999999999999:0::/:\nshort:x\ngroup:x:5:4294967296::/:\nfine:x:7:8::/:\n",
		"wrap:x:4294967296:fine\nword:x:zero:fine\n")
	for _, name := range []string{"wrap", "minus", "word", "long", "short", "group", "fine:wrap", "fine:word", "-1", "4294967296", "0x0"} {
		if u, _, err := resolveUser(root, name); api.KindOf(err) != api.KindStart {
			t.Errorf("user %q is %d:%d, %v", name, u.UID, u.GID, err)
		}
	}
	if u, _, err := resolveUser(root, "fine"); err != nil || u.UID != 7 || !slices.Equal(u.AdditionalGids, []uint32{8}) {
		t.Errorf("fine: %+v, %v", u, err)
	}
}

// HL-033: 64 MB of accounts are not read, and who asks for a name learns why
// it is not known.
func TestHugeAccountsAreNotRead(t *testing.T) {
	root := accountsRoot(t, "web:x:33:34::/srv:\n", "")
	if err := os.Truncate(root+"/etc/passwd", 64<<20); err != nil {
		t.Fatal(err)
	}
	if u, _, err := resolveUser(root, "1000"); err != nil || u.UID != 1000 {
		t.Errorf("by number: %+v, %v", u, err)
	}
	if _, _, err := resolveUser(root, "web"); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("by name: %v", err)
	}
}

func accountsRoot(t *testing.T, passwd, group string) string {
	t.Helper()
	root := t.TempDir()
	if err := os.Mkdir(root+"/etc", 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"passwd": passwd, "group": group} {
		if err := os.WriteFile(root+"/etc/"+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// What comes over the socket is an id or nothing.
func TestGuardMakesNoPathOfWhatIsNoID(t *testing.T) {
	data := t.TempDir()
	outside := filepath.Join(data, "outside")
	if err := os.Mkdir(outside, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(outside, "container.json"), []byte(`{"version":1,"id":"x"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	g := &Guard{Config: Config{Dirs: store.Dirs{Data: data}}, containers: map[string]*container{}}
	for _, id := range []string{"../outside", "", ".", "x", strings.Repeat("A", 64), strings.Repeat("a", 63) + "/"} {
		if c, err := g.container(id); api.KindOf(err) != api.KindNotFound {
			t.Errorf("%q: %+v, %v", id, c, err)
		}
	}
}

func TestMergeEnv(t *testing.T) {
	got := mergeEnv([]string{"A=1", "B=2"}, []string{"B=3", "C=4", "C=5"}, true)
	if want := []string{"A=1", "TERM=xterm", "B=3", "C=5"}; !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
}
