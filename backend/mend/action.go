package mend

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"davit/backend/form"
)

// Action is one thing that can be changed.
type Action string

// All that can be changed.
const (
	SubIDs    Action = "subids"     // subordinate user and group ids for the person
	UserNS    Action = "userns"     // kernel.unprivileged_userns_clone
	MaxUserNS Action = "max-userns" // user.max_user_namespaces
	AppArmor  Action = "apparmor"   // a profile that lets davit-guard make user namespaces
	Ports     Action = "ports"      // net.ipv4.ip_unprivileged_port_start
	Ping      Action = "ping"       // net.ipv4.ping_group_range
	Linger    Action = "linger"     // programs of the person go on without a login
	Delegate  Action = "delegate"   // control groups that systemd hands to people
	Tun       Action = "tun"        // the kernel's module tun
	Overlay   Action = "overlay"    // the kernel's module overlay
)

// actions make their plans.
var actions = map[Action]func(Host) (Plan, error){
	SubIDs:    subIDs,
	UserNS:    sysctl("kernel/unprivileged_userns_clone", "1"),
	MaxUserNS: sysctl("user/max_user_namespaces", "28633"),
	AppArmor:  profile,
	Ports:     sysctl("net/ipv4/ip_unprivileged_port_start", "80"),
	Ping:      sysctl("net/ipv4/ping_group_range", "0 2147483647"),
	Linger:    linger,
	Delegate:  delegate,
	Tun:       module("tun"),
	Overlay:   module("overlay"),
}

// plainName is a login name that means nothing else in a file or a path.
var plainName = form.Of(`^[A-Za-z_][A-Za-z0-9_.@-]*$`)

// Actions lists all names, sorted.
func Actions() []string {
	var names []string
	for a := range actions {
		names = append(names, string(a))
	}
	slices.Sort(names)
	return names
}

// personal tells whether an action is about one person, not the computer.
func (a Action) personal() bool { return a == SubIDs || a == Linger }

// Plan makes the plan of an action, from what the computer has now.
func (h Host) Plan(a Action) (Plan, error) {
	make, known := actions[a]
	if !known {
		return Plan{}, fmt.Errorf("%q is none of %v", a, Actions())
	}
	if a.personal() && !plainName().MatchString(h.User) {
		return Plan{}, fmt.Errorf("%s: %q is no name to write into a file", a, h.User)
	}
	p, err := make(h)
	if err != nil {
		return Plan{}, fmt.Errorf("%s: %w", a, err)
	}
	p.Action = a
	return p, nil
}

func sysctl(key, value string) func(Host) (Plan, error) {
	return func(Host) (Plan, error) {
		name := strings.ReplaceAll(key, "/", ".")
		file := "/etc/sysctl.d/90-davit-" + filepath.Base(key) + ".conf"
		return Plan{Changes: []Change{
			{Kind: File, Path: file, Text: name + " = " + value + "\n"},
			{Kind: Value, Path: "/proc/sys/" + key, Text: value + "\n"},
		}}, nil
	}
}

// Where a path stands in a profile nothing in it may mean something there.
var plainPath = form.Of(`^/[A-Za-z0-9/._-]+$`)

func profile(h Host) (Plan, error) {
	if !plainPath().MatchString(h.Guard) || filepath.Clean(h.Guard) != h.Guard {
		return Plan{}, fmt.Errorf("%q cannot be named in a profile", h.Guard)
	}
	const file = "/etc/apparmor.d/davit"
	text := "abi <abi/4.0>,\ninclude <tunables/global>\n\n" +
		"profile davit " + h.Guard + " flags=(unconfined) {\n  userns,\n  include if exists <local/davit>\n}\n"
	return Plan{
		Changes: []Change{{Kind: File, Path: file, Text: text}},
		After:   [][]string{{"apparmor_parser", "-r", file}},
		Undone:  [][]string{{"apparmor_parser", "-R", file}},
	}, nil
}

func linger(h Host) (Plan, error) {
	return Plan{
		Changes: []Change{{Kind: File, Path: "/var/lib/systemd/linger/" + h.User}},
		After:   [][]string{{"loginctl", "enable-linger", h.User}},
		Undone:  [][]string{{"loginctl", "disable-linger", h.User}},
	}, nil
}

func delegate(Host) (Plan, error) {
	reload := []string{"systemctl", "daemon-reload"}
	return Plan{
		Changes: []Change{{Kind: File, Path: "/etc/systemd/system/user@.service.d/90-davit.conf", Text: "[Service]\nDelegate=cpu cpuset io memory pids\n"}},
		After:   [][]string{reload},
		Removed: [][]string{reload},
	}, nil
}

func module(name string) func(Host) (Plan, error) {
	return func(Host) (Plan, error) {
		return Plan{
			Changes: []Change{{Kind: File, Path: "/etc/modules-load.d/davit-" + name + ".conf", Text: name + "\n"}},
			After:   [][]string{{"modprobe", name}},
		}, nil
	}
}

// idsWanted is how many subordinate ids a person gets: those of every usual image.
const idsWanted = 65536

func subIDs(h Host) (Plan, error) {
	var p Plan
	for _, file := range []string{"/etc/subuid", "/etc/subgid"} {
		text, err := h.read(file)
		if err != nil {
			return p, err
		}
		first, has, err := freeRange(text, h.User, strconv.Itoa(h.UID))
		if err != nil {
			return p, fmt.Errorf("%s: %w", file, err)
		}
		if !has {
			p.Changes = append(p.Changes, Change{Kind: Line, Path: file, Text: fmt.Sprintf("%s:%d:%d\n", h.User, first, idsWanted)})
		}
	}
	return p, nil
}
