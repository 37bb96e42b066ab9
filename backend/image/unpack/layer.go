package unpack

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"davit/backend/api"
)

// Limits bound what a layer may cost. The zero value of each means its default.
type Limits struct {
	Entries int   // files, directories and so on; 2,000,000
	Bytes   int64 // of the tar; 1 TiB, and never more than the disk has room for
	Sparse  int64 // of one sparse file, holes counted; 16 GiB
	Ratio   int64 // tar bytes for each blob byte, looked at after the first GiB; 250
	Reserve int64 // bytes of disk that are left free; 256 MiB
}

func (l Limits) filled() Limits {
	set := func(v *int64, d int64) {
		if *v == 0 {
			*v = d
		}
	}
	set(&l.Bytes, 1<<40)
	set(&l.Sparse, 16<<30)
	set(&l.Ratio, 250)
	set(&l.Reserve, 256<<20)
	if l.Entries == 0 {
		l.Entries = 2_000_000
	}
	return l
}

// Options are how to unpack.
type Options struct {
	IDs    IDs
	Limits Limits
	// Copy gets the packed bytes as they come, in a goroutine of its own; nil: nobody.
	Copy io.Writer
	// Recipe gets what [Tar] needs beside the unpacked files; nil: nobody.
	Recipe io.Writer
}

// Result is what a layer turned out to be.
type Result struct {
	Digest      string      // of the packed bytes
	DiffID      string      // of the tar
	Size        int64       // packed bytes
	Tar         int64       // bytes of the tar
	Bytes       int64       // bytes of files
	Entries     int         // of the tar
	Compression Compression // as found
	Links       []Link      // that wait for lower layers
	Recipe      bool        // what Options.Recipe got is enough to make the tar again
}

// Layer unpacks the layer that r gives into the empty directory dir. It reads
// r to its end and returns when all goroutines have ended; on an error dir is
// left as it is, to be removed. Whether digests are the promised ones is for
// the caller to see.
func Layer(ctx context.Context, r io.Reader, dir string, o Options) (Result, error) {
	o.Limits = o.Limits.filled()
	res := Result{}
	tree, err := openTree(dir)
	if err != nil {
		return res, err
	}
	defer tree.close()
	g, ctx := errgroup.WithContext(ctx)
	packed, in := newFan(ctx, 2)
	plain, out := newFan(ctx, 2)
	blob, diff := &counter{hash: sha256.New(), also: o.Copy}, &counter{hash: sha256.New()}
	g.Go(func() error { return feed(packed, r) })
	g.Go(func() error { return drain(in[0], blob) })
	g.Go(func() error { return inflate(in[1], plain, o.Limits, &res) })
	g.Go(func() error { return drain(out[0], diff) })
	g.Go(func() error { return untar(out[1], tree, o, dir, &res) })
	if err := g.Wait(); err != nil {
		return res, refused(err)
	}
	res.Digest, res.Size = blob.digest(), blob.n
	res.DiffID, res.Tar = diff.digest(), diff.n
	return res, nil
}

// refused tells an archive's faults, which archive/tar and the decompressors
// report in errors of their own, from the machine's.
func refused(err error) error {
	var known *api.Error
	var number unix.Errno
	switch {
	case errors.As(err, &known), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return api.Errorf(api.KindNoSpace, "the disk is full: %w", err)
	case errors.As(err, &number):
		return err
	}
	var damaged damage
	if errors.As(err, &damaged) {
		return api.Errorf(api.KindCorrupt, "%w", damaged.error)
	}
	return err
}

// damage marks an error as the archive's fault.
type damage struct{ error }

func (d damage) Unwrap() error { return d.error }

func feed(f *fan, r io.Reader) error {
	_, err := f.ReadFrom(r)
	if err != nil {
		return err
	}
	return f.close()
}

func drain(t *tap, c *counter) error {
	_, err := t.WriteTo(c)
	return err
}

// counter hashes and counts what passes, and hands it on.
type counter struct {
	hash hash.Hash
	also io.Writer
	n    int64
}

