package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"davit/backend/userns"
)

// role is the hidden first argument of the probe.
const role = "doctor-probe"

// spoken is what the probe says first, so that another program's output is
// not taken for a finding.
const spoken = "davit doctor-probe\n"

// Main plays the probe where args (os.Args) ask for it: ran tells whether
// they did, code is the exit status then. Every main that fronts use as
// Options.Probe calls it before anything else.
func Main(args []string) (code int, ran bool) {
	if len(args) < 3 || args[1] != role {
		return 0, false
	}
	fmt.Print(spoken)
	switch args[2] {
	case "wait": // to have ids mapped from outside
		_, _ = io.Copy(io.Discard, os.Stdin)
		return 0, true
	case "links":
		return probeLinks(), true
	case "mount":
		if len(args) == 4 {
			return probeMounts(args[3]), true
		}
	}
	return 2, true
}

// probeMounts runs as root of a new user and mount namespace.
func probeMounts(dir string) int {
	// On Ubuntu the namespace can be made, but AppArmor takes its rights away:
	// this is the first thing that then fails.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		fmt.Printf("namespace: %v\n", err)
		return 1
	}
	if err := mountOverlay(dir); err != nil {
		fmt.Printf("overlay: %v\n", err)
		return 1
	}
	return 0
}

// mountOverlay mounts one as containers get it, on the store's file system,
// and changes a file through it.
func mountOverlay(dir string) error {
	for _, d := range []string{"lower", "upper", "work", "merged"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "lower/file"), []byte("lower"), 0o600); err != nil {
		return err
	}
	// Relative names: a path with a comma or colon in it would end the option.
	if err := os.Chdir(dir); err != nil {
		return err
	}
	if err := unix.Mount("overlay", "merged", "overlay", 0, "lowerdir=lower,upperdir=upper,workdir=work,userxattr"); err != nil {
		return err
	}
	defer func() { _ = unix.Unmount("merged", unix.MNT_DETACH) }()
	if err := os.WriteFile("merged/file", []byte("upper"), 0o600); err != nil {
		return err
	}
	return os.Remove("merged/file")
}

// probed is what the probe found; both nil: all is well.
type probed struct {
	notRun    error // the probe itself could not be made to work
	namespace error
	overlay   error
}

// runProbe makes a user namespace with one id in it and mounts in there.
// dir is on the store's file system.
func runProbe(ctx context.Context, exe, dir string) probed {
	tmp, err := os.MkdirTemp(dir, ".davit-doctor-*")
	if err != nil { // a home that cannot be written to is another check's finding
		if tmp, err = os.MkdirTemp("", ".davit-doctor-*"); err != nil {
			return probed{notRun: err}
		}
	}
	defer removeProbe(tmp)
	cmd, err := userns.Command(ctx, userns.DiesWithParent, exe, role, "mount", tmp)
	if err != nil {
		return probed{notRun: err}
	}
	a := cmd.SysProcAttr
	a.Cloneflags = unix.CLONE_NEWUSER | unix.CLONE_NEWNS
	a.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	a.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	var out bytes.Buffer
	cmd.Stdout = &out
	return reading(cmd.Run(), out.String())
}

// reading understands how the probe ended.
func reading(err error, out string) probed {
	text, spoke := strings.CutPrefix(out, spoken)
	what, why, _ := strings.Cut(strings.TrimSpace(text), ": ")
	var exit *exec.ExitError
	switch {
	case spoke && err == nil:
		return probed{}
	case spoke && what == "namespace":
		return probed{namespace: errors.New(why)}
	case spoke && what == "overlay":
		return probed{overlay: errors.New(why)}
	case err == nil || errors.As(err, &exit) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrNotExist):
		return probed{notRun: fmt.Errorf("the probe gave no answer: %w", errors.Join(err, errors.New(strings.TrimSpace(out))))}
	}
	return probed{namespace: err} // the kernel refused to make the process
}

// removeProbe: overlay leaves its work directory without any permission.
func removeProbe(dir string) {
	_ = os.Chmod(filepath.Join(dir, "work/work"), 0o700)
	_ = os.RemoveAll(dir)
}

// tryMapping has newuidmap and newgidmap map ids into a namespace as the
// keeper does.
func tryMapping(ctx context.Context, h *host, exe string, uids, gids idRange) error {
	cmd, err := userns.Command(ctx, userns.DiesWithParent, exe, role, "wait")
	if err != nil {
		return err
	}
	cmd.SysProcAttr.Cloneflags = unix.CLONE_NEWUSER
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() { _ = cmd.Wait() }()
	defer in.Close()
	pid := fmt.Sprint(cmd.Process.Pid)
	for _, m := range []struct {
		tool string
		own  int
		r    idRange
	}{{"newuidmap", h.uid, uids}, {"newgidmap", os.Getgid(), gids}} {
		tool, err := h.look(m.tool)
		if err != nil {
			return err
		}
		out, err := h.output(ctx, tool, pid, "0", fmt.Sprint(m.own), "1", "1", fmt.Sprint(m.r.first), fmt.Sprint(m.r.count))
		if err != nil {
			return fmt.Errorf("%s: %w: %s", m.tool, err, strings.TrimSpace(out))
		}
	}
	return nil
}

// output runs a program and gives what it said, on both streams.
func output(ctx context.Context, name string, args ...string) (string, error) {
	cmd, err := userns.Command(ctx, userns.DiesWithParent, name, args...)
	if err != nil {
		return "", err
	}
	b, err := cmd.CombinedOutput()
	return string(b[:min(len(b), 4096)]), err
}
