package screen

import (
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
)

// Picture is what the display shows now.
func (s *Session) Picture() (*image.RGBA, error) {
	b, err := os.ReadFile(s.frame())
	if err != nil {
		return nil, err
	}
	return decodeXWD(b)
}

// Save writes what the display shows now as a PNG.
func (s *Session) Save(path string) error {
	p, err := s.Picture()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(png.Encode(f, p), f.Close())
}

// Colours counts the different colours of a picture: a blank one has one, a
// window with a background has few, one with text has dozens of greys.
func Colours(p *image.RGBA) int {
	seen := map[color.RGBA]struct{}{}
	for i := 0; i < len(p.Pix); i += 4 {
		seen[color.RGBA{p.Pix[i], p.Pix[i+1], p.Pix[i+2], 255}] = struct{}{}
	}
	return len(seen)
}

// Drawn is fewer colours than the emptiest page has by its smoothed text, and
// more than a blank window has.
const Drawn = 32

// The fields of an X window dump's header that matter here, as 32-bit words.
// https://gitlab.freedesktop.org/xorg/proto/xorgproto/-/blob/master/include/X11/XWDFile.h
const (
	xwdHeaderSize   = 0
	xwdWidth        = 4
	xwdHeight       = 5
	xwdBitsPerPixel = 11
	xwdBytesPerLine = 12
	xwdColours      = 19
	xwdWords        = 25
	xwdColourSize   = 12
)

// decodeXWD reads a dump of 32-bit little-endian BGRX pixels, as Xvfb makes.
func decodeXWD(b []byte) (*image.RGBA, error) {
	if len(b) < xwdWords*4 {
		return nil, fmt.Errorf("x window dump of %d bytes has no header", len(b))
	}
	word := func(n int) int { return int(binary.BigEndian.Uint32(b[4*n:])) }
	if word(xwdBitsPerPixel) != 32 {
		return nil, fmt.Errorf("x window dump with %d bits a pixel", word(xwdBitsPerPixel))
	}
	width, height, stride := word(xwdWidth), word(xwdHeight), word(xwdBytesPerLine)
	start := word(xwdHeaderSize) + word(xwdColours)*xwdColourSize
	if len(b) < start+stride*height {
		return nil, fmt.Errorf("x window dump of %d bytes is cut off", len(b))
	}
	p := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		line := b[start+y*stride:]
		for x := range width {
			out := p.Pix[p.PixOffset(x, y):]
			out[0], out[1], out[2], out[3] = line[4*x+2], line[4*x+1], line[4*x], 255
		}
	}
	return p, nil
}
