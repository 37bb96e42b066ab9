package unpack

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
)

// chunkSize is large enough that passing one on costs nothing and small
// enough that five of them in flight for each layer do not count.
const chunkSize = 256 << 10

// chunk is a buffer that several readers look at; the last one gives it back.
type chunk struct {
	b    []byte
	refs atomic.Int32
}

var chunks = sync.Pool{New: func() any { return &chunk{b: make([]byte, 0, chunkSize)} }}

func (c *chunk) release() {
	if c.refs.Add(-1) == 0 {
		c.b = c.b[:0]
		chunks.Put(c)
	}
}

// fan is one writer and several readers of the same bytes. Each reader is a
// goroutine of its own; the slowest sets the pace.
type fan struct {
	ctx  context.Context
	cur  *chunk
	outs []chan *chunk
}

func newFan(ctx context.Context, readers int) (*fan, []*tap) {
	f := &fan{ctx: ctx}
	taps := make([]*tap, readers)
	for i := range taps {
		ch := make(chan *chunk, 4)
		f.outs = append(f.outs, ch)
		taps[i] = &tap{ctx: ctx, in: ch}
	}
	return f, taps
}

func (f *fan) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if f.cur == nil {
			f.cur = chunks.Get().(*chunk)
		}
		free := chunkSize - len(f.cur.b)
		k := min(free, len(p))
		f.cur.b = append(f.cur.b, p[:k]...)
		p = p[k:]
		if k == free {
			if err := f.flush(); err != nil {
				return n - len(p), err
			}
		}
	}
	return n, nil
}

// ReadFrom fills chunks straight from r, and passes on what arrived with each
// read, so that a slow sender does not hold the readers up.
func (f *fan) ReadFrom(r io.Reader) (int64, error) {
	var total int64
	for {
		if f.cur == nil {
			f.cur = chunks.Get().(*chunk)
		}
		b := f.cur.b
		n, err := r.Read(b[len(b):chunkSize])
		f.cur.b = b[:len(b)+n]
		total += int64(n)
		if len(f.cur.b) >= chunkSize/4 {
			if err := f.flush(); err != nil {
				return total, err
			}
		}
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

func (f *fan) flush() error {
	c := f.cur
	f.cur = nil
	if c == nil {
		return nil
	}
	c.refs.Store(int32(len(f.outs)))
	for _, ch := range f.outs {
		select {
		case ch <- c:
		case <-f.ctx.Done():
			return context.Cause(f.ctx)
		}
	}
	return nil
}

// close tells the readers that there is no more.
func (f *fan) close() error {
	err := f.flush()
	for _, ch := range f.outs {
		close(ch)
	}
	return err
}

// tap is one reader of a fan.
type tap struct {
	ctx context.Context
	in  chan *chunk
	cur *chunk
	pos int
}

// next makes sure that there is something in cur; io.EOF at the end.
func (t *tap) next() error {
	for t.cur == nil || t.pos == len(t.cur.b) {
		if t.cur != nil {
			t.cur.release()
			t.cur = nil
		}
		select {
		case c, ok := <-t.in:
			if !ok {
				return io.EOF
			}
			t.cur, t.pos = c, 0
		case <-t.ctx.Done():
			return context.Cause(t.ctx)
		}
	}
	return nil
}

func (t *tap) Read(p []byte) (int, error) {
	if err := t.next(); err != nil {
		return 0, err
	}
	n := copy(p, t.cur.b[t.pos:])
	t.pos += n
	return n, nil
}

// WriteTo hands whole chunks to w.
func (t *tap) WriteTo(w io.Writer) (int64, error) {
	var total int64
	for {
		if err := t.next(); err != nil {
			if err == io.EOF {
				err = nil
			}
			return total, err
		}
		n, err := w.Write(t.cur.b[t.pos:])
		t.pos += n
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
}
