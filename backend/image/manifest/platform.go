package manifest

import (
	"runtime"
	"sort"
	"strings"

	"davit/backend/api"
)

// Platform is what an image runs on.
type Platform struct {
	OS           string `json:"os"`
	Architecture string `json:"architecture"`
	Variant      string `json:"variant,omitempty"`
	OSVersion    string `json:"os.version,omitempty"`
}

// String gives os/arch or os/arch/variant.
func (p Platform) String() string {
	s := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		s += "/" + p.Variant
	}
	return s
}

// Host is the platform of this machine.
func Host() Platform { return Platform{OS: "linux", Architecture: runtime.GOARCH}.normal() }

// ParsePlatform reads os/arch[/variant] or just arch; "" is the host's.
func ParsePlatform(s string) (Platform, error) {
	if s == "" {
		return Host(), nil
	}
	p := strings.Split(strings.ToLower(s), "/")
	if len(p) == 1 {
		p = []string{"linux", p[0]}
	}
	if len(p) > 3 || p[0] == "" || p[1] == "" {
		return Platform{}, api.Errorf(api.KindInvalid, "%q is not a platform; it reads like linux/arm64 or linux/arm/v7", s)
	}
	r := Platform{OS: p[0], Architecture: p[1]}
	if len(p) == 3 {
		r.Variant = p[2]
	}
	return r.normal(), nil
}

// normal maps the names that people and older tools use to Go's.
func (p Platform) normal() Platform {
	switch p.Architecture {
	case "x86_64", "x86-64":
		p.Architecture = "amd64"
	case "i386", "i686":
		p.Architecture = "386"
	case "aarch64":
		p.Architecture = "arm64"
	case "armhf":
		p.Architecture, p.Variant = "arm", "v7"
	case "armel":
		p.Architecture, p.Variant = "arm", "v6"
	}
	if p.Architecture == "arm64" && p.Variant == "v8" || p.Architecture == "amd64" && p.Variant == "v1" {
		p.Variant = ""
	}
	if p.Architecture == "arm" && p.Variant == "" {
		p.Variant = "v7"
	}
	return p
}

// score tells how well p serves want: 0 not at all, more is better. An older
// variant runs on a newer machine.
func (p Platform) score(want Platform) int {
	p, want = p.normal(), want.normal()
	if p.OS != want.OS || p.Architecture != want.Architecture {
		return 0
	}
	switch {
	case p.Variant == want.Variant:
		return 100
	case want.Variant == "": // amd64 v2, v3: may need instructions that are not there
		return 0
	case len(p.Variant) == 2 && p.Variant < want.Variant:
		return int(p.Variant[1]) // the newest of the older ones: '0' to '9', below 100
	}
	return 0
}

// Fits tells whether an image for p runs where want does.
func (p Platform) Fits(want Platform) bool { return p.score(want) > 0 }

// Choose gives the entry of an index that serves want best.
func Choose(m *Manifest, want Platform) (Descriptor, error) {
	best, at := 0, -1
	for i, d := range m.Manifests {
		if Attestation(d) || !isManifest(d.MediaType) && !isIndex(d.MediaType) && d.MediaType != "" {
			continue
		}
		s := 1 // one that does not say what it runs on is better than none
		if d.Platform != nil {
			s = d.Platform.score(want)
		}
		if s > best {
			best, at = s, i
		}
	}
	if at >= 0 {
		return m.Manifests[at], nil
	}
	return Descriptor{}, noPlatform(m, want)
}

// Attestation tells provenance records, which buildkit lists as manifests.
func Attestation(d Descriptor) bool {
	return d.Annotations["vnd.docker.reference.type"] != "" || d.Platform != nil && d.Platform.OS == "unknown"
}

func noPlatform(m *Manifest, want Platform) error {
	var have []string
	for _, d := range m.Manifests {
		if d.Platform != nil && !Attestation(d) && len(have) < 20 {
			have = append(have, shorten(d.Platform.String()))
		}
	}
	sort.Strings(have)
	e := api.Errorf(api.KindNotFound, "there is no image for %s; there are: %q", want, have)
	if len(have) == 0 {
		return api.Errorf(api.KindNotFound, "there is no image for %s in it", want)
	}
	return e.WithHint("Choose one of these platforms; it only runs here if this machine can emulate it.")
}
