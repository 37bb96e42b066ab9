package doctor

import (
	"context"
	"fmt"
	"sync"
	"time"

	"davit/backend/api"
)

// Options say whose Davit is looked at.
type Options struct {
	Store   string // data directory; need not exist
	Runtime string // runtime directory; need not exist
	// Probe is the binary that is started as the probe and calls Main; "":
	// this process's own.
	Probe string
}

// patience bounds one check. All of them together take some 50 ms; one that
// hangs, as on a file server that has gone, must not hold up the others.
const patience = 3 * time.Second

// check is one thing that is wanted from the host.
type check struct {
	id, title string
	try       func(context.Context, *host) finding
}

// finding is what a check found.
type finding struct {
	state                     api.CheckState
	found, means, fix, fixWhy string
}

// checks are in the order that a person should mend them in.
func checks() []check {
	return []check{
		{"kernel", "Linux kernel", kernel},
		{"userns", "User namespaces", userNamespaces},
		{"newuidmap", "newuidmap and newgidmap", idMapTools},
		{"subuid", "Subordinate user and group ids", subordinateIDs},
		{"overlay", "Overlay file system", overlay},
		{"tun", "Network device /dev/net/tun", tun},
		{"home", "Home directory", home},
		{"runtime", "Runtime directory", runtimeDir},
		{"filesystem", "File system of the store", fileSystem},
		{"space", "Free space", space},
		{"seccomp", "System call filter", seccomp},
		{"lsm", "AppArmor and SELinux", lsm},
		{"cgroup", "Control groups", cgroups},
		{"systemd", "systemd session", session},
		{"linger", "After logging out", linger},
		{"ports", "Ports below 1024", lowPorts},
		{"ping", "ping from containers", ping},
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
	return api.Check{ID: c.id, Title: c.title, State: f.state, Found: f.found, Means: f.means, Fix: f.fix, FixWhy: f.fixWhy}
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
