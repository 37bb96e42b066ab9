package name

import (
	"net/url"
	"strings"
)

// FromAddress turns what people paste (a docker:// reference, the address of
// a repository's page on Docker Hub, Quay, GitHub or any registry) into a
// name. Anything else is returned trimmed.
func FromAddress(s string) string {
	s = strings.TrimSpace(s)
	for _, p := range []string{"docker://", "docker pull ", "podman pull ", "oci://"} {
		s = strings.TrimSpace(strings.TrimPrefix(s, p))
	}
	if !strings.HasPrefix(s, "https://") && !strings.HasPrefix(s, "http://") {
		return s
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return s
	}
	p := strings.Split(strings.Trim(u.Path, "/"), "/")
	switch u.Host {
	case "hub.docker.com":
		return fromHub(s, p)
	case "quay.io":
		if len(p) >= 3 && p[0] == "repository" {
			return "quay.io/" + p[1] + "/" + p[2]
		}
	case "github.com":
		return fromGitHub(s, p)
	}
	return u.Host + "/" + strings.Join(p, "/")
}

func fromHub(s string, p []string) string {
	switch {
	case len(p) >= 2 && p[0] == "_":
		return Docker + "/library/" + p[1]
	case len(p) >= 3 && p[0] == "r":
		return Docker + "/" + p[1] + "/" + p[2]
	}
	return s
}

// fromGitHub reads github.com/OWNER/REPO/pkgs/container/NAME and
// github.com/users|orgs/OWNER/packages/container/[package/]NAME.
func fromGitHub(s string, p []string) string {
	for i, w := range p {
		if w != "container" || i+1 >= len(p) || i < 2 {
			continue
		}
		owner, rest := p[0], p[i+1:]
		if owner == "users" || owner == "orgs" {
			owner = p[1]
		}
		if rest[0] == "package" && len(rest) > 1 {
			rest = rest[1:]
		}
		return strings.ToLower("ghcr.io/" + owner + "/" + rest[0])
	}
	return s
}
