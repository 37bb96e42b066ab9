package engine

import (
	"fmt"
	"os"
	"strings"

	"davit/backend/api"
	"davit/backend/guard/cgroup"
	"davit/backend/oci"
	"davit/backend/runspec"
)

// problems says in plain words all that is wrong with a spec, before any image
// is looked at: what is so everywhere, and what is so on this computer.
func problems(s api.RunSpec) []*api.Error {
	found := runspec.Check(s)
	add := func(field string, err error) {
		if err == nil {
			return
		}
		e := api.AsError(err)
		if e.Field == "" {
			e = e.WithField("%s", field)
		}
		found = append(found, e)
	}
	add("network", validNetwork(s))
	add("ports", validPublishing(s))
	add("dns", validNames(s))
	add("limits", cgroup.Valid(s.Limits))
	for i, m := range s.Mounts {
		add(fmt.Sprintf("mounts[%d].source", i), validSource(m))
	}
	_, err := idsOf(s)
	add("userns", err)
	for i, d := range s.Devices {
		add(fmt.Sprintf("devices[%d].source", i), validDevice(d))
	}
	for i, u := range s.Ulimits {
		add(fmt.Sprintf("ulimits[%d].hard", i), oci.Allows(u))
	}
	add("securityOpt", oci.Readable(s))
	return found
}

// validate gives the first problem of a spec.
func validate(s api.RunSpec) error {
	if found := problems(s); len(found) > 0 {
		return found[0]
	}
	return nil
}

func validName(name string) error {
	for _, e := range runspec.Check(api.RunSpec{Image: "-", Name: name}) {
		return e
	}
	return nil
}

// validSource says why a bind's source cannot be shown; one that is not there
// may be made.
func validSource(m api.Mount) error {
	if m.Type != api.MountBind || !strings.HasPrefix(m.Source, "/") || strings.ContainsRune(m.Source, 0) {
		return nil // that is said already
	}
	_, err := os.Stat(m.Source)
	if err == nil || os.IsNotExist(err) && m.Create {
		return nil
	}
	return invalid(m.Source, "%s is to be mounted at %s, and cannot be reached: %w", m.Source, m.Target, err).
		WithHint("Make it first (mkdir -p), or choose another one.")
}

func validDevice(d api.Device) error {
	if !strings.HasPrefix(d.Source, "/") || strings.ContainsRune(d.Source, 0) {
		return nil // that is said already
	}
	info, err := os.Stat(d.Source)
	if err != nil {
		return invalid(d.Source, "the device %s cannot be reached: %w", d.Source, err)
	}
	if info.Mode()&os.ModeDevice == 0 && !(info.IsDir() && strings.HasPrefix(d.Source, "/dev/")) {
		return invalid(d.Source, "%s is not a device", d.Source).WithHint("Files and directories are shown by -v.")
	}
	return nil
}

func validSignal(name string) error {
	if runspec.ValidSignal(name) {
		return nil
	}
	return invalid(name, "there is no signal %q", name).WithHint("%s", runspec.SignalHint)
}

func validRestart(policy string, autoRemove bool) error {
	for _, e := range runspec.Check(api.RunSpec{Image: "-", Restart: policy, AutoRemove: autoRemove}) {
		return e
	}
	return nil
}

// validPublishing refuses ports where there is nothing to publish them from.
func validPublishing(s api.RunSpec) error {
	if len(s.Ports) == 0 && !s.PublishAll {
		return nil
	}
	switch {
	case s.Network == api.NetworkNone:
		return invalid(s.Network, "a container without a network cannot publish ports")
	case s.Network == api.NetworkHost:
		return invalid(s.Network, "a container in this computer's own network has nothing to publish: its ports are this computer's")
	case strings.HasPrefix(s.Network, api.NetworkOf):
		return invalid(s.Network, "a container that shares another's network cannot publish ports").
			WithHint("Publish them with that container.")
	}
	return nil
}

// validNetwork looks at what no network has to be known for; see Engine.joins.
func validNetwork(s api.RunSpec) error {
	shared := s.Network == api.NetworkHost || s.Network == api.NetworkNone || strings.HasPrefix(s.Network, api.NetworkOf)
	e := s.Endpoint
	if shared && (len(s.Networks)+len(e.Aliases) > 0 || e.IP+e.IP6+e.MAC != "") {
		return invalid(s.Network, "with the network %q there are no further networks, names or addresses", s.Network)
	}
	if s.Network == api.NetworkOf {
		return invalid(s.Network, "it is not said whose network is to be shared").WithHint("Write container:NAME.")
	}
	return nil
}

func validPlatform(platform string) error {
	for _, e := range runspec.Check(api.RunSpec{Image: "-", Platform: platform}) {
		return e
	}
	return nil
}
