package doctor

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"davit/backend/mend"
	"davit/backend/store"
)

// host is the machine as the checks see it; tests give another one.
type host struct {
	uid     int
	gids    []int
	user    string
	store   string
	runtime string
	release string // of the kernel
	mends   *mend.Host

	getenv func(string) string
	read   func(path string) ([]byte, error)
	stat   func(path string) (fs.FileInfo, error)
	statfs func(path string) (unix.Statfs_t, error)
	access func(path string, mode uint32) error
	openRW func(path string) error
	look   func(name string) (string, error)
	output func(ctx context.Context, name string, args ...string) (string, error)
	caps   func(path string) bool // has file capabilities
	probe  func(ctx context.Context) probed
	mapIDs func(ctx context.Context, uids, gids idRange) error

	links    func(ctx context.Context) linked
	mayOpen  func(port int) error
	mayPing  func() error
	networks func() ([]network, error)
}

func thisHost(o Options) (*host, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return nil, fmt.Errorf("uname: %w", err)
	}
	exe := cmp.Or(o.Probe, "/proc/self/exe")
	h := &host{
		uid: os.Getuid(), gids: groups(), store: o.Store, runtime: o.Runtime, mends: o.Mends, release: unix.ByteSliceToString(u.Release[:]),
		getenv: os.Getenv, read: readBounded, stat: os.Stat, statfs: statfs, access: unix.Access, openRW: openRW,
		look: lookPath, output: output, caps: hasCaps,
	}
	h.user = userName(h)
	// Two checks ask for the result of one probe.
	var once sync.Once
	var result probed
	h.probe = func(ctx context.Context) probed {
		once.Do(func() { result = runProbe(ctx, exe, existing(h.store)) })
		return result
	}
	h.links = func(ctx context.Context) linked { return runLinks(ctx, exe) }
	h.mayOpen, h.mayPing = mayOpen, mayPing
	h.networks = func() ([]network, error) { return networksOf(store.Dirs{Data: o.Store, Runtime: o.Runtime}) }
	h.mapIDs = func(ctx context.Context, uids, gids idRange) error { return tryMapping(ctx, h, exe, uids, gids) }
	return h, nil
}

func groups() []int {
	all, err := os.Getgroups()
	if err != nil { // then the main one is all that we know
		return []int{os.Getgid()}
	}
	return append(all, os.Getgid())
}

// userName is the person's login name: what /etc/subuid knows them by.
func userName(h *host) string {
	if u, err := user.LookupId(strconv.Itoa(h.uid)); err == nil {
		return u.Username
	}
	return cmp.Or(h.getenv("USER"), strconv.Itoa(h.uid))
}

// readBounded reads small files such as those in /proc and /etc.
func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, 256<<10)
	n := 0
	for n < len(b) {
		m, err := f.Read(b[n:])
		n += m
		if err != nil || m == 0 {
			break
		}
	}
	return b[:n], nil
}

// line reads a file of one line; "" where it is not there.
func (h *host) line(path string) string {
	b, err := h.read(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

func statfs(path string) (st unix.Statfs_t, err error) {
	err = unix.Statfs(path, &st)
	return st, err
}

func openRW(path string) error {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

// lookPath also looks where Debian keeps what is not meant for everyone's PATH.
func lookPath(name string) (string, error) {
	p, err := exec.LookPath(name)
	if err == nil {
		return p, nil
	}
	for _, d := range []string{"/usr/bin", "/usr/sbin", "/sbin"} {
		if p := filepath.Join(d, name); unix.Access(p, unix.X_OK) == nil {
			return p, nil
		}
	}
	return "", err
}

func hasCaps(path string) bool {
	var b [64]byte
	n, err := unix.Getxattr(path, "security.capability", b[:])
	return err == nil && n > 0
}

// existing is path, or the nearest directory above it that is there.
func existing(path string) string {
	for path != "/" && path != "." {
		if st, err := os.Stat(path); err == nil && st.IsDir() {
			return path
		}
		path = filepath.Dir(path)
	}
	return path
}

// family is the kind of distribution, by which commands are chosen: debian,
// fedora, arch, suse or "".
func (h *host) family() string {
	release := osRelease(h.line("/etc/os-release"))
	for _, id := range strings.Fields(release["ID"] + " " + release["ID_LIKE"]) {
		switch id {
		case "debian", "ubuntu":
			return "debian"
		case "fedora", "rhel", "centos":
			return "fedora"
		case "arch":
			return "arch"
		case "suse", "opensuse":
			return "suse"
		}
	}
	return ""
}

// install is the command that installs a package, by family; names of
// packages that are not given are those of Debian.
func (h *host) install(names map[string]string) string {
	f := h.family()
	name := cmp.Or(names[f], names["debian"])
	switch f {
	case "fedora":
		return "sudo dnf install " + name
	case "arch":
		return "sudo pacman -S " + name
	case "suse":
		return "sudo zypper install " + name
	}
	return "sudo apt install " + name
}

// sysctl is the commands that set a kernel parameter now and after each start.
func sysctl(name, value string) string {
	file := "/etc/sysctl.d/90-davit-" + name[strings.LastIndex(name, ".")+1:] + ".conf"
	return fmt.Sprintf("echo '%s = %s' | sudo tee %s\nsudo sysctl -p %s", name, value, file, file)
}

// osRelease parses os-release(5).
func osRelease(text string) map[string]string {
	out := map[string]string{}
	for l := range strings.Lines(text) {
		k, v, found := strings.Cut(strings.TrimSpace(l), "=")
		if found && !strings.HasPrefix(k, "#") {
			out[k] = strings.Trim(v, `"'`)
		}
	}
	return out
}
