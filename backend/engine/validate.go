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
	add("limits", cgroup.Valid(s.Limits))
	for i, m := range s.Mounts {
		add(fmt.Sprintf("mounts[%d].source", i), validSource(m))
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

func validNetwork(s api.RunSpec) error {
	switch s.Network {
	case "", "default", "bridge", "none":
		return nil
	}
	return api.Errorf(api.KindNotFound, "there is no network %q", s.Network).WithRef(s.Network).
		WithHint("Networks are default and none.")
}

func validPlatform(platform string) error {
	for _, e := range runspec.Check(api.RunSpec{Image: "-", Platform: platform}) {
		return e
	}
	return nil
}
