package unpack

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"davit/backend/api"
)

// Compression is how a stream is packed; its first bytes tell.
type Compression string

// The compressions that are understood.
const (
	Plain Compression = ""
	Gzip  Compression = "gzip"
	Zstd  Compression = "zstd"
	Bzip2 Compression = "bzip2" // archives given to load; not for layers
)

// maxWindow bounds the memory that a zstd frame may ask for (8 MiB is what
// the format recommends decoders to support; zstd --ultra makes 128 MiB).
const maxWindow = 128 << 20

// Sniff tells the compression from the first bytes. xz is told apart only to
// be refused with its name.
func Sniff(head []byte) (Compression, error) {
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return Gzip, nil
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}), skippable(head):
		return Zstd, nil
	case bytes.HasPrefix(head, []byte("BZh")):
		return Bzip2, nil
	case bytes.HasPrefix(head, []byte{0xfd, '7', 'z', 'X', 'Z', 0}):
		return Plain, api.Errorf(api.KindCorrupt, "it is compressed with xz, which is not supported").
			WithHint("Pack it again with gzip or zstd.")
	}
	return Plain, nil
}

// skippable tells a zstd skippable frame, with which zstd:chunked layers may begin.
func skippable(head []byte) bool {
	return len(head) >= 4 && head[0]&0xf0 == 0x50 && head[1] == 0x2a && head[2] == 0x4d && head[3] == 0x18
}

// Decompress gives the plain bytes of r, whatever its compression.
func Decompress(r io.Reader) (io.ReadCloser, Compression, error) {
	br := bufio.NewReaderSize(r, 128<<10) // klauspost's inflate is fastest on a bufio.Reader
	head, err := br.Peek(6)
	if err != nil && err != io.EOF {
		return nil, "", err
	}
	kind, err := Sniff(head)
	if err != nil {
		return nil, "", err
	}
	switch kind {
	case Gzip:
		z, err := gzip.NewReader(br)
		if err != nil {
			return nil, "", api.Errorf(api.KindCorrupt, "gzip: %w", err)
		}
		return z, kind, nil
	case Zstd:
		z, err := zstd.NewReader(br, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, "", api.Errorf(api.KindCorrupt, "zstd: %w", err)
		}
		return z.IOReadCloser(), kind, nil
	case Bzip2:
		return io.NopCloser(bzip2.NewReader(br)), kind, nil
	}
	return io.NopCloser(br), kind, nil
}
