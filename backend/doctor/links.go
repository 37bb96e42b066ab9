package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"davit/backend/userns"
)

// linkTrials are what a network of containers is made of, in the order in
// which it is made. Each is tried in a namespace of its own, and gone with it.
var linkTrials = []struct {
	name string
	try  func() error
}{
	{"tap", makeTap},
	{"bridge", func() error { return makeLink("bridge") }},
	{"veth", func() error { return makeLink("veth") }},
	{"nf_tables", makeTable},
}

// linked is what making them came to.
type linked struct {
	notRun error // it could not be tried
	failed map[string]error
}

// probeLinks runs as root of a new user and network namespace.
func probeLinks() int {
	for _, t := range linkTrials {
		err := t.try()
		var number syscall.Errno
		errors.As(err, &number) // 0: it is none of the kernel's
		fmt.Printf("%s: %d %v\n", t.name, int(number), err)
	}
	return 0
}

// runLinks has the probe try them.
func runLinks(ctx context.Context, exe string) linked {
	cmd, err := userns.Command(ctx, userns.DiesWithParent, exe, role, "links")
	if err != nil {
		return linked{notRun: err}
	}
	a := cmd.SysProcAttr
	a.Cloneflags = unix.CLONE_NEWUSER | unix.CLONE_NEWNET
	a.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	a.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	out, err := cmd.Output()
	if err != nil {
		return linked{notRun: err}
	}
	return readLinks(string(out))
}

// readLinks understands what the probe said.
func readLinks(out string) linked {
	text, spoke := strings.CutPrefix(out, spoken)
	l := linked{failed: map[string]error{}}
	seen := 0
	for line := range strings.Lines(text) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), ": ")
		digits, why, found := strings.Cut(rest, " ")
		number, err := strconv.Atoi(digits)
		if !found || err != nil {
			continue
		}
		seen++
		switch {
		case number != 0:
			l.failed[name] = syscall.Errno(number)
		case why != "<nil>":
			l.failed[name] = errors.New(why)
		}
	}
	if !spoke || seen != len(linkTrials) {
		return linked{notRun: errors.New("the probe gave no answer")}
	}
	return l
}

// withoutTaps is what a computer that makes no taps comes to.
const withoutTaps = "Containers have a network; what they exchange with the outside goes by packet sockets, and slower."

// links looks at what a network is made of besides the device.
func links(ctx context.Context, h *host) finding {
	l := h.links(ctx)
	if l.notRun != nil {
		return unknown("Not tried: "+sentence(l.notRun), "Whether containers have a network is not known.")
	}
	const means = "Containers have no network: theirs is made of such links."
	for _, x := range []struct{ name, what, module string }{
		{"bridge", "A bridge", "bridge"}, {"veth", "A veth pair", "veth"},
	} {
		err := l.failed[x.name]
		switch {
		case err == nil:
			continue
		case errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES):
			return bad(x.what+" cannot be made: "+sentence(err), means).
				mend("sudo dmesg | tail", "The kernel allows it in a network namespace of your own; a security module says why it is refused here.")
		}
		return bad(x.what+" cannot be made: "+sentence(err), means).
			mend(fmt.Sprintf("sudo modprobe %s\necho %s | sudo tee /etc/modules-load.d/davit-%s.conf", x.module, x.module, x.module),
				"Loads the kernel's module now and at each start. After an update of the kernel its modules may be gone until the machine is started anew.")
	}
	if err := l.failed["tap"]; err != nil {
		return warning("A tap cannot be made: "+sentence(err), withoutTaps).
			mend("sudo modprobe tun\necho tun | sudo tee /etc/modules-load.d/davit-tun.conf",
				"Loads the kernel's module now and at each start. Where it is loaded a security module is in the way, and the kernel's log says why.")
	}
	if err := l.failed["nf_tables"]; err != nil {
		return warning("All but a table of nf_tables can be made: "+sentence(err),
			"Containers have a network. One that is given NET_RAW could send in another's name.").
			mend("sudo modprobe nf_tables\necho nf_tables | sudo tee /etc/modules-load.d/davit-nf_tables.conf",
				"Loads the kernel's module now and at each start.")
	}
	return ok("Tap, bridge, veth pair and packet filter were made.", "Containers have a network, and cannot speak in each other's names.")
}
