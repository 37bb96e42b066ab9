package store

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"

	"davit/backend/api"
)

// limits are the files of how many watches a user may have in this user
// namespace.
var limits = []string{"/proc/sys/user/max_inotify_instances", "/proc/sys/user/max_inotify_watches"}

// Where the kernel has no watches left for this user, changes are told all
// the same. It is tried in a user namespace that may have none.
func TestWatchesAreExhausted(t *testing.T) {
	if limit := os.Getenv("DAVIT_TEST_LIMIT"); limit != "" {
		if err := os.WriteFile(limit, []byte("0"), 0); err != nil {
			t.Fatal(err)
		}
		withoutWatches(t)
		return
	}
	for _, limit := range limits {
		t.Run(limit, func(t *testing.T) {
			t.Parallel()
			inNamespace(t, limit)
		})
	}
}

func inNamespace(t *testing.T, limit string) {
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestWatchesAreExhausted$", "-test.v")
	cmd.Env = append(os.Environ(), "DAVIT_TEST_LIMIT="+limit)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func withoutWatches(t *testing.T) {
	d := testDirs(t, "")
	if err := d.Make(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	files, err := WatchStore(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	ids, err := WatchContainers(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	next := func(what string, words <-chan string, want ...string) {
		t.Helper()
		select {
		case got := <-words:
			if !slices.Contains(want, got) {
				t.Errorf("%s: told of %q, want one of %q", what, got, want)
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("%s: not told", what)
		}
	}
	for _, action := range []string{"first", "second"} { // one makes the file, one has it grow
		if err := Note(d, api.Event{Time: time.Now(), Action: action}); err != nil {
			t.Fatal(err)
		}
		next(action+" event", files, d.Journal())
	}
	if err := WriteJSON(d.Network("app"), Network{}); err != nil {
		t.Fatal(err)
	}
	next("a network", files, d.Networks())
	add(t, d, Record{ID: testID(1), Name: "new"}, nil)
	next("a container", ids, "", testID(1))
}
