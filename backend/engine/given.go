package engine

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/backend/runspec"
	"davit/backend/store"
)

// Bounds of files here that a spec names, in bytes.
const (
	maxEnvFile = 1 << 20
	maxProfile = 1 << 20
	maxZone    = 1 << 20
)

// readBounded reads a plain file that is not larger than most.
func readBounded(path string, most int64) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, fmt.Errorf("it is not a plain file"))
	}
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(b)) > most {
		err = fmt.Errorf("it is larger than %d bytes", most)
	}
	return b, err
}

// withEnvFiles gives a spec's variables, those of its files first. A line
// without a value says nothing here: the engine has no environment of yours.
func withEnvFiles(s api.RunSpec) ([]string, error) {
	var env []string
	for i, name := range s.EnvFiles {
		b, err := readBounded(name, maxEnvFile)
		if err != nil {
			return nil, invalid(name, "the file of variables %s cannot be read: %w", name, err).WithField("envFiles[%d]", i)
		}
		lines, err := runspec.EnvLines(bytes.NewReader(b))
		if err != nil {
			return nil, invalid(name, "%s, %w", name, err).WithField("envFiles[%d]", i)
		}
		env = append(env, slices.DeleteFunc(lines, func(l string) bool { return !strings.Contains(l, "=") })...)
	}
	return append(env, s.Env...), nil
}

// setClock puts the time zone into the container's own file system, where it
// stands as if the image had it: a mount would land on what a link names.
func (e *Engine) setClock(draft *store.Draft, rec *store.Record) error {
	zone := rec.Spec.Timezone
	if zone == "" {
		return nil
	}
	b, err := readZone(zone)
	if err != nil {
		return invalid(zone, "the time zone %s is not known to this computer: %w", zone, err).WithField("timezone").
			WithHint("Zones are the files below /usr/share/zoneinfo (package tzdata).")
	}
	etc := filepath.Join(draft.Upper(), "etc")
	if err := os.Mkdir(etc, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	// Merged directories have the attributes of the topmost one.
	mode, uid, gid := e.lowerDir(rec.Layers, "etc")
	uid, gid = rec.IDs.Owner(uid, gid)
	if err := errors.Join(os.Chmod(etc, mode), os.Lchown(etc, uid, gid)); err != nil {
		return err
	}
	name := filepath.Join(etc, "localtime")
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.WriteFile(name, b, 0o644); err != nil {
		return err
	}
	uid, gid = rec.IDs.Root()
	return errors.Join(os.Lchown(name, uid, gid), os.Chmod(name, 0o644))
}

// lowerDir gives mode and owner of a directory as the image has it.
func (e *Engine) lowerDir(layers []string, name string) (mode os.FileMode, uid, gid int) {
	for _, l := range slices.Backward(layers) {
		r, err := os.OpenRoot(filepath.Join(e.dirs.Layers(), l))
		if err != nil {
			continue
		}
		info, err := r.Lstat(name)
		r.Close()
		if st, ok := infoStat(info, err); ok && info.IsDir() {
			return info.Mode().Perm(), int(st.Uid), int(st.Gid)
		}
	}
	return 0o755, 0, 0
}

func infoStat(info fs.FileInfo, err error) (*syscall.Stat_t, bool) {
	if err != nil {
		return nil, false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return st, ok
}

func readZone(zone string) ([]byte, error) {
	path := filepath.Join("/usr/share/zoneinfo", zone)
	if zone == "local" {
		path = "/etc/localtime"
	}
	b, err := readBounded(path, maxZone)
	if err == nil && !bytes.HasPrefix(b, []byte("TZif")) {
		err = fmt.Errorf("%s is not a time zone", path)
	}
	return b, err
}

// giveSecrets copies the secrets of a spec into the container's directory, for
// its user alone to be shown them.
func (e *Engine) giveSecrets(draft *store.Draft, rec *store.Record) error {
	for i, u := range rec.Spec.Secrets {
		value, err := e.secretValue(i, u)
		if err != nil {
			return err
		}
		if u.Env {
			continue
		}
		if err := os.MkdirAll(draft.Secrets(), 0o700); err != nil {
			return err
		}
		mode := uint64(0o444)
		if u.Mode != "" {
			if mode, err = strconv.ParseUint(u.Mode, 8, 12); err != nil {
				return err
			}
		}
		name := draft.Secret(i)
		if err := os.WriteFile(name, value, 0o600); err != nil {
			return err
		}
		uid, gid := rec.IDs.Owner(u.UID, u.GID)
		if err := errors.Join(os.Lchown(name, uid, gid), unix.Chmod(name, uint32(mode))); err != nil {
			return err
		}
	}
	return nil
}

// secretVariables are the secrets that a spec wants as variables.
func (e *Engine) secretVariables(s api.RunSpec) ([]string, error) {
	var env []string
	for i, u := range s.Secrets {
		if !u.Env {
			continue
		}
		value, err := e.secretValue(i, u)
		if err != nil {
			return nil, err
		}
		if bytes.IndexByte(value, 0) >= 0 {
			return nil, invalid(u.Source, "the secret %s holds a NUL byte and cannot be a variable", u.Source).WithField("secrets[%d].env", i)
		}
		env = append(env, runspec.SecretTarget(u)+"="+string(value))
	}
	return env, nil
}

func (e *Engine) secretValue(i int, u api.SecretUse) ([]byte, error) {
	value, err := store.SecretValue(e.dirs, u.Source)
	if err != nil {
		return nil, api.AsError(err).WithField("secrets[%d].source", i)
	}
	return value, nil
}
