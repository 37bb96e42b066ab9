package unpack

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"davit/backend/api"
)

// Root is an unpacked layer whose files are read. No path leads out of it.
type Root struct{ t *tree }

// OpenRoot opens the layer in dir.
func OpenRoot(dir string) (*Root, error) {
	t, err := openTree(dir)
	if err != nil {
		return nil, err
	}
	return &Root{t}, nil
}

// Close closes it.
func (r *Root) Close() { r.t.close() }

// Copy writes the content of a regular file, which has to have that size. The
// name is one of a tar's: relative to the root, whatever it begins with.
func (r *Root) Copy(w io.Writer, name string, size int64) error {
	fd, err := r.t.lookup(strings.TrimLeft(name, "/"), unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK)
	if err != nil {
		return fmt.Errorf("open %s: %w", quote(name), err)
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if !st.Mode().IsRegular() || st.Size() != size {
		return api.Errorf(api.KindCorrupt, "%s is not the file of %d bytes that it was", quote(name), size)
	}
	n, err := io.Copy(w, io.LimitReader(f, size))
	if err == nil && n != size {
		err = api.Errorf(api.KindCorrupt, "%s became shorter", quote(name))
	}
	return err
}
