// Package takeout makes files of this computer of an archive that a container
// or volume sends: those that davit cp copies, and those that the window gives
// to a file manager to be looked at.
//
// It runs in a front, as the person, outside of every namespace. The archive
// is foreign: whatever it names, and wherever links lead that it makes or that
// are there, nothing is reached outside of the folder. The engine's own
// unpacking, into trees that processes change meanwhile, is backend/files.
package takeout

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"davit/backend/api"
)

// Options say what is made of an archive; the zero value copies all of it.
type Options struct {
	// Owners keeps them where that can be, and all of the mode.
	Owners bool
	// ToLook is for a folder of its own that is only looked at. Its files
	// cannot be written to, so that nobody takes them for those in the
	// container, nor run: what a double click starts is not for an image to
	// say. Links that could lead out of it are left out.
	ToLook bool
	// MostFiles and MostBytes bound it; 0: as much as comes.
	MostFiles int
	MostBytes int64
}

// Taken tells what came of an archive.
type Taken struct {
	Files   int // files, folders and links that were made
	Left    int // devices and the like, and links that could lead out, which were not
	Foreign int // files that are the person's because they may not give them away
}

// ErrTooMuch is what a bound of the Options is told with.
var ErrTooMuch = errors.New("too much to copy out")

// Receive unpacks into root what pack writes. It returns what pack failed
// with, before what came of that here.
func Receive(ctx context.Context, root *os.Root, o Options, pack func(context.Context, io.Writer) error) (Taken, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r, w := io.Pipe()
	packed := make(chan struct{})
	go func() {
		defer close(packed)
		_ = w.CloseWithError(pack(ctx, w))
	}()
	from := &sender{r: r}
	u := &unpacker{root: root, o: o, dirs: map[string]look{}}
	err := u.all(from)
	_ = r.CloseWithError(err)
	cancel()
	<-packed
	if from.failed != nil {
		err = from.failed
	}
	return u.taken, err
}

// sender is where an archive comes from, and how that failed.
type sender struct {
	r      io.Reader
	failed error
}

func (s *sender) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.failed = err
	}
	return n, err
}

type unpacker struct {
	root    *os.Root
	o       Options
	taken   Taken
	entries int
	bytes   int64
	dirs    map[string]look
}

// look is what a directory gets at the end: what is made in it changes its
// time, and one without w holds nothing new.
type look struct {
	mode fs.FileMode
	time time.Time
}

func (u *unpacker) all(from io.Reader) error {
	t := tar.NewReader(from)
	for {
		h, err := t.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if err := u.bound(h); err != nil {
			return err
		}
		if err := u.entry(h, t); err != nil {
			return fmt.Errorf("copy %q: %w", h.Name, err)
		}
	}
	if _, err := io.Copy(io.Discard, from); err != nil { // how it ended there
		return err
	}
	return u.finish()
}

// bound counts what is left out, too: an archive of such alone ends as well.
func (u *unpacker) bound(h *tar.Header) error {
	u.entries++
	if u.o.MostFiles > 0 && u.entries > u.o.MostFiles {
		return fmt.Errorf("%w: more than %d files", ErrTooMuch, u.o.MostFiles)
	}
	if h.Typeflag == tar.TypeReg && u.o.MostBytes > 0 {
		if h.Size > u.o.MostBytes-u.bytes {
			return fmt.Errorf("%w: more than %d MB", ErrTooMuch, u.o.MostBytes/1e6)
		}
		u.bytes += h.Size
	}
	return nil
}

func (u *unpacker) entry(h *tar.Header, content io.Reader) error {
	name := path.Clean(h.Name)
	if !filepath.IsLocal(name) {
		return api.Errorf(api.KindInvalid, "the archive has a path that leads out of it")
	}
	var err error
	switch {
	case h.Typeflag == tar.TypeDir && name == ".":
		return nil // it is the person's own
	case h.Typeflag == tar.TypeDir:
		err = u.directory(name, h)
	case h.Typeflag == tar.TypeReg:
		err = u.fresh(name, func() error { return u.file(name, h, content) })
	case h.Typeflag == tar.TypeSymlink && (!u.o.ToLook || u.stays(name, h.Linkname)):
		err = u.fresh(name, func() error { return u.root.Symlink(h.Linkname, name) })
	case h.Typeflag == tar.TypeLink && (!u.o.ToLook || u.isFile(h.Linkname)):
		err = u.link(name, h)
	default:
		u.taken.Left++
		return nil
	}
	if err == nil {
		u.taken.Files++
	}
	return err
}

