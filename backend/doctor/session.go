package doctor

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"davit/backend/mend"
)

func seccomp(_ context.Context, h *host) finding {
	if h.line("/proc/sys/kernel/seccomp/actions_avail") == "" {
		return warning("The kernel has no seccomp.", "Containers run, but may make every system call: what holds them is weaker.").
			mend(h.upgrade(), "Brings your distribution's kernel; all usual ones have seccomp.")
	}
	return ok("The kernel has seccomp.", "Containers cannot make dangerous system calls.")
}

func lsm(_ context.Context, h *host) finding {
	list := h.line("/sys/kernel/security/lsm")
	switch {
	case h.line("/sys/fs/selinux/enforce") == "1":
		return ok("SELinux is enforcing.", "Shared directories may need the option :z or :Z so that containers can read them.")
	case h.line("/sys/fs/selinux/enforce") == "0":
		return ok("SELinux is permissive.", "It writes down what it would refuse, and refuses nothing.")
	case h.line("/sys/module/apparmor/parameters/enabled") == "Y":
		found := "AppArmor is on."
		if h.line("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1" {
			found = "AppArmor is on and restricts user namespaces."
		}
		return ok(found, "It guards the host as before; profiles for single containers need root and are not used.")
	case list != "":
		return ok("Neither is on; "+list+" are.", "Namespaces, seccomp and capabilities hold the containers.")
	}
	return ok("Neither is on.", "Namespaces, seccomp and capabilities hold the containers.")
}

// cgroup tells the version, whether a part of it is the person's, and which
// controllers are in there.
func (h *host) cgroup() (version string, delegated bool, controllers []string) {
	const root = "/sys/fs/cgroup"
	unified := h.line(root + "/cgroup.controllers")
	if unified == "" {
		if _, err := h.stat(root + "/unified/cgroup.procs"); err == nil {
			return "hybrid", false, nil
		}
		if _, err := h.stat(root); err != nil {
			return "", false, nil
		}
		return "v1", false, nil
	}
	for l := range strings.Lines(h.line("/proc/self/cgroup")) {
		path, ok := strings.CutPrefix(strings.TrimSpace(l), "0::")
		if !ok {
			continue
		}
		// systemd delegates user@UID.service; our own cgroup is below it.
		service := fmt.Sprintf("user@%d.service", h.uid)
		dir := filepath.Join(root, path)
		if i := strings.Index(path, service); i >= 0 {
			dir = filepath.Join(root, path[:i+len(service)])
		} else if d := fmt.Sprintf("%s/user.slice/user-%d.slice/%s", root, h.uid, service); h.access(d, unix.W_OK) == nil {
			dir = d
		}
		delegated = h.access(dir, unix.W_OK) == nil && h.access(dir+"/cgroup.procs", unix.W_OK) == nil
		return "v2", delegated, strings.Fields(h.line(dir + "/cgroup.controllers"))
	}
	return "v2", false, nil
}

func cgroups(_ context.Context, h *host) finding {
	version, delegated, controllers := h.cgroup()
	const means = "Containers run; limits of memory, CPU and processes cannot be set."
	switch {
	case version == "":
		return warning("There are none.", means)
	case version != "v2":
		found := map[string]string{"v1": "Version 1.", "hybrid": "Versions 1 and 2, mixed (hybrid)."}[version]
		return warning(found, means+" Version 2 alone lets people set them.").
			mend(h.bootOption("systemd.unified_cgroup_hierarchy=1"), "Has systemd use version 2 from the next start of the machine on.")
	case !delegated:
		return warning("Version 2, but no part of it is yours.", means).
			mend(fmt.Sprintf("sudo loginctl enable-linger %s\nsudo systemctl start user@%d.service", h.user, h.uid),
				"Starts the service that gives you a part of the control groups; log in anew afterwards.").by(mend.Linger)
	}
	var missing []string
	for _, c := range []string{"memory", "cpu", "pids"} {
		if !strings.Contains(" "+strings.Join(controllers, " ")+" ", " "+c+" ") {
			missing = append(missing, c)
		}
	}
	found := "Version 2, with " + strings.Join(controllers, ", ") + "."
	if len(missing) > 0 {
		return warning(found, "Containers run; limits of "+strings.Join(missing, ", ")+" cannot be set.").
			mend("sudo mkdir -p /etc/systemd/system/user@.service.d\n"+
				"printf '[Service]\\nDelegate=cpu cpuset io memory pids\\n' | sudo tee /etc/systemd/system/user@.service.d/delegate.conf\n"+
				"sudo systemctl daemon-reload", "Gives you these control groups, too; log in anew afterwards.").by(mend.Delegate)
	}
	return ok(found, "Limits of memory, CPU and processes can be set.")
}

// bootOption is the commands that add an option to the kernel's command line.
func (h *host) bootOption(o string) string {
	edit := "sudo sed -i 's/^GRUB_CMDLINE_LINUX=\"/&" + o + " /' /etc/default/grub\n"
	switch h.family() {
	case "fedora":
		return "sudo grubby --update-kernel=ALL --args=" + o
	case "arch":
		return edit + "sudo grub-mkconfig -o /boot/grub/grub.cfg"
	case "suse":
		return edit + "sudo grub2-mkconfig -o /boot/grub2/grub.cfg"
	}
	return edit + "sudo update-grub"
}

func session(_ context.Context, h *host) finding {
	dir := h.getenv("XDG_RUNTIME_DIR")
	if _, err := h.stat(filepath.Join(dir, "systemd/private")); dir != "" && err == nil {
		return ok("Yours is running.", "Containers can be started at login and be given limits.")
	}
	if _, err := h.stat("/run/systemd/system"); err != nil {
		return warning("This machine does not run systemd.", "Containers run; they are not started at login by Davit, and have no limits.")
	}
	return warning("You have none.", "Containers run; they are not started at login, and have no limits. This is usual after su or sudo.").
		mend("sudo machinectl shell "+h.user+"@", "Logs you in as a session of its own; so does a terminal of the desktop, and ssh.")
}

func linger(_ context.Context, h *host) finding {
	if _, err := h.stat("/run/systemd/system"); err != nil {
		return ok("This machine does not run systemd.", "Nothing ends your programs when you log out.")
	}
	if _, err := h.stat("/var/lib/systemd/linger/" + h.user); err == nil {
		return ok("Lingering is on.", "Containers go on when you log out.")
	}
	return warning("Lingering is off.", "Containers may be ended when you log out.").
		mend("loginctl enable-linger", "Lets your programs go on without a login, from now on.").by(mend.Linger)
}

func lowPorts(_ context.Context, h *host) finding {
	refusal := h.mayOpen(webPort)
	if refusal == nil {
		return ok(fmt.Sprintf("Port %d may be opened.", webPort), "Web servers can be published at port 80.")
	}
	start, err := strconv.Atoi(h.line("/proc/sys/net/ipv4/ip_unprivileged_port_start"))
	switch {
	case err != nil:
		return unknown("The kernel does not tell.", "Ports from 1024 on can be published.")
	case start > 80:
		return ok(fmt.Sprintf("Yours begin at %d.", start), fmt.Sprintf("Containers' ports can be published from %d on, such as 8080 for 80.", start)).
			mend(sysctl("net.ipv4.ip_unprivileged_port_start", "80"), "Lets everyone on this machine use ports from 80 on. Only if you want these.").by(mend.Ports)
	}
	return warning(fmt.Sprintf("Yours begin at %d, but port %d may not be opened: %s", start, webPort, sentence(refusal)),
		"Containers' ports can be published from 1024 on, such as 8080 for 80.")
}

func ping(_ context.Context, h *host) finding {
	f := strings.Fields(h.line("/proc/sys/net/ipv4/ping_group_range"))
	const means = "ping does not reach the outside from containers; everything else does."
	refusal := h.mayPing()
	if refusal == nil {
		return ok("You may ping.", "ping works from containers.")
	}
	if len(f) != 2 {
		return unknown("The kernel does not tell.", means)
	}
	low, err1 := strconv.ParseInt(f[0], 10, 64)
	high, err2 := strconv.ParseInt(f[1], 10, 64)
	if err1 != nil || err2 != nil {
		return unknown("The kernel says "+strings.Join(f, " ")+".", means)
	}
	for _, g := range h.gids {
		if low <= int64(g) && int64(g) <= high {
			return warning("You may ping, says net.ipv4.ping_group_range, but it is refused: "+sentence(refusal), means)
		}
	}
	return warning("You may not ping: net.ipv4.ping_group_range is "+strings.Join(f, " ")+".", means).
		mend(sysctl("net.ipv4.ping_group_range", "0 2147483647"), "Lets everyone on this machine ping.").by(mend.Ping)
}
