package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"unicode/utf8"

	"davit/backend/api"
)

// maxRuntime bounds the runtime directory's path: an address of a unix socket
// holds 107 bytes, and names of sockets want theirs.
const maxRuntime = 64

// EnvUID names the variable that holds the person's user id on the host: in
// the user namespace that is 0 for everybody.
const EnvUID = "DAVIT_UID"

// EnvRuntime names the variable that holds the runtime directory: the keeper
// sets it for all that it spawns, whatever those who asked call theirs.
const EnvRuntime = "DAVIT_RUNTIME"

// Locate finds the directories by the XDG base directory rules. A runtime
// directory that is missing, somebody else's, writable for others or too long
// for socket addresses is replaced by one in /tmp that is made here and belongs to this user alone.
//
// It gives the same answer in the host's namespaces and in the user namespace,
// where DAVIT_UID tells the uid that 0 stands for.
func Locate(getenv func(string) string) (Dirs, error) {
	data, err := xdg(getenv, "XDG_DATA_HOME", ".local/share")
	if err != nil {
		return Dirs{}, err
	}
	config, err := xdg(getenv, "XDG_CONFIG_HOME", ".config")
	if err != nil {
		return Dirs{}, err
	}
	runtime, err := runtimeDir(getenv)
	if err != nil {
		return Dirs{}, err
	}
	d := Dirs{Data: data, Config: config, Runtime: runtime}
	for _, dir := range []string{data, config, runtime} {
		if !utf8.ValidString(dir) { // the files that name it are JSON
			return Dirs{}, api.Errorf(api.KindHost, "the directory %q has a name that is not UTF-8", dir).
				WithHint("Set XDG_DATA_HOME and XDG_CONFIG_HOME to directories with other names.")
		}
	}
	return d, nil
}

// xdg gives davit's directory below a base directory. The rules say that a
// relative value is to be ignored.
func xdg(getenv func(string) string, name, below string) (string, error) {
	if base := getenv(name); filepath.IsAbs(base) {
		return filepath.Join(base, "davit"), nil
	}
	home := getenv("HOME")
	if !filepath.IsAbs(home) {
		return "", api.Errorf(api.KindHost, "neither %s nor HOME names a directory", name).
			WithHint("Set HOME to your home directory.")
	}
	return filepath.Join(home, below, "davit"), nil
}

func runtimeDir(getenv func(string) string) (string, error) {
	if dir := getenv(EnvRuntime); filepath.IsAbs(dir) {
		return dir, nil
	}
	base := getenv("XDG_RUNTIME_DIR")
	dir := filepath.Join(base, "davit")
	if private(base) && len(dir) <= maxRuntime {
		return dir, trusted(dir)
	}
	uid := getenv(EnvUID)
	if _, err := strconv.ParseUint(uid, 10, 32); err != nil {
		uid = strconv.Itoa(os.Getuid())
	}
	own := "/tmp/davit-" + uid
	if err := makeOwn(own); err != nil {
		return "", err
	}
	if private(base) { // too long: still one for each
		sum := sha256.Sum256([]byte(base))
		return filepath.Join(own, hex.EncodeToString(sum[:8])), nil
	}
	return own, nil
}

// private tells whether base is a directory of this user in which nobody else
// can make or rename anything: our sockets are only as good as their names.
func private(base string) bool {
	info, err := os.Stat(base)
	return err == nil && filepath.IsAbs(base) && owned(base) == nil && info.Mode().Perm()&0o022 == 0
}

// trusted tells why the runtime directory, if it is there, is not ours.
func trusted(dir string) error {
	err := owned(dir)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return api.Errorf(api.KindHost, "the runtime directory %s cannot be trusted: %w", dir, err).
		WithHint("Remove %s, or set XDG_RUNTIME_DIR to a directory of yours.", dir)
}

// makeOwn makes a directory in a place where others may write, too, and
// accepts one that is there only if nobody else can reach into it.
func makeOwn(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make the runtime directory: %w", err)
	}
	if err := trusted(dir); err != nil {
		return err
	}
	return os.Chmod(dir, 0o700)
}

// owned says why dir is not a directory of this user.
func owned(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		return errors.New("it is not a directory")
	case !ok || int(st.Uid) != os.Getuid():
		return errors.New("it belongs to somebody else")
	}
	return nil
}

// Make makes the directories that are missing, for this user alone.
func (d Dirs) Make() error {
	for _, dir := range []string{d.Containers(), d.Images(), d.Layers(), d.Networks(), d.Runtime} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("make the store: %w", err)
		}
	}
	return nil
}
