// Command floor starts the barest container there can be, again and again: all
// namespaces, id maps by newuidmap and newgidmap, an overlay, the usual mounts,
// pivot_root, exec. It is what a start cannot be cheaper than where it is
// written in Go, whose processes have to execute themselves to enter
// namespaces; no seccomp, no capabilities, no network, no records.
//
//	floor DIR   for each line on standard input one start in DIR; prints the
//	            microseconds from clone until the program is executed
//
// It runs as an unprivileged user on the host.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The stages of the started process, told by its name: mapped waits for the
// id maps and gains its capabilities by the exec that follows.
const (
	mapped = "floor-mapped"
	inside = "floor-inside"
)

func main() {
	var err error
	switch os.Args[0] {
	case mapped:
		err = awaitMaps()
	case inside:
		err = enter(os.Args[1])
	default:
		err = serve(os.Args[1])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}

func serve(dir string) error {
	for _, d := range []string{"lower/bin", "lower/proc", "lower/sys", "lower/dev", "lower/old", "upper", "work", "rootfs"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return err
		}
	}
	program, err := os.ReadFile("/bin/busybox")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "lower/bin/true"), program, 0o755); err != nil {
		return err
	}
	ids, err := subordinate()
	if err != nil {
		return err
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		took, err := start(dir, ids)
		if err != nil {
			return err
		}
		fmt.Println(took.Microseconds())
	}
	return nil
}

// maps are the arguments of newuidmap and newgidmap after the process id.
type maps struct{ uids, gids []string }

func subordinate() (maps, error) {
	who, err := user.Current()
	if err != nil {
		return maps{}, err
	}
	read := func(path, own string) ([]string, error) {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(text)) {
			f := strings.Split(strings.TrimSpace(line), ":")
			if len(f) == 3 && (f[0] == who.Username || f[0] == who.Uid) {
				return []string{"0", own, "1", "1", f[1], f[2]}, nil
			}
		}
		return nil, fmt.Errorf("%s has nothing for %s", path, who.Username)
	}
	uids, err := read("/etc/subuid", who.Uid)
	if err != nil {
		return maps{}, err
	}
	gids, err := read("/etc/subgid", who.Gid)
	return maps{uids, gids}, err
}

// start returns when the container's program is executed: the end of a pipe
// that is closed by that tells.
func start(dir string, ids maps) (time.Duration, error) {
	began := time.Now()
	executed, hold, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer executed.Close()
	ready, set, err := os.Pipe()
	if err != nil {
		return 0, errors.Join(err, hold.Close())
	}
	cmd := exec.Command("/proc/self/exe", dir)
	cmd.Args[0], cmd.Stderr, cmd.ExtraFiles = mapped, os.Stderr, []*os.File{ready, hold}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNS |
		unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP}
	err = cmd.Start()
	_, _ = ready.Close(), hold.Close()
	if err != nil {
		return 0, errors.Join(err, set.Close())
	}
	pid := strconv.Itoa(cmd.Process.Pid)
	err = errors.Join(exec.Command("newuidmap", append([]string{pid}, ids.uids...)...).Run(),
		exec.Command("newgidmap", append([]string{pid}, ids.gids...)...).Run(), set.Close())
	_, rerr := io.Copy(io.Discard, executed)
	took := time.Since(began)
	return took, errors.Join(err, rerr, cmd.Wait())
}

// awaitMaps: file descriptor 3 ends when the id maps are written.
func awaitMaps() error {
	if _, err := io.Copy(io.Discard, os.NewFile(3, "maps")); err != nil {
		return err
	}
	return unix.Exec("/proc/self/exe", []string{inside, os.Args[1]}, nil)
}

// enter makes the file system and becomes the program.
func enter(dir string) error {
	unix.CloseOnExec(4)
	root := filepath.Join(dir, "rootfs")
	overlay := fmt.Sprintf("userxattr,lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work", dir, dir, dir)
	mounts := []struct {
		source, target, kind string
		flags                uintptr
		data                 string
	}{
		{"", "/", "", unix.MS_REC | unix.MS_PRIVATE, ""},
		{"overlay", root, "overlay", 0, overlay},
		{"proc", root + "/proc", "proc", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, ""},
		{"sysfs", root + "/sys", "sysfs", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_RDONLY, ""},
		{"tmpfs", root + "/dev", "tmpfs", unix.MS_NOSUID, "mode=755"},
		{"devpts", root + "/dev/pts", "devpts", unix.MS_NOSUID | unix.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620"},
		{"mqueue", root + "/dev/mqueue", "mqueue", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, ""},
		{"shm", root + "/dev/shm", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, "mode=1777"},
	}
	for _, m := range mounts {
		if m.kind != "" && m.kind != "overlay" {
			if err := os.MkdirAll(m.target, 0o755); err != nil {
				return err
			}
		}
		if err := unix.Mount(m.source, m.target, m.kind, m.flags, m.data); err != nil {
			return fmt.Errorf("mount %s: %w", m.target, err)
		}
	}
	if err := devices(root + "/dev"); err != nil {
		return err
	}
	if err := errors.Join(unix.Sethostname([]byte("floor")), unix.Chdir(root), unix.PivotRoot(".", "old"),
		unix.Unmount("/old", unix.MNT_DETACH), unix.Chdir("/")); err != nil {
		return err
	}
	return unix.Exec("/bin/true", []string{"true"}, nil)
}

func devices(dev string) error {
	for _, name := range []string{"null", "zero", "full", "tty", "random", "urandom"} {
		f, err := os.Create(filepath.Join(dev, name))
		if err != nil {
			return err
		}
		if err := errors.Join(f.Close(), unix.Mount("/dev/"+name, f.Name(), "", unix.MS_BIND, "")); err != nil {
			return fmt.Errorf("mount %s: %w", f.Name(), err)
		}
	}
	return nil
}
