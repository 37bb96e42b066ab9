package guard

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/sys/user"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/backend/userns"
)

// maxAccounts bounds what is read of a container's passwd and group files:
// they come from the image.
const maxAccounts = 1 << 20

// resolveUser finds the ids that a user as typed ("", "1000", "www:www") has
// in the rootfs, more groups by name or number, and its home directory.
func resolveUser(rootfs, spec string, more ...string) (specs.User, string, error) {
	root, err := os.OpenFile(rootfs, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return specs.User{}, "", fmt.Errorf("rootfs: %w", err)
	}
	defer func() { _ = root.Close() }()
	passwd, passwdErr := accounts(root, accountFile{"etc/passwd", 2})
	group, groupErr := accounts(root, accountFile{"etc/group", 1})
	eu, err := user.GetExecUser(spec, &user.ExecUser{Uid: 0, Gid: 0, Home: "/"}, passwd, group)
	if err != nil {
		err = errors.Join(err, passwdErr, groupErr)
		return specs.User{}, "", api.Errorf(api.KindStart, "the container's user %q: %w", spec, err).
			WithHint("Give a number, or a name that /etc/passwd of the image has.").WithExit(125)
	}
	u := specs.User{UID: uint32(eu.Uid), GID: uint32(eu.Gid), AdditionalGids: groups(eu)}
	if err := addGroups(root, &u, more); err != nil {
		return specs.User{}, "", err
	}
	return u, eu.Home, mappable(&u)
}

// groups are all groups of a user. Its primary one is among them: who becomes
// another group by a setgid program would else be rid of it, and of what a
// file's mode denies it (CVE-2022-36109, CVE-2023-25173).
func groups(eu *user.ExecUser) []uint32 {
	all := []uint32{uint32(eu.Gid)}
	for _, g := range eu.Sgids {
		if !slices.Contains(all, uint32(g)) {
			all = append(all, uint32(g))
		}
	}
	return all
}

// addGroups adds groups by name or number to those of a user.
func addGroups(root *os.File, u *specs.User, more []string) error {
	if len(more) == 0 {
		return nil
	}
	group, groupErr := accounts(root, accountFile{"etc/group", 1})
	ids, err := user.GetAdditionalGroups(more, group)
	if err != nil {
		return api.Errorf(api.KindStart, "the container's groups %s: %w", strings.Join(more, ", "), errors.Join(err, groupErr)).
			WithHint("Give numbers, or names that /etc/group of the image has.").WithExit(125)
	}
	for _, id := range ids {
		if id < 0 || id > maxAccountID {
			return api.Errorf(api.KindStart, "there is no group %d", id).WithExit(125)
		}
		if !slices.Contains(u.AdditionalGids, uint32(id)) {
			u.AdditionalGids = append(u.AdditionalGids, uint32(id))
		}
	}
	return nil
}

// mappable tells whether the user namespace has the ids of u. Where only one
// id is mapped, further groups cannot be set and are left out.
func mappable(u *specs.User) error {
	if !userns.SingleUID() {
		return nil
	}
	u.AdditionalGids = nil
	if u.UID == 0 && u.GID == 0 {
		return nil
	}
	return api.Errorf(api.KindHost, "the container wants to run as user %d, group %d, but only user 0 can be had here", u.UID, u.GID).
		WithHint("This machine gives you no subordinate ids. `davit doctor` shows how to get them; or run it with --user 0.").WithExit(125)
}

// accounts reads a file below root as text, resolving links inside it. A file
// that is no plain one of reasonable size counts as empty, for a device or pipe
// would block and a part of a file says something else than the whole; the
// error tells so to who then misses a name. A missing file is none.
func accounts(root *os.File, a accountFile) (io.Reader, error) {
	none, path := strings.NewReader(""), a.path
	fd, err := unix.Openat2(int(root.Fd()), path, &unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	})
	if errors.Is(err, unix.ENOENT) {
		return none, nil
	}
	if err != nil {
		return none, fmt.Errorf("/%s of the image: %w", path, err)
	}
	f := os.NewFile(uintptr(fd), path)
	defer func() { _ = f.Close() }()
	switch st, err := f.Stat(); {
	case err != nil:
		return none, fmt.Errorf("/%s of the image: %w", path, err)
	case !st.Mode().IsRegular():
		return none, fmt.Errorf("/%s of the image is not a plain file", path)
	case st.Size() > maxAccounts:
		return none, fmt.Errorf("/%s of the image is larger than %d bytes", path, maxAccounts)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxAccounts+1))
	if err != nil || len(b) > maxAccounts {
		return none, fmt.Errorf("/%s of the image cannot be read: %w", path, errors.Join(err, unix.EFBIG))
	}
	return a.sound(b), nil
}

// accountFile is passwd(5) or group(5): so many numbers follow the second colon.
type accountFile struct {
	path    string
	numbers int
}

// maxAccountID bounds user and group ids, as docker does.
const maxAccountID = 1<<31 - 1

// sound leaves out the lines whose ids are none: the parser takes what is no
// number for 0, and 4294967296 becomes 0 as a uid.
func (a accountFile) sound(b []byte) io.Reader {
	var good bytes.Buffer
	for line := range bytes.Lines(b) {
		fields := bytes.Split(bytes.TrimSpace(line), []byte(":"))
		ok := len(fields) >= 2+a.numbers
		for i := 2; ok && i < 2+a.numbers; i++ {
			n, err := strconv.Atoi(string(fields[i]))
			ok = err == nil && n >= 0 && n <= maxAccountID
		}
		if ok {
			good.Write(line)
		}
	}
	return &good
}

// withHome adds HOME where the environment has none.
func withHome(env []string, home string) []string {
	for _, e := range env {
		if strings.HasPrefix(e, "HOME=") {
			return env
		}
	}
	return append(env, "HOME="+home)
}

var signalNumbers = func() map[string]unix.Signal {
	m := map[string]unix.Signal{}
	for n := unix.Signal(1); n < 65; n++ {
		if name := unix.SignalName(n); name != "" {
			m[strings.TrimPrefix(name, "SIG")] = n
		}
	}
	m["RTMIN"], m["RTMAX"] = 34, 64
	return m
}()

// parseSignal reads a signal as people write it: "TERM", "SIGTERM", "15",
// "RTMIN+3".
func parseSignal(s string) (unix.Signal, error) {
	bad := api.Errorf(api.KindInvalid, "unknown signal %q", s).WithHint("Signals are named as in signal(7): TERM, KILL, HUP, or a number.")
	if n, err := strconv.Atoi(s); err == nil {
		if n < 1 || n > 64 {
			return 0, bad
		}
		return unix.Signal(n), nil
	}
	name := strings.TrimPrefix(strings.ToUpper(s), "SIG")
	base, plus, more := strings.Cut(name, "+")
	sig, ok := signalNumbers[base]
	if !ok {
		return 0, bad
	}
	if more {
		n, err := strconv.Atoi(plus)
		if err != nil || base != "RTMIN" || n < 0 || n > 30 {
			return 0, bad
		}
		sig += unix.Signal(n)
	}
	return sig, nil
}
