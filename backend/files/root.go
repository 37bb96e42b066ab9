package files

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/backend/userns/idmap"
)

// Root is the root of a tree. Its methods may be called from several
// goroutines until it is closed.
type Root struct {
	fd    int    // O_PATH
	at    string // what the kernel calls it
	close func()
	ids   idmap.Maps // whose the files are: see Own
}

// Own says that the tree is that of a container with these ids. What is told
// and asked for here are the container's; what is made belongs to its root.
func (r *Root) Own(ids idmap.Maps) { r.ids = ids }

// open makes a Root of an O_PATH descriptor, which it owns.
func open(fd int, done func()) (*Root, error) {
	at, err := nameOf(fd)
	if err != nil {
		_ = unix.Close(fd)
		done()
		return nil, fmt.Errorf("name of a tree's root: %w", err)
	}
	return &Root{fd: fd, at: at, close: done}, nil
}

// OpenDir gives the tree at and below a directory of ours.
func OpenDir(dir string) (*Root, error) {
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	return open(fd, func() {})
}

// Close lets go of the tree.
func (r *Root) Close() {
	_ = unix.Close(r.fd)
	r.close()
}

const inside = unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS

// races bounds how often a resolution is begun again because something was
// renamed meanwhile: the kernel refuses ".." then, rather than be misled.
const races = 1000

// resolve gives an O_PATH descriptor of what is at a path, links followed.
// flags may add O_NOFOLLOW, for the last name, and O_DIRECTORY.
func (r *Root) resolve(p string, flags int) (int, error) {
	rel := strings.TrimLeft(p, "/")
	if rel == "" {
		rel = "."
	}
	how := &unix.OpenHow{Flags: uint64(unix.O_PATH | unix.O_CLOEXEC | flags), Resolve: inside}
	for n := 0; ; n++ {
		fd, err := unix.Openat2(r.fd, rel, how)
		if err == nil {
			return fd, nil
		}
		if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) || n == races {
			return -1, told(p, err)
		}
	}
}

// told is the kernel's error for people.
func told(p string, err error) error {
	var e *api.Error
	if errors.As(err, &e) {
		return err
	}
	shown := path.Join("/", p)
	fail := func(kind api.Kind, why string) error {
		return (&api.Error{Kind: kind, Msg: fmt.Sprintf("%q: %s", shown, why), Err: err}).WithRef(shown)
	}
	switch {
	case errors.Is(err, unix.ENOENT):
		return fail(api.KindNotFound, "no such file or directory")
	case errors.Is(err, unix.ENOTDIR):
		return fail(api.KindNotFound, "not a directory")
	case errors.Is(err, unix.EEXIST):
		return fail(api.KindConflict, "there is something of that name already")
	case errors.Is(err, unix.EISDIR):
		return fail(api.KindConflict, "is a directory")
	case errors.Is(err, unix.ENOTEMPTY):
		return fail(api.KindConflict, "files were added to it while it was removed")
	case errors.Is(err, unix.EBUSY):
		return fail(api.KindConflict, "something is mounted there")
	case errors.Is(err, unix.ELOOP):
		return fail(api.KindInvalid, "a link that leads in circles, or out of the container")
	case errors.Is(err, unix.EXDEV):
		return fail(api.KindConflict, "another file system is mounted between the two")
	case errors.Is(err, unix.ENAMETOOLONG), errors.Is(err, unix.EINVAL):
		return fail(api.KindInvalid, err.Error())
	}
	return fmt.Errorf("%q: %w", shown, err)
}

// parent resolves the directory that holds the last name of a path, which is
// no link then: what is done next is done to that name. The root itself has none.
func (r *Root) parent(p string) (int, string, error) {
	if strings.ContainsRune(p, 0) {
		return -1, "", api.Errorf(api.KindInvalid, "%q: a path cannot have a NUL in it", p)
	}
	dir, name := path.Split(strings.TrimRight(p, "/"))
	if name == "" || name == "." || name == ".." {
		return -1, "", api.Errorf(api.KindInvalid, "%q names no file of the tree", p).WithRef(p)
	}
	fd, err := r.resolve(dir, unix.O_DIRECTORY)
	return fd, name, err
}

// real is the path of a descriptor from the tree's root on, without links.
func (r *Root) real(fd int) (string, error) {
	name, err := nameOf(fd)
	if err != nil {
		return "", err
	}
	name = strings.TrimSuffix(name, " (deleted)")
	if r.at == "/" {
		return name, nil
	}
	below, ok := strings.CutPrefix(name, r.at)
	if !ok || below != "" && below[0] != '/' {
		return "", fmt.Errorf("%q is not below the tree's root", name)
	}
	return path.Join("/", below), nil
}

func nameOf(fd int) (string, error) { return os.Readlink(self(fd)) }

// self names a descriptor of ours as a path of our own proc: a link that the
// kernel follows to exactly what the descriptor has.
func self(fd int) string { return fmt.Sprintf("/proc/self/fd/%d", fd) }

// reopen opens what an O_PATH descriptor has, which is known to be a plain
// file or a directory.
func reopen(fd, flags int) (*os.File, error) {
	f, err := unix.Open(self(fd), flags|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(f), "file of a tree"), nil
}

func stat(fd int) (unix.Stat_t, error) {
	var st unix.Stat_t
	err := unix.Fstatat(fd, "", &st, unix.AT_EMPTY_PATH|unix.AT_SYMLINK_NOFOLLOW)
	return st, err
}

func isDir(st *unix.Stat_t) bool  { return st.Mode&unix.S_IFMT == unix.S_IFDIR }
func isFile(st *unix.Stat_t) bool { return st.Mode&unix.S_IFMT == unix.S_IFREG }
func isLink(st *unix.Stat_t) bool { return st.Mode&unix.S_IFMT == unix.S_IFLNK }

// plain opens the regular file at a path for reading.
func (r *Root) plain(p string) (*os.File, unix.Stat_t, error) {
	fd, err := r.resolve(p, 0)
	if err != nil {
		return nil, unix.Stat_t{}, err
	}
	defer unix.Close(fd)
	st, err := stat(fd)
	switch {
	case err != nil:
		return nil, st, told(p, err)
	case isDir(&st):
		return nil, st, told(p, unix.EISDIR)
	case !isFile(&st):
		return nil, st, api.Errorf(api.KindInvalid, "%q is a pipe, socket or device: it has no content that could be read", p).WithRef(p)
	}
	f, err := reopen(fd, unix.O_RDONLY)
	if err != nil {
		return nil, st, told(p, err)
	}
	return f, st, nil
}
