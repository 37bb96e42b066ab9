package keeper

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"davit/backend/store"
)

// The test binary plays the keeper and the processes that it spawns.
func TestMain(m *testing.M) {
	switch os.Getenv("KEEPER_TEST_ROLE") {
	case "keep":
		if err := Main(testDirs(), 0); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
	case "kept":
		kept()
	case "inside":
		_ = os.Unsetenv("KEEPER_TEST_ROLE")
		os.Exit(m.Run())
	default:
		os.Exit(inside())
	}
}

// inside runs the tests in namespaces of their own: the keeper changes how
// mounts propagate, and has to be root of a user namespace.
func inside() int {
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), "KEEPER_TEST_ROLE=inside")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	if err := cmd.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "in a user namespace:", err)
		return 1
	}
	return 0
}

func testDirs() store.Dirs {
	d := os.Getenv("KEEPER_TEST_DIR")
	return store.Dirs{Data: d + "/data", Runtime: d, Config: d}
}

// kept deposits a file at its first start and dies; at its second it writes
// through the deposit that it got back.
func kept() {
	if f := Deposits()["out"]; f != nil {
		_, _ = f.WriteString("got it back")
		return
	}
	c, err := Dial(context.Background(), testDirs())
	if err != nil {
		panic(err)
	}
	if err := c.Deposit(context.Background(), "out", os.NewFile(3, "out")); err != nil {
		panic(err)
	}
	os.Exit(3)
}

// endKeeper ends the keeper: one whose directory is removed makes it again.
func endKeeper(t *testing.T) {
	var h holder
	err := store.ReadJSON(testDirs().Keeper(), &h)
	if err == nil {
		err = syscall.Kill(h.PID, syscall.SIGKILL)
	}
	if err == nil {
		_, err = store.AwaitDir(context.Background(), testDirs().Data)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestKeptProcessGetsItsDepositsBack(t *testing.T) {
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("KEEPER_TEST_ROLE", "keep")
	t.Setenv("KEEPER_TEST_DIR", dir)
	t.Cleanup(func() { endKeeper(t) })
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	c, err := Ensure(ctx, Options{Dirs: testDirs(), GuardBinary: self})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	env := []string{"KEEPER_TEST_ROLE=kept", "KEEPER_TEST_DIR=" + dir}
	spawn := Spawn{Name: "one", Args: []string{self}, Env: env, Files: []*os.File{w}, Keep: true}
	if _, err := c.Spawn(ctx, spawn); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	got := make([]byte, 64)
	n, err := r.Read(got)
	if err != nil || string(got[:n]) != "got it back" {
		t.Fatalf("got %q, %v", got[:n], err)
	}
	if _, err := os.Stat(filepath.Join(dir, "keeper.sock")); err != nil {
		t.Fatal(err)
	}
}
