package shift

import (
	"context"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"davit/backend/tree"
)

// probe is what a file of husksWork holds.
const probe = "the content of another layer"

// husksWork tells whether overlayfs shows the content of data-only layers to
// who may not write trusted attributes: it is tried, below dir. That it does
// not is no error.
func husksWork(dir string) (bool, error) {
	at, err := os.MkdirTemp(dir, newPrefix)
	if err != nil {
		return false, err
	}
	defer func() { _ = os.RemoveAll(at) }()
	data, husk := filepath.Join(at, "data"), filepath.Join(at, "husk")
	for _, d := range []string{data, husk} {
		if err := os.Mkdir(d, 0o700); err != nil {
			return false, err
		}
	}
	if err := os.WriteFile(filepath.Join(data, "file"), []byte(probe), 0o600); err != nil {
		return false, err
	}
	if _, err := tree.Copy(context.Background(), data, husk, tree.Options{Husks: true}); err != nil {
		return false, nil // the file system does not take the attributes
	}
	return shows(data, husk), nil
}

// shows tells whether an overlay of the two shows the file's content. The
// mount stands nowhere and goes with its descriptor.
func shows(data, husk string) bool {
	mount, err := detached(data, husk)
	if err != nil {
		return false
	}
	defer func() { _ = unix.Close(mount) }()
	fd, err := unix.Openat(mount, "file", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	f := os.NewFile(uintptr(fd), "file")
	defer func() { _ = f.Close() }()
	got := make([]byte, len(probe))
	n, err := f.Read(got)
	return err == nil && string(got[:n]) == probe
}

func detached(data, husk string) (int, error) {
	fs, err := unix.Fsopen("overlay", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, err
	}
	defer func() { _ = unix.Close(fs) }()
	if err := unix.FsconfigSetFlag(fs, "userxattr"); err != nil {
		return -1, err
	}
	for _, s := range [][2]string{{"lowerdir+", husk}, {"datadir+", data}} {
		if err := unix.FsconfigSetString(fs, s[0], s[1]); err != nil {
			return -1, err
		}
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return -1, err
	}
	return unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, 0)
}
