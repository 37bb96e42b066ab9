package wire

import (
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"

	"davit/backend/api"
)

// appendDirPage is append for a directory, which may have ten thousands of
// files: it writes what encoding/json would, in a tenth of the time.
func appendDirPage(b []byte, p *api.DirPage) ([]byte, error) {
	w := jsonWriter{b: b}
	w.name(`{"path":`, p.Path)
	w.number(`,"total":`, int64(p.Total))
	w.b = append(w.b, `,"entries":[`...)
	for n := range p.Entries {
		if n > 0 {
			w.b = append(w.b, ',')
		}
		w.file(&p.Entries[n])
	}
	w.b = append(w.b, `],"marked":`...)
	w.b = strconv.AppendBool(w.b, p.Marked)
	w.b = append(w.b, `,"deleted":[`...)
	for n, name := range p.Deleted {
		if n > 0 {
			w.b = append(w.b, ',')
		}
		w.name("", name)
	}
	w.b = append(w.b, "]}"...)
	return w.b, w.err
}

// jsonWriter writes fields one after another; key is what stands before a
// value. It remembers the first error.
type jsonWriter struct {
	b   []byte
	err error
}

func (w *jsonWriter) file(f *api.FileInfo) {
	w.name(`{"name":`, f.Name)
	w.name(`,"path":`, f.Path)
	w.text(`,"mode":`, f.Mode)
	w.number(`,"perm":`, int64(f.Perm))
	w.number(`,"uid":`, int64(f.UID))
	w.number(`,"gid":`, int64(f.GID))
	if f.User != "" {
		w.text(`,"user":`, f.User)
	}
	w.number(`,"size":`, f.Size)
	w.time(`,"modified":`, f.Modified)
	if f.Dir {
		w.b = append(w.b, `,"dir":true`...)
	}
	if f.Link != "" {
		w.name(`,"link":`, f.Link)
	}
	if f.Real != "" {
		w.name(`,"real":`, f.Real)
	}
	if f.Mark != "" {
		w.text(`,"mark":`, f.Mark)
	}
	if f.Version != "" {
		w.text(`,"version":`, f.Version)
	}
	w.b = append(w.b, '}')
}

func (w *jsonWriter) text(key, s string) {
	w.b = appendString(append(w.b, key...), s)
}

func (w *jsonWriter) number(key string, n int64) {
	w.b = strconv.AppendInt(append(w.b, key...), n, 10)
}

// name writes what need not be UTF-8: see api.RawPath.
func (w *jsonWriter) name(key, s string) {
	if utf8.ValidString(s) {
		w.text(key, s)
		return
	}
	w.value(key, api.RawPath(s))
}

// time writes one that encoding/json has words for; a file may have any.
func (w *jsonWriter) time(key string, t time.Time) {
	if y := t.Year(); y < 0 || y > 9999 {
		w.value(key, t)
		return
	}
	w.b = append(append(w.b, key...), '"')
	w.b = t.AppendFormat(w.b, time.RFC3339Nano)
	w.b = append(w.b, '"')
}

func (w *jsonWriter) value(key string, v any) {
	text, err := json.Marshal(v)
	if err != nil && w.err == nil {
		w.err = err
	}
	w.b = append(append(w.b, key...), text...)
}
