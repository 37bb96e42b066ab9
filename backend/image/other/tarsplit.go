package other

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"davit/backend/image/unpack"
)

// segment is a line of a tar-split file: bytes of the tar as they were, or a
// file whose content is to be put there.
type segment struct {
	Type    int    `json:"type"`
	Name    string `json:"name"`
	RawName []byte `json:"name_raw"` // of a name that is not UTF-8
	Size    int64  `json:"size"`
	Payload []byte `json:"payload"`
}

// The types of a segment.
const (
	isFile  = 1
	isBytes = 2
)

// Open gives the layer's tar, put together from its files and what podman
// noted of the rest. Whether it is what it should be, its digest tells.
func (l Layer) Open() (io.ReadCloser, error) {
	note, err := os.Open(filepath.Join(l.store.records("layers"), l.id+".tar-split.gz"))
	if err != nil {
		return nil, err
	}
	root, err := unpack.OpenRoot(l.store.files(l.id))
	if err != nil {
		note.Close()
		return nil, err
	}
	r, w := io.Pipe()
	go func() {
		defer note.Close()
		defer root.Close()
		w.CloseWithError(assemble(w, note, root))
	}()
	return r, nil
}

func assemble(w io.Writer, note io.Reader, root *unpack.Root) error {
	z, err := gzip.NewReader(note)
	if err != nil {
		return fmt.Errorf("podman's note of a layer: %w", err)
	}
	d := json.NewDecoder(z)
	for {
		var s segment
		err := d.Decode(&s)
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("podman's note of a layer: %w", err)
		case s.Type == isBytes:
			_, err = w.Write(s.Payload)
		case s.Type == isFile && s.Size > 0:
			if len(s.RawName) > 0 {
				s.Name = string(s.RawName)
			}
			err = root.Copy(w, s.Name, s.Size)
		}
		if err != nil {
			return err
		}
	}
}
