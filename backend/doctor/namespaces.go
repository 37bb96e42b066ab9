package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"davit/backend/mend"
)

func kernel(_ context.Context, h *host) finding {
	major, minor := kernelVersion(h.release)
	found := "Linux " + h.release
	switch {
	case major == 0:
		return unknown(found, "Davit wants Linux 5.11 or newer.")
	case major < 5 || major == 5 && minor < 11:
		return bad(found, "Davit wants Linux 5.11 or newer: older kernels do not let people mount the layers of images.").
			mend(h.upgrade(), "Brings the newest kernel of your distribution; restart afterwards.")
	}
	return ok(found, "New enough; 5.11 is the oldest that does.")
}

func (h *host) upgrade() string {
	switch h.family() {
	case "fedora":
		return "sudo dnf upgrade kernel"
	case "arch":
		return "sudo pacman -Syu linux"
	case "suse":
		return "sudo zypper update kernel-default"
	}
	return "sudo apt update && sudo apt full-upgrade"
}

func kernelVersion(release string) (major, minor int) {
	// A release such as 6.1.0-37-amd64 goes on after the two numbers wanted.
	_, _ = fmt.Sscanf(release, "%d.%d", &major, &minor)
	return major, minor
}

func userNamespaces(ctx context.Context, h *host) finding {
	p := h.probe(ctx)
	switch {
	case p.notRun != nil:
		return unknown(sentence(p.notRun), "Whether a container can run is not known.")
	case p.namespace == nil:
		return ok("One was made.", "Containers can run without root.")
	}
	const means = "No container can run: Davit keeps them in a user namespace, where nobody needs to be root."
	clone := h.line("/proc/sys/kernel/unprivileged_userns_clone")
	limit := h.line("/proc/sys/user/max_user_namespaces")
	armor := h.line("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
	switch {
	case clone == "0":
		return bad("The kernel refuses: kernel.unprivileged_userns_clone is 0.", means).
			mend(sysctl("kernel.unprivileged_userns_clone", "1"), "Allows everyone to make user namespaces, now and after each start.").by(mend.UserNS)
	case limit == "0":
		return bad("The kernel refuses: user.max_user_namespaces is 0.", means).
			mend(sysctl("user.max_user_namespaces", "28633"), "Allows user namespaces, now and after each start.").by(mend.MaxUserNS)
	case armor == "1":
		f := bad("AppArmor takes the rights of user namespaces away: kernel.apparmor_restrict_unprivileged_userns is 1.", means).
			mend(sysctl("kernel.apparmor_restrict_unprivileged_userns", "0"),
				"Lets all programs make user namespaces with rights in them. Davit's package allows only Davit, with an AppArmor profile of its own.")
		if _, err := h.stat("/etc/apparmor.d/abi/4.0"); err == nil {
			return f.by(mend.AppArmor)
		}
		return f
	}
	return bad("The kernel refuses: "+sentence(p.namespace), means).
		mend("cat /proc/sys/user/max_user_namespaces\nsudo sysctl -w user.max_user_namespaces=28633",
			"Shows how many user namespaces are allowed, and allows more. In a container or a sandbox, that one's settings decide.")
}

// idRange is a range of subordinate ids.
type idRange struct{ first, count int }

// subIDs finds the person's first range that is wide enough for images, or
// else the widest, in /etc/subuid or /etc/subgid, or asks where they are kept.
func (h *host) subIDs(ctx context.Context, group bool) idRange {
	file, flag := "/etc/subuid", "-u"
	if group {
		file, flag = "/etc/subgid", "-g"
	}
	b, err := h.read(file)
	best := parseSubIDs(string(b), h.user, strconv.Itoa(h.uid))
	if err == nil && best.count > 0 {
		return best
	}
	tool, err := h.look("getsubids") // ids may come from a directory server
	if err != nil {
		return best
	}
	args := []string{h.user}
	if group {
		args = []string{flag, h.user}
	}
	out, err := h.output(ctx, tool, args...)
	if err != nil {
		return best
	}
	return parseGetsubids(out)
}

func parseSubIDs(text, name, uid string) (best idRange) {
	for l := range strings.Lines(text) {
		f := strings.Split(strings.TrimSpace(l), ":")
		if len(f) != 3 || f[0] != name && f[0] != uid {
			continue
		}
		first, err1 := strconv.ParseUint(f[1], 10, 32)
		count, err2 := strconv.ParseUint(f[2], 10, 32)
		if err1 == nil && err2 == nil && int(count) > best.count {
			best = idRange{int(first), int(count)}
		}
	}
	return best
}

// parseGetsubids reads lines such as "0: ada 100000 65536".
func parseGetsubids(text string) (best idRange) {
	for l := range strings.Lines(text) {
		f := strings.Fields(l)
		if len(f) != 4 {
			continue
		}
		first, err1 := strconv.ParseUint(f[2], 10, 32)
		count, err2 := strconv.ParseUint(f[3], 10, 32)
		if err1 == nil && err2 == nil && int(count) > best.count {
			best = idRange{int(first), int(count)}
		}
	}
	return best
}

// enough ids for the users of any usual image: 0 to 65534 (nobody).
const enough = 65535

func subordinateIDs(ctx context.Context, h *host) finding {
	uids, gids := h.subIDs(ctx, false), h.subIDs(ctx, true)
	fix := "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 " + h.user
	const why = "Gives you 65536 user and group ids for containers. Choose another range where somebody else has this one; start Davit anew afterwards."
	switch {
	case uids.count == 0 || gids.count == 0:
		return warning(fmt.Sprintf("%s has none in /etc/subuid and /etc/subgid.", h.user),
			"Only images that need a single user work; databases and web servers often need more.").mend(fix, why).by(mend.SubIDs)
	case min(uids.count, gids.count) < enough:
		return warning(fmt.Sprintf("%s has %d user and %d group ids.", h.user, uids.count, gids.count),
			"Images with users above that number do not work.").mend(fix, why).by(mend.SubIDs)
	}
	return ok(fmt.Sprintf("%s has %d user and %d group ids.", h.user, uids.count, gids.count), "Images with several users work.")
}

func idMapTools(ctx context.Context, h *host) finding {
	const means = "Only images that need a single user work: these two programs give a container the others."
	install := h.install(map[string]string{"debian": "uidmap", "fedora": "shadow-utils", "arch": "shadow", "suse": "shadow"})
	for _, tool := range []string{"newuidmap", "newgidmap"} {
		path, err := h.look(tool)
		if err != nil {
			return warning(tool+" is not installed.", means).mend(install, "Installs newuidmap and newgidmap.")
		}
		st, err := h.stat(path)
		if err != nil || st.Mode()&fs.ModeSetuid == 0 && !h.caps(path) {
			return warning(path+" has neither the setuid bit nor a capability.", means).
				mend("sudo chmod u+s "+path, "Lets it do its work; your distribution's package sets it so.")
		}
	}
	uids, gids := h.subIDs(ctx, false), h.subIDs(ctx, true)
	if uids.count == 0 || gids.count == 0 {
		return ok("Both are installed.", "They work once you have subordinate ids; see there.")
	}
	if h.probe(ctx).namespace != nil {
		return unknown("Both are installed.", "They can be tried once user namespaces work.")
	}
	if err := h.mapIDs(ctx, uids, gids); err != nil {
		return warning(sentence(err), means).
			mend("grep "+h.user+" /etc/subuid /etc/subgid", "Shows which ids are yours; ranges of two people must not overlap, and yours must not include your own uid.")
	}
	return ok("Both were tried: ids were mapped.", "Images with several users work.")
}

func overlay(ctx context.Context, h *host) finding {
	p := h.probe(ctx)
	switch {
	case p.notRun != nil:
		return unknown(sentence(p.notRun), "Whether layers can be mounted is not known.")
	case p.namespace != nil:
		return unknown("Not tried: it needs a user namespace.", "It is tried once user namespaces work.")
	case p.overlay == nil:
		return ok("One was mounted and written to.", "Containers share the files of their image and keep their own changes.")
	}
	f := bad("It cannot be mounted: "+sentence(p.overlay), "No container can run: an overlay puts the layers of an image together.")
	if major, minor := kernelVersion(h.release); major < 5 || major == 5 && minor < 11 {
		return f.mend(h.upgrade(), "Linux 5.11 is the first that lets people mount overlays.")
	}
	return f.mend("sudo modprobe overlay\necho overlay | sudo tee /etc/modules-load.d/overlay.conf",
		"Loads the kernel's module now and at each start. Where that does not help, the store's file system is in the way: move it with XDG_DATA_HOME.").by(mend.Overlay)
}

func tun(_ context.Context, h *host) finding {
	err := h.openRW("/dev/net/tun")
	const means = withoutTaps
	const load = "sudo modprobe tun\necho tun | sudo tee /etc/modules-load.d/tun.conf"
	switch {
	case err == nil:
		return ok("It can be opened.", "Containers have a network.")
	case errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV):
		return warning("The device is not there.", means).mend(load, "Loads the kernel's module now and at each start.").by(mend.Tun)
	case errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM):
		return warning("It cannot be opened: permission denied.", means).
			mend("sudo chmod 0666 /dev/net/tun\necho 'KERNEL==\"tun\", MODE=\"0666\"' | sudo tee /etc/udev/rules.d/90-tun.rules",
				"Lets everyone open it, as most distributions do; by itself it gives no rights.")
	}
	return warning("It cannot be opened: "+sentence(err), means).mend(load, "Loads the kernel's module now and at each start.")
}

// sentence writes an error as one.
func sentence(err error) string {
	s := cmp.Or(strings.TrimSpace(err.Error()), "no reason given")
	s = strings.Join(strings.Fields(s), " ")
	return strings.TrimSuffix(s, ".") + "."
}
