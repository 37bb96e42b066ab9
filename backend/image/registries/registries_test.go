package registries

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"davit/backend/api"
	"davit/backend/image/name"
)

func conf(t *testing.T, text string) Conf {
	t.Helper()
	dir := t.TempDir()
	c := Conf{File: filepath.Join(dir, "registries.conf"), Dir: filepath.Join(dir, "none"), Aliases: filepath.Join(dir, "aliases.conf")}
	if err := os.WriteFile(c.File, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return c
}

func names(r Resolution) (out []string) {
	for _, n := range r.Names {
		out = append(out, n.String())
	}
	return out
}

func TestResolve(t *testing.T) {
	text := `unqualified-search-registries = ["quay.io", "localhost:5000"]
short-name-mode = "enforcing"
[aliases]
"fedora" = "registry.fedoraproject.org/fedora"
`
	for _, c := range []struct {
		conf, ref string
		want      []string
		why       string
	}{
		{"", "nginx", []string{"docker.io/library/nginx:latest"}, "docker.io is the default"},
		{"", "a/b:1", []string{"docker.io/a/b:1"}, "docker.io is the default"},
		{text, "a/b:1", []string{"quay.io/a/b:1", "localhost:5000/a/b:1"}, "unqualified-search-registries"},
		{text, "fedora:40", []string{"registry.fedoraproject.org/fedora:40"}, "alias in"},
		{text, "docker.io/nginx", []string{"docker.io/library/nginx:latest"}, "complete"},
		{text, "https://hub.docker.com/_/nginx", []string{"docker.io/library/nginx:latest"}, "complete"},
	} {
		r, err := conf(t, c.conf).Resolve(c.ref)
		if err != nil || !reflect.DeepEqual(names(r), c.want) || !strings.Contains(r.Why, c.why) {
			t.Errorf("%q: %v, %q, %v; want %v, %q", c.ref, names(r), r.Why, err, c.want, c.why)
		}
	}
	for _, bad := range []string{"", "UPPER", "a b", "-rf", "x:--privileged", "../../tmp/x"} {
		if _, err := conf(t, text).Resolve(bad); api.KindOf(err) != api.KindInvalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestSources(t *testing.T) {
	c := conf(t, `
[[registry]]
prefix = "docker.io"
location = "mirror.example/hub"
[[registry.mirror]]
location = "127.0.0.1:5001/cache"
insecure = true
[[registry]]
location = "bad.example"
blocked = true
[[registry]]
location = "plain.example"
insecure = true
`)
	n, _ := name.Parse("docker.io/nginx:1")
	got, err := c.Sources(n)
	want := []Source{{"127.0.0.1:5001", "cache/library/nginx", true, true}, {"mirror.example", "hub/library/nginx", false, false}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	n.Digest = "sha256:" + strings.Repeat("a", 64)
	if got, err = c.Sources(n); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("tag and digest: %+v, %v", got, err)
	}
	n, _ = name.Parse("bad.example/x")
	if _, err := c.Sources(n); api.KindOf(err) != api.KindDenied {
		t.Errorf("blocked: %v", err)
	}
	n, _ = name.Parse("plain.example/x")
	if got, err := c.Sources(n); err != nil || len(got) != 1 || !got[0].Insecure {
		t.Errorf("insecure: %+v, %v", got, err)
	}
	known, err := c.Known()
	if err != nil || len(known) != 3 {
		t.Fatalf("%+v, %v", known, err)
	}
	for _, r := range known {
		if r.Host == "docker.io" && (r.Location != "mirror.example" || len(r.Mirrors) != 1) || r.Host == "bad.example" && !r.Blocked {
			t.Errorf("%+v", r)
		}
	}
}

func TestBrokenConfig(t *testing.T) {
	if _, err := conf(t, "[[registry").Resolve("nginx"); api.KindOf(err) != api.KindInvalid {
		t.Errorf("%v", err)
	}
}

// The library reads ~/.config whatever XDG_CONFIG_HOME says.
func TestTheConfigurationIsWhereXDGSays(t *testing.T) {
	home, config := t.TempDir(), t.TempDir()
	getenv := func(name string) string { return map[string]string{"HOME": home, "XDG_CONFIG_HOME": config}[name] }
	if c := Locate(getenv); c != (Conf{}) {
		t.Errorf("nothing is there, and %+v is", c)
	}
	dir := filepath.Join(config, "containers")
	if err := os.MkdirAll(filepath.Join(dir, "registries.conf.d"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"registries.conf": "unqualified-search-registries = [\"a.test\"]\n", "registries.conf.d/x.conf": "[[registry]]\nlocation = \"b.test\"\ninsecure = true\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c := Locate(getenv)
	r, err := c.Resolve("x")
	if err != nil || len(r.Names) != 1 || r.Names[0].Registry != "a.test" {
		t.Errorf("a short name: %+v, %v", r, err)
	}
	if yes, err := c.Insecure("b.test"); err != nil || !yes {
		t.Errorf("a drop-in: %v, %v", yes, err)
	}
	if want := filepath.Join(dir, "registries.conf.d", own); c.OwnFile() != want {
		t.Errorf("own file %s, want %s", c.OwnFile(), want)
	}
	config = filepath.Join(home, ".config")
	if c := Locate(getenv); c != (Conf{}) {
		t.Errorf("the usual place: %+v", c)
	}
}
