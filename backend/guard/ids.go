package guard

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/backend/runspec"
	"davit/backend/userns/thread"
)

// user is resolveUser for this container: whoever it is has to be among the
// ids that it has.
func (c *container) user(name string, groups ...string) (specs.User, string, error) {
	u, home, err := resolveUser(c.dir.Rootfs(), name, groups...)
	if err != nil {
		return u, home, err
	}
	for _, gid := range append(u.AdditionalGids, u.GID) {
		if _, _, ok := c.rec.IDs.Outside(int(u.UID), int(gid)); !ok {
			return u, home, api.Errorf(api.KindStart, "the container's user %d or group %d is mapped to nobody", u.UID, gid).
				WithHint("Map it by --uidmap and --gidmap, or run as a user that is mapped (--user).").WithExit(125)
		}
	}
	return u, home, nil
}

// nestedNetwork does what a container with ids of its own may not: its network
// belongs to Davit's user namespace, not to its own. The kernel mounts sysfs,
// and lets parameters of a network be set, for who has rights over that. done
// takes back what stands in the guard's mount namespace.
func (c *container) nestedNetwork(spec *specs.Spec, n connected) (done func(), err error) {
	done = func() {}
	if c.rec.IDs.None() || n.netns == nil {
		return done, nil
	}
	at := filepath.Join(string(c.dir), "sys")
	if err := os.Mkdir(at, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return done, err
	}
	_ = unix.Unmount(at, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW) // left by a guard that was killed
	mounted := false
	for i, m := range spec.Mounts {
		if m.Type == "sysfs" {
			mode := m.Options[len(m.Options)-1]
			spec.Mounts[i] = specs.Mount{Destination: m.Destination, Type: "bind", Source: at, Options: []string{"rbind", "rprivate", "nosuid", "noexec", "nodev", mode}}
			mounted = true
		}
	}
	err = inNetwork(n.netns, func() error {
		if err := c.setParameters(spec); err != nil || !mounted {
			return err
		}
		return os.NewSyscallError("mount sysfs", unix.Mount("sysfs", at, "sysfs", unix.MS_NOSUID|unix.MS_NOEXEC|unix.MS_NODEV, ""))
	})
	if err == nil && mounted {
		done = func() {
			if err := unix.Unmount(at, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil {
				c.log.Warn("unmount sysfs", "err", err)
			}
		}
	}
	return done, err
}

// setParameters sets those of the network that the calling thread is in, and
// leaves the others to the runtime.
func (c *container) setParameters(spec *specs.Spec) error {
	for key, value := range spec.Linux.Sysctl {
		if !strings.HasPrefix(key, "net.") {
			continue
		}
		path := "/proc/sys/" + strings.ReplaceAll(key, ".", "/")
		if err := os.WriteFile(path, []byte(value), 0o644); err != nil {
			return api.Errorf(api.KindStart, "the parameter %s cannot be set: %w", key, err).WithExit(125)
		}
		delete(spec.Linux.Sysctl, key)
	}
	return nil
}

// inNetwork does something in a network namespace.
func inNetwork(ns *os.File, do func() error) (err error) {
	thread.Apart(func() {
		if err = os.NewSyscallError("setns", unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET)); err == nil {
			err = do()
		}
	})
	return err
}

// introduce gives the person whom --userns keep-id has inside a line in the
// container's passwd and group files, as podman does: programs ask for the
// name and home of who runs them.
func (c *container) introduce() error {
	kept, err := runspec.KeepID(c.rec.Spec.UserNS)
	if err != nil || !kept.On || c.rec.IDs.None() {
		return err
	}
	uid, gid := c.rec.IDs.Inside(0, 0)
	root, err := os.OpenFile(c.dir.Rootfs(), unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return fmt.Errorf("rootfs: %w", err)
	}
	defer func() { _ = root.Close() }()
	name := personName()
	home := c.rec.WorkingDir
	err = errors.Join(
		addAccount(root, "etc/group", name, strconv.Itoa(gid), func(name string) string { return fmt.Sprintf("%s:x:%d:\n", name, gid) }),
		addAccount(root, "etc/passwd", name, strconv.Itoa(uid), func(name string) string {
			return fmt.Sprintf("%s:*:%d:%d::%s:/bin/sh\n", name, uid, gid, home)
		}),
	)
	if err != nil {
		c.log.Warn("no line for the person in the container's passwd", "err", err)
	}
	return nil
}

// personName is the person's as the computer knows it.
func personName() string {
	u, err := user.LookupId(os.Getenv("DAVIT_UID"))
	if err != nil || u.Username == "" || strings.ContainsAny(u.Username, ":\n\x00/") {
		return "user"
	}
	return u.Username
}

// addAccount adds a line where the file has none of that id; one whose name is
// taken gets the id as well.
func addAccount(root *os.File, file, name, id string, line func(name string) string) error {
	old, err := accounts(root, accountFile{file, 1})
	if err != nil {
		return err
	}
	text, err := io.ReadAll(old)
	if err != nil || len(text) == 0 { // an image without accounts wants none
		return err
	}
	for l := range bytes.Lines(text) {
		fields := strings.Split(strings.TrimSpace(string(l)), ":")
		if len(fields) > 2 && fields[2] == id {
			return nil
		}
		if fields[0] == name {
			name = "user" + id
		}
	}
	fd, err := unix.Openat2(int(root.Fd()), file, &unix.OpenHow{
		Flags:   unix.O_RDWR | unix.O_APPEND | unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	})
	if err != nil {
		return fmt.Errorf("/%s of the image: %w", file, err)
	}
	f := os.NewFile(uintptr(fd), file)
	defer func() { _ = f.Close() }()
	add := line(name)
	last := make([]byte, 1)
	if info, err := f.Stat(); err == nil && info.Size() > 0 {
		if _, err := f.ReadAt(last, info.Size()-1); err == nil && last[0] != '\n' {
			add = "\n" + add
		}
	}
	_, err = f.WriteString(add)
	return err
}
