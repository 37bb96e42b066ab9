package front

import (
	"io/fs"
	"net/http"
	"path"
	"strings"
)

// page serves the built front: files as they are, the front's own routes as
// index.html, directories not at all.
type page struct{ files fs.FS }

func (p page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	switch {
	case strings.HasPrefix(name, "v1/") || name == "auth":
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "the API wants POST", http.StatusMethodNotAllowed)
	case p.has(name) && name != "index.html":
		w.Header().Set("Cache-Control", caching(name))
		http.ServeFileFS(w, r, p.files, name)
	case path.Ext(name) != "" && name != "index.html" || !fs.ValidPath(name) && name != "":
		http.NotFound(w, r)
	default:
		p.index(w)
	}
}

func (p page) has(name string) bool {
	if !fs.ValidPath(name) || strings.HasPrefix(path.Base(name), ".") {
		return false
	}
	st, err := fs.Stat(p.files, name)
	return err == nil && st.Mode().IsRegular()
}

func (p page) index(w http.ResponseWriter) {
	b, err := fs.ReadFile(p.files, "index.html")
	if err != nil {
		http.Error(w, "this davit was built without its page: build/compile makes it", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(b)
}

// caching: what has its digest in its name never changes.
func caching(name string) string {
	if strings.HasPrefix(name, "assets/") {
		return "private, max-age=31536000, immutable"
	}
	return "no-cache"
}
