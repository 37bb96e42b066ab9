package engine

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"strconv"
	"strings"

	"davit/backend/api"
	"davit/backend/doctor"
	"davit/backend/guard/cgroup"
	"davit/backend/store"
)

// What this build runs containers with. The modules are linked into other
// binaries than the engine's; a test holds the versions to go.mod's.
const (
	runtimeVersion = "libcontainer 1.5.2"
	networkVersion = "gvisor-tap-vsock 0.8.9"
	defaultSubnet  = "10.88.0.0/24"
)

// Info implements api.Service.
func (e *Engine) Info(ctx context.Context) (api.Info, error) {
	i := api.Info{
		Version: e.cfg.Version, StoreDir: e.dirs.Data, RuntimeDir: e.dirs.Runtime,
		UserNS: "full", Limited: []string{},
		Runtime: runtimeVersion, Network: networkVersion, Subnet: defaultSubnet,
	}
	doctor.Describe(&i)
	if singleUID("/proc/self/uid_map") {
		i.UserNS = "single-uid"
		i.Limited = append(i.Limited, "only images that need one user work: there are no subordinate ids (see `davit doctor`)")
	}
	if why := cgroup.Here().Why(); why != "" {
		i.Limited = append(i.Limited, "memory, processors and processes of containers cannot be limited: "+why)
	}
	entries, err := store.ListContainers(e.dirs)
	if err != nil {
		return i, explain(err)
	}
	i.Containers = len(entries)
	for _, c := range entries {
		if c.State.Active() {
			i.Running++
		}
	}
	images, err := e.images.get(ctx)
	if err != nil {
		return i, explain(err)
	}
	all, err := images.List(ctx)
	i.Images = len(all)
	return i, explain(err)
}

// Doctor implements api.Service.
func (e *Engine) Doctor(ctx context.Context) ([]api.Check, error) {
	if e.cfg.Doctor == nil {
		return []api.Check{}, nil
	}
	checks, err := e.cfg.Doctor(ctx)
	return list(checks), explain(err)
}

// Mend implements api.Service: only a front can ask the person.
func (e *Engine) Mend(context.Context, api.MendRequest) error { return explain(notHere()) }

// singleUID tells whether the user namespace has one id only.
func singleUID(uidMap string) bool {
	b, err := os.ReadFile(uidMap)
	if err != nil {
		return false
	}
	total := 0
	for s := bufio.NewScanner(bytes.NewReader(b)); s.Scan(); {
		if f := strings.Fields(s.Text()); len(f) == 3 {
			n, _ := strconv.Atoi(f[2]) // the kernel's own numbers
			total += n
		}
	}
	return total == 1
}
