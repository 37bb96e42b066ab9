package files

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/backend/tree/names"
)

const (
	pageLimit = 1000
	pageMost  = 10_000
)

// Listing is a page of a directory, and what is needed to mark it.
type Listing struct {
	Page api.DirPage
	// Own tells that the directory is of the same file system as the root.
	Own bool
}

// List gives a page of a directory.
func (r *Root) List(ctx context.Context, p string, offset, limit int) (Listing, error) {
	var l Listing
	fd, err := r.resolve(p, unix.O_DIRECTORY)
	if err != nil {
		return l, err
	}
	defer unix.Close(fd)
	if l.Page.Path, err = r.real(fd); err != nil {
		return l, err
	}
	l.Own = r.owns(fd)
	all, err := r.names(fd, p)
	if err != nil {
		return l, err
	}
	l.Page.Total = len(all)
	limit = min(cmp.Or(limit, pageLimit), pageMost)
	all = all[min(max(offset, 0), len(all)):]
	all = all[:min(max(limit, 0), len(all))]
	users := r.users()
	l.Page.Entries = make([]api.FileInfo, 0, len(all))
	below := strings.TrimSuffix(l.Page.Path, "/") + "/"
	for _, d := range all {
		if err := ctx.Err(); err != nil {
			return l, err
		}
		var st unix.Stat_t
		if err := unix.Fstatat(fd, d.name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			continue // it went away meanwhile
		}
		i := r.describe(d.name, below+d.name, &st)
		i.User = users[i.UID]
		if isLink(&st) {
			i.Link = readlink(fd, d.name)
		}
		l.Page.Entries = append(l.Page.Entries, i)
	}
	return l, nil
}

func (r *Root) owns(fd int) bool {
	root, err1 := stat(r.fd)
	here, err2 := stat(fd)
	return err1 == nil && err2 == nil && root.Dev == here.Dev
}

type name struct {
	name string
	dir  bool
}

// names reads a directory: directories first, then by name.
func (r *Root) names(fd int, p string) ([]name, error) {
	f, err := reopen(fd, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, told(p, err)
	}
	defer f.Close()
	entries, err := names.Read(int(f.Fd()))
	if err != nil {
		return nil, told(p, err)
	}
	all := make([]name, len(entries))
	for n, e := range entries {
		all[n] = name{e.Name, e.Kind == unix.DT_DIR || e.Kind == unix.DT_UNKNOWN && isDirectory(fd, e.Name)}
	}
	slices.SortFunc(all, func(a, b name) int {
		if a.dir != b.dir {
			if a.dir {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.name, b.name)
	})
	return all, nil
}

// isDirectory is for file systems whose directories do not say what is in them.
func isDirectory(dir int, name string) bool {
	var st unix.Stat_t
	return unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil && isDir(&st)
}

// Info tells about one file.
func (r *Root) Info(p string, follow bool) (api.FileInfo, error) {
	flags := unix.O_NOFOLLOW
	if follow {
		flags = 0
	}
	fd, err := r.resolve(p, flags)
	if err != nil {
		return api.FileInfo{}, err
	}
	defer unix.Close(fd)
	return r.info(fd, p, follow)
}

func (r *Root) info(fd int, p string, follow bool) (api.FileInfo, error) {
	st, err := stat(fd)
	if err != nil {
		return api.FileInfo{}, told(p, err)
	}
	p = path.Join("/", p)
	i := r.describe(path.Base(p), p, &st)
	i.User = r.users()[i.UID]
	if isLink(&st) {
		i.Link = readlink(fd, "")
	}
	if follow {
		i.Real, err = r.real(fd)
	}
	return i, err
}

func (r *Root) describe(name, p string, st *unix.Stat_t) api.FileInfo {
	uid, gid := r.ids.Inside(int(st.Uid), int(st.Gid))
	return api.FileInfo{
		Name: name, Path: p, Mode: mode(st.Mode), Perm: st.Mode & 0o7777, UID: uid, GID: gid,
		Size: st.Size, Modified: modified(st), Dir: isDir(st), Version: version(st),
	}
}

// modified is when a file was written to, as far as it can be said: a container
// may give its files times that no calendar has and JSON cannot tell.
func modified(st *unix.Stat_t) time.Time {
	sec, nsec := st.Mtim.Unix()
	if sec < yearOne || sec >= year10000 {
		sec, nsec = min(max(sec, yearOne), year10000-1), 0
	}
	return time.Unix(sec, nsec).UTC()
}

// The seconds since 1970 of the years between which RFC 3339 has words.
const (
	yearOne   = -62135596800
	year10000 = 253402300800
)

// version changes with each write: the kernel sets the change time itself.
func version(st *unix.Stat_t) string {
	b := strconv.AppendUint(make([]byte, 0, 64), st.Ino, 16)
	for _, n := range []int64{st.Size, st.Mtim.Nano(), st.Ctim.Nano()} {
		b = strconv.AppendInt(append(b, '-'), n, 16)
	}
	return string(b)
}

// mode is ls's.
func mode(m uint32) string {
	b := []byte("-rwxrwxrwx")
	switch m & unix.S_IFMT {
	case unix.S_IFDIR:
		b[0] = 'd'
	case unix.S_IFLNK:
		b[0] = 'l'
	case unix.S_IFIFO:
		b[0] = 'p'
	case unix.S_IFSOCK:
		b[0] = 's'
	case unix.S_IFCHR:
		b[0] = 'c'
	case unix.S_IFBLK:
		b[0] = 'b'
	}
	for n := range 9 {
		if m&(1<<(8-n)) == 0 {
			b[n+1] = '-'
		}
	}
	for _, s := range [...]struct {
		bit      uint32
		at       int
		set, off byte // with and without x
	}{{unix.S_ISUID, 3, 's', 'S'}, {unix.S_ISGID, 6, 's', 'S'}, {unix.S_ISVTX, 9, 't', 'T'}} {
		switch {
		case m&s.bit == 0:
		case b[s.at] == 'x':
			b[s.at] = s.set
		default:
			b[s.at] = s.off
		}
	}
	return string(b)
}

func readlink(fd int, name string) string {
	b := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, name, b)
	if err != nil {
		return ""
	}
	return string(b[:n])
}

