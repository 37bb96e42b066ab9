package unpack

import (
	"archive/tar"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path"
	"sort"
	"strings"

	"golang.org/x/sys/unix"
)

// expected is a regular file as a layer's tar leaves it.
type expected struct {
	size int64
	hash [sha256.Size]byte
}

// Compare tells how the unpacked layer in dir differs from its tar: the first
// file that is missing, or has other content. It looks at regular files that
// no later entry of the tar touches; n is the bytes of them that were read.
func Compare(r io.Reader, dir string) (what string, n int64, err error) {
	files, err := filesOf(r)
	if err != nil {
		return "", 0, err
	}
	t, err := openTree(dir)
	if err != nil {
		return "", 0, err
	}
	defer t.close()
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	sort.Strings(names)
	buf := make([]byte, 256<<10)
	for _, name := range names {
		what, k, err := t.differs(name, files[name], buf)
		n += k
		if what != "" || err != nil {
			return what, n, err
		}
	}
	return "", n, nil
}

// filesOf reads a tar: what files it leaves, and with which content.
func filesOf(r io.Reader) (map[string]expected, error) {
	files, dirs := map[string]expected{}, map[string]bool{}
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, damage{err}
		}
		name := strings.TrimPrefix(path.Clean("/"+h.Name), "/")
		delete(files, name) // what an entry of this name replaces
		if h.Typeflag == tar.TypeDir {
			dirs[name] = true
		} else if dirs[name] {
			delete(dirs, name)
			for f := range files {
				if strings.HasPrefix(f, name+"/") {
					delete(files, f)
				}
			}
		}
		if h.Typeflag != tar.TypeReg || strings.HasPrefix(path.Base(name), ".wh.") {
			continue
		}
		sum := sha256.New()
		size, err := io.Copy(sum, t)
		if err != nil {
			return nil, damage{err}
		}
		e := expected{size: size}
		sum.Sum(e.hash[:0])
		files[name] = e
	}
	_, err := io.Copy(io.Discard, r)
	return files, err
}

func (t *tree) differs(name string, want expected, buf []byte) (string, int64, error) {
	fd, err := t.lookup(name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK)
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR):
		return quote("/"+name) + " is missing", 0, nil
	case errors.Is(err, unix.ELOOP):
		return quote("/"+name) + " is a link, not a file", 0, nil
	case errors.Is(err, unix.EIO):
		return quote("/"+name) + " cannot be read", 0, nil
	case err != nil:
		return "", 0, fmt.Errorf("open %s: %w", quote(name), err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return "", 0, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return quote("/"+name) + " is no file", 0, nil
	}
	if st.Size != want.size {
		return fmt.Sprintf("%s has %d bytes, not %d", quote("/"+name), st.Size, want.size), 0, nil
	}
	sum := sha256.New()
	var n int64
	for {
		k, err := unix.Read(fd, buf)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return quote("/"+name) + " cannot be read", n, nil
		}
		if k == 0 {
			break
		}
		sum.Write(buf[:k])
		n += int64(k)
	}
	if [sha256.Size]byte(sum.Sum(nil)) != want.hash {
		return quote("/"+name) + " has other content", n, nil
	}
	return "", n, nil
}
