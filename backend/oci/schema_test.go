package oci

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"davit/backend/api"
	"davit/backend/store"
)

// schema compiles the runtime-spec's own JSON schema, which is part of its
// module.
func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/opencontainers/runtime-spec").Output()
	if err != nil {
		t.Skipf("the runtime-spec's module is not here: %v", err)
	}
	path := filepath.Join(strings.TrimSpace(string(dir)), "schema", "config-schema.json")
	if _, err := os.Stat(path); err != nil {
		t.Skipf("the runtime-spec's module has no schema: %v", err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft4)
	c.UseLoader(specFiles{})
	s, err := c.Compile(path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// specFiles reads the schema's files. Some of their references lack the slash
// that a JSON pointer begins with.
type specFiles struct{}

func (specFiles) Load(url string) (any, error) {
	b, err := os.ReadFile(strings.TrimPrefix(url, "file://"))
	if err != nil {
		return nil, err
	}
	return jsonschema.UnmarshalJSON(strings.NewReader(strings.ReplaceAll(string(b), "#definitions/", "#/definitions/")))
}

// TestConfigFitsTheSchema holds config.json to the runtime-spec, whatever is
// asked for, and shows that the schema would tell if it did not fit.
func TestConfigFitsTheSchema(t *testing.T) {
	s := schema(t)
	host := Security{AppArmorProfile: "davit-container", ProcessLabel: "system_u:system_r:container_t:s0:c1,c2", MountLabel: "system_u:object_r:container_file_t:s0:c1,c2"}
	for name, c := range map[string]struct {
		rec store.Record
		o   SpecOptions
	}{
		"plain":      {record(api.RunSpec{}), SpecOptions{Dir: "/c/abc"}},
		"all walls":  {record(api.RunSpec{ReadOnly: true, CapDrop: []string{"ALL"}}), SpecOptions{Dir: "/c/abc", CgroupV2: true, Security: host}},
		"privileged": {record(api.RunSpec{Privileged: true}), SpecOptions{Dir: "/c/abc", CgroupV2: true}},
		"unconfined": {record(api.RunSpec{SecurityOpt: []string{"seccomp=unconfined", "systempaths=unconfined"}}), SpecOptions{Dir: "/c/abc"}},
		"rich": {store.Record{
			ID: "abc", Args: []string{"/bin/sh", "-c", "a b"}, Env: []string{"A=b\nc", "EMPTY="}, WorkingDir: "/srv", Hostname: "web.example", TTY: true,
			Mounts: []api.Mount{{Type: "bind", Source: "/home/a b:c,d", Target: "/srv/ü", ReadOnly: true}, {Type: "tmpfs", Target: "/tmp"}},
			Spec:   api.RunSpec{CapAdd: []string{"NET_ADMIN"}},
		}, SpecOptions{Dir: "/c/a b:c", Security: host}},
	} {
		spec, err := Spec(c.rec, c.o)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(plain(t, spec)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	spec, err := Spec(record(api.RunSpec{}), SpecOptions{})
	if err != nil {
		t.Fatal(err)
	}
	wrong := plain(t, spec).(map[string]any)
	wrong["process"].(map[string]any)["cwd"] = 7
	if s.Validate(wrong) == nil {
		t.Error("the schema takes anything")
	}
}

// plain is v as JSON decodes it.
func plain(t *testing.T, v any) any {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	p, err := jsonschema.UnmarshalJSON(strings.NewReader(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	return p
}
