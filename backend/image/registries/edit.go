package registries

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/BurntSushi/toml"
	"go.podman.io/image/v5/pkg/sysregistriesv2"

	"davit/backend/api"
	"davit/backend/image/name"
	"davit/backend/store"
)

// own is Davit's file among the drop-ins: late, so that it wins.
const own = "90-davit.conf"

// document is what Davit writes. Every key of registries.conf that it does
// not know stays out: the file is its own.
type document struct {
	Search        []string                   `toml:"unqualified-search-registries,omitempty"`
	ShortNameMode string                     `toml:"short-name-mode,omitempty"`
	Registries    []sysregistriesv2.Registry `toml:"registry,omitempty"`
}

// OwnFile is where Set writes: among the person's drop-ins, which podman and
// skopeo read as well.
func (c Conf) OwnFile() string {
	dir := c.Dir
	if dir == "" {
		dir = filepath.Join(os.Getenv("HOME"), ".config", "containers", "registries.conf.d")
	}
	return filepath.Join(dir, own)
}

func (c Conf) read() (document, error) {
	var d document
	b, err := os.ReadFile(c.OwnFile())
	if errors.Is(err, fs.ErrNotExist) {
		return d, nil
	}
	if err == nil {
		err = toml.Unmarshal(b, &d)
	}
	if err != nil {
		return d, api.Errorf(api.KindCorrupt, "%s cannot be read: %w", c.OwnFile(), err)
	}
	return d, nil
}

// Set adds a registry to Davit's own file, or changes it there.
func (c Conf) Set(spec api.RegistrySpec) error {
	if n, err := name.Parse(spec.Host + "/x"); err != nil || n.Registry != spec.Host {
		return api.Errorf(api.KindInvalid, "%q is not a registry", spec.Host).WithRef(spec.Host)
	}
	r := sysregistriesv2.Registry{Prefix: spec.Host, Blocked: spec.Blocked}
	r.Location, r.Insecure = spec.Host, spec.Insecure
	for _, m := range spec.Mirrors {
		if _, err := name.Parse(m + "/x"); err != nil {
			return api.Errorf(api.KindInvalid, "%q is not a registry's address", m).WithRef(m)
		}
		r.Mirrors = append(r.Mirrors, sysregistriesv2.Endpoint{Location: m, Insecure: spec.Insecure})
	}
	return c.change(func(d *document) error {
		d.Registries = slices.DeleteFunc(d.Registries, func(x sysregistriesv2.Registry) bool { return x.Prefix == spec.Host })
		d.Registries = append(d.Registries, r)
		return c.ask(d, spec.Host, spec.Search)
	})
}

// ask puts a registry into the list that short names are looked for in, or
// takes it out. The list of a drop-in replaces all others, so it begins with
// theirs; docker.io is meant where there is none.
func (c Conf) ask(d *document, host string, search bool) error {
	hosts, err := sysregistriesv2.UnqualifiedSearchRegistries(c.context())
	if err != nil {
		return confError(err)
	}
	has := slices.Contains(hosts, host)
	switch {
	case search && !has:
		if len(hosts) == 0 {
			hosts = []string{name.Docker}
		}
		if !slices.Contains(hosts, host) {
			hosts = append(slices.Clone(hosts), host)
		}
		d.Search = hosts
	case !search && has:
		hosts = slices.DeleteFunc(slices.Clone(hosts), func(h string) bool { return h == host })
		if len(hosts) == 0 {
			hosts = []string{name.Docker} // an empty list would be none, and none means what other files say
		}
		d.Search = hosts
	}
	return nil
}

// Remove takes a registry out of Davit's own file.
func (c Conf) Remove(host string) error {
	return c.change(func(d *document) error {
		n := len(d.Registries) + len(d.Search)
		d.Registries = slices.DeleteFunc(d.Registries, func(x sysregistriesv2.Registry) bool { return x.Prefix == host })
		d.Search = slices.DeleteFunc(d.Search, func(h string) bool { return h == host })
		if len(d.Search) == 1 && d.Search[0] == name.Docker {
			d.Search = nil
		}
		if len(d.Registries)+len(d.Search) != n {
			return nil
		}
		known, err := c.Known()
		if err != nil {
			return err
		}
		for _, r := range known {
			if r.Host == host {
				return api.Errorf(api.KindConflict, "%s is named in %s, which is not Davit's", host, r.File).WithRef(host).WithHint("Edit that file.")
			}
		}
		return api.Errorf(api.KindNotFound, "there is no registry %s in %s", host, c.OwnFile()).WithRef(host)
	})
}

// change reads, changes and replaces the file, under a lock beside it.
func (c Conf) change(do func(*document) error) error {
	path := c.OwnFile()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("keep registries: %w", err)
	}
	l, err := store.LockFile(context.Background(), path+".lock")
	if err != nil {
		return err
	}
	defer l.Unlock()
	d, err := c.read()
	if err != nil {
		return err
	}
	if err := do(&d); err != nil {
		return err
	}
	var b bytes.Buffer
	b.WriteString("# Written by Davit. See containers-registries.conf.d(5).\n")
	if err := toml.NewEncoder(&b).Encode(d); err != nil {
		return err
	}
	return replace(path, b.Bytes())
}

// replace writes a file whole.
func replace(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+own+".*")
	if err != nil {
		return fmt.Errorf("keep registries: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("keep registries: %w", err)
	}
	return nil
}
