package store

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"davit/backend/api"
)

// maxJSON bounds a file of ours: a longer one was not written by us.
const maxJSON = 8 << 20

// WriteJSON replaces the file at path by v, readable for this user alone.
// Whatever happens, the file is the old or the new one; when WriteJSON returns
// nil, the new one survives a power cut.
func WriteJSON(path string, v any) error {
	return writeJSON(path, v, (*os.File).Sync)
}

// WriteJSONVolatile does the same without waiting for the disk, for what is
// worth nothing after a power cut.
func WriteJSONVolatile(path string, v any) error {
	return writeJSON(path, v, nil)
}

func writeJSON(path string, v any, sync func(*os.File) error) error {
	b, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	temp := temporary(path)
	if err := writeTemp(temp, append(b, '\n'), sync); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(temp, path); err != nil {
		_ = os.Remove(temp)
		return fmt.Errorf("write %s: %w", path, err)
	}
	if sync == nil {
		return nil
	}
	return SyncDir(filepath.Dir(path))
}

// temporary names a file beside path that no reader looks at.
func temporary(path string) string {
	var r [6]byte
	_, _ = rand.Read(r[:]) // never fails, says crypto/rand
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"."+hex.EncodeToString(r[:]))
}

func writeTemp(path string, b []byte, sync func(*os.File) error) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(path)
		}
	}()
	if _, err = f.Write(b); err == nil && sync != nil {
		err = sync(f)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// SyncDir makes what was renamed in dir survive a power cut.
func SyncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}

// ReadJSON reads the file at path into v. A missing file is fs.ErrNotExist,
// one that is not JSON of that shape an [api.Error] of KindCorrupt.
func ReadJSON(path string, v any) error {
	b, err := readBounded(path)
	if err != nil {
		return err
	}
	return decode(path, b, v)
}

func decode(path string, b []byte, v any) error {
	if err := json.Unmarshal(b, v); err != nil {
		return corrupt(path, b, err)
	}
	return nil
}

func corrupt(path string, b []byte, err error) error {
	if len(bytes.TrimSpace(b)) == 0 {
		return api.Errorf(api.KindCorrupt, "%s is empty", path).WithRef(path)
	}
	return api.Errorf(api.KindCorrupt, "%s is damaged: %w", path, err).WithRef(path)
}

// readBounded reads with three bare system calls: a listing reads a thousand
// files, and an os.File costs as much again for a poller that has no use here.
func readBounded(path string) ([]byte, error) {
	fd, err := open(path)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	b := make([]byte, 0, 4096)
	for {
		n, err := unix.Read(fd, b[len(b):cap(b)])
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		b = b[:len(b)+n]
		switch {
		case n == 0:
			return b, nil
		case len(b) > maxJSON:
			return nil, api.Errorf(api.KindCorrupt, "%s is longer than %d bytes", path, maxJSON).WithRef(path)
		case len(b) == cap(b):
			b = append(b, 0)[:len(b)]
		}
	}
}

func open(path string) (int, error) {
	for {
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
		if err == nil {
			return fd, nil
		}
		if !errors.Is(err, unix.EINTR) {
			return 0, &fs.PathError{Op: "open", Path: path, Err: err}
		}
	}
}
