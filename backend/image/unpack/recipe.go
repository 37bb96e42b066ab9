package unpack

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"

	"davit/backend/api"
)

// A recipe is what an unpacked layer lacks to be the tar again that it was,
// byte by byte: all of the tar but the content of its files. It is a stream,
// compressed with zstd, of records:
//
//	n > 0 (uvarint), n bytes          bytes of the tar
//	0, length, name, size, checksum   the content of the file of that name, which
//	                                  has size bytes and the CRC-32C checksum
//
// Names lead from the layer's root. Whether the tar is the right one its digest
// tells; the checksums tell which file is to blame where it is not.

// maxRecipe bounds the uncompressed bytes of a recipe: a layer of many small
// files has less, and one that has more keeps its blob.
const maxRecipe = 1 << 30

const (
	maxRecord = 64 << 10
	maxPath   = 1 << 16
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// recorder passes a tar on to its reader and writes its recipe. Its zero value
// with a reader records nothing.
type recorder struct {
	r      io.Reader
	out    *zstd.Encoder // nil: nothing is recorded
	buf    []byte
	n      int64
	silent bool // what is read is the content of a file
	sum    uint32
	lost   error
}

func newRecorder(r io.Reader, to io.Writer) (*recorder, error) {
	c := &recorder{r: r}
	if to == nil {
		return c, nil
	}
	z, err := zstd.NewWriter(to, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(256<<10), zstd.WithLowerEncoderMem(true))
	c.out = z
	return c, err
}

func (c *recorder) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	switch {
	case c.out == nil || n == 0:
	case c.silent:
		c.sum = crc32.Update(c.sum, castagnoli, p[:n])
	default:
		c.keep(p[:n])
	}
	return n, err
}

func (c *recorder) keep(p []byte) {
	if c.n += int64(len(p)); c.n > maxRecipe {
		c.lost = errors.New("the recipe is too long")
	}
	if c.lost != nil {
		return
	}
	c.buf = append(c.buf, p...)
	if len(c.buf) >= maxRecord {
		c.flush()
	}
}

// flush writes the bytes that wait as one record.
func (c *recorder) flush() {
	if len(c.buf) == 0 || c.lost != nil {
		return
	}
	c.write(binary.AppendUvarint(nil, uint64(len(c.buf))))
	c.write(c.buf)
	c.buf = c.buf[:0]
}

func (c *recorder) write(p []byte) {
	if c.lost == nil {
		_, c.lost = c.out.Write(p)
	}
}

// begin tells that a file's content comes, end that it was read.
func (c *recorder) begin() { c.silent, c.sum = true, 0 }

func (c *recorder) end(name string, size int64) {
	c.silent = false
	if c.out == nil || c.lost != nil {
		return
	}
	c.flush()
	b := binary.AppendUvarint(nil, 0)
	b = binary.AppendUvarint(b, uint64(len(name)))
	b = append(b, name...)
	b = binary.AppendUvarint(b, uint64(size))
	c.write(binary.LittleEndian.AppendUint32(b, c.sum))
}

// close ends the recipe and tells whether it is one.
func (c *recorder) close() bool {
	if c.out == nil {
		return false
	}
	c.flush()
	err := c.out.Close()
	return c.lost == nil && err == nil
}

// Tar writes the tar of the unpacked layer in dir as its recipe says. A file
// that is not what it was answers KindCorrupt, with its name; what is written
// until then is no tar.
func Tar(ctx context.Context, w io.Writer, recipe io.Reader, dir string) error {
	t, err := openTree(dir)
	if err != nil {
		return err
	}
	defer t.close()
	z, err := zstd.NewReader(recipe, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20))
	if err != nil {
		return badRecipe(err)
	}
	defer z.Close()
	in := bufio.NewReaderSize(z, 32<<10)
	buf := make([]byte, 256<<10)
	for ctx.Err() == nil {
		n, err := binary.ReadUvarint(in)
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return badRecipe(err)
		case n > 0:
			if _, err := io.CopyN(w, in, int64(min(n, maxRecipe))); err != nil {
				return recipeError(err)
			}
		default:
			if err := t.content(w, in, buf); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

func badRecipe(err error) error {
	return api.Errorf(api.KindCorrupt, "what is kept of its tar is damaged: %w", err)
}

// recipeError tells the recipe's end in the middle from the writer's trouble.
func recipeError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return badRecipe(io.ErrUnexpectedEOF)
	}
	return err
}

// content writes the file that the recipe names next.
func (t *tree) content(w io.Writer, in *bufio.Reader, buf []byte) error {
	n, err := binary.ReadUvarint(in)
	if err != nil || n > maxPath {
		return badRecipe(io.ErrUnexpectedEOF)
	}
	name := make([]byte, n)
	var sum [4]byte
	if _, err := io.ReadFull(in, name); err != nil {
		return badRecipe(err)
	}
	size, err := binary.ReadUvarint(in)
	if err != nil {
		return badRecipe(err)
	}
	if _, err := io.ReadFull(in, sum[:]); err != nil {
		return badRecipe(err)
	}
	return t.copyFile(w, string(name), int64(size), binary.LittleEndian.Uint32(sum[:]), buf)
}

func (t *tree) copyFile(w io.Writer, name string, size int64, want uint32, buf []byte) error {
	fd, err := t.lookup(name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK)
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP):
		return api.Errorf(api.KindCorrupt, "%s is missing", quote("/"+name))
	case err != nil:
		return fmt.Errorf("open %s: %w", quote(name), err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return api.Errorf(api.KindCorrupt, "%s is no file", quote("/"+name))
	}
	if st.Size != size {
		return api.Errorf(api.KindCorrupt, "%s has %d bytes, not %d", quote("/"+name), st.Size, size)
	}
	var sum uint32
	for left := size; left > 0; {
		k, err := unix.Read(fd, buf[:min(int64(len(buf)), left)])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || k == 0 {
			return api.Errorf(api.KindCorrupt, "%s cannot be read", quote("/"+name))
		}
		sum = crc32.Update(sum, castagnoli, buf[:k])
		if _, err := w.Write(buf[:k]); err != nil {
			return err
		}
		left -= int64(k)
	}
	if sum != want {
		return api.Errorf(api.KindCorrupt, "%s has other content", quote("/"+name))
	}
	return nil
}
