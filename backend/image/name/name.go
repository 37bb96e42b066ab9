// Package name parses image names. A complete name is registry, repository
// and a tag or digest ("docker.io/library/nginx:latest"); what a person types
// may be shorter, or be the address of a registry's web page.
//
// It is pure: it runs in any process, touches nothing and knows no
// configuration. Which registry a short name means is decided in package
// registries.
package name

import (
	"strings"

	ggcr "github.com/google/go-containerregistry/pkg/name"

	"davit/backend/api"
	"davit/backend/form"
)

// Docker is the registry that docker means when none is named.
const Docker = "docker.io"

// maxName is the longest registry/repository that registries accept.
const maxName = 255

var (
	host   = form.Of(`^(\[[0-9a-fA-F:.]+\]|[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)*)(:[0-9]{1,5})?$`)
	part   = form.Of(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*$`)
	tag    = form.Of(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)
	digest = form.Of(`^sha256:[0-9a-f]{64}$`)
)

// Name is a complete image name.
type Name struct {
	Registry   string // docker.io, localhost:5000
	Repository string // library/nginx
	Tag        string // "" where only a digest is given
	Digest     string // sha256:… or ""
}

// String gives the complete name, as shown to people and kept in the store.
func (n Name) String() string {
	s := n.Repo()
	if n.Tag != "" {
		s += ":" + n.Tag
	}
	if n.Digest != "" {
		s += "@" + n.Digest
	}
	return s
}

// Repo gives registry/repository.
func (n Name) Repo() string { return n.Registry + "/" + n.Repository }

// Reference is what the manifest is asked for by: the digest, else the tag.
func (n Name) Reference() string {
	if n.Digest != "" {
		return n.Digest
	}
	return n.Tag
}

// Remote is the name as go-containerregistry has it. Its own rules are wider
// than Parse's, except for hosts that no URL can hold.
func (n Name) Remote() (ggcr.Reference, error) {
	r, err := ggcr.NewRegistry(n.Registry)
	if err != nil {
		return nil, invalid(n.String(), "the registry is not a host name")
	}
	if n.Digest != "" {
		return r.Repo(n.Repository).Digest(n.Digest), nil
	}
	return r.Repo(n.Repository).Tag(n.Tag), nil
}

// Short tells whether ref names no registry, so that a registry has to be
// chosen for it.
func Short(ref string) bool {
	first, _, found := strings.Cut(ref, "/")
	return !found || !isHost(first)
}

// isHost applies docker's rule: the part before the first slash is a registry
// if it looks like a host with a dot or a port, or is localhost.
func isHost(s string) bool {
	return s == "localhost" || strings.ContainsAny(s, ".:") || strings.ToLower(s) != s
}

// Parse reads a complete name; the tag is "latest" where neither tag nor
// digest is given. docker.io names of one component get "library/".
func Parse(s string) (Name, error) {
	if len(s) > 2*maxName+200 {
		return Name{}, invalid(s[:40]+"…", "it is too long")
	}
	n, rest := Name{}, s
	if i := strings.IndexByte(rest, '@'); i >= 0 {
		n.Digest, rest = rest[i+1:], rest[:i]
		if !digest().MatchString(n.Digest) {
			return Name{}, invalid(s, "the digest is not sha256: and 64 hex digits")
		}
	}
	if i := strings.LastIndexByte(rest, ':'); i > strings.LastIndexByte(rest, '/') {
		n.Tag, rest = rest[i+1:], rest[:i]
		if !tag().MatchString(n.Tag) {
			return Name{}, invalid(s, "the tag has characters that tags cannot have")
		}
	}
	if n.Tag == "" && n.Digest == "" {
		n.Tag = "latest"
	}
	var found bool
	n.Registry, n.Repository, found = strings.Cut(rest, "/")
	if !found {
		return Name{}, invalid(s, "it names no registry")
	}
	return check(s, n)
}

func check(s string, n Name) (Name, error) {
	if n.Registry == "index.docker.io" || n.Registry == "registry-1.docker.io" {
		n.Registry = Docker
	}
	if n.Registry == Docker && !strings.Contains(n.Repository, "/") {
		n.Repository = "library/" + n.Repository
	}
	if !host().MatchString(n.Registry) || !portOK(n.Registry) {
		return Name{}, invalid(s, "the registry is not a host name")
	}
	for _, p := range strings.Split(n.Repository, "/") {
		if !part().MatchString(p) {
			return Name{}, invalid(s, "a repository is lower-case letters, digits and . _ - between them")
		}
	}
	if len(n.Repo()) > maxName {
		return Name{}, invalid(s[:40]+"…", "it is too long")
	}
	_, err := n.Remote()
	return n, err
}

func portOK(h string) bool {
	i := strings.LastIndexByte(h, ':')
	if i < 0 || strings.HasSuffix(h, "]") {
		return true
	}
	p := h[i+1:]
	return len(p) < 5 || p <= "65535"
}

// ParseDocker reads a name as docker does: docker.io, library, latest. This is
// what a name inside a docker archive means.
func ParseDocker(s string) (Name, error) {
	if Short(s) {
		s = Docker + "/" + s
	}
	return Parse(s)
}

// IsDigest tells whether s is a digest of the one kind that is accepted here.
func IsDigest(s string) bool { return digest().MatchString(s) }

// IsTag tells whether s can be a tag.
func IsTag(s string) bool { return tag().MatchString(s) }

func invalid(s, why string) *api.Error {
	return api.Errorf(api.KindInvalid, "%q is not an image name: %s", s, why).WithRef(strings.ToValidUTF8(s, "\uFFFD"))
}
