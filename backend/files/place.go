package files

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/backend/store"
	"davit/backend/userns/thread"
)

// OpenProcess gives what a running container sees: the tree that its process
// has as root, with all that is mounted there. start is the process's, so that
// another one that has got its number since is not taken for it.
func OpenProcess(pid int, start uint64) (*Root, error) {
	proc, err := unix.Open("/proc/"+strconv.Itoa(pid), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("process %d: %w", pid, err)
	}
	defer unix.Close(proc)
	// From here on proc means this process, or nothing once it has ended.
	if now, err := store.ProcessStart(pid); err != nil || now != start {
		return nil, fmt.Errorf("process %d has ended: %w", pid, unix.ESRCH)
	}
	fd, err := unix.Openat(proc, "root", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("root of process %d: %w", pid, err)
	}
	return open(fd, func() {})
}

// Mount is a file or directory of the host that a container has in its tree.
type Mount struct {
	Source   string
	Target   string
	ReadOnly bool
}

// OpenMounted gives the tree of a container that does not run: the directory
// at which its file system is mounted, with its volumes in it. These are
// mounted in a mount namespace that exists for this Root alone. done is called
// when it is closed.
func OpenMounted(rootfs string, mounts []Mount, done func()) (*Root, error) {
	return openApart(func() (*Root, error) { return treeAt(rootfs, mounts, done) }, done)
}

// OpenApart gives the tree that mount mounts at a directory, which no other
// process gets to see there.
func OpenApart(at string, mount func() error) (*Root, error) {
	return openApart(func() (*Root, error) {
		if err := mount(); err != nil {
			return nil, err
		}
		return treeAt(at, nil, func() {})
	}, func() {})
}

// openApart does something in a thread with a mount namespace of its own.
func openApart(do func() (*Root, error), done func()) (*Root, error) {
	var root *Root
	var err error
	thread.Apart(func() {
		if err = standApart(); err == nil {
			root, err = do()
		}
	})
	if err != nil {
		done()
	}
	return root, err
}

// standApart gives this thread a mount namespace of its own.
func standApart() error {
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
		return os.NewSyscallError("unshare", err)
	}
	return os.NewSyscallError("mount private", unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
}

// treeAt makes what is at a directory, with volumes in it, all that this
// thread's namespace has.
func treeAt(rootfs string, mounts []Mount, done func()) (*Root, error) {
	fd, err := unix.Open(rootfs, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: rootfs, Err: err}
	}
	root := &Root{fd: fd, at: "/"}
	if err := root.standAlone(mounts); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	ns := root.close
	root.close = func() { ns(); done() }
	return root, nil
}

// standAlone makes the tree all that there is in this thread's namespace, so
// that it keeps no other container's file system. A descriptor keeps the
// namespace itself.
func (r *Root) standAlone(mounts []Mount) error {
	for _, m := range mounts {
		if err := r.mount(m); err != nil {
			return fmt.Errorf("mount %s: %w", m.Target, err)
		}
	}
	ns, err := unix.Open("/proc/thread-self/ns/mnt", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("mount namespace: %w", err)
	}
	r.close = func() { _ = unix.Close(ns) }
	if err := unix.Fchdir(r.fd); err != nil {
		return os.NewSyscallError("fchdir", err)
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return os.NewSyscallError("pivot_root", err)
	}
	return os.NewSyscallError("umount", unix.Unmount(".", unix.MNT_DETACH))
}

// mount puts a volume into the tree, at the very descriptor that its target
// resolves to inside. Where source or target is not there, there is no volume
// to see: the next start makes it, or says what is missing.
func (r *Root) mount(m Mount) error {
	to, err := r.resolve(m.Target, 0)
	if api.KindOf(err) == api.KindNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(to)
	tree, err := unix.OpenTree(unix.AT_FDCWD, m.Source, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return os.NewSyscallError("open_tree", err)
	}
	defer unix.Close(tree)
	if m.ReadOnly {
		attr := &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
		if err := unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, attr); err != nil {
			return os.NewSyscallError("mount_setattr", err)
		}
	}
	flags := unix.MOVE_MOUNT_F_EMPTY_PATH | unix.MOVE_MOUNT_T_EMPTY_PATH
	err = unix.MoveMount(tree, "", to, "", flags)
	if errors.Is(err, unix.ENOTDIR) {
		return nil // a file where the container has a directory, or the other way round
	}
	return os.NewSyscallError("move_mount", err)
}
