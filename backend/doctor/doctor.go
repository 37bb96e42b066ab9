package doctor

import (
	"context"
	"fmt"
	"sync"
	"time"

	"davit/backend/api"
	"davit/backend/mend"
)

// Options say whose Davit is looked at.
type Options struct {
	Store   string // data directory; need not exist
	Runtime string // runtime directory; need not exist
	// Probe is the binary that is started as the probe and calls Main; "":
	// this process's own.
	Probe string
	// Mends is who the helper would change this computer for; nil: it cannot.
	Mends *mend.Host
}

// patience bounds one check. All of them together take some 50 ms; one that
// hangs, as on a file server that has gone, must not hold up the others.
const patience = 3 * time.Second

// check is one thing that is wanted from the host.
type check struct {
	id, title string
	try       func(context.Context, *host) finding
	mends     []mend.Action // what may have been done about it
}

// finding is what a check found.
type finding struct {
	state                     api.CheckState
	found, means, fix, fixWhy string
	action                    mend.Action // that does the same as fix, or better
}

// checks are in the order that a person should mend them in.
func checks() []check {
	return []check{
		{"kernel", "Linux kernel", kernel, nil},
		{"userns", "User namespaces", userNamespaces, []mend.Action{mend.UserNS, mend.MaxUserNS, mend.AppArmor}},
		{"newuidmap", "newuidmap and newgidmap", idMapTools, nil},
		{"subuid", "Subordinate user and group ids", subordinateIDs, []mend.Action{mend.SubIDs}},
		{"overlay", "Overlay file system", overlay, []mend.Action{mend.Overlay}},
		{"tun", "Network device /dev/net/tun", tun, []mend.Action{mend.Tun}},
		{"links", "Bridge, veth pairs and packet filter", links, nil},
		{"home", "Home directory", home, nil},
		{"runtime", "Runtime directory", runtimeDir, []mend.Action{mend.Linger}},
		{"filesystem", "File system of the store", fileSystem, nil},
		{"space", "Free space", space, nil},
		{"seccomp", "System call filter", seccomp, nil},
		{"lsm", "AppArmor and SELinux", lsm, nil},
		{"cgroup", "Control groups", cgroups, []mend.Action{mend.Delegate, mend.Linger}},
		{"systemd", "systemd session", session, nil},
		{"linger", "After logging out", linger, []mend.Action{mend.Linger}},
		{"ports", "Ports below 1024", lowPorts, []mend.Action{mend.Ports}},
		{"ping", "ping from containers", ping, []mend.Action{mend.Ping}},
		{"subnets", "Networks' addresses", subnets, nil},
	}
}

// Run tries everything at once. An error is only ever ctx's.
func Run(ctx context.Context, o Options) ([]api.Check, error) {
	h, err := thisHost(o)
	if err != nil {
		return nil, api.AsError(err)
	}
	return run(ctx, h, checks())
}

func run(ctx context.Context, h *host, list []check) ([]api.Check, error) {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	out := make([]api.Check, len(list))
	var all sync.WaitGroup
	for i, c := range list {
		all.Go(func() { out[i] = one(limited, h, c) })
	}
	all.Wait()
	if err := ctx.Err(); err != nil {
		return nil, api.AsError(err)
	}
	return out, nil
}

// one runs a check, giving up on it when its time is over.
func one(ctx context.Context, h *host, c check) api.Check {
	done := make(chan finding, 1)
	go func() { done <- c.try(ctx, h) }()
	var f finding
	select {
	case f = <-done:
	case <-ctx.Done():
		f = unknown(fmt.Sprintf("No answer within %s.", patience), "Whether this works is not known.")
	}
	return api.Check{
		ID: c.id, Title: c.title, State: f.state, Found: f.found, Means: f.means, Fix: f.fix, FixWhy: f.fixWhy, Mend: h.mendOf(c, f),
	}
}

// mendOf is what the helper would do about a finding, or has done about the check.
func (h *host) mendOf(c check, f finding) *api.Mend {
	if h.mends == nil {
		return nil
	}
	if f.action != "" {
		p, err := h.mends.Plan(f.action)
		if err == nil && len(p.Changes) > 0 {
			return &api.Mend{Action: string(f.action), Text: p.String(), Digest: p.Digest(), Done: h.mends.Done(f.action)}
		}
	}
	for _, a := range c.mends {
		if h.mends.Done(a) {
			return &api.Mend{Action: string(a), Done: true}
		}
	}
	return nil
}

func ok(found, means string) finding {
	return finding{state: api.CheckOK, found: found, means: means}
}

func warning(found, means string) finding {
	return finding{state: api.CheckWarning, found: found, means: means}
}

func bad(found, means string) finding {
	return finding{state: api.CheckFailed, found: found, means: means}
}

func unknown(found, means string) finding {
	return finding{state: api.CheckUnknown, found: found, means: means}
}

// mend adds the commands that put it right and what they do.
func (f finding) mend(commands, why string) finding {
	f.fix, f.fixWhy = commands, why
	return f
}

// by names what of the helper's list does it, too.
func (f finding) by(a mend.Action) finding {
	f.action = a
	return f
}