// maxAccounts bounds what is read of a tree's passwd file.
const maxAccounts = 1 << 20

// users are the names of the tree's own passwd file; none where it has none
// that can be read.
func (r *Root) users() map[int]string {
	all := map[int]string{}
	f, st, err := r.plain("/etc/passwd")
	if err != nil {
		return all
	}
	defer f.Close()
	if st.Size > maxAccounts {
		return all
	}
	text, err := io.ReadAll(io.LimitReader(f, maxAccounts))
	if err != nil {
		return all
	}
	for line := range bytes.Lines(text) {
		fields := strings.SplitN(strings.TrimSpace(string(line)), ":", 4)
		if len(fields) < 4 || fields[0] == "" || len(fields[0]) > 64 {
			continue
		}
		if id, err := strconv.ParseUint(fields[2], 10, 31); err == nil && all[int(id)] == "" {
			all[int(id)] = fields[0]
		}
	}
	return all
}

// Shells looks for what one opens a terminal with.
func (r *Root) Shells() api.Shells {
	s := api.Shells{Shells: []string{}, Users: []string{}}
	for _, name := range []string{"bash", "zsh", "fish", "ash", "dash", "sh"} {
		for _, dir := range []string{"/bin", "/usr/bin", "/usr/local/bin"} {
			p := path.Join(dir, name)
			if r.executable(p) {
				s.Shells = append(s.Shells, p)
				break
			}
		}
	}
	users := r.users()
	ids := make([]int, 0, len(users))
	for id := range users {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids[:min(len(ids), 200)] {
		s.Users = append(s.Users, users[id])
	}
	return s
}

func (r *Root) executable(p string) bool {
	fd, err := r.resolve(p, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	st, err := stat(fd)
	return err == nil && isFile(&st) && st.Mode&0o111 != 0
}

// Read writes a part of a regular file to w.
func (r *Root) Read(ctx context.Context, q api.ReadQuery, w io.Writer) error {
	if q.Offset < 0 || q.Limit < 0 {
		return api.Errorf(api.KindInvalid, "offset and limit cannot be negative")
	}
	f, _, err := r.plain(q.At.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	if q.Offset > 0 {
		if _, err := f.Seek(q.Offset, io.SeekStart); err != nil {
			return told(q.At.Path, err)
		}
	}
	from := io.Reader(&interruptible{ctx, f})
	if q.Limit > 0 {
		from = io.LimitReader(from, q.Limit)
	}
	if _, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{from}, make([]byte, 128<<10)); err != nil {
		return fmt.Errorf("read %q: %w", q.At.Path, err)
	}
	return nil
}

// interruptible ends a long read with its context; what would block, such as
// a file of proc, has ended.
type interruptible struct {
	ctx context.Context
	f   *os.File
}

func (i *interruptible) Read(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := i.f.Read(p)
	if errors.Is(err, unix.EAGAIN) {
		err = io.EOF
	}
	return n, err
}
