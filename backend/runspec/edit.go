package runspec

import (
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"

	"davit/backend/api"
)

// Edit is how options change a spec that is there.
type Edit struct {
	Given []string // options that were given
	Image string   // "": as it is
	Unset []string // "env.KEY", "ports.80", "mounts./data", "memory", "labels.key", or a field
}

// Edited gives a spec with what options ask for: single values are replaced,
// lists are added to, where a value for the same thing takes its place.
func Edited(was, asked api.RunSpec, e Edit) (api.RunSpec, error) {
	s := clone(was)
	if e.Image != "" {
		s.Image = e.Image
	}
	for _, u := range e.Unset {
		if err := unset(&s, u); err != nil {
			return s, err
		}
	}
	s.Env = overlay(s.Env, asked.Env, func(e string) string { return key("env", e) })
	s.Ports = overlay(s.Ports, asked.Ports, func(p api.Port) string { return fmt.Sprint(p.ContainerPort, protocol(p)) })
	s.Mounts = overlay(s.Mounts, asked.Mounts, func(m api.Mount) string { return path.Clean(m.Target) })
	s.Ulimits = overlay(s.Ulimits, asked.Ulimits, func(u api.Ulimit) string { return u.Name })
	s.Devices = overlay(s.Devices, asked.Devices, func(d api.Device) string { return d.Source + ":" + d.Target })
	s.Secrets = overlay(s.Secrets, asked.Secrets, SecretTarget)
	same := func(v string) string { return v }
	s.Groups, s.EnvFiles, s.Expose = overlay(s.Groups, asked.Groups, same), overlay(s.EnvFiles, asked.EnvFiles, same), overlay(s.Expose, asked.Expose, same)
	s.CapAdd, s.CapDrop = overlay(s.CapAdd, asked.CapAdd, same), overlay(s.CapDrop, asked.CapDrop, same)
	s.SecurityOpt = overlay(s.SecurityOpt, asked.SecurityOpt, same)
	s.Labels, s.Sysctls = joined(s.Labels, asked.Labels), joined(s.Sysctls, asked.Sysctls)
	s.Annotations = joined(s.Annotations, asked.Annotations)
	replaceGiven(&s, asked, e.Given)
	return s, nil
}

// overlay adds to a list; what is for the same thing is replaced where it is.
func overlay[T any](list, more []T, key func(T) string) []T {
	for _, m := range more {
		if i := slices.IndexFunc(list, func(had T) bool { return key(had) == key(m) }); i >= 0 {
			list[i] = m
		} else {
			list = append(list, m)
		}
	}
	return list
}

func joined(m, more map[string]string) map[string]string {
	if len(more) == 0 {
		return m
	}
	all := map[string]string{}
	maps.Copy(all, m)
	maps.Copy(all, more)
	return all
}

// single are the options whose values replace what was there, with the fields
// that they are in.
var single = map[string]string{
	"name": "Name", "hostname": "Hostname", "domainname": "Domainname", "umask": "Umask", "workdir": "WorkingDir", "user": "User", "platform": "Platform", "pull": "Pull", "tz": "Timezone",
	"publish-all": "PublishAll", "shm-size": "ShmSize", "read-only": "ReadOnly", "network": "Network", "net": "Network",
	"tty": "TTY", "interactive": "Interactive", "rm": "AutoRemove", "restart": "Restart", "init": "Init", "stop-signal": "StopSignal",
	"stop-timeout": "StopTimeout", "log-opt": "Log", "log-driver": "Log", "oom-score-adj": "OOMScoreAdj", "privileged": "Privileged", "userns": "UserNS", "uidmap": "UIDMaps", "gidmap": "GIDMaps",
}

// limits are those that are in Limits.
var limitOptions = map[string]string{
	"memory": "Memory", "memory-swap": "MemorySwap", "cpus": "CPUs", "cpu-quota": "CPUs", "cpu-period": "CPUs", "memory-reservation": "MemoryReservation", "cpuset-cpus": "CPUSet", "pids-limit": "Pids", "blkio-weight": "IOWeight", "cpu-shares": "CPUShares",
}

func replaceGiven(s *api.RunSpec, asked api.RunSpec, given []string) {
	to, from := reflect.ValueOf(s).Elem(), reflect.ValueOf(asked)
	for _, name := range given {
		if field, ok := single[name]; ok {
			to.FieldByName(field).Set(from.FieldByName(field))
		}
		if field, ok := limitOptions[name]; ok {
			to.FieldByName("Limits").FieldByName(field).Set(from.FieldByName("Limits").FieldByName(field))
		}
		if name == "entrypoint" {
			s.Entrypoint, s.ClearEntrypoint = asked.Entrypoint, asked.ClearEntrypoint
		}
		if strings.HasPrefix(name, "health-") || name == "no-healthcheck" {
			s.HealthCheck = asked.HealthCheck
		}
	}
	if len(asked.Command) > 0 {
		s.Command = asked.Command
	}
	// No bound is not there, and not one of -1, where nothing is updated.
	l := &s.Limits
	l.Memory, l.Pids = max(l.Memory, 0), max(l.Pids, 0)
	if l.CPUs < 0 {
		l.CPUs = 0
	}
}

// unset takes something away.
func unset(s *api.RunSpec, what string) error {
	field, name, has := strings.Cut(what, ".")
	n := 0
	switch {
	case field == "env" && has:
		n = drop(&s.Env, func(e string) bool { return key("env", e) == name })
	case field == "ports" && has:
		n = drop(&s.Ports, func(p api.Port) bool {
			return name == fmt.Sprint(p.ContainerPort) || name == fmt.Sprint(p.ContainerPort, "/", protocol(p))
		})
	case field == "mounts" && has:
		n = drop(&s.Mounts, func(m api.Mount) bool { return path.Clean(m.Target) == path.Clean(name) })
	case field == "labels" && has:
		n = dropKey(s.Labels, name)
	case field == "sysctls" && has:
		n = dropKey(s.Sysctls, name)
	default:
		n = clearField(s, what)
	}
	if n == 0 {
		return invalid("there is no %s to take away", what).WithHint("davit inspect --json shows the fields, below spec.")
	}
	return nil
}

func drop[T any](list *[]T, gone func(T) bool) int {
	was := len(*list)
	*list = slices.DeleteFunc(*list, gone)
	return was - len(*list)
}

func dropKey(m map[string]string, key string) int {
	if _, ok := m[key]; !ok {
		return 0
	}
	delete(m, key)
	return 1
}

// clearField makes a field by its JSON name, or an option's, what it is when
// nobody asks for anything.
func clearField(s *api.RunSpec, name string) int {
	name = strings.TrimPrefix(name, "limits.")
	v := reflect.ValueOf(s).Elem()
	for _, at := range []reflect.Value{v, v.FieldByName("Limits")} {
		for i := range at.NumField() {
			f := at.Type().Field(i)
			j, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if (j == name || single[name] == f.Name || limitOptions[name] == f.Name) && j != "image" && !at.Field(i).IsZero() {
				at.Field(i).SetZero()
				return 1
			}
		}
	}
	return 0
}
