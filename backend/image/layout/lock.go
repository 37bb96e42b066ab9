package layout

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"time"

	"golang.org/x/sys/unix"

	"davit/backend/image/manifest"
	"davit/backend/store"
)

// Held is something locked; the kernel lets go of it when the process ends.
type Held struct{ files []*os.File }

// Close lets go.
func (h *Held) Close() {
	for _, f := range h.files {
		f.Close()
	}
	h.files = nil
}

// LockDigests locks digests against all other work on them, in this process
// or another. They are taken in order, so that two who want the same do not
// wait for each other.
func (d *Dir) LockDigests(ctx context.Context, digests ...string) (*Held, error) {
	sort.Strings(digests)
	h := &Held{}
	for i, g := range digests {
		if i > 0 && g == digests[i-1] {
			continue
		}
		f, err := lockFile(ctx, d.own("locks", manifest.Hex(g)))
		if err != nil {
			h.Close()
			return nil, fmt.Errorf("lock %s: %w", g, err)
		}
		h.files = append(h.files, f)
	}
	return h, nil
}

// lockFile waits for a lock by asking again and again: a flock(2) that waits
// cannot be called back.
func lockFile(ctx context.Context, path string) (*os.File, error) {
	for wait := time.Millisecond; ; wait = min(2*wait, 20*time.Millisecond) {
		f, err := tryLock(path)
		if f != nil || err != nil {
			return f, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(wait):
		}
	}
}

// tryLock gives nil where somebody else holds the lock, and where the file
// was removed between opening and locking.
func tryLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil && sameFile(f, path) {
		return f, nil
	}
	f.Close()
	if err == nil || errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, unix.EINTR) {
		return nil, nil
	}
	return nil, err
}

func sameFile(f *os.File, path string) bool {
	a, err := f.Stat()
	if err != nil {
		return false
	}
	b, err := os.Stat(path)
	return err == nil && os.SameFile(a, b)
}

// TryDigest locks a digest to remove it; nil where somebody works on it. The
// lock's own file goes with it.
func (d *Dir) TryDigest(digest string) (*Held, error) {
	path := d.own("locks", manifest.Hex(digest))
	f, err := tryLock(path)
	if f == nil {
		return nil, err
	}
	os.Remove(path)
	return &Held{[]*os.File{f}}, nil
}

// Lease keeps digests (of blobs and of layers) from being collected until it
// is closed.
func (d *Dir) Lease(ctx context.Context, digests []string) (*Lease, error) {
	l, err := d.Lock(ctx)
	if err != nil {
		return nil, err
	}
	defer l.Unlock()
	f, err := os.CreateTemp(d.own("leases"), "")
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		f.Close()
		return nil, os.NewSyscallError("flock", err)
	}
	b, err := manifest.Encode(digests)
	if err == nil {
		_, err = f.Write(b)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &Lease{f}, nil
}

// Lease is work in progress.
type Lease struct{ f *os.File }

// Close ends it.
func (l *Lease) Close() {
	os.Remove(l.f.Name())
	l.f.Close()
}

// Leased gives the digests that work in progress needs. The caller holds the
// store's lock. Leases of processes that died are removed.
func (d *Dir) Leased() (map[string]bool, error) {
	all, err := os.ReadDir(d.own("leases"))
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, e := range all {
		path := filepath.Join(d.own("leases"), e.Name())
		f, err := tryLock(path)
		if err != nil {
			return nil, err
		}
		if f != nil {
			os.Remove(path)
			f.Close()
			continue
		}
		var digests []string
		if err := store.ReadJSON(path, &digests); err != nil {
			continue // it ended just now
		}
		for _, g := range digests {
			out[g] = true
		}
	}
	return out, nil
}
