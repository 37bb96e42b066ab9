package engine

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"davit/backend/api"
	"davit/backend/store"
)

// containerTest says whether a container passes one value of a filter.
type containerTest func(api.Container) bool

// chooser makes docker's filters into one test: each key has to pass, by any
// of its values; of labels, wanted or not, by all.
func (e *Engine) chooser(ctx context.Context, f api.ContainerFilter) (containerTest, error) {
	all := f.All || f.Last > 0 || len(f.Filters["replaced"])+len(f.Filters["status"])+len(f.Filters["exited"]) > 0
	tests := []containerTest{func(c api.Container) bool { return all || active(c.State) }}
	for key, values := range f.Filters {
		var any []containerTest
		for _, v := range values {
			t, err := e.containerTest(ctx, key, v)
			if err != nil {
				return nil, err
			}
			if strings.HasPrefix(key, "label") {
				tests = append(tests, t)
			} else {
				any = append(any, t)
			}
		}
		if len(any) > 0 {
			tests = append(tests, func(c api.Container) bool {
				return slices.ContainsFunc(any, func(t containerTest) bool { return t(c) })
			})
		}
	}
	return func(c api.Container) bool {
		return !slices.ContainsFunc(tests, func(t containerTest) bool { return !t(c) })
	}, nil
}

func active(s api.State) bool {
	switch s {
	case api.StateStarting, api.StateRunning, api.StatePaused, api.StateRestarting, api.StateStopping:
		return true
	}
	return false
}

func (e *Engine) containerTest(ctx context.Context, key, value string) (containerTest, error) {
	switch key {
	case "status":
		return statusTest(value)
	case "name":
		return nameTest(value)
	case "id":
		return func(c api.Container) bool { return strings.HasPrefix(c.ID, value) }, nil
	case "label":
		return labelTest(value), nil
	case "ancestor":
		return e.ancestorTest(ctx, value), nil
	case "exited":
		code, err := strconv.Atoi(value)
		if err != nil {
			return nil, invalid(value, "the filter exited wants an exit code, not %q", value)
		}
		return func(c api.Container) bool { return c.State == api.StateExited && c.ExitCode == code }, nil
	case "label!":
		has := labelTest(value)
		return func(c api.Container) bool { return !has(c) }, nil
	case "before", "since":
		return e.ageTest(key, value)
	case "network":
		return e.networkTest(value), nil
	case "publish", "expose":
		return publishTest(key, value)
	case "health":
		return healthTest(value)
	case "volume":
		return e.volumeTest(value)
	case "replaced": // by keptOnes
		return func(api.Container) bool { return true }, nil
	}
	return nil, invalid(key, "there is no filter %q for containers", key).
		WithHint("Filters are status, name, id, label, label!, ancestor, before, since, exited, network, publish, expose, health, volume and replaced.")
}

func statusTest(value string) (containerTest, error) {
	s := api.State(strings.ToLower(value))
	switch s {
	case api.StateCreated, api.StateExited, api.StateDead, api.StateBroken:
	default:
		if !active(s) {
			return nil, invalid(value, "there is no status %q", value).
				WithHint("Statuses are created, starting, running, paused, restarting, stopping, exited, dead and broken.")
		}
	}
	return func(c api.Container) bool { return c.State == s }, nil
}

func healthTest(value string) (containerTest, error) {
	switch value {
	case api.HealthStarting, api.HealthHealthy, api.HealthUnhealthy:
		return func(c api.Container) bool { return c.Health == value }, nil
	case "none":
		return func(c api.Container) bool { return c.Health == "" }, nil
	}
	return nil, invalid(value, "there is no health %q", value).WithHint("It is starting, healthy, unhealthy or none.")
}

// nameTest takes a regular expression, as docker does, or what cannot be one
// as a part of the name.
func nameTest(value string) (containerTest, error) {
	re, err := regexp.Compile(value)
	if err != nil {
		return func(c api.Container) bool { return strings.Contains(c.Name, value) }, nil
	}
	return func(c api.Container) bool { return re.MatchString(c.Name) || re.MatchString("/"+c.Name) }, nil
}

func labelTest(value string) containerTest {
	key, want, valued := strings.Cut(value, "=")
	return func(c api.Container) bool {
		got, ok := c.Labels[key]
		return ok && (!valued || got == want)
	}
}

// ancestorTest takes an image's name, id or the beginning of its id.
func (e *Engine) ancestorTest(ctx context.Context, value string) containerTest {
	var name, id string
	if images, err := e.images.get(ctx); err == nil {
		if r, err := images.Resolve(value); err == nil {
			name, id = r.Name, r.Local
		}
	}
	digits := strings.TrimPrefix(value, "sha256:")
	return func(c api.Container) bool {
		return c.Image == value || name != "" && c.Image == name || id != "" && c.ImageID == id ||
			len(digits) >= 4 && strings.HasPrefix(strings.TrimPrefix(c.ImageID, "sha256:"), digits)
	}
}

// volumeTest takes a volume's name or a place where something is mounted.
func (e *Engine) volumeTest(value string) (containerTest, error) {
	entries, err := store.ListContainers(e.dirs)
	if err != nil {
		return nil, err
	}
	has := map[string]bool{}
	for _, c := range entries {
		for _, m := range c.Record.Mounts {
			if m.Source == value || m.Target == value {
				has[c.Record.ID] = true
			}
		}
	}
	return func(c api.Container) bool { return has[c.ID] }, nil
}

// publishTest takes "80", "80/tcp" and "8000-8010/tcp" and, as docker does,
// looks at the host's port for publish and at the container's for expose.
func publishTest(key, value string) (containerTest, error) {
	want, err := parseExposed(value)
	if err != nil {
		return nil, invalid(value, "the filter %s wants a port, not %q", key, value)
	}
	return func(c api.Container) bool {
		return slices.ContainsFunc(c.Ports, func(p api.Port) bool {
			port := p.HostPort
			if key == "expose" {
				port = p.ContainerPort
			}
			return slices.ContainsFunc(want, func(w api.Port) bool {
				return w.ContainerPort == port && w.Protocol == p.Protocol
			})
		})
	}, nil
}

// ageTest takes a container, and chooses those made before or since.
func (e *Engine) ageTest(key, value string) (containerTest, error) {
	id, err := store.FindContainer(e.dirs, value)
	if err != nil {
		return nil, err
	}
	rec, err := store.ReadRecord(e.dirs.Container(id))
	if err != nil {
		return nil, err
	}
	return func(c api.Container) bool {
		if key == "before" {
			return c.Created.Before(rec.Created)
		}
		return c.Created.After(rec.Created)
	}, nil
}

// networkTest takes a network's name, docker's name of the default one, or the
// beginning of an id. A network that there is not has no containers.
func (e *Engine) networkTest(value string) containerTest {
	if value == "bridge" {
		value = api.NetworkDefault
	}
	if n, err := e.findNetwork(value); err == nil {
		value = n.Name
	}
	return func(c api.Container) bool { return slices.Contains(c.Networks, value) }
}
