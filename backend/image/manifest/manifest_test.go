package manifest

import (
	"fmt"
	"strings"
	"testing"

	"davit/backend/api"
)

var hexDigits = strings.Repeat("a", 64)

func image(layers string) string {
	return fmt.Sprintf(`{"schemaVersion":2,"mediaType":"%s","config":{"mediaType":"%s","digest":"sha256:%s","size":2},"layers":[%s]}`, TypeManifest, TypeConfig, hexDigits, layers)
}

func layer(digest string, size string) string {
	return fmt.Sprintf(`{"mediaType":"%s+gzip","digest":"%s","size":%s}`, TypeLayer, digest, size)
}

func TestParseAccepts(t *testing.T) {
	for _, s := range []string{
		image(""), image(layer("sha256:"+hexDigits, "10")),
		`{"schemaVersion":2,"manifests":[]}`,
		fmt.Sprintf(`{"schemaVersion":2,"mediaType":"%s","manifests":[{"mediaType":"%s","digest":"sha256:%s","size":1}]}`, dockerList, dockerManifest, hexDigits),
	} {
		if _, err := Parse([]byte(s), ""); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for why, s := range map[string]string{
		"null":           `null`,
		"array":          `[]`,
		"cut":            `{"schemaVersion":2`,
		"html":           `<html>`,
		"deep":           strings.Repeat("[", 200000),
		"schema 1":       `{"schemaVersion":1,"fsLayers":[]}`,
		"empty":          `{"schemaVersion":2}`,
		"both":           strings.Replace(image(""), `"layers"`, `"manifests":[],"layers"`, 1),
		"twice":          strings.Replace(image(""), `"layers"`, `"LAYERS":[],"layers"`, 1),
		"negative":       image(layer("sha256:"+hexDigits, "-1")),
		"float":          image(layer("sha256:"+hexDigits, "1e300")),
		"string size":    image(layer("sha256:"+hexDigits, `"1"`)),
		"huge":           image(layer("sha256:"+hexDigits, "99999999999999999999")),
		"path":           image(layer("sha256:../../../../etc/passwd", "1")),
		"md5":            image(layer("md5:d41d8cd98f00b204e9800998ecf8427e", "1")),
		"short":          image(layer("sha256:"+hexDigits[1:], "1")),
		"long":           image(layer("sha256:a"+hexDigits, "1")),
		"text layer":     strings.Replace(image(layer("sha256:"+hexDigits, "1")), TypeLayer+"+gzip", "text/plain", 1),
		"artifact":       strings.Replace(image(""), TypeConfig, "application/vnd.cncf.helm.config.v1+json", 1),
		"many layers":    image(strings.Repeat(layer("sha256:"+hexDigits, "1")+",", MaxLayers) + layer("sha256:"+hexDigits, "1")),
		"too big":        image("") + strings.Repeat(" ", MaxManifest),
		"odd media type": strings.Replace(image(""), TypeManifest, "text/html", 1),
	} {
		_, err := Parse([]byte(s), "")
		if api.KindOf(err) != api.KindCorrupt {
			t.Errorf("%s: %v", why, err)
		} else if len(err.Error()) > 400 {
			t.Errorf("%s: the message has %d bytes", why, len(err.Error()))
		}
	}
	if _, err := Parse([]byte(image("")), TypeIndex); err == nil {
		t.Error("an image behind an index pointer was accepted")
	}
}

func TestParseConfigRefuses(t *testing.T) {
	m := &Manifest{}
	for _, s := range []string{`null`, `[]`, `"str"`, `{}`, `{"config":null,"rootfs":null}`, ``, `{"architecture":"amd64"`,
		strings.Repeat("[", 200000) + strings.Repeat("]", 200000),
		`{"os":"windows","architecture":"amd64"}`,
		`{"os":"linux","architecture":"amd64","rootfs":{"diff_ids":["sha256:` + hexDigits + `"]}}`,
		`{"os":"linux","architecture":"amd64","config":{"Entrypoint":"/bin/sh"}}`,
		`{"os":"linux","architecture":"amd64","config":{"Env":["A=b\u0000c"]}}`,
	} {
		if _, err := ParseConfig([]byte(s), m); api.KindOf(err) != api.KindCorrupt {
			t.Errorf("%.60s: %v", s, err)
		}
	}
	c, err := ParseConfig([]byte(`{"os":"linux","architecture":"amd64","created":"yesterday","config":{"ExposedPorts":{"80":{},"443/tcp":{}},"Labels":{"A":"1","a":"2"}}}`), m)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.API().ExposedPorts; len(got) != 2 || got[1] != "80/tcp" {
		t.Errorf("ports %v", got)
	}
}

func TestChoose(t *testing.T) {
	d := func(os, arch, variant string) Descriptor {
		return Descriptor{MediaType: TypeManifest, Digest: os + arch + variant, Platform: &Platform{OS: os, Architecture: arch, Variant: variant}}
	}
	m := &Manifest{Manifests: []Descriptor{d("unknown", "unknown", ""), d("linux", "arm", "v6"), d("linux", "arm", "v7"), d("linux", "arm64", "v8"), d("linux", "amd64", "v3"), d("linux", "amd64", "")}}
	for in, want := range map[string]string{"linux/amd64": "linuxamd64", "arm64": "linuxarm64v8", "linux/arm/v6": "linuxarmv6", "linux/arm": "linuxarmv7", "linux/arm/v8": "linuxarmv7"} {
		p, err := ParsePlatform(in)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Choose(m, p); err != nil || got.Digest != want {
			t.Errorf("%s: %s, %v; want %s", in, got.Digest, err, want)
		}
	}
	_, err := Choose(m, Platform{OS: "linux", Architecture: "s390x"})
	if api.KindOf(err) != api.KindNotFound || !strings.Contains(err.Error(), "linux/amd64") {
		t.Errorf("%v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(image(layer("sha256:"+hexDigits, "10"))))
	f.Add([]byte(`{"schemaVersion":2,"manifests":[{"platform":{}}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := Parse(b, ""); err == nil {
			for _, l := range m.Layers {
				if len(Hex(l.Digest)) != 64 || l.Size < 0 {
					t.Fatalf("let %+v through", l)
				}
			}
			if m.Index() {
				_, _ = Choose(m, Host())
			}
		}
		_, _ = ReadConfig(b)
	})
}
