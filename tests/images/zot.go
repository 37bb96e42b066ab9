package images

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// StrictRegistry plays zot as it comes: everybody may read, so that it never
// asks for a log-in before something is written; manifests are taken in the
// OCI's types only (zot's http.compat is empty), and only when all that they
// name is there.
func StrictRegistry(t testing.TB, user, password string) string {
	s := &strict{inner: registry.New(registry.Logger(Quiet())),
		want: "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))}
	return Host(server(t, s))
}

type strict struct {
	inner http.Handler
	want  string
}

func (s *strict) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		s.inner.ServeHTTP(w, r)
		return
	}
	if r.Header.Get("Authorization") != s.want {
		w.Header().Set("WWW-Authenticate", `Basic realm="zot"`)
		refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
		return
	}
	if r.Method == http.MethodPut && path.Base(path.Dir(r.URL.Path)) == "manifests" {
		body, err := io.ReadAll(io.LimitReader(r.Body, 4<<20))
		if err != nil {
			refuse(w, http.StatusInternalServerError, "UNKNOWN", err.Error())
			return
		}
		if status, code := s.judge(r, body); status != 0 {
			refuse(w, status, code, "the manifest is invalid")
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	s.inner.ServeHTTP(w, r)
}

// judge answers as zot's storage does: 415 for types that it does not know.
func (s *strict) judge(r *http.Request, body []byte) (status int, code string) {
	var m struct {
		MediaType types.MediaType
		Config    struct {
			MediaType types.MediaType
			Digest    string
		}
		Layers []struct{ MediaType, Digest string }
	}
	switch {
	case r.Header.Get("Content-Type") == string(types.OCIImageIndex):
		return 0, "" // that its images are there, the registry inside sees
	case r.Header.Get("Content-Type") != string(types.OCIManifestSchema1):
		return http.StatusUnsupportedMediaType, "MANIFEST_INVALID"
	case json.Unmarshal(body, &m) != nil, m.MediaType != "" && m.MediaType != types.OCIManifestSchema1, m.Config.MediaType != types.OCIConfigJSON:
		return http.StatusBadRequest, "MANIFEST_INVALID"
	case !s.has(r, m.Config.Digest):
		return http.StatusNotFound, "BLOB_UNKNOWN"
	}
	for _, l := range m.Layers {
		if !strings.HasPrefix(l.MediaType, "application/vnd.oci.image.layer.v1.tar") {
			return http.StatusBadRequest, "MANIFEST_INVALID"
		}
		if !s.has(r, l.Digest) {
			return http.StatusNotFound, "BLOB_UNKNOWN"
		}
	}
	return 0, ""
}

func (s *strict) has(r *http.Request, digest string) bool {
	repository := path.Dir(path.Dir(r.URL.Path))
	w := httptest.NewRecorder()
	s.inner.ServeHTTP(w, httptest.NewRequest(http.MethodHead, repository+"/blobs/"+digest, nil))
	return w.Code == http.StatusOK
}

func refuse(w http.ResponseWriter, status int, code, why string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []map[string]string{{"code": code, "message": why}}})
}
