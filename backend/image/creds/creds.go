// Package creds finds and keeps the credentials for registries, in the files
// that docker and podman use and with their credential helpers.
//
// It runs in the engine, in the user namespace, with the person's home.
// Files are ours to replace whole (temporary file, rename, 0600); what others
// put into them stays.
package creds

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"davit/backend/api"
	"davit/backend/image/fetch"
	"davit/backend/image/name"
	"davit/backend/store"
)

// Files are where credentials are kept.
type Files struct {
	Own  string   // what login writes
	Read []string // all that are read, in order; Own is one of them
}

// Find gives the usual places. Login writes to $REGISTRY_AUTH_FILE or to
// ~/.config/containers/auth.json, which podman reads and which, other than
// its own file in the runtime directory, outlives the session.
func Find(getenv func(string) string) Files {
	home := getenv("HOME")
	config := getenv("XDG_CONFIG_HOME")
	if config == "" {
		config = filepath.Join(home, ".config")
	}
	if f := getenv("REGISTRY_AUTH_FILE"); f != "" {
		return Files{f, []string{f}}
	}
	docker := getenv("DOCKER_CONFIG")
	if docker == "" {
		docker = filepath.Join(home, ".docker")
	}
	f := Files{Own: filepath.Join(config, "containers", "auth.json")}
	if run := getenv("XDG_RUNTIME_DIR"); run != "" {
		f.Read = append(f.Read, filepath.Join(run, "containers", "auth.json"))
	}
	f.Read = append(f.Read, f.Own, filepath.Join(docker, "config.json"))
	return f
}

// file is an auth file. Unknown keys live in all.
type file struct {
	all     map[string]json.RawMessage
	auths   map[string]entry
	store   string
	helpers map[string]string
}

type entry struct {
	Auth          string `json:"auth,omitempty"` // base64 of user:password
	IdentityToken string `json:"identitytoken,omitempty"`
}

func read(path string) (*file, error) {
	f := &file{all: map[string]json.RawMessage{}, auths: map[string]entry{}, helpers: map[string]string{}}
	b, err := readBounded(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || err == nil && len(b) == 0 {
		return f, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &f.all)
	}
	for k, v := range map[string]any{"auths": &f.auths, "credsStore": &f.store, "credHelpers": &f.helpers} {
		if raw := f.all[k]; err == nil && raw != nil {
			err = json.Unmarshal(raw, v)
		}
	}
	if err != nil {
		return nil, api.Errorf(api.KindCorrupt, "the credentials in %s cannot be read: %w", path, err)
	}
	return f, nil
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, 1<<20))
}

// keys are the names under which a registry may be filed, the most exact
// first: podman files by repository too, docker by the address of an API that
// is long gone.
func keys(registry, repository string) []string {
	var out []string
	for p := repository; p != "" && p != "."; p = filepath.Dir(p) {
		out = append(out, registry+"/"+p)
	}
	out = append(out, registry)
	if registry == name.Docker {
		out = append(out, "https://index.docker.io/v1/", "index.docker.io", "registry-1.docker.io")
	}
	return append(out, "https://"+registry, "http://"+registry, "https://"+registry+"/v1/", "https://"+registry+"/v2/")
}

// Get gives the credentials for a repository; an empty one where there are none.
func (f Files) Get(ctx context.Context, registry, repository string) (fetch.Credential, error) {
	for _, path := range f.Read {
		a, err := read(path)
		if err != nil {
			return fetch.Credential{}, err
		}
		c, err := a.get(ctx, registry, repository)
		if err != nil || !c.Empty() {
			return c, err
		}
	}
	return fetch.Credential{}, nil
}

func (a *file) get(ctx context.Context, registry, repository string) (fetch.Credential, error) {
	for _, k := range keys(registry, repository) {
		if h := a.helpers[k]; h != "" {
			return helperGet(ctx, h, serverURL(registry))
		}
	}
	for _, k := range keys(registry, repository) {
		e, ok := a.auths[k]
		if !ok || e == (entry{}) && a.store != "" {
			continue
		}
		return e.credential()
	}
	if a.store != "" {
		return helperGet(ctx, a.store, serverURL(registry))
	}
	return fetch.Credential{}, nil
}

func (e entry) credential() (fetch.Credential, error) {
	c := fetch.Credential{Token: e.IdentityToken}
	if e.Auth == "" {
		return c, nil
	}
	b, err := base64.StdEncoding.DecodeString(e.Auth)
	if err != nil {
		return c, api.Errorf(api.KindCorrupt, "the credentials file has an entry that is not base64: %w", err)
	}
	user, password, _ := strings.Cut(string(b), ":")
	if user != "<token>" {
		c.Username = user
	}
	c.Password = strings.TrimRight(password, "\x00")
	return c, nil
}

func serverURL(registry string) string {
	if registry == name.Docker {
		return "https://index.docker.io/v1/"
	}
	return registry
}

