package guard

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/backend/guard/shift"
	"davit/backend/store"
)

// mountRootfs puts the container's file system together: an overlay of its
// layers with its own writable one on top. The mount is seen by all that the
// keeper spawns and by nobody else.
//
// Directories are named through descriptors: their paths may hold ":" and ","
// (which separate overlay's options), and many layers have to fit into the
// page that mount(2) takes.
func mountRootfs(ctx context.Context, dirs store.Dirs, rec store.Record) error {
	dir := dirs.Container(rec.ID)
	if mounted(dir.Rootfs()) {
		return nil
	}
	for _, d := range []string{dir.Upper(), dir.Work(), dir.Rootfs()} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return fmt.Errorf("rootfs: %w", err)
		}
	}
	layers, err := layersOf(ctx, dirs, rec)
	if err != nil {
		return err
	}
	return mountOverlay(dir, dir.Rootfs(), parts{lower: layers.shown, data: layers.data, upper: dir.Upper(), work: dir.Work()})
}

// MountSnapshot mounts at target, to be read, what a container's file system
// was as a snapshot was taken of it.
func MountSnapshot(ctx context.Context, dirs store.Dirs, rec store.Record, s store.Snapshot, target string) error {
	rec.Layers, rec.IDs = s.Layers, s.IDs
	layers, err := layersOf(ctx, dirs, rec)
	if err != nil {
		return err
	}
	dir := dirs.Container(rec.ID)
	return mountOverlay(dir, target, parts{lower: slices.Insert(layers.shown, 0, dir.Snapshot(s.ID).Layer()), data: layers.data})
}

// parts are the directories that an overlay is made of; data holds the content
// of files that lower has without any. Without upper it can be read alone.
type parts struct {
	lower, data []string
	upper, work string
}

// options are mount(2)'s.
func (p parts) options() string {
	o := "userxattr,lowerdir=" + strings.Join(p.lower, ":")
	if p.upper != "" {
		o += ",upperdir=" + p.upper + ",workdir=" + p.work
	}
	return o
}

func mountOverlay(dir store.ContainerDir, target string, p parts) error {
	p, letGo, err := p.byDescriptor()
	defer letGo()
	if err != nil {
		return fmt.Errorf("rootfs: %w", err)
	}
	if o := p.options(); len(p.data) == 0 && len(o) < os.Getpagesize() {
		err = unix.Mount("overlay", target, "overlay", 0, o)
	} else {
		err = mountByParts(target, p)
	}
	if err != nil {
		return overlayError(dir, err)
	}
	return nil
}

// byDescriptor names the same directories in a way that holds until letGo.
func (p parts) byDescriptor() (named parts, letGo func(), err error) {
	var held []*os.File
	name := func(path string) string {
		if path == "" || err != nil {
			return ""
		}
		var f *os.File
		if f, err = os.OpenFile(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
			return ""
		}
		held = append(held, f)
		return fmt.Sprintf("/proc/self/fd/%d", f.Fd())
	}
	for _, l := range p.lower {
		named.lower = append(named.lower, name(l))
	}
	for _, d := range p.data {
		named.data = append(named.data, name(d))
	}
	named.upper, named.work = name(p.upper), name(p.work)
	return named, func() {
		for _, f := range held {
			_ = f.Close()
		}
	}, err
}

// mountByParts does what mount(2) does, one layer a call: what mount(2) takes
// is a page, some 200 layers. It needs Linux 6.5 (lowerdir+), data 6.8 (datadir+).
func mountByParts(target string, p parts) error {
	fs, err := unix.Fsopen("overlay", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("fsopen", err)
	}
	defer func() { _ = unix.Close(fs) }()
	var settings [][2]string
	if p.upper != "" {
		settings = [][2]string{{"upperdir", p.upper}, {"workdir", p.work}}
	}
	for _, l := range p.lower {
		settings = append(settings, [2]string{"lowerdir+", l})
	}
	for _, l := range p.data {
		settings = append(settings, [2]string{"datadir+", l})
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

// layerPaths are directories, top first as overlay wants them.
type layerPaths struct{ shown, data []string }

// layersOf finds the layers of a container, with the owners that it has.
func layersOf(ctx context.Context, dirs store.Dirs, rec store.Record) (layerPaths, error) {
	var l layerPaths
	missing := func(err error) error {
		if !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("rootfs: %w", err)
		}
		return api.Errorf(api.KindStart, "a layer of the image %s is missing", rec.Image).
			WithHint("Pull or load the image again.").WithExit(125)
	}
	switch {
	case len(rec.Layers) == 0:
		// An image without layers: overlay wants one directory.
		empty := filepath.Join(string(dirs.Container(rec.ID)), "empty")
		if err := os.MkdirAll(empty, 0o755); err != nil {
			return l, fmt.Errorf("rootfs: %w", err)
		}
		l.shown = []string{empty}
	case rec.IDs.None():
		for _, name := range slices.Backward(rec.Layers) {
			path := filepath.Join(dirs.Layers(), name)
			if _, err := os.Lstat(path); err != nil {
				return l, missing(err)
			}
			l.shown = append(l.shown, path)
		}
	default:
		shifted, err := shift.Layers(ctx, dirs, rec.Layers, rec.IDs)
		if err != nil {
			return l, missing(err)
		}
		for _, s := range slices.Backward(shifted) {
			l.shown = append(l.shown, s.Path)
			if s.Data != "" {
				l.data = append(l.data, s.Data)
			}
		}
	}
	return l, nil
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
