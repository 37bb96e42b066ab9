package doctor

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"davit/backend/mend"
)

func home(_ context.Context, h *host) finding {
	dir := h.getenv("HOME")
	if !filepath.IsAbs(dir) {
		return warning("HOME is not set.", "Davit does not know where your files and settings are.").
			mend("export HOME=~"+h.user, "Says so for this terminal; a login does it by itself.")
	}
	place := h.nearest(h.store)
	switch err := h.access(place, unix.R_OK|unix.W_OK|unix.X_OK); {
	case errors.Is(err, unix.EROFS):
		return bad(place+" cannot be written to: it is read-only.", "Davit cannot keep images and containers.").
			mend("XDG_DATA_HOME=/a/place/of/yours davit", "Keeps them in another place.")
	case err != nil:
		return bad(place+" cannot be written to: "+sentence(err), "Davit cannot keep images and containers.").
			mend("sudo chown "+h.user+" "+quote(place), "Makes it yours.")
	}
	return ok("Images and containers are kept in "+h.store+".", "It can be read and written.")
}

// nearest is path, or the nearest directory above it that is there.
func (h *host) nearest(path string) string {
	for path != "/" && path != "." {
		if st, err := h.stat(path); err == nil && st.IsDir() {
			return path
		}
		path = filepath.Dir(path)
	}
	return path
}

func runtimeDir(_ context.Context, h *host) finding {
	dir := h.getenv("XDG_RUNTIME_DIR")
	const means = "Davit uses %s instead."
	if dir == "" {
		return warning("XDG_RUNTIME_DIR is not set.", fmt.Sprintf(means, h.runtime)+" Logging in through systemd sets it.").
			mend("sudo loginctl enable-linger "+h.user, "Has systemd make /run/user/… for you, also without a login.").by(mend.Linger)
	}
	st, err := h.stat(dir)
	if err != nil {
		return warning(dir+" is not there.", fmt.Sprintf(means, h.runtime)).
			mend("unset XDG_RUNTIME_DIR", "Forgets the variable; it is often left over from su or sudo.")
	}
	owner, _ := st.Sys().(*syscall.Stat_t)
	switch {
	case owner != nil && int(owner.Uid) != h.uid:
		return warning(dir+" belongs to somebody else.", fmt.Sprintf(means, h.runtime)).
			mend("unset XDG_RUNTIME_DIR", "Forgets the variable; it is often left over from su or sudo.")
	case !st.IsDir() || st.Mode().Perm()&0o077 != 0:
		return warning(dir+" is open to others.", "Davit makes a directory in there that is yours alone.").
			mend("chmod 0700 "+quote(dir), "Closes it to others, as it is meant to be.")
	}
	return ok(dir, "Sockets are kept where only you can reach them.")
}

// The file systems that matter by their magic numbers (linux/magic.h).
var fileSystems = map[int64]string{
	0xef53: "ext4", 0x9123683e: "btrfs", 0x58465342: "xfs", 0x2fc12fc1: "zfs", 0xf2f52010: "f2fs",
	0xca451a4e: "bcachefs", 0x01021994: "tmpfs", 0x6969: "nfs", 0x517b: "smb", 0xff534d42: "cifs",
	0xfe534d42: "smb2", 0x65735546: "fuse", 0x794c7630: "overlay", 0xf15f: "ecryptfs", 0x4d44: "vfat",
	0x2011bab0: "exfat", 0x5346544e: "ntfs", 0x7366746e: "ntfs3", 0x01021997: "9p", 0x6a656a63: "virtiofs", 0x5346414f: "afs",
}

func fileSystem(_ context.Context, h *host) finding {
	place := h.nearest(h.store)
	st, err := h.statfs(place)
	if err != nil {
		return unknown(sentence(err), "Whether images can be kept there is not known.")
	}
	name, known := fileSystems[int64(uint32(st.Type))]
	if !known {
		name = fmt.Sprintf("an unknown one (%#x)", uint32(st.Type))
	}
	found := fmt.Sprintf("%s is on %s.", place, name)
	const move = "XDG_DATA_HOME=/a/local/disk davit"
	switch name {
	case "nfs", "smb", "cifs", "smb2", "afs", "9p", "virtiofs", "fuse":
		return warning(found, "Layers of images often cannot be unpacked on a network or FUSE file system: it does not know the ids of containers.").
			mend(move, "Keeps images and containers on a local disk.")
	case "vfat", "exfat", "ntfs", "ntfs3", "ecryptfs":
		return bad(found, "This file system cannot hold what images need: owners, links and attributes.").
			mend(move, "Keeps images and containers on a disk that can.")
	case "overlay":
		return warning(found, "An overlay on an overlay may be refused; this is usual inside another container.").
			mend(move, "Keeps images and containers on a disk of their own.")
	case "tmpfs":
		return warning(found, "Everything is gone after a restart.").mend(move, "Keeps images and containers on a disk.")
	}
	return ok(found, "Images can be unpacked there.")
}

// Free space below which is warned, and said that nothing works: a usual
// image unpacks to some hundred megabytes.
const (
	scarce = 2 << 30
	none   = 200 << 20
)

func space(_ context.Context, h *host) finding {
	place := h.nearest(h.store)
	st, err := h.statfs(place)
	if err != nil {
		return unknown(sentence(err), "Whether images fit is not known.")
	}
	free := int64(st.Bavail) * st.Bsize
	found := fmt.Sprintf("%s free in %s.", size(free), place)
	const why = "Shows your images with their sizes; remove those that you do not need with davit rmi."
	switch {
	case free < none:
		return bad(found, "There is no room for images and what containers write.").mend("davit images", why)
	case free < scarce:
		return warning(found, "Large images will not fit.").mend("davit images", why)
	case st.Files > 0 && st.Ffree < 50_000:
		return warning(fmt.Sprintf("Only %d more files fit in %s.", st.Ffree, place), "Images consist of many small files.").mend("davit images", why)
	}
	return ok(found, "There is room for images.")
}

func size(n int64) string {
	switch {
	case n >= 10e9:
		return fmt.Sprintf("%.0f GB", float64(n)/1e9)
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	}
	return fmt.Sprintf("%.0f MB", float64(n)/1e6)
}

// quote writes a path for a shell.
func quote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-", r)
	}
	if strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
