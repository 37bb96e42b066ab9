package archive

import (
	"archive/tar"
	"errors"
	"io"

	"davit/backend/api"
)

// CopyTar copies a tar from r to w, up to the end that the archive itself
// marks: padding behind it, however long, is not read. room is asked every 64
// MiB whether to go on.
func CopyTar(w io.Writer, r io.Reader, room func() error) error {
	c := &copier{w: w, r: r, room: room}
	t := tar.NewReader(c)
	for n := 0; ; n++ {
		_, err := t.Next()
		if err == io.EOF {
			return c.failed
		}
		if c.failed != nil {
			return c.failed
		}
		if err != nil {
			return notTar(err)
		}
		if n > maxFiles {
			return corrupt("it has more than %d files", maxFiles)
		}
		if _, err := io.Copy(io.Discard, t); err != nil {
			if c.failed != nil {
				return c.failed
			}
			return notTar(err)
		}
	}
}

func notTar(err error) error {
	var known *api.Error
	if errors.As(err, &known) {
		return err
	}
	return corrupt("it is not a tar archive: %w", err)
}

// copier writes what is read.
type copier struct {
	w      io.Writer
	r      io.Reader
	room   func() error
	since  int64
	failed error // of writing: not the archive's fault
}

func (c *copier) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if c.since += int64(n); c.since >= 64<<20 {
		c.since = 0
		if c.failed = c.room(); c.failed != nil {
			return 0, c.failed
		}
	}
	if _, werr := c.w.Write(p[:n]); werr != nil {
		c.failed = werr
		return n, werr
	}
	return n, err
}
