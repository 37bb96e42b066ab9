package beside

import (
	"bufio"
	"compress/gzip"
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"davit/backend/api"
)

//go:embed all:built
var built embed.FS

// toolsName is the name of the program that all tools are.
const toolsName = "busybox"

// maxTools bounds the file system that the tools are in, in bytes.
const maxTools = "16m"

// Mount makes a read-only file system with the tools that is mounted in no
// namespace yet. Each debug shell has its own: root of a privileged container
// could change it. The caller is root of the user namespace, to whose memory
// it is counted rather than to the container's.
func Mount() (*os.File, error) {
	program, err := built.Open("built/busybox.gz")
	if err != nil {
		return nil, api.Errorf(api.KindHost, "this Davit was built without the toolbox of debug shells").
			WithHint("Build it with build/compile where busybox-static is installed.").WithExit(125)
	}
	defer func() { _ = program.Close() }()
	tree, err := fresh()
	if err != nil {
		return nil, fmt.Errorf("toolbox: %w", err)
	}
	if err := errors.Join(fill(tree, program), closed(tree)); err != nil {
		return nil, errors.Join(fmt.Errorf("toolbox: %w", err), tree.Close())
	}
	return tree, nil
}

// fresh makes an empty file system.
func fresh() (*os.File, error) {
	fs, err := unix.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("fsopen", err)
	}
	defer func() { _ = unix.Close(fs) }()
	for _, o := range [][2]string{{"source", "toolbox"}, {"mode", "0755"}, {"size", maxTools}} {
		if err := unix.FsconfigSetString(fs, o[0], o[1]); err != nil {
			return nil, fmt.Errorf("%s=%s: %w", o[0], o[1], err)
		}
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return nil, os.NewSyscallError("fsconfig", err)
	}
	tree, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV)
	if err != nil {
		return nil, os.NewSyscallError("fsmount", err)
	}
	return os.NewFile(uintptr(tree), "toolbox"), nil
}

// fill writes the program and a link to it for each tool.
func fill(tree *os.File, packed io.Reader) error {
	z, err := gzip.NewReader(packed)
	if err != nil {
		return err
	}
	fd, err := unix.Openat(int(tree.Fd()), toolsName, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o755)
	if err != nil {
		return os.NewSyscallError("openat", err)
	}
	f := os.NewFile(uintptr(fd), toolsName)
	_, err = io.Copy(f, z)
	// Whatever the umask is: all users of the container are to execute it.
	if err = errors.Join(err, f.Chmod(0o755), f.Close()); err != nil {
		return err
	}
	list, err := built.Open("built/tools")
	if err != nil {
		return err
	}
	defer func() { _ = list.Close() }()
	lines := bufio.NewScanner(list)
	for lines.Scan() {
		name := strings.TrimSpace(lines.Text())
		if name == "" || name == toolsName {
			continue
		}
		if err := unix.Symlinkat(toolsName, int(tree.Fd()), name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return lines.Err()
}

// closed makes it read-only.
func closed(tree *os.File) error {
	err := unix.MountSetattr(int(tree.Fd()), "", unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
	return os.NewSyscallError("mount_setattr", err)
}
