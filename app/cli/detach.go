package main

import (
	"fmt"
	"io"
	"strings"
)

// defaultDetachKeys is docker's.
const defaultDetachKeys = "ctrl-p,ctrl-q"

// detachReader watches for the keys that end a conversation. A beginning of
// them is held back until it is clear what it becomes.
type detachReader struct {
	in   io.Reader
	keys []byte

	seen int    // keys that came so far
	out  []byte // clear to go
	err  error  // after out
}

func (d *detachReader) Read(p []byte) (int, error) {
	for len(d.out) == 0 && d.err == nil {
		buf := make([]byte, len(p))
		n, err := d.in.Read(buf)
		d.take(buf[:n])
		if d.err == nil && err != nil {
			d.out = append(d.out, d.keys[:d.seen]...)
			d.seen, d.err = 0, err
		}
	}
	n := copy(p, d.out)
	d.out = d.out[n:]
	if n == 0 {
		return 0, d.err
	}
	return n, nil
}

func (d *detachReader) take(p []byte) {
	for _, b := range p {
		if b != d.keys[d.seen] {
			d.out = append(d.out, d.keys[:d.seen]...)
			d.seen = 0
		}
		if b != d.keys[d.seen] {
			d.out = append(d.out, b)
			continue
		}
		if d.seen++; d.seen == len(d.keys) {
			d.err = errDetached
			return
		}
	}
}

// parseDetachKeys reads docker's "ctrl-p,ctrl-q" or "a,b"; "" turns them off.
func parseDetachKeys(s string) ([]byte, error) {
	if s == "" {
		return nil, nil
	}
	var keys []byte
	for _, k := range strings.Split(s, ",") {
		b, err := detachKey(k)
		if err != nil {
			return nil, invalid("--detach-keys %q: %v", s, err)
		}
		keys = append(keys, b)
	}
	return keys, nil
}

func detachKey(k string) (byte, error) {
	if len(k) == 1 {
		return k[0], nil
	}
	c, ok := strings.CutPrefix(k, "ctrl-")
	if !ok || len(c) != 1 {
		return 0, fmt.Errorf("%q is not a key: one character, or ctrl- and one", k)
	}
	switch b := c[0]; {
	case b >= 'a' && b <= 'z':
		return b - 'a' + 1, nil
	case b == '@':
		return 0, nil
	case b >= '[' && b <= '_':
		return b - '[' + 27, nil
	}
	return 0, fmt.Errorf("%q is not a key", k)
}
