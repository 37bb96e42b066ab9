package guard

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/backend/store"
)

// mountRootfs puts the container's file system together: an overlay of its
// layers with its own writable one on top. The mount is seen by all that the
// keeper spawns and by nobody else.
//
// Directories are named through descriptors: their paths may hold ":" and ","
// (which separate overlay's options), and many layers have to fit into the
// page that mount(2) takes.
func mountRootfs(dirs store.Dirs, rec store.Record) error {
	dir := dirs.Container(rec.ID)
	if mounted(dir.Rootfs()) {
		return nil
	}
	for _, d := range []string{dir.Upper(), dir.Work(), dir.Rootfs()} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return fmt.Errorf("rootfs: %w", err)
		}
	}
	var held []*os.File
	defer func() {
		for _, f := range held {
			_ = f.Close()
		}
	}()
	name := func(path string) (string, error) {
		f, err := os.OpenFile(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return "", err
		}
		held = append(held, f)
		return fmt.Sprintf("/proc/self/fd/%d", f.Fd()), nil
	}
	lower, err := lowerDirs(dirs, rec, name)
	if err != nil {
		return err
	}
	upper, err := name(dir.Upper())
	if err != nil {
		return fmt.Errorf("rootfs: %w", err)
	}
	work, err := name(dir.Work())
	if err != nil {
		return fmt.Errorf("rootfs: %w", err)
	}
	options := "userxattr,lowerdir=" + strings.Join(lower, ":") + ",upperdir=" + upper + ",workdir=" + work
	if len(options) < os.Getpagesize() {
		err = unix.Mount("overlay", dir.Rootfs(), "overlay", 0, options)
	} else {
		err = mountManyLayers(dir.Rootfs(), lower, upper, work)
	}
	if err != nil {
		return overlayError(dir, err)
	}
	return nil
}

// mountManyLayers does what mount(2) does, one layer a call: what mount(2)
// takes is a page, some 200 layers. It needs Linux 6.5 (lowerdir+).
func mountManyLayers(target string, lower []string, upper, work string) error {
	fs, err := unix.Fsopen("overlay", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("fsopen", err)
	}
	defer func() { _ = unix.Close(fs) }()
	settings := [][2]string{{"upperdir", upper}, {"workdir", work}}
	for _, l := range lower {
		settings = append(settings, [2]string{"lowerdir+", l})
	}
	if err := unix.FsconfigSetFlag(fs, "userxattr"); err != nil {
		return os.NewSyscallError("fsconfig userxattr", err)
	}
	for _, s := range settings {
		if err := unix.FsconfigSetString(fs, s[0], s[1]); err != nil {
			return os.NewSyscallError("fsconfig "+s[0], err)
		}
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return os.NewSyscallError("fsconfig create", err)
	}
	mount, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("fsmount", err)
	}
	defer func() { _ = unix.Close(mount) }()
	return os.NewSyscallError("move_mount", unix.MoveMount(mount, "", unix.AT_FDCWD, target, unix.MOVE_MOUNT_F_EMPTY_PATH))
}

// lowerDirs names the layers, top first as overlay wants them.
func lowerDirs(dirs store.Dirs, rec store.Record, name func(string) (string, error)) ([]string, error) {
	var lower []string
	for i := len(rec.Layers) - 1; i >= 0; i-- {
		n, err := name(filepath.Join(dirs.Layers(), rec.Layers[i]))
		if errors.Is(err, os.ErrNotExist) {
			return nil, api.Errorf(api.KindStart, "a layer of the image %s is missing", rec.Image).
				WithHint("Pull or load the image again.").WithExit(125)
		}
		if err != nil {
			return nil, fmt.Errorf("rootfs: %w", err)
		}
		lower = append(lower, n)
	}
	if len(lower) == 0 {
		// An image without layers: overlay wants one directory.
		empty := filepath.Join(string(dirs.Container(rec.ID)), "empty")
		if err := os.MkdirAll(empty, 0o755); err != nil {
			return nil, fmt.Errorf("rootfs: %w", err)
		}
		n, err := name(empty)
		if err != nil {
			return nil, fmt.Errorf("rootfs: %w", err)
		}
		lower = append(lower, n)
	}
	return lower, nil
}

func overlayError(dir store.ContainerDir, err error) error {
	e := api.Errorf(api.KindHost, "mount the container's file system (overlay): %w", err).WithExit(125)
	var fs unix.Statfs_t
	switch {
	case unix.Statfs(dir.Upper(), &fs) == nil && fs.Flags&unix.ST_RDONLY != 0: // the kernel says EINVAL
		return api.Errorf(api.KindHost, "the container's file system cannot be made: %s is read-only", dir.Upper()).WithExit(125)
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.ENODEV):
		return e.WithHint("Overlay mounts without root need Linux 5.11 or newer with the overlay module; `davit doctor` tries it.")
	case errors.Is(err, unix.EINVAL):
		return e.WithHint("The file system of the store may not carry overlay's attributes (NFS, an overlay itself); see `davit doctor`.")
	}
	return e
}

// unmountRootfs takes the file system apart; one that is not mounted is no error.
func unmountRootfs(dir store.ContainerDir) error {
	err := unix.Unmount(dir.Rootfs(), unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	if err == nil || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) {
		return nil
	}
	return fmt.Errorf("unmount %s: %w", dir.Rootfs(), err)
}

// mounted tells whether something is mounted at path.
func mounted(path string) bool {
	var here, above unix.Stat_t
	if unix.Lstat(path, &here) != nil || unix.Lstat(filepath.Dir(path), &above) != nil {
		return false
	}
	return here.Dev != above.Dev
}
