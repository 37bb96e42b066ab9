// Package registries reads registries.conf, as podman, skopeo and buildah do
// (the same files, prefixes, mirrors and aliases), and decides with it what a
// short name may stand for and where an image is fetched from.
//
// It runs in the engine, and reads files only. The configuration is read anew
// for each question, so that a change counts at once.
package registries

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.podman.io/image/v5/docker/reference"
	"go.podman.io/image/v5/pkg/sysregistriesv2"
	"go.podman.io/image/v5/types"

	"davit/backend/api"
	"davit/backend/image/name"
)

// Conf is where the configuration is. The zero value is the usual places:
// ~/.config/containers, /etc/containers, /usr/share/containers.
type Conf struct {
	File    string // registries.conf
	Dir     string // registries.conf.d
	Aliases string // short-name-aliases.conf
}

// Locate is where a person has the configuration: below $XDG_CONFIG_HOME where
// a registries.conf is there, which takes the place of the system's with all its
// drop-ins, as one in ~/.config does. The library knows ~/.config alone.
func Locate(getenv func(string) string) Conf {
	dir := filepath.Join(getenv("XDG_CONFIG_HOME"), "containers")
	usual := filepath.Join(getenv("HOME"), ".config", "containers")
	if !filepath.IsAbs(dir) || filepath.Clean(dir) == usual {
		return Conf{}
	}
	file := filepath.Join(dir, "registries.conf")
	if _, err := os.Stat(file); err != nil {
		return Conf{}
	}
	return Conf{File: file, Dir: filepath.Join(dir, "registries.conf.d")}
}

func (c Conf) context() *types.SystemContext {
	sysregistriesv2.InvalidateCache() // the library keeps what it read for ever
	return &types.SystemContext{
		SystemRegistriesConfPath:    c.File,
		SystemRegistriesConfDirPath: c.Dir,
		UserShortNameAliasConfPath:  c.Aliases,
	}
}

// Resolution is what a ref may stand for.
type Resolution struct {
	Names []name.Name // in the order to try them
	Why   string      // for people: how they were found
}

// Resolve gives the complete names for what a person typed.
func (c Conf) Resolve(ref string) (Resolution, error) {
	ref = name.FromAddress(ref)
	if !name.Short(ref) {
		n, err := name.Parse(ref)
		return Resolution{[]name.Name{n}, "complete as given"}, err
	}
	plain, err := name.Parse(name.Docker + "/" + ref) // for what is wrong with it in any registry
	if err != nil {
		return Resolution{}, api.Errorf(api.KindInvalid, "%q is not an image name", short(ref)).WithRef(short(ref))
	}
	ctx := c.context()
	if r, ok, err := alias(ctx, ref, plain); ok || err != nil {
		return r, err
	}
	hosts, origin, err := sysregistriesv2.UnqualifiedSearchRegistriesWithOrigin(ctx)
	if err != nil {
		return Resolution{}, confError(err)
	}
	if len(hosts) == 0 {
		return Resolution{[]name.Name{plain}, "docker.io is the default"}, nil
	}
	r := Resolution{Why: "unqualified-search-registries in " + origin}
	for _, h := range hosts {
		n, err := name.Parse(h + "/" + ref)
		if err != nil {
			return Resolution{}, err
		}
		r.Names = append(r.Names, n)
	}
	return r, nil
}

// alias looks the short name, without tag, up among the aliases.
func alias(ctx *types.SystemContext, ref string, plain name.Name) (Resolution, bool, error) {
	bare, _, _ := strings.Cut(ref, "@")
	if i := strings.LastIndexByte(bare, ':'); i > strings.LastIndexByte(bare, '/') {
		bare = bare[:i]
	}
	named, file, err := sysregistriesv2.ResolveShortNameAlias(ctx, bare)
	if err != nil {
		return Resolution{}, false, confError(err)
	}
	if named == nil {
		return Resolution{}, false, nil
	}
	n, err := name.Parse(named.Name())
	if err != nil {
		return Resolution{}, false, err
	}
	n.Tag, n.Digest = plain.Tag, plain.Digest
	return Resolution{[]name.Name{n}, "alias in " + file}, true, nil
}

// Source is a place to fetch an image from.
type Source struct {
	Host       string
	Repository string
	Insecure   bool
	Mirror     bool
}