// Put keeps credentials: with the helper that the file names for the
// registry, or with the desktop's Secret Service where that can be reached,
// which the file then names, so that podman finds them, too; else in the file.
func (f Files) Put(ctx context.Context, registry string, c fetch.Credential) error {
	return f.change(ctx, func(a *file) error {
		if h := a.helper(registry); h != "" {
			return helperStore(ctx, h, serverURL(registry), c)
		}
		if hasKeyring() && helperStore(ctx, keyring, serverURL(registry), c) == nil {
			a.helpers[registry] = keyring
			for _, k := range keys(registry, "") {
				delete(a.auths, k)
			}
			return nil
		}
		a.auths[registry] = entry{Auth: base64.StdEncoding.EncodeToString([]byte(c.Username + ":" + c.Password))}
		return nil
	})
}

func (a *file) helper(registry string) string {
	if h := a.helpers[registry]; h != "" {
		return h
	}
	return a.store
}

// Delete forgets the credentials of a registry in the files that are podman's
// and ours; KindNotFound where there are none, KindConflict where only
// docker's has them.
func (f Files) Delete(ctx context.Context, registry string) error {
	gone := false
	for _, path := range f.Read {
		a, err := read(path)
		if err != nil {
			return err
		}
		c, err := a.get(ctx, registry, "")
		if err != nil || c.Empty() {
			continue
		}
		if filepath.Base(path) == "config.json" && path != f.Own {
			if gone {
				continue
			}
			return api.Errorf(api.KindConflict, "the log-in to %s is docker's, in %s", registry, path).WithHint("docker logout %s", registry)
		}
		if err := (Files{Own: path}).remove(ctx, registry); err != nil {
			return err
		}
		gone = true
	}
	if !gone {
		return api.Errorf(api.KindNotFound, "not logged in to %s", registry).WithRef(registry)
	}
	return nil
}

func (f Files) remove(ctx context.Context, registry string) error {
	return f.change(ctx, func(a *file) error {
		for _, k := range keys(registry, "") {
			delete(a.auths, k)
		}
		h := a.helper(registry)
		if h == "" {
			return nil
		}
		if h == keyring {
			delete(a.helpers, registry)
		}
		return helperErase(ctx, h, serverURL(registry))
	})
}

// change reads, changes and replaces our file, under a lock beside it.
func (f Files) change(ctx context.Context, what func(*file) error) error {
	if err := os.MkdirAll(filepath.Dir(f.Own), 0o700); err != nil {
		return fmt.Errorf("keep credentials: %w", err)
	}
	l, err := store.LockFile(ctx, f.Own+".lock")
	if err != nil {
		return err
	}
	defer l.Unlock()
	a, err := read(f.Own)
	if err != nil {
		return err
	}
	if err := what(a); err != nil {
		return err
	}
	if a.all["auths"], err = json.Marshal(a.auths); err != nil {
		return err
	}
	if len(a.helpers) > 0 || a.all["credHelpers"] != nil {
		if a.all["credHelpers"], err = json.Marshal(a.helpers); err != nil {
			return err
		}
	}
	return store.WriteJSON(f.Own, a.all)
}

// listTime bounds what helpers take for a list.
const listTime = 5 * time.Second

// Users lists the registries that somebody is logged in to, with the name.
func (f Files) Users(ctx context.Context) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, listTime) // a locked keyring waits for its person
	defer cancel()
	out := map[string]string{}
	for _, path := range f.Read {
		a, err := read(path)
		if err != nil {
			return nil, err
		}
		for k, e := range a.auths {
			registry := registryOf(k)
			if _, ok := out[registry]; ok || registry == "" {
				continue
			}
			c, err := e.credential()
			if err == nil && c.Empty() {
				c, err = a.get(ctx, registry, "")
			}
			if err == nil && !c.Empty() {
				out[registry] = c.Username
			}
		}
		for registry := range a.helpers {
			if out[registry] != "" {
				continue
			}
			if c, err := a.get(ctx, registry, ""); err == nil && !c.Empty() {
				out[registry] = c.Username
			}
		}
	}
	return out, nil
}

// Places tells where the log-ins that Users lists are kept, for people: a
// file, or a credential helper by its name.
func (f Files) Places(users map[string]string) map[string]string {
	out := map[string]string{}
	for _, path := range f.Read {
		a, err := read(path)
		if err != nil {
			continue
		}
		for k, e := range a.auths {
			registry := registryOf(k)
			if _, listed := users[registry]; !listed || out[registry] != "" {
				continue
			}
			out[registry] = path
			if h := a.helper(registry); h != "" && e.Auth == "" {
				out[registry] = place(h)
			}
		}
		for registry, h := range a.helpers {
			if _, listed := users[registry]; listed && out[registry] == "" {
				out[registry] = place(h)
			}
		}
	}
	return out
}

// place names a helper for people.
func place(helper string) string {
	if helper == keyring {
		return "Secret Service"
	}
	return "docker-credential-" + helper
}

// registryOf undoes keys.
func registryOf(key string) string {
	key = strings.TrimPrefix(strings.TrimPrefix(key, "https://"), "http://")
	host, _, _ := strings.Cut(key, "/")
	if host == "index.docker.io" || host == "registry-1.docker.io" {
		return name.Docker
	}
	return host
}

// Sorted gives the keys of Users in order.
func Sorted(users map[string]string) []string {
	out := make([]string, 0, len(users))
	for k := range users {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}
