package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"davit/backend/api"
	"davit/backend/image/manifest"
)

// Bounds on trying again within one blob.
const (
	maxIdle  = 4  // failures in a row that brought no byte
	maxFails = 30 // in all
)

// Blob is a blob as a stream that mends itself: when the connection breaks or
// stalls, it goes on where it was. It gives at most the promised size; what it
// gives is not verified, that is for who hashes it.
type Blob struct {
	ctx    context.Context
	repo   *Repository
	d      manifest.Descriptor
	at     int64 // bytes given, from the blob's start
	body   io.ReadCloser
	stop   context.CancelCauseFunc
	fails  int
	idle   int
	stalls int
	blame  error

	blocked time.Duration // waited for the network since the last reset
	got     int64         // bytes meanwhile
}

// Blob opens a blob from the byte at on. Nothing is asked before the first Read.
func (r *Repository) Blob(ctx context.Context, d manifest.Descriptor, at int64) *Blob {
	return &Blob{ctx: ctx, repo: r, d: d, at: at}
}

var errStalled = errors.New("no data came for a while")

// Read gives the next bytes.
func (b *Blob) Read(p []byte) (int, error) {
	for b.at < b.d.Size {
		if b.body == nil {
			if err := b.open(); err != nil {
				return 0, err
			}
			continue // what was sent again may have broken off as well
		}
		n, err := b.timed(p[:min(int64(len(p)), b.d.Size-b.at)])
		b.at += int64(n)
		if n > 0 {
			b.idle = 0
			return n, nil
		}
		if err != nil {
			if err := b.broken(err); err != nil {
				return 0, err
			}
		}
	}
	return 0, b.end()
}

// end sees that the server has no more than it promised.
func (b *Blob) end() error {
	if b.body == nil {
		return io.EOF
	}
	var one [1]byte
	n, _ := b.timed(one[:])
	b.Close()
	if n > 0 {
		return api.Errorf(api.KindCorrupt, "blob %s is longer than the %d bytes that it should have", b.d.Digest, b.d.Size)
	}
	return io.EOF
}

// Close ends the connection.
func (b *Blob) Close() error {
	if b.body == nil {
		return nil
	}
	b.stop(nil)
	err := b.body.Close()
	b.body = nil
	return err
}

// timed reads once, and ends the request when too little came in the time
// that we waited: waiting for a slow disk does not count.
func (b *Blob) timed(p []byte) (int, error) {
	c, stop := b.repo.s.client.c, b.stop
	t := time.AfterFunc(max(c.StallTimeout-b.blocked, time.Millisecond), func() { stop(errStalled) })
	start := time.Now()
	n, err := b.body.Read(p)
	t.Stop()
	b.blocked += time.Since(start)
	b.got += int64(n)
	if b.got >= c.StallBytes {
		b.blocked, b.got = 0, 0
	}
	return n, err
}

// broken decides what to do about an error: nil means to go on.
func (b *Blob) broken(err error) error {
	stalled := b.blocked >= b.repo.s.client.c.StallTimeout
	b.Close()
	if err := b.ctx.Err(); err != nil {
		return context.Cause(b.ctx)
	}
	if stalled {
		b.stalls++
		err = errStalled
	}
	b.blocked, b.got = 0, 0
	b.fails++
	b.idle++
	b.blame = err
	if b.idle > maxIdle || b.fails > maxFails || b.stalls > 1 {
		return api.Errorf(api.KindUnavailable, "the download of %s from %s broke off at %d of %d bytes: %w",
			b.d.Digest, b.repo.s.host.Name, b.at, b.d.Size, clean(b.blame)).WithHint("Pull again; it goes on where it was.")
	}
	b.repo.s.client.c.Log.Debug("download broke off", "digest", b.d.Digest, "at", b.at, "err", err)
	return sleep(b.ctx, b.repo.s.client.c.Backoff<<(b.idle-1))
}

// open asks for the rest. A server that sends all of it again is read until
// where we were.
func (b *Blob) open() error {
	ctx, stop := context.WithCancelCause(b.ctx)
	q := b.repo.request(http.MethodGet, "blobs", b.d.Digest)
	if b.at > 0 { // with an end, which some registries insist on
		q.header = http.Header{"Range": {fmt.Sprintf("bytes=%d-%d", b.at, b.d.Size-1)}}
	}
	resp, err := b.repo.s.do(ctx, q)
	if errors.Is(err, errRange) {
		q.header = nil
		resp, err = b.repo.s.do(ctx, q)
	}
	if err != nil {
		stop(nil)
		return err
	}
	b.body, b.stop = resp.Body, stop
	if b.at == 0 || resp.StatusCode == http.StatusPartialContent {
		return nil
	}
	return b.skip(b.at)
}

func (b *Blob) skip(n int64) error {
	buf := make([]byte, 64<<10)
	for n > 0 {
		k, err := b.timed(buf[:min(int64(len(buf)), n)])
		n -= int64(k)
		if k == 0 && err != nil {
			return b.broken(err)
		}
	}
	return nil
}
