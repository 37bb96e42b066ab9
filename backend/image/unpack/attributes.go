package unpack

import (
	"archive/tar"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Bounds on extended attributes: the kernel's own for a value, and a number
// that no file system takes more of.
const (
	maxXattrs = 128
	maxXattr  = 64 << 10
)

const paxXattr = "SCHILY.xattr."

// umask is what open(2) takes away from modes here; asking the kernel by
// setting it would race with other threads.
func umask() uint32 {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0o777
	}
	for _, l := range strings.Split(string(b), "\n") {
		var m uint32
		if n, _ := fmt.Sscanf(l, "Umask:\t%o", &m); n == 1 {
			return m
		}
	}
	return 0o777 // not known: every mode gets set
}

// clamp keeps a time within what file systems can hold.
func clamp(t time.Time) time.Time {
	if s := t.Unix(); s < 0 {
		return time.Unix(0, 0)
	} else if s >= 1<<34 {
		return time.Unix(1<<34-1, 0)
	}
	return t
}

func stamps(t time.Time) [2]unix.Timespec {
	t = clamp(t)
	ts := unix.Timespec{Sec: t.Unix(), Nsec: int64(t.Nanosecond())}
	return [2]unix.Timespec{ts, ts}
}

// setTimes is futimens(3): utimensat(2) without a path costs the kernel no
// lookup. x/sys has no name for it.
func setTimes(fd int, at time.Time) error {
	ts := stamps(at)
	_, _, e := unix.RawSyscall6(unix.SYS_UTIMENSAT, uintptr(fd), 0, uintptr(unsafe.Pointer(&ts[0])), 0, 0, 0)
	if e != 0 {
		return e
	}
	return nil
}

func setLinkTimes(dir int, base string, at time.Time) error {
	ts := stamps(at)
	return unix.UtimesNanoAt(dir, base, ts[:], unix.AT_SYMLINK_NOFOLLOW)
}

// setOpaque hides what lower layers have in the directory fd.
func setOpaque(fd int) error {
	return unix.Fsetxattr(fd, "user.overlay.opaque", []byte("y"), 0)
}

func isWhiteout(st *unix.Stat_t) bool {
	return st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == 0
}

// setXattrs keeps the attributes that mean something in a container. Those
// of overlayfs would let a layer hide or redirect files of others, those of
// the host's security modules are the host's to set. An attribute that the
// file system does not take is left out, as docker does, but for file
// capabilities, without which a program fails in ways hard to understand.
func setXattrs(fd int, h *tar.Header) error {
	n := 0
	for k, v := range h.PAXRecords {
		k, ok := strings.CutPrefix(k, paxXattr)
		if !ok || !kept(k) || len(v) > maxXattr {
			continue
		}
		if n++; n > maxXattrs {
			return nil
		}
		err := unix.Fsetxattr(fd, k, []byte(v), 0)
		if err != nil && k == "security.capability" && !errors.Is(err, unix.ENOTSUP) && !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EINVAL) {
			return fmt.Errorf("set %s: %w", k, err)
		}
	}
	return nil
}

func kept(xattr string) bool {
	return xattr == "security.capability" ||
		strings.HasPrefix(xattr, "user.") && !strings.HasPrefix(xattr, "user.overlay.") && len(xattr) > len("user.")
}

func hasXattrs(h *tar.Header) bool {
	for k := range h.PAXRecords {
		if strings.HasPrefix(k, paxXattr) {
			return true
		}
	}
	return false
}