// Sources gives the places for an image, mirrors first. A blocked registry
// answers KindDenied.
func (c Conf) Sources(n name.Name) ([]Source, error) {
	if strings.HasPrefix(n.Registry, "[") {
		return c.numbered(n)
	}
	ref, err := reference.ParseNormalizedNamed(n.String())
	if err != nil {
		return nil, api.Errorf(api.KindInvalid, "image name %s: %w", n, err)
	}
	reg, err := sysregistriesv2.FindRegistry(c.context(), ref.Name())
	if err != nil {
		return nil, confError(err)
	}
	if reg == nil {
		return []Source{{Host: n.Registry, Repository: n.Repository}}, nil
	}
	if reg.Blocked {
		return nil, api.Errorf(api.KindDenied, "registry %s is blocked in registries.conf", n.Registry).WithRef(n.String())
	}
	if n.Tag != "" && n.Digest != "" { // a digest says it all, and the library takes one or the other
		if ref, err = reference.WithDigest(reference.TrimNamed(ref), ref.(reference.Digested).Digest()); err != nil {
			return nil, err
		}
	}
	pulls, err := reg.PullSourcesFromReference(ref)
	if err != nil {
		return nil, confError(err)
	}
	var out []Source
	for i, p := range pulls {
		m, err := name.Parse(p.Reference.String())
		if err != nil {
			return nil, confError(fmt.Errorf("location %q: %w", p.Endpoint.Location, err))
		}
		out = append(out, Source{m.Registry, m.Repository, p.Endpoint.Insecure, i < len(pulls)-1})
	}
	return out, nil
}

// numbered is Sources for a registry that is named by an address of IPv6, which
// the library's names cannot have: the file may say that it is insecure or
// blocked. Mirrors are passed over, and a location elsewhere is refused, because
// it must not be.
func (c Conf) numbered(n name.Name) ([]Source, error) {
	reg, err := sysregistriesv2.FindRegistry(c.context(), n.Repo())
	switch {
	case err != nil:
		return nil, confError(err)
	case reg == nil:
		return []Source{{Host: n.Registry, Repository: n.Repository}}, nil
	case reg.Blocked:
		return nil, api.Errorf(api.KindDenied, "registry %s is blocked in registries.conf", n.Registry).WithRef(n.String())
	case reg.Location != "" && reg.Location != reg.Prefix:
		return nil, confError(fmt.Errorf("%s: an address of IPv6 cannot be led to the location %q", reg.Prefix, reg.Location))
	}
	return []Source{{Host: n.Registry, Repository: n.Repository, Insecure: reg.Insecure}}, nil
}

// Registry is a registry that the configuration names.
type Registry struct {
	Host     string
	File     string // that names it
	Search   bool   // short names are looked for in it
	Insecure bool
	Blocked  bool
	Mirrors  []string
	Location string // host of the location, where another than Host
}

// Known lists the registries that the configuration names, those for short
// names first.
func (c Conf) Known() ([]Registry, error) {
	ctx := c.context()
	hosts, origin, err := sysregistriesv2.UnqualifiedSearchRegistriesWithOrigin(ctx)
	if err != nil {
		return nil, confError(err)
	}
	var out []Registry
	at := map[string]int{}
	for _, h := range hosts {
		at[h] = len(out)
		out = append(out, Registry{Host: h, File: origin, Search: true, Mirrors: []string{}})
	}
	all, err := sysregistriesv2.GetRegistries(ctx)
	if err != nil {
		return nil, confError(err)
	}
	for _, r := range all {
		h, _, _ := strings.Cut(r.Prefix, "/")
		if strings.HasPrefix(h, "*.") {
			continue // a rule for many hosts, none of which it names
		}
		i, ok := at[h]
		if !ok {
			i = len(out)
			at[h] = i
			out = append(out, Registry{Host: h, File: filepath.Clean(sysregistriesv2.ConfigPath(ctx)), Mirrors: []string{}})
		}
		merge(&out[i], r, h)
	}
	return out, nil
}

func merge(to *Registry, r sysregistriesv2.Registry, host string) {
	whole := r.Prefix == host // else it speaks of a part of the registry
	to.Insecure = to.Insecure || r.Insecure
	to.Blocked = to.Blocked || r.Blocked && whole
	for _, m := range r.Mirrors {
		to.Mirrors = append(to.Mirrors, m.Location)
	}
	if l, _, _ := strings.Cut(r.Location, "/"); l != host && whole {
		to.Location = l
	}
}

// Insecure tells whether a host may be used without TLS.
func (c Conf) Insecure(host string) (bool, error) {
	r, err := sysregistriesv2.FindRegistry(c.context(), host)
	if err != nil {
		return false, confError(err)
	}
	return r != nil && r.Insecure, nil
}

func confError(err error) error {
	return api.Errorf(api.KindInvalid, "registries.conf: %w", err).
		WithHint("Correct the file, or move it away; podman reads the same one.")
}

func short(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}