func (u *unpacker) directory(name string, h *tar.Header) error {
	info, err := u.root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := u.root.Mkdir(name, 0o700); err != nil {
			return err
		}
	case err != nil:
		return err
	case !info.IsDir():
		return api.Errorf(api.KindConflict, "cannot overwrite what is no directory with a directory")
	}
	u.dirs[name] = look{u.mode(h), h.ModTime}
	return u.owner(h, func() error { return u.root.Lchown(name, h.Uid, h.Gid) })
}

// fresh makes something where nothing is, or a file that it replaces.
func (u *unpacker) fresh(name string, create func() error) error {
	info, err := u.root.Lstat(name)
	switch {
	case err == nil && info.IsDir():
		return api.Errorf(api.KindConflict, "cannot overwrite a directory with what is none")
	case err == nil:
		if err := u.root.Remove(name); err != nil {
			return err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return create()
}

func (u *unpacker) file(name string, h *tar.Header, content io.Reader) error {
	f, err := u.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	if err == nil {
		err = u.owner(h, func() error { return f.Chown(h.Uid, h.Gid) })
	}
	if err == nil { // after the owner, whose change takes some of it away
		err = f.Chmod(u.mode(h))
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return u.root.Chtimes(name, h.ModTime, h.ModTime)
}

func (u *unpacker) link(name string, h *tar.Header) error {
	to := path.Clean(h.Linkname)
	if !filepath.IsLocal(to) {
		return api.Errorf(api.KindInvalid, "a link in the archive leads out of it")
	}
	if to == name {
		return api.Errorf(api.KindInvalid, "a link in the archive leads to itself")
	}
	return u.fresh(name, func() error { return u.root.Link(to, name) })
}

func (u *unpacker) mode(h *tar.Header) fs.FileMode {
	switch {
	case u.o.ToLook && h.Typeflag == tar.TypeDir:
		return 0o700
	case u.o.ToLook:
		return 0o400
	case u.o.Owners:
		return h.FileInfo().Mode() & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
	}
	return fs.FileMode(h.Mode).Perm()
}

// owner keeps it, where it is not root, which the person is.
func (u *unpacker) owner(h *tar.Header, give func() error) error {
	if !u.o.Owners || h.Uid == 0 && h.Gid == 0 {
		return nil
	}
	err := give()
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EINVAL) {
		u.taken.Foreign++
		return nil
	}
	return err
}

// finish gives directories their looks, the inner ones first.
func (u *unpacker) finish() error {
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(u.dirs))) {
		d := u.dirs[name]
		if err := u.root.Chmod(name, d.mode); err != nil {
			return err
		}
		if err := u.root.Chtimes(name, d.time, d.time); err != nil {
			return err
		}
	}
	return nil
}

// isFile tells a file that may have another name: a link would lead from there
// to where it did not before.
func (u *unpacker) isFile(name string) bool {
	info, err := u.root.Lstat(path.Clean(name))
	return err != nil || info.Mode().IsRegular() // what is wrong is told when it is linked
}

// stays tells a link that cannot lead out of the folder. One that stands
// behind another is not where its name says.
func (u *unpacker) stays(name, target string) bool {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if info, err := u.root.Lstat(dir); err != nil || !info.IsDir() {
			return false
		}
	}
	return staysIn(name, target)
}

// staysIn tells a link whose way goes up only as far as the folders that it
// stands in, and then only down.
func staysIn(name, target string) bool {
	if target == "" || path.IsAbs(target) {
		return false
	}
	up, down := 0, false
	for part := range strings.SplitSeq(target, "/") {
		switch {
		case part == "..":
			up++
			if down {
				return false
			}
		case part != "" && part != ".":
			down = true
		}
	}
	return up <= strings.Count(name, "/")
}
