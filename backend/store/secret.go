package store

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"davit/backend/api"
	"davit/backend/form"
)

// SecretsDir holds a file for each secret, a [Secret], named by it. Writer: an
// engine, with NamesLock held.
func (d Dirs) SecretsDir() string { return filepath.Join(d.Data, "secrets") }

// MaxSecret is the most bytes that a secret has, podman's bound.
const MaxSecret = 512_000

// Secret is a file of SecretsDir, readable for the person alone.
type Secret struct {
	Version int               `json:"version"`
	ID      string            `json:"id"`
	Name    string            `json:"name"`
	Created time.Time         `json:"created"`
	Updated time.Time         `json:"updated"`
	Labels  map[string]string `json:"labels"`
	Value   []byte            `json:"value"`
}

const secretVersion = 1

var secretName = form.Of(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,252}$`)

const secretSuffix = ".json"

func noSecret(ref string) error {
	return api.Errorf(api.KindNotFound, "there is no secret %q", ref).WithRef(ref).WithHint("davit secret ls lists them all.")
}

// ReadSecret reads the secret of that name or id, its value included.
func ReadSecret(d Dirs, ref string) (Secret, error) {
	if !secretName().MatchString(ref) {
		return Secret{}, noSecret(ref)
	}
	s, err := readSecret(d, ref)
	if err == nil || api.KindOf(err) != api.KindNotFound {
		return s, err
	}
	all, err := ListSecrets(d)
	if err != nil {
		return Secret{}, err
	}
	var found []Secret
	for _, s := range all {
		if s.ID == ref || len(ref) >= 4 && strings.HasPrefix(s.ID, ref) {
			found = append(found, s)
		}
	}
	switch len(found) {
	case 0:
		return Secret{}, noSecret(ref)
	case 1:
		return found[0], nil
	}
	return Secret{}, api.Errorf(api.KindConflict, "more than one secret's id begins with %s", ref).WithRef(ref)
}

func readSecret(d Dirs, name string) (Secret, error) {
	var s Secret
	err := readVersioned(filepath.Join(d.SecretsDir(), name+secretSuffix), &s, func() int { return s.Version }, secretVersion)
	if errors.Is(err, fs.ErrNotExist) {
		return s, noSecret(name)
	}
	return s, err
}

// SecretValue is what is kept under that name or id.
func SecretValue(d Dirs, ref string) ([]byte, error) {
	s, err := ReadSecret(d, ref)
	return s.Value, err
}

// ListSecrets reads all secrets, by name.
func ListSecrets(d Dirs) ([]Secret, error) {
	entries, err := os.ReadDir(d.SecretsDir())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all []Secret
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), secretSuffix)
		if !ok || !secretName().MatchString(name) {
			continue
		}
		s, rerr := readSecret(d, name)
		if api.KindOf(rerr) == api.KindNotFound {
			continue
		}
		if rerr != nil {
			return nil, rerr
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b Secret) int { return strings.Compare(a.Name, b.Name) })
	return all, err
}

// KeepSecret writes a secret down; KindConflict where its name is taken and it
// does not replace.
func KeepSecret(ctx context.Context, d Dirs, spec api.SecretSpec, value []byte) (Secret, error) {
	switch {
	case !secretName().MatchString(spec.Name):
		return Secret{}, api.Errorf(api.KindInvalid, "%q cannot be the name of a secret", spec.Name).WithRef(spec.Name).
			WithHint("Use at most 253 letters and digits, and after the first also _ . and -")
	case len(value) == 0 || len(value) > MaxSecret:
		return Secret{}, api.Errorf(api.KindInvalid, "a secret has from 1 to %d bytes", MaxSecret).WithRef(spec.Name)
	}
	if err := os.MkdirAll(d.SecretsDir(), 0o700); err != nil {
		return Secret{}, fmt.Errorf("keep secret: %w", err)
	}
	lock, err := LockFile(ctx, d.NamesLock())
	if err != nil {
		return Secret{}, err
	}
	defer func() { _ = lock.Unlock() }()
	now := time.Now().UTC()
	s, err := readSecret(d, spec.Name)
	switch {
	case err == nil && !spec.Replace:
		return Secret{}, api.Errorf(api.KindConflict, "the secret %s is there already", spec.Name).WithRef(spec.Name).
			WithHint("Choose another name, or have it replaced.")
	case api.KindOf(err) == api.KindNotFound:
		s = Secret{ID: secretID(), Name: spec.Name, Created: now}
	case err != nil:
		return Secret{}, err
	}
	s.Version, s.Updated, s.Value, s.Labels = secretVersion, now, value, map[string]string{}
	for k, v := range spec.Labels {
		s.Labels[k] = v
	}
	return s, WriteJSON(filepath.Join(d.SecretsDir(), s.Name+secretSuffix), s)
}

func secretID() string {
	var b [13]byte
	_, _ = rand.Read(b[:]) // never fails, says crypto/rand
	return hex.EncodeToString(b[:])[:25]
}

// ForgetSecret removes a secret.
func ForgetSecret(ctx context.Context, d Dirs, ref string) (Secret, error) {
	lock, err := LockFile(ctx, d.NamesLock())
	if err != nil {
		return Secret{}, err
	}
	defer func() { _ = lock.Unlock() }()
	s, err := ReadSecret(d, ref)
	if err != nil {
		return s, err
	}
	if err := os.Remove(filepath.Join(d.SecretsDir(), s.Name+secretSuffix)); err != nil {
		return s, fmt.Errorf("remove secret: %w", err)
	}
	return s, SyncDir(d.SecretsDir())
}
