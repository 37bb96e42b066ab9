package runspec

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"davit/backend/api"
)

// Line is the line for a shell that makes and starts the container.
func Line(s api.RunSpec) string {
	words := []string{"davit", "run"}
	if !s.TTY && !s.Interactive {
		words = append(words, "-d")
	}
	words = append(append(words, Words(s)...), s.Image)
	return Join(append(words, s.Command...))
}

// Words are the options for all that a spec says, image and command left out.
func Words(s api.RunSpec) []string {
	var w words
	w.identity(s)
	w.places(s)
	w.life(s)
	w.confinement(s)
	w.limits(s.Limits)
	w.health(s.HealthCheck)
	return w
}

type words []string

func (w *words) on(flag string, yes bool) {
	if yes {
		*w = append(*w, flag)
	}
}

func (w *words) value(flag, v string) {
	if v != "" {
		*w = append(*w, flag, v)
	}
}

func (w *words) each(flag string, values []string) {
	for _, v := range values {
		*w = append(*w, flag, v)
	}
}

func (w *words) pairs(flag string, m map[string]string) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		*w = append(*w, flag, k+"="+m[k])
	}
}

func (w *words) identity(s api.RunSpec) {
	w.on("--rm", s.AutoRemove)
	w.on("-i", s.Interactive)
	w.on("-t", s.TTY)
	w.value("--name", s.Name)
	w.value("--hostname", s.Hostname)
	w.value("--domainname", s.Domainname)
	w.value("--pull", string(s.Pull))
	w.value("--platform", s.Platform)
	w.each("-p", portWords(s.Ports))
	w.on("-P", s.PublishAll)
	w.each("--expose", s.Expose)
	w.each("--env-file", s.EnvFiles)
	w.each("-e", s.Env)
	w.pairs("--label", s.Labels)
	w.pairs("--annotation", s.Annotations)
	w.value("-w", s.WorkingDir)
	w.value("-u", s.User)
	w.each("--group-add", s.Groups)
	w.value("--umask", s.Umask)
	w.value("--tz", s.Timezone)
	w.entrypoint(s)
}

// entrypoint is a JSON array where it is not one plain word.
func (w *words) entrypoint(s api.RunSpec) {
	switch {
	case len(s.Entrypoint) == 1 && s.Entrypoint[0] != "" && !strings.HasPrefix(s.Entrypoint[0], "["):
		*w = append(*w, "--entrypoint", s.Entrypoint[0])
	case len(s.Entrypoint) > 0:
		*w = append(*w, "--entrypoint", jsonArray(s.Entrypoint))
	case s.ClearEntrypoint:
		*w = append(*w, "--entrypoint", "")
	}
}

func jsonArray(list []string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(list) // strings can be encoded
	return strings.TrimSuffix(b.String(), "\n")
}

func (w *words) places(s api.RunSpec) {
	for _, m := range s.Mounts {
		*w = append(*w, mountWords(m)...)
	}
	for _, u := range s.Secrets {
		*w = append(*w, "--secret", secretWord(u))
	}
	for _, d := range s.Devices {
		*w = append(*w, "--device", deviceWord(d))
	}
	w.on("--read-only", s.ReadOnly)
	if s.ShmSize != 0 {
		w.value("--shm-size", size(s.ShmSize))
	}
	w.network(s)
}

func secretWord(u api.SecretUse) string {
	parts := []string{field("source=" + u.Source)}
	add := func(key, v string) {
		if v != "" {
			parts = append(parts, field(key+"="+v))
		}
	}
	if u.Env {
		add("type", "env")
	}
	add("target", u.Target)
	if u.UID != 0 {
		add("uid", strconv.Itoa(u.UID))
	}
	if u.GID != 0 {
		add("gid", strconv.Itoa(u.GID))
	}
	add("mode", u.Mode)
	if len(parts) == 1 && !strings.ContainsAny(u.Source, `=,"`) {
		return u.Source
	}
	return strings.Join(parts, ",")
}