func (c *counter) Write(p []byte) (int, error) {
	c.hash.Write(p)
	c.n += int64(len(p))
	if c.also != nil {
		return c.also.Write(p)
	}
	return len(p), nil
}

func (c *counter) digest() string { return "sha256:" + hex.EncodeToString(c.hash.Sum(nil)) }

// inflate decompresses from in to out, watching for bombs.
func inflate(in *tap, out *fan, l Limits, res *Result) error {
	src := &meter{r: in}
	z, kind, err := Decompress(src)
	if err != nil {
		return damage{err}
	}
	defer z.Close()
	res.Compression = kind
	w := &bounded{fan: out, src: src, limits: l}
	if _, err := copyAll(w, z); err != nil {
		var known *api.Error
		if errors.As(err, &known) || errors.Is(err, context.Canceled) || in.ctx.Err() != nil {
			return err
		}
		return damage{fmt.Errorf("decompress: %w", err)}
	}
	if _, err := io.Copy(io.Discard, src); err != nil { // what a frame's end left
		return err
	}
	return out.close()
}

// copyAll prefers the decompressor's WriteTo, which saves a copy.
func copyAll(w io.Writer, r io.Reader) (int64, error) {
	if t, ok := r.(io.WriterTo); ok {
		return t.WriteTo(w)
	}
	return io.Copy(w, r)
}

type meter struct {
	r io.Reader
	n int64
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.n += int64(n)
	return n, err
}

// bounded passes on what is inflated until it is too much.
type bounded struct {
	fan    *fan
	src    *meter
	limits Limits
	n      int64
}

func (b *bounded) Write(p []byte) (int, error) {
	b.n += int64(len(p))
	if b.n > b.limits.Bytes {
		return 0, corrupt("the layer unpacks to more than %d bytes", b.limits.Bytes)
	}
	if b.n > 1<<30 && b.n/b.limits.Ratio > b.src.n {
		return 0, corrupt("the layer unpacks to more than %d times its size: a decompression bomb", b.limits.Ratio)
	}
	return b.fan.Write(p)
}

// untar writes the files, then reads on to the end, so that the hash of the
// tar sees all of it.
func untar(in *tap, t *tree, o Options, dir string, res *Result) error {
	rec, err := newRecorder(in, o.Recipe)
	if err != nil {
		return err
	}
	w := &writer{tree: t, ids: o.IDs, limits: o.Limits, umask: umask(), buf: make([]byte, 256<<10), result: res,
		skipped: map[string]bool{}, room: roomIn(dir, o.Limits), rec: rec}
	r := tar.NewReader(rec)
	for {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return tarError(in, err)
		}
		if res.Entries >= o.Limits.Entries {
			return corrupt("the layer has more than %d entries", o.Limits.Entries)
		}
		if err := w.entry(h, r); err != nil {
			return tarError(in, err)
		}
	}
	if err := t.finish(); err != nil {
		return err
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, rec, w.buf)
	// What a later entry took away again is in no file.
	res.Recipe = rec.close() && err == nil && !t.removed
	return err
}

func tarError(in *tap, err error) error {
	if in.ctx.Err() != nil {
		return context.Cause(in.ctx)
	}
	if errors.Is(err, tar.ErrHeader) || errors.Is(err, tar.ErrFieldTooLong) || errors.Is(err, io.ErrUnexpectedEOF) {
		return damage{err}
	}
	return err
}

// roomIn gives a check whether a file of n bytes finds room, which asks the
// file system anew for each 64 MiB.
func roomIn(dir string, l Limits) func(int64) error {
	var left int64 = -1
	var since int64
	return func(n int64) error {
		since += n
		if left < 0 || since > 64<<20 || since > left {
			var st unix.Statfs_t
			if err := unix.Statfs(dir, &st); err != nil {
				return os.NewSyscallError("statfs", err)
			}
			left, since = int64(st.Bavail)*st.Bsize-l.Reserve, n
		}
		if since > left {
			return api.Errorf(api.KindNoSpace, "there is no room on the disk for %d bytes more", n).
				WithHint("Free some space; Davit leaves %d MiB free.", l.Reserve>>20)
		}
		return nil
	}
}
