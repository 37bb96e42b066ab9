package image

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"davit/backend/image/name"
)

// partial is a download's file: what an earlier try brought, and what comes.
type partial struct {
	f    *os.File
	had  int64 // bytes from before
	seen int64 // bytes written to it, those from before counted
}

// openPartial opens the file, empty unless it may be gone on with.
func openPartial(path string, size int64, resume bool) (*partial, error) {
	flags := os.O_RDWR | os.O_CREATE
	if !resume {
		flags |= os.O_TRUNC
	}
	f, err := os.OpenFile(path, flags, 0o600)
	if err != nil {
		return nil, fmt.Errorf("keep download: %w", err)
	}
	st, err := f.Stat()
	if err == nil && st.Size() > size {
		err = f.Truncate(0)
		st, _ = f.Stat()
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("keep download: %w", err)
	}
	return &partial{f: f, had: st.Size()}, nil
}

// old gives what was there.
func (p *partial) old() io.Reader { return io.NewSectionReader(p.f, 0, p.had) }

// Write keeps what comes after what was there: the stream begins at 0.
func (p *partial) Write(b []byte) (int, error) {
	n := len(b)
	if p.seen < p.had {
		k := min(p.had-p.seen, int64(n))
		p.seen += k
		b = b[k:]
	}
	if len(b) > 0 {
		if _, err := p.f.WriteAt(b, p.seen); err != nil {
			return 0, err
		}
		p.seen += int64(len(b))
	}
	return n, nil
}

// commit gives the verified file its name as a blob.
func (p *partial) commit(path string) error {
	if err := os.Rename(p.f.Name(), path); err != nil {
		return fmt.Errorf("keep blob: %w", err)
	}
	return nil
}

func (p *partial) discard() { os.Remove(p.f.Name()) }
func (p *partial) close()   { p.f.Close() }

// DropDownloads removes unfinished downloads that nobody works on.
func (s *Store) DropDownloads(digests []string) error {
	for _, digest := range digests {
		if !name.IsDigest(digest) {
			continue
		}
		held, err := s.layout.TryDigest(digest)
		if err != nil {
			return err
		}
		if held == nil {
			continue
		}
		err = os.Remove(s.layout.Partial(digest))
		held.Close()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove a download: %w", err)
		}
	}
	return nil
}
