package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"davit/backend/api"
)

func testDirs(t testing.TB, below string) Dirs {
	t.Helper()
	root := filepath.Join(t.TempDir(), below)
	d := Dirs{Data: filepath.Join(root, "data"), Runtime: filepath.Join(root, "run"), Config: filepath.Join(root, "config")}
	if err := d.Make(); err != nil {
		t.Fatal(err)
	}
	return d
}

func testID(n uint64) string {
	var b [32]byte
	r := rand.New(rand.NewPCG(n, 7))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return hex.EncodeToString(b[:])
}

func add(t testing.TB, d Dirs, r Record, s *State) ContainerDir {
	t.Helper()
	dir := d.Container(r.ID)
	if err := os.MkdirAll(string(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	r.Version = RecordVersion
	if err := WriteJSONVolatile(dir.Record(), r); err != nil {
		t.Fatal(err)
	}
	if s != nil {
		s.Version = StateVersion
		if err := WriteJSONVolatile(dir.State(), s); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestRecordSurvivesOddPaths(t *testing.T) {
	for _, below := range []string{"a b", "a:b,c", "a\nb", strings.Repeat("x", 200), "ä\xff"} {
		d := testDirs(t, below)
		want := Record{ID: testID(1), Name: "web", Args: []string{"/bin/sh"}, Created: time.Now().UTC().Truncate(0)}
		dir := add(t, d, want, nil)
		if err := WriteJSON(dir.Config(), map[string]string{"ociVersion": "1.3.0"}); err != nil {
			t.Fatal(err)
		}
		got, err := ListContainers(d)
		if err != nil || len(got) != 1 || got[0].Err != nil {
			t.Fatalf("%q: %+v, %v", below, got, err)
		}
		if got[0].Record.Name != "web" || !got[0].Record.Created.Equal(want.Created) || got[0].State.State != api.StateCreated {
			t.Errorf("%q: %+v", below, got[0])
		}
	}
}

func TestDamagedRecordIsListed(t *testing.T) {
	good := func(t *testing.T) ([]byte, Dirs, ContainerDir) {
		d := testDirs(t, "")
		dir := add(t, d, Record{ID: testID(1), Name: "web", Args: []string{"x"}}, &State{State: api.StateExited})
		b, err := os.ReadFile(dir.Record())
		if err != nil {
			t.Fatal(err)
		}
		return b, d, dir
	}
	check := func(t *testing.T, d Dirs, words string) {
		t.Helper()
		l, err := ListContainers(d)
		if err != nil || len(l) != 1 {
			t.Fatalf("%+v, %v", l, err)
		}
		e := l[0]
		if e.Err == nil || e.Record.ID != testID(1) || e.State.State != api.StateBroken || !strings.Contains(e.State.Reason, words) {
			t.Errorf("%+v does not say %q", e, words)
		}
		if id, err := FindContainer(d, e.Record.Name); err != nil && e.Record.Name != testID(1)[:12] || err == nil && id != testID(1) {
			t.Errorf("by name: %s, %v", id, err)
		}
	}
	t.Run("truncated anywhere", func(t *testing.T) {
		b, d, dir := good(t)
		for n := 0; n < len(b)-2; n += 7 {
			if err := os.WriteFile(dir.Record(), b[:n], 0o600); err != nil {
				t.Fatal(err)
			}
			words := "damaged"
			if n == 0 {
				words = "empty"
			}
			check(t, d, words)
		}
	})
	t.Run("newer", func(t *testing.T) {
		_, d, dir := good(t)
		b := fmt.Sprintf(`{"version": 9, "id": %q, "name": "web", "args": {"other": "shape"}}`, testID(1))
		if err := os.WriteFile(dir.Record(), []byte(b), 0o600); err != nil {
			t.Fatal(err)
		}
		check(t, d, "newer Davit")
	})
	t.Run("state", func(t *testing.T) {
		_, d, dir := good(t)
		if err := os.WriteFile(dir.State(), []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
		check(t, d, "state.json is damaged")
	})
	t.Run("missing", func(t *testing.T) {
		_, d, dir := good(t)
		if err := os.Remove(dir.Record()); err != nil {
			t.Fatal(err)
		}
		check(t, d, "is missing")
	})
	t.Run("huge", func(t *testing.T) {
		_, d, dir := good(t)
		if err := os.Truncate(dir.Record(), maxJSON+4096); err != nil {
			t.Fatal(err)
		}
		check(t, d, "longer than")
	})
}

func TestFindContainer(t *testing.T) {
	d := testDirs(t, "")
	a, b := "aa"+testID(1)[2:], "aa"+testID(2)[2:]
	add(t, d, Record{ID: a, Name: "web"}, nil)
	add(t, d, Record{ID: b, Name: a[:8]}, nil) // a name wins over the beginning of an id
	for ref, want := range map[string]string{a: a, b: b, "web": a, "/web": a, a[:8]: b, a[:9]: a, b[:9]: b} {
		if got, err := FindContainer(d, ref); got != want || err != nil {
			t.Errorf("%s: %s, %v", ref, got, err)
		}
	}
	for ref, kind := range map[string]api.Kind{"aa": api.KindConflict, "zz": api.KindNotFound, "": api.KindNotFound, "../x": api.KindNotFound} {
		if got, err := FindContainer(d, ref); api.KindOf(err) != kind {
			t.Errorf("%q: %s, %v", ref, got, err)
		}
	}
}

func TestEffectiveState(t *testing.T) {
	start, err := ProcessStart(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	running := State{State: api.StateRunning, PID: os.Getpid(), PIDStart: start, BootID: BootID(), IP: "10.88.0.2"}
	if got := running.Effective(); got.State != api.StateRunning || got.IP == "" {
		t.Errorf("alive: %+v", got)
	}
	reused := running
	reused.PIDStart++
	rebooted := running
	rebooted.BootID = "another"
	gone := running
	gone.PID = 1 << 30
	for name, s := range map[string]State{"the computer": rebooted, "not watching": reused, "Davit was": gone} {
		got := s.Effective()
		if got.State != api.StateExited || got.ExitCode != 137 || got.PID != 0 || !strings.Contains(got.Reason, name) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// Between the end of a process and its guard's word on it, the container is
// neither running nor dead.
func TestEndIsNotCalledUnseenWhileAGuardAnswers(t *testing.T) {
	d := testDirs(t, "")
	if len(d.GuardSocket()) > 100 {
		d.Runtime = shortDir(t)
	}
	gone := State{State: api.StateRunning, PID: 1 << 30, BootID: BootID()}
	add(t, d, Record{ID: testID(1), Name: "web"}, &gone)
	look := func() [2]State {
		l, err := ListContainers(d)
		if err != nil || len(l) != 1 {
			t.Fatal(l, err)
		}
		e, err := ReadContainer(d, testID(1))
		if err != nil {
			t.Fatal(err)
		}
		return [2]State{l[0].State, e.State}
	}
	for _, s := range look() {
		if s.State != api.StateExited || s.ExitCode != 137 {
			t.Errorf("no guard: %+v", s)
		}
	}
	l, err := net.Listen("unixpacket", d.GuardSocket())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, s := range look() {
		if s.State != api.StateStopping || s.PID != 0 {
			t.Errorf("guard: %+v", s)
		}
	}
}

func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "d")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func TestWriteJSONLeavesOldOrNew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.json")
	if err := WriteJSON(path, 1); err != nil {
		t.Fatal(err)
	}
	if err := WriteJSON(path, func() {}); err == nil {
		t.Fatal("a func was written")
	}
	var got int
	if err := ReadJSON(path, &got); err != nil || got != 1 {
		t.Fatal(got, err)
	}
	if l, _ := os.ReadDir(filepath.Dir(path)); len(l) != 1 {
		t.Errorf("left over: %v", l)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if err := ReadJSON(path+"x", &got); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
}

func TestLockFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	l, err := LockFile(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := LockFile(ctx, path); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("second lock: %v", err)
	}
	got := make(chan error)
	go func() {
		l, err := LockFile(t.Context(), path)
		if err == nil {
			err = l.Unlock()
		}
		got <- err
	}()
	if err := l.Unlock(); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Fatal(err)
	}
}

func TestLocate(t *testing.T) {
	own := t.TempDir()
	if len(own) > 50 {
		var err error
		if own, err = os.MkdirTemp("/tmp", "d"); err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(own)
	}
	uid := fmt.Sprint(os.Getuid())
	for _, c := range []struct {
		env  map[string]string
		want Dirs
		err  api.Kind
	}{
		{env: map[string]string{"HOME": "/h o", "XDG_RUNTIME_DIR": own}, want: Dirs{"/h o/.local/share/davit", own + "/davit", "/h o/.config/davit"}},
		{env: map[string]string{"XDG_DATA_HOME": "/d", "XDG_CONFIG_HOME": "/c", "XDG_RUNTIME_DIR": own}, want: Dirs{"/d/davit", own + "/davit", "/c/davit"}},
		{env: map[string]string{"HOME": "/h", "XDG_DATA_HOME": "relative"}, want: Dirs{"/h/.local/share/davit", "/tmp/davit-" + uid, "/h/.config/davit"}},
		{env: map[string]string{"HOME": "/h", "DAVIT_UID": "123456"}, want: Dirs{"/h/.local/share/davit", "/tmp/davit-123456", "/h/.config/davit"}},
		{env: map[string]string{"XDG_RUNTIME_DIR": own}, err: api.KindHost},
	} {
		defer os.Remove("/tmp/davit-123456")
		got, err := Locate(func(k string) string { return c.env[k] })
		if api.KindOf(err) != c.err || err == nil && got != c.want {
			t.Errorf("%v: %+v, %v", c.env, got, err)
		}
	}
}

// CVE-2021-41103's class: a directory that others can reach into is none to
// keep sockets in.
func TestRuntimeDirectoryOfOthersIsNotTrusted(t *testing.T) {
	base := t.TempDir()
	if len(base)+len("/davit") > maxRuntime {
		t.Skipf("the directory for temporary files has a long name: %s", base)
	}
	env := func(k string) string {
		return map[string]string{"HOME": "/h", "XDG_RUNTIME_DIR": base, EnvUID: "123457"}[k]
	}
	defer os.Remove("/tmp/davit-123457")
	locate := func(mode os.FileMode) (Dirs, error) {
		if err := os.Chmod(base, mode); err != nil {
			t.Fatal(err)
		}
		return Locate(env)
	}
	if d, err := locate(0o777); err != nil || d.Runtime != "/tmp/davit-123457" {
		t.Errorf("a base that everybody may write in gave %+v, %v", d, err)
	}
	if d, err := locate(0o700); err != nil || d.Runtime != filepath.Join(base, "davit") {
		t.Errorf("a private base gave %+v, %v", d, err)
	}
	if err := os.Symlink("/tmp", filepath.Join(base, "davit")); err != nil {
		t.Fatal(err)
	}
	if d, err := locate(0o700); api.KindOf(err) != api.KindHost {
		t.Errorf("a link in the place of the directory gave %+v, %v", d, err)
	}
}

func TestRecordDoesNotLeadOutOfTheStore(t *testing.T) {
	d := testDirs(t, "")
	good := Record{ID: testID(1), Name: "web", Layers: []string{testID(2)}, Network: "default"}
	dir := add(t, d, good, nil)
	if _, err := ReadRecord(dir); err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(*Record){
		"id that climbs":      func(r *Record) { r.ID = "../../.ssh" },
		"id of another":       func(r *Record) { r.ID = testID(3) },
		"short id":            func(r *Record) { r.ID = "abc" },
		"layer that climbs":   func(r *Record) { r.Layers = []string{"../../../.ssh"} },
		"network that climbs": func(r *Record) { r.Network = "x/../../y" },
	} {
		bad := good
		change(&bad)
		bad.Version = RecordVersion
		if err := WriteJSONVolatile(dir.Record(), bad); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadRecord(dir); api.KindOf(err) != api.KindCorrupt {
			t.Errorf("%s: %v", what, err)
		}
		e, err := ReadContainer(d, good.ID)
		if err != nil || e.Record.ID != good.ID || e.State.State != api.StateBroken {
			t.Errorf("%s: %+v, %v", what, e, err)
		}
	}
}

func TestWatchContainers(t *testing.T) {
	d := testDirs(t, "")
	old := add(t, d, Record{ID: testID(1), Name: "old"}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	ids, err := WatchContainers(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	next := func(want string) {
		t.Helper()
		for {
			select {
			case id := <-ids:
				if id == want {
					return
				}
			case <-time.After(5 * time.Second):
				t.Fatalf("no word of %s", want)
			}
		}
	}
	if err := WriteJSON(old.State(), State{}); err != nil {
		t.Fatal(err)
	}
	next(testID(1))
	fresh := add(t, d, Record{ID: testID(2), Name: "new"}, nil)
	next(testID(2))
	if err := WriteJSON(fresh.State(), State{}); err != nil {
		t.Fatal(err)
	}
	next(testID(2))
	if err := os.RemoveAll(string(old)); err != nil {
		t.Fatal(err)
	}
	next(testID(1))
	cancel()
	for range ids { // ends: the channel is closed
	}
}

func TestPollSeesWhatInotifyWould(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	got := poll(ctx, func() []string { return []string{dir} })
	for i := range 2 {
		before := fingerprint(dir)
		if err := WriteJSON(filepath.Join(dir, fmt.Sprint(i, ".json")), i); err != nil {
			t.Fatal(err)
		}
		if fingerprint(dir) == before {
			t.Fatal("fingerprint did not change")
		}
	}
	_ = WriteJSON(filepath.Join(dir, "later.json"), 1)
	cancel()
	for range got {
	}
}

func BenchmarkList500(b *testing.B) {
	d := testDirs(b, "")
	start, err := ProcessStart(os.Getpid())
	if err != nil {
		b.Fatal(err)
	}
	for i := range 500 {
		add(b, d, Record{
			ID: testID(uint64(i)), Name: fmt.Sprint("web", i), Image: "docker.io/library/nginx:latest",
			Layers: []string{testID(1), testID(2), testID(3), testID(4)}, Created: time.Now(),
			Args: []string{"/docker-entrypoint.sh", "nginx", "-g", "daemon off;"},
			Env:  []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "NGINX_VERSION=1.27.0"},
			Spec: api.RunSpec{Image: "nginx", Ports: []api.Port{{HostPort: 8080, ContainerPort: 80}}},
		}, &State{State: api.StateRunning, PID: os.Getpid(), PIDStart: start, BootID: BootID(), Started: time.Now(), IP: "10.88.0.2"})
	}
	for b.Loop() {
		if l, err := ListContainers(d); err != nil || len(l) != 500 {
			b.Fatal(len(l), err)
		}
	}
}

func BenchmarkFindByName500(b *testing.B) {
	d := testDirs(b, "")
	for i := range 500 {
		add(b, d, Record{ID: testID(uint64(i)), Name: fmt.Sprint("web", i)}, nil)
	}
	for b.Loop() {
		if _, err := FindContainer(d, "web499"); err != nil {
			b.Fatal(err)
		}
	}
}
