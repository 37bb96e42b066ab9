package guard

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"runtime"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"davit/backend/api"
)

// image is the file system as a container's first process sees it, volumes
// included, while it waits to be started. Nothing in it is trusted: paths are
// resolved below its root, only plain files are read, and little of them.
type image struct{ root *os.File }

// seen opens the file system of the process pid.
func seen(pid int) (image, error) {
	f, err := os.OpenFile(fmt.Sprintf("/proc/%d/root", pid), unix.O_PATH|unix.O_DIRECTORY, 0)
	return image{f}, err
}

func (i image) close() { _ = i.root.Close() }

// open opens a plain file for reading.
func (i image) open(name string) (*os.File, error) {
	fd, err := unix.Openat2(int(i.root.Fd()), name, &unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	})
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), name)
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return nil, errors.Join(unix.EACCES, err, f.Close())
	}
	return f, nil
}

// lacks tells that there is certainly nothing at name.
func (i image) lacks(name string) bool {
	fd, err := unix.Openat2(int(i.root.Fd()), name, &unix.OpenHow{
		Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	})
	if err == nil {
		_ = unix.Close(fd)
	}
	return err == unix.ENOENT || err == unix.ENOTDIR
}

// find gives the program as execvp(3) would find it.
func (i image) find(p *specs.Process) (*os.File, error) {
	program := p.Args[0]
	if strings.Contains(program, "/") {
		if !path.IsAbs(program) {
			program = path.Join(p.Cwd, program)
		}
		return i.open(program)
	}
	for _, e := range p.Env {
		dirs, ok := strings.CutPrefix(e, "PATH=")
		if !ok {
			continue
		}
		for dir := range strings.SplitSeq(dirs, ":") {
			if f, err := i.open(path.Join("/", dir, program)); err == nil {
				return f, nil
			}
		}
	}
	return nil, unix.ENOENT
}

// wontStart tells why the kernel will refuse to execute the program, which it
// would say in a word or two to nobody but the container's standard error. nil
// where it is fine, or where that cannot be told.
func (i image) wontStart(p *specs.Process) error {
	if len(p.Args) == 0 {
		return nil
	}
	f, err := i.find(p)
	if err == unix.ENOENT || err == unix.ENOTDIR {
		return refuse(127, "the program %q is not in the image", p.Args[0]).
			WithHint("Check the spelling, or give the path that it has in the image.")
	}
	if err != nil {
		return nil // a directory, or not ours to read: the runtime tells
	}
	defer func() { _ = f.Close() }()
	head := make([]byte, 256)
	n, err := f.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return nil
	}
	head = head[:n]
	switch {
	case bytes.HasPrefix(head, []byte(elf.ELFMAG)):
		return i.binary(p.Args[0], f)
	case bytes.HasPrefix(head, []byte("#!")):
		return i.script(p.Args[0], head)
	case foreignFormats():
		return nil
	case n == 0:
		return refuse(126, "the program %q is an empty file", p.Args[0])
	}
	return refuse(126, "%q is no program: it is neither a binary for Linux nor a script that begins with #!", p.Args[0]).
		WithHint("Begin the script with the line #!/bin/sh, or give the interpreter as the command.")
}

func refuse(code int, format string, args ...any) *api.Error {
	return api.Errorf(api.KindStart, format, args...).WithExit(code)
}

// machines are Go's names of those that images are made for, and what else
// they can run.
var machines = map[elf.Machine]struct {
	name string
	on   []string
}{
	elf.EM_X86_64:  {"amd64", []string{"amd64"}},
	elf.EM_386:     {"386", []string{"386", "amd64"}},
	elf.EM_AARCH64: {"arm64", []string{"arm64"}},
	elf.EM_ARM:     {"arm", []string{"arm", "arm64"}},
	elf.EM_RISCV:   {"riscv64", []string{"riscv64"}},
	elf.EM_PPC64:   {"ppc64le", []string{"ppc64", "ppc64le"}},
	elf.EM_S390:    {"s390x", []string{"s390x"}},
	elf.EM_MIPS:    {"mips64le", []string{"mips", "mipsle", "mips64", "mips64le"}},
}

func (i image) binary(program string, f *os.File) error {
	b, err := elf.NewFile(&frugal{f, maxHeaders})
	if err != nil {
		return nil // cut short or odd; whether it starts is the kernel's to say
	}
	m, known := machines[b.Machine]
	if !known {
		m.name = b.Machine.String()
	}
	runs := false
	for _, arch := range m.on {
		runs = runs || arch == runtime.GOARCH
	}
	if !runs && !foreignFormats() {
		return refuse(126, "the program %q is made for %s processors, and this computer's is %s", program, m.name, runtime.GOARCH).
			WithHint("Pull the image for this computer: davit pull --platform linux/%s.", runtime.GOARCH)
	}
	for _, p := range b.Progs {
		if p.Type != elf.PT_INTERP || p.Filesz > 4096 {
			continue
		}
		name, err := io.ReadAll(io.LimitReader(p.Open(), 4096))
		loader := string(bytes.TrimRight(name, "\x00"))
		if err == nil && loader != "" && runs && i.lacks(loader) {
			return refuse(127, "the program %q needs %s, which the image does not have", program, loader).
				WithHint("It was made for another C library or distribution: use it with the image that it was built on, or build it statically.")
		}
	}
	return nil
}

// maxHeaders bounds what is read of a program, in bytes: its headers and the
// names of its sections, which take some kilobytes. They claim what they like.
const maxHeaders = 1 << 20

// frugal is a file of which no more than left bytes can be read.
type frugal struct {
	f    *os.File
	left int
}

func (r *frugal) ReadAt(b []byte, at int64) (int, error) {
	if len(b) > r.left {
		return 0, unix.EFBIG
	}
	r.left -= len(b)
	return r.f.ReadAt(b, at)
}

func (i image) script(program string, head []byte) error {
	line, _, whole := bytes.Cut(head[2:], []byte("\n"))
	fields := strings.Fields(string(line))
	if len(fields) == 0 || !whole && len(fields) == 1 {
		return nil
	}
	if !i.lacks(path.Join("/", strings.TrimSuffix(fields[0], "\r"))) {
		if bytes.HasSuffix(line, []byte("\r")) && len(fields) == 1 {
			return refuse(127, "the script %q has line ends of Windows (CR LF), so that its interpreter is not found", program).
				WithHint("Save it with line ends of Unix (LF): dos2unix, or your editor's setting.")
		}
		return nil
	}
	return refuse(127, "the script %q wants to be run by %s, which the image does not have", program, fields[0]).
		WithHint("Change its first line, or use an image that has %s.", path.Base(fields[0]))
}

// foreignFormats tells whether the kernel was taught to run more than its own:
// other processors' programs by an emulator, say.
func foreignFormats() bool {
	entries, err := os.ReadDir("/proc/sys/fs/binfmt_misc")
	if err != nil {
		return false
	}
	for _, e := range entries {
		if e.Name() != "register" && e.Name() != "status" {
			return true
		}
	}
	return false
}
