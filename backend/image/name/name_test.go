package name

import (
	"strings"
	"testing"

	"davit/backend/api"
)

func TestParse(t *testing.T) {
	hex := strings.Repeat("a", 64)
	for in, want := range map[string]string{
		"docker.io/nginx":                       "docker.io/library/nginx:latest",
		"index.docker.io/nginx:1":               "docker.io/library/nginx:1",
		"localhost/x:y":                         "localhost/x:y",
		"localhost:5000/a/b":                    "localhost:5000/a/b:latest",
		"[::1]:5000/x:y":                        "[::1]:5000/x:y",
		"quay.io/a/b@sha256:" + hex:             "quay.io/a/b@sha256:" + hex,
		"quay.io/a/b:t@sha256:" + hex:           "quay.io/a/b:t@sha256:" + hex,
		"docker.io/library/alpine__x-y.z:1.0-a": "docker.io/library/alpine__x-y.z:1.0-a",
	} {
		n, err := Parse(in)
		if err != nil || n.String() != want {
			t.Errorf("Parse(%q) = %q, %v; want %q", in, n, err, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, in := range []string{
		"", "nginx", "/x", "docker.io/", "docker.io/UPPER", "docker.io/a b", "docker.io/../../etc",
		"docker.io/x:", "docker.io/x:--privileged", "docker.io/x@sha256:00", "docker.io/x@md5:00",
		"host:99999/x", "-rf/x", "docker.io/<img>", "docker.io/x\x1b[31m", "docker.io/" + strings.Repeat("n", 5000),
		"docker.io/x:" + strings.Repeat("t", 129),
	} {
		if n, err := Parse(in); err == nil {
			t.Errorf("Parse(%q) = %q, want an error", in, n)
		} else if api.KindOf(err) != api.KindInvalid {
			t.Errorf("Parse(%q): kind %s", in, api.KindOf(err))
		} else if strings.Contains(err.Error(), "\x1b") {
			t.Errorf("Parse(%q): raw escape in %q", in, err)
		}
	}
}

func TestShort(t *testing.T) {
	for in, want := range map[string]bool{
		"nginx": true, "library/nginx:1": true, "a/b/c": true,
		"docker.io/x": false, "localhost/x": false, "localhost:5000/x": false, "quay.io/a/b": false, "nginx:5000": true,
	} {
		if Short(in) != want {
			t.Errorf("Short(%q) = %v", in, !want)
		}
	}
}

func TestFromAddress(t *testing.T) {
	for in, want := range map[string]string{
		" nginx ":                                                         "nginx",
		"docker pull nginx:1":                                             "nginx:1",
		"docker://quay.io/a/b":                                            "quay.io/a/b",
		"https://hub.docker.com/_/nginx":                                  "docker.io/library/nginx",
		"https://hub.docker.com/r/bitnami/redis/tags":                     "docker.io/bitnami/redis",
		"https://quay.io/repository/podman/hello?tab=tags":                "quay.io/podman/hello",
		"https://github.com/Owner/repo/pkgs/container/app":                "ghcr.io/owner/app",
		"https://github.com/orgs/home/packages/container/package/ha":      "ghcr.io/home/ha",
		"https://github.com/users/me/packages/container/thing/123?tag=v1": "ghcr.io/me/thing",
		"http://127.0.0.1:5000/team/app":                                  "127.0.0.1:5000/team/app",
	} {
		if got := FromAddress(in); got != want {
			t.Errorf("FromAddress(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"docker.io/nginx", "localhost:5000/a@sha256:" + strings.Repeat("0", 64), "[::1]:1/x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := Parse(s)
		if err != nil {
			return
		}
		again, err := Parse(n.String())
		if err != nil || again != n {
			t.Fatalf("%q parsed to %q, which parses to %q (%v)", s, n, again, err)
		}
	})
}