func deviceWord(d api.Device) string {
	switch {
	case d.Permissions == "" && d.Target == "":
		return d.Source
	case d.Permissions == "":
		return d.Source + ":" + d.Target
	case d.Target == "":
		return d.Source + ":" + d.Permissions
	}
	return d.Source + ":" + d.Target + ":" + d.Permissions
}

func (w *words) life(s api.RunSpec) {
	w.value("--restart", s.Restart)
	w.on("--init", s.Init)
	w.value("--stop-signal", s.StopSignal)
	if s.StopTimeout != nil {
		w.value("--stop-timeout", strconv.Itoa(*s.StopTimeout))
	}
	if s.OOMScoreAdj != 0 {
		w.value("--oom-score-adj", strconv.Itoa(s.OOMScoreAdj))
	}
	if s.Log.None {
		w.value("--log-driver", "none")
	}
	if s.Log.MaxSize != 0 {
		w.value("--log-opt", "max-size="+size(s.Log.MaxSize))
	}
	if s.Log.MaxFiles != 0 {
		w.value("--log-opt", "max-file="+strconv.Itoa(s.Log.MaxFiles))
	}
}

func (w *words) confinement(s api.RunSpec) {
	w.on("--privileged", s.Privileged)
	w.each("--cap-add", s.CapAdd)
	w.each("--cap-drop", s.CapDrop)
	w.each("--security-opt", s.SecurityOpt)
	w.value("--userns", s.UserNS)
	w.each("--uidmap", s.UIDMaps)
	w.each("--gidmap", s.GIDMaps)
	w.pairs("--sysctl", s.Sysctls)
	for _, u := range s.Ulimits {
		w.value("--ulimit", ulimitWord(u))
	}
}

func ulimitWord(u api.Ulimit) string {
	if u.Soft == u.Hard {
		return fmt.Sprintf("%s=%d", u.Name, u.Soft)
	}
	return fmt.Sprintf("%s=%d:%d", u.Name, u.Soft, u.Hard)
}

func (w *words) limits(l api.Limits) {
	if l.Memory != 0 {
		w.value("--memory", size(l.Memory))
	}
	if l.MemoryReservation != 0 {
		w.value("--memory-reservation", size(l.MemoryReservation))
	}
	if l.MemorySwap != 0 {
		w.value("--memory-swap", size(l.MemorySwap))
	}
	if l.CPUs != 0 {
		w.value("--cpus", strconv.FormatFloat(l.CPUs, 'g', -1, 64))
	}
	w.value("--cpuset-cpus", l.CPUSet)
	if l.Pids != 0 {
		w.value("--pids-limit", strconv.FormatInt(l.Pids, 10))
	}
	if l.CPUShares != 0 {
		w.value("--cpu-shares", strconv.FormatInt(l.CPUShares, 10))
	}
	if l.IOWeight != 0 {
		w.value("--blkio-weight", strconv.Itoa(l.IOWeight))
	}
}

func (w *words) health(h *api.HealthCheck) {
	if emptyHealth(h) {
		return
	}
	w.on("--no-healthcheck", h.None)
	switch {
	case len(h.Test) == 2 && h.Test[0] == "CMD-SHELL" && h.Test[1] != "" && !strings.HasPrefix(h.Test[1], "["):
		w.value("--health-cmd", h.Test[1])
	case len(h.Test) > 0:
		w.value("--health-cmd", jsonArray(h.Test))
	}
	if h.Interval != 0 {
		w.value("--health-interval", duration(h.Interval))
	}
	if h.Timeout != 0 {
		w.value("--health-timeout", duration(h.Timeout))
	}
	if h.StartPeriod != 0 {
		w.value("--health-start-period", duration(h.StartPeriod))
	}
	if h.StartInterval != 0 {
		w.value("--health-start-interval", duration(h.StartInterval))
	}
	if h.Retries != 0 {
		w.value("--health-retries", strconv.Itoa(h.Retries))
	}
}
