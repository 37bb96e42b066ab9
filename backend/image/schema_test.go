package image

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"davit/backend/api"
	"davit/backend/image/layout"
	"davit/tests/images"
)

// specFiles reads the image-spec's schemas, whose addresses on the web stand
// for files of its module.
type specFiles struct{ dir string }

func (s specFiles) Load(url string) (any, error) {
	b, err := os.ReadFile(filepath.Join(s.dir, path.Base(url)))
	if err != nil {
		return nil, err
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(b))
}

// schemas compiles the image-spec's own JSON schemas, which are part of its module.
func schemas(t *testing.T) map[string]*jsonschema.Schema {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/opencontainers/image-spec").Output()
	if err != nil || len(bytes.TrimSpace(dir)) == 0 {
		t.Skipf("the image-spec's module is not here: %v", err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft4)
	c.UseLoader(specFiles{filepath.Join(strings.TrimSpace(string(dir)), "schema")})
	out := map[string]*jsonschema.Schema{}
	for _, kind := range []string{"image-layout", "image-index", "image-manifest", "config"} {
		s, err := c.Compile("https://opencontainers.org/schema/image/" + kind + "-schema.json")
		if err != nil {
			t.Fatal(err)
		}
		out[kind] = s
	}
	return out
}

func validate(t *testing.T, s *jsonschema.Schema, file string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err == nil {
		err = s.Validate(doc)
	}
	if err != nil {
		t.Errorf("%s: %v\n%.400s", filepath.Base(file), err, b)
	}
}

// validLayout holds an OCI layout to the schemas: its mark, its index, and all
// manifests and configs that the index leads to.
func validLayout(t *testing.T, all map[string]*jsonschema.Schema, dir string, least int) {
	t.Helper()
	validate(t, all["image-layout"], filepath.Join(dir, "oci-layout"))
	validate(t, all["image-index"], filepath.Join(dir, "index.json"))
	d, err := layout.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	entries := must[[]layout.Entry](t)(d.Entries())
	if len(entries) < least {
		t.Errorf("%s has %d entries, want %d", dir, len(entries), least)
	}
	for _, e := range entries {
		if strings.Contains(e.Descriptor.MediaType, "docker") {
			continue // as its registry has it
		}
		validate(t, all["image-manifest"], d.Blob(e.Descriptor.Digest))
		var m struct{ Config struct{ Digest string } }
		b, err := os.ReadFile(d.Blob(e.Descriptor.Digest))
		if err == nil {
			err = json.Unmarshal(b, &m)
		}
		if err != nil {
			t.Fatal(err)
		}
		validate(t, all["config"], d.Blob(m.Config.Digest))
	}
}

// TestDocumentsFitTheSchemas holds everything that we write for others to the
// image-spec, and shows that the schemas would tell if it did not fit.
func TestDocumentsFitTheSchemas(t *testing.T) {
	t.Parallel()
	all := schemas(t)
	reg := images.Registry(t)
	images.Push(t, reg+"/a:1", layered(t))
	images.Push(t, reg+"/b:1", images.Image(t, v1.Config{Labels: map[string]string{"a": "b"}, ExposedPorts: map[string]struct{}{"80/tcp": {}}}, images.Layer(t, images.File("a", "1"))))
	s := open(t)
	must[Pulled](t)(s.Pull(bg, api.PullSpec{Ref: reg + "/a:1"}, nil))
	must[Pulled](t)(s.Pull(bg, api.PullSpec{Ref: reg + "/b:1"}, nil))
	must[api.Image](t)(s.Import(bg, api.ImportSpec{Name: "localhost/made:1", Message: "made", Changes: []string{`CMD ["/a"]`, "EXPOSE 80", "LABEL a=b", "VOLUME /v", "USER 1"}},
		bytes.NewReader(images.Tar(t, images.File("a", "1")))))
	if _, err := s.LoadSample(bg); err != nil {
		t.Log(err) // built without it
	}
	imported(t, s, "", "without a name")
	validLayout(t, all, s.c.ImagesDir, 4)
	must[api.RemovedImage](t)(s.Remove(bg, "localhost/made:1", RemoveOptions{}))
	must[api.Image](t)(s.Restore(bg, "localhost/made:1"))
	validLayout(t, all, s.c.ImagesDir, 4)

	to := filepath.Join(t.TempDir(), "layout")
	if err := s.SaveTo(bg, api.SaveSpec{Refs: []string{reg + "/a:1", reg + "/b:1", "localhost/made:1"}, Format: api.SaveOCIDir, Path: to}, func(int64) {}); err != nil {
		t.Fatal(err)
	}
	validLayout(t, all, to, 3)

	wrong := filepath.Join(t.TempDir(), "wrong.json")
	if err := os.WriteFile(wrong, []byte(`{"schemaVersion": 2, "manifests": [{"mediaType": "x", "size": -1}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	doc := must[any](t)(specFiles{filepath.Dir(wrong)}.Load("wrong.json"))
	if all["image-index"].Validate(doc) == nil {
		t.Error("the schema does not tell a wrong index")
	}
}
