package screen

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Watch looks at the display's memory itself, many times in a frame.
type Watch struct {
	mapped []byte
	pixels []byte
	stride int
}

// Watch maps the picture of the session's display.
func (s *Session) Watch() (*Watch, error) {
	f, err := os.Open(s.frame())
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	b, err := unix.Mmap(int(f.Fd()), 0, int(st.Size()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", s.frame(), err)
	}
	word := func(n int) int { return int(binary.BigEndian.Uint32(b[4*n:])) }
	start := word(xwdHeaderSize) + word(xwdColours)*xwdColourSize
	if word(xwdBitsPerPixel) != 32 || len(b) < start+word(xwdBytesPerLine)*Height {
		_ = unix.Munmap(b)
		return nil, fmt.Errorf("%s is no picture of %d×%d pixels", s.frame(), Width, Height)
	}
	return &Watch{mapped: b, pixels: b[start:], stride: word(xwdBytesPerLine)}, nil
}

// Close unmaps the picture.
func (w *Watch) Close() error { return unix.Munmap(w.mapped) }

// every is how many lines are passed over: letters and rows are higher.
const every = 3

// Copy takes lines of what a box shows now into buf.
func (w *Watch) Copy(box Box, buf []byte) []byte {
	buf = buf[:0]
	for y := box.Y; y < box.Y+box.Height; y += every {
		at := y*w.stride + 4*box.X
		buf = append(buf, w.pixels[at:at+4*box.Width]...)
	}
	return buf
}

// Same tells whether a box shows what Copy took.
func (w *Watch) Same(box Box, taken []byte) bool {
	for y, i := box.Y, 0; y < box.Y+box.Height; y, i = y+every, i+4*box.Width {
		at := y*w.stride + 4*box.X
		if !bytes.Equal(w.pixels[at:at+4*box.Width], taken[i:i+4*box.Width]) {
			return false
		}
	}
	return true
}

// Text tells whether a box shows something dark on a ground that is mostly
// light: text on a page, not the empty display nor an empty page.
func (w *Watch) Text(box Box) bool {
	light, dark, all := 0, 0, 0
	for y := box.Y; y < box.Y+box.Height; y += every {
		line := w.pixels[y*w.stride+4*box.X:][:4*box.Width]
		for i := 0; i < len(line); i += 4 {
			all++
			switch sum := int(line[i]) + int(line[i+1]) + int(line[i+2]); {
			case sum > 3*220:
				light++
			case sum < 3*110:
				dark++
			}
		}
	}
	const fewest = 30 // pixels of a short word on every third line
	return light > all/2 && dark >= fewest
}
