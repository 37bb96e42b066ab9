package runspec

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"davit/backend/api"
)

// maxServices bounds a compose file.
const maxServices = 200

// ParseCompose reads the services of a compose file, or one service alone.
// Variables are not put in: what names one is told.
func ParseCompose(text string) ([]api.ParsedSpec, error) {
	var root yaml.Node
	if err := yaml.Unmarshal([]byte(text), &root); err != nil {
		return nil, notCompose().WithHint("As YAML it is wrong: %v", err)
	}
	var all map[string]any
	if err := root.Decode(&all); err != nil || len(all) == 0 {
		return nil, notCompose()
	}
	services, _ := all["services"].(map[string]any)
	if services == nil {
		if services = loose(all); services == nil {
			return nil, notCompose()
		}
	}
	if len(services) > maxServices {
		return nil, invalid("the compose file has %d services; %d are read at most", len(services), maxServices)
	}
	var specs []api.ParsedSpec
	for _, name := range inOrder(&root, services) {
		m, ok := services[name].(map[string]any)
		if !ok {
			return nil, invalid("the service %q is not one", name)
		}
		specs = append(specs, (&composeReader{name: name, in: m}).read())
	}
	return specs, nil
}

// inOrder names services as the file has them; what comes by a merge (<<) last.
func inOrder(root *yaml.Node, services map[string]any) []string {
	top := root.Content[0]
	if under := valueOf(top, "services"); under != nil {
		top = under
	}
	place := map[string]int{}
	for i := 0; i+1 < len(top.Content); i += 2 {
		if k := top.Content[i]; k.Tag != "!!merge" {
			place[k.Value] = i - len(top.Content) // what has no place has 0
		}
	}
	names := slices.Sorted(maps.Keys(services))
	slices.SortStableFunc(names, func(a, b string) int { return place[a] - place[b] })
	return names
}

// valueOf is the mapping that a mapping has under a key, nil where it has none.
func valueOf(m *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(m.Content); i += 2 {
		v := m.Content[i+1]
		if v.Kind == yaml.AliasNode {
			v = v.Alias
		}
		if m.Content[i].Value == key && v.Kind == yaml.MappingNode {
			return v
		}
	}
	return nil
}

func notCompose() *api.Error {
	return invalid("this is not a line that runs a container, a compose service or an image's name").
		WithHint("Paste a line such as docker run -p 8080:80 nginx, a compose service, or an image's name.")
}

// loose takes a service by itself, or some under their names.
func loose(all map[string]any) map[string]any {
	if _, ok := all["image"].(string); ok {
		return map[string]any{"": all}
	}
	for _, v := range all {
		m, ok := v.(map[string]any)
		if !ok || m["image"] == nil && m["build"] == nil {
			return nil
		}
	}
	return all
}

type composeReader struct {
	name string
	in   map[string]any
	out  api.ParsedSpec

	cpuQuota, cpuPeriod int64 // microseconds
}

func (r *composeReader) unknown(format string, args ...any) {
	r.out.Unknown = append(r.out.Unknown, fmt.Sprintf(format, args...))
}

func (r *composeReader) read() api.ParsedSpec {
	r.out = api.ParsedSpec{Name: r.name, Detach: true, Unknown: []string{}, Notes: []string{}}
	s := &r.out.Spec
	r.extension(s)
	for _, key := range slices.Sorted(maps.Keys(r.in)) {
		v := r.in[key]
		if v == nil {
			continue
		}
		if !r.plain(s, key, v) && !r.structured(s, key, v) && !strings.HasPrefix(key, "x-") {
			r.unknown("%s", key)
		}
	}
	if s.Image == "" {
		r.out.Notes = append(r.out.Notes, "The service names no image: say which one to run.")
	}
	return r.out
}

// extension reads the options that Compose put under x-davit.
func (r *composeReader) extension(s *api.RunSpec) {
	l, _ := r.in[extension].([]any)
	words := r.list(l)
	if len(words) == 0 {
		return
	}
	p, err := ParseLine(Join(append(append([]string{"davit", "run"}, words...), "--", "image")))
	if err != nil {
		r.unknown("%s", extension)
		return
	}
	*s = p.Spec
	s.Image = ""
	r.out.Unknown = append(r.out.Unknown, p.Unknown...)
	delete(r.in, extension)
}

// said is a scalar as text, with compose's doubled dollar signs taken back.
func (r *composeReader) said(v any) string {
	t := scalarText(v)
	plain := strings.ReplaceAll(t, "$$", "\x00")
	if i := strings.IndexByte(plain, '$'); i >= 0 && i+1 < len(plain) && (plain[i+1] == '{' || plain[i+1] == '_' || plain[i+1] >= 'A' && plain[i+1] <= 'z') {
		r.out.Notes = append(r.out.Notes, fmt.Sprintf("%s names a variable of compose: put its value in its place.", firstLine(t)))
	}
	return strings.ReplaceAll(plain, "\x00", "$")
}

func scalarText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case int:
		return strconv.Itoa(v)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case time.Time:
		return v.Format(time.RFC3339)
	}
	return fmt.Sprint(v)
}

// list is a sequence, or one scalar.
func (r *composeReader) list(v any) []string {
	if l, ok := v.([]any); ok {
		var out []string
		for _, e := range l {
			out = append(out, r.said(e))
		}
		return out
	}
	return []string{r.said(v)}
}

// words are a command: a sequence, or a line for a shell.
func (r *composeReader) words(v any) []string {
	if _, ok := v.([]any); ok {
		return r.list(v)
	}
	words, err := Split(r.said(v))
	if err != nil {
		r.unknown("%s", r.said(v))
	}
	return words
}

// pairs are a mapping or a sequence of KEY=value.
func (r *composeReader) pairs(v any) []string {
	m, ok := v.(map[string]any)
	if !ok {
		return r.list(v)
	}
	var out []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if m[k] == nil {
			out = append(out, k)
			continue
		}
		out = append(out, k+"="+r.said(m[k]))
	}
	return out
}

func (r *composeReader) pairMap(v any) map[string]string {
	m := map[string]string{}
	for _, p := range r.pairs(v) {
		k, value, _ := strings.Cut(p, "=")
		m[k] = value
	}
	return m
}

func (r *composeReader) plain(s *api.RunSpec, key string, v any) bool {
	if to, ok := map[string]*string{
		"image": &s.Image, "container_name": &s.Name, "hostname": &s.Hostname, "domainname": &s.Domainname, "working_dir": &s.WorkingDir, "user": &s.User,
		"restart": &s.Restart, "stop_signal": &s.StopSignal, "platform": &s.Platform, "cpuset": &s.Limits.CPUSet, "userns_mode": &s.UserNS,
	}[key]; ok {
		*to = r.said(v)
		if key == "userns_mode" && *to == "host" {
			*to = ""
		}
		return true
	}
	if to, ok := map[string]*bool{
		"tty": &s.TTY, "stdin_open": &s.Interactive, "init": &s.Init, "read_only": &s.ReadOnly, "privileged": &s.Privileged,
	}[key]; ok {
		*to = r.said(v) == "true"
		return true
	}
	if to, ok := map[string]*[]string{
		"group_add": &s.Groups, "expose": &s.Expose, "cap_add": &s.CapAdd, "cap_drop": &s.CapDrop, "security_opt": &s.SecurityOpt,
		"dns": &s.DNS, "dns_search": &s.DNSSearch, "dns_opt": &s.DNSOptions,
	}[key]; ok {
		*to = r.list(v)
		return true
	}
	if to, ok := map[string]*int64{"mem_limit": &s.Limits.Memory, "memswap_limit": &s.Limits.MemorySwap, "mem_reservation": &s.Limits.MemoryReservation, "shm_size": &s.ShmSize}[key]; ok {
		n, err := Bytes(key, r.said(v))
		if err != nil {
			r.unknown("%s: %s", key, r.said(v))
		}
		*to = n
		return true
	}
	return false
}

func (r *composeReader) structured(s *api.RunSpec, key string, v any) bool {
	switch key {
	case "entrypoint":
		s.Entrypoint = r.words(v)
		s.ClearEntrypoint = len(s.Entrypoint) == 0
	case "command":
		s.Command = r.words(v)
	case "environment":
		for _, e := range r.pairs(v) {
			if !strings.Contains(e, "=") {
				r.out.Notes = append(r.out.Notes, fmt.Sprintf("%s takes the value that it has where compose runs: fill it in.", e))
				e += "="
			}
			s.Env = append(s.Env, e)
		}
	case "env_file":
		r.envFiles(s, v)
	case "labels":
		s.Labels = r.pairMap(v)
	case "annotations":
		s.Annotations = r.pairMap(v)
	case "sysctls":
		s.Sysctls = r.pairMap(v)
	case "ports":
		r.ports(s, v)
	case "volumes", "tmpfs", "devices":
		r.places(s, key, v)
	case "healthcheck":
		r.health(s, v)
	case "ulimits":
		r.ulimits(s, v)
	case "logging":
		r.logging(s, v)
	case "cpus":
		s.Limits.CPUs, _ = strconv.ParseFloat(r.said(v), 64)
	case "cpu_quota", "cpu_period":
		r.quota(s, key, v)
	case "cpu_shares":
		s.Limits.CPUShares, _ = strconv.ParseInt(r.said(v), 10, 64)
	case "oom_score_adj":
		s.OOMScoreAdj, _ = strconv.Atoi(r.said(v))
	case "pids_limit":
		s.Limits.Pids, _ = strconv.ParseInt(r.said(v), 10, 64)
		s.Limits.Pids = max(0, s.Limits.Pids)
	case "stop_grace_period":
		if d, err := time.ParseDuration(r.said(v)); err == nil {
			n := int(d.Seconds())
			s.StopTimeout = &n
		} else {
			r.unknown("stop_grace_period: %s", r.said(v))
		}
	case "pull_policy":
		s.Pull = map[string]api.PullPolicy{"always": api.PullAlways, "never": api.PullNever, "missing": api.PullMissing, "if_not_present": api.PullMissing}[r.said(v)]
	case "network_mode":
		if n := r.said(v); n != "bridge" {
			s.Network = n
		}
	case "networks":
		r.networks(s, v)
	case "extra_hosts":
		for _, h := range r.pairs(v) {
			s.ExtraHosts = append(s.ExtraHosts, strings.Replace(h, "=", ":", 1))
			s.HostAccess = s.HostAccess || strings.HasSuffix(h, "host-gateway")
		}
	default:
		return false
	}
	return true
}

// quota is the older way to say cpus; either key may come first.
func (r *composeReader) quota(s *api.RunSpec, key string, v any) {
	n, err := strconv.ParseInt(r.said(v), 10, 64)
	if err != nil {
		r.unknown("%s: %s", key, r.said(v))
		return
	}
	if key == "cpu_quota" {
		r.cpuQuota = n
	} else {
		r.cpuPeriod = n
	}
	if r.cpuQuota > 0 {
		s.Limits.CPUs = float64(r.cpuQuota) / float64(cmp.Or(max(0, r.cpuPeriod), 100_000))
	}
}

func (r *composeReader) networks(s *api.RunSpec, v any) {
	names := r.pairs(v)
	if m, ok := v.(map[string]any); ok {
		names = slices.Sorted(maps.Keys(m))
	}
	for _, n := range names {
		if n == "default" {
			continue
		}
		if s.Network == "" {
			s.Network = n
		} else {
			s.Networks = append(s.Networks, api.NetworkJoin{Network: n})
		}
	}
}

func (r *composeReader) envFiles(s *api.RunSpec, v any) {
	l, ok := v.([]any)
	if !ok {
		l = []any{v}
	}
	for _, e := range l {
		if m, ok := e.(map[string]any); ok {
			e = m["path"]
		}
		s.EnvFiles = append(s.EnvFiles, r.said(e))
	}
}

func (r *composeReader) ports(s *api.RunSpec, v any) {
	l, _ := v.([]any)
	for _, e := range l {
		word := r.said(e)
		if m, ok := e.(map[string]any); ok {
			word = r.said(m["target"])
			if p := r.said(m["published"]); p != "" {
				word = p + ":" + word
			}
			if ip := r.said(m["host_ip"]); ip != "" {
				if !strings.Contains(word, ":") {
					word = ":" + word
				}
				word = ip + ":" + word
			}
			if p := r.said(m["protocol"]); p != "" {
				word += "/" + p
			}
		}
		ports, err := Publish(word)
		if err != nil {
			r.unknown("ports: %s", word)
		}
		s.Ports = append(s.Ports, ports...)
	}
}

func (r *composeReader) places(s *api.RunSpec, key string, v any) {
	f := &Flags{}
	l, ok := v.([]any)
	if !ok {
		l = []any{v}
	}
	for _, e := range l {
		m, long := e.(map[string]any)
		var err error
		switch {
		case long && key == "volumes":
			f.Spec.Mounts = append(f.Spec.Mounts, r.mount(m))
		case key == "volumes":
			err = f.volume(r.said(e))
		case key == "tmpfs":
			err = f.tmpfs(r.said(e))
		default:
			err = f.device(r.said(e))
		}
		if err != nil {
			r.unknown("%s: %s", key, r.said(e))
		}
	}
	s.Mounts, s.Devices = append(s.Mounts, f.Spec.Mounts...), append(s.Devices, f.Spec.Devices...)
}

func (r *composeReader) mount(m map[string]any) api.Mount {
	yes := func(v any) bool { return r.said(v) == "true" }
	out := api.Mount{Type: r.said(m["type"]), Source: r.said(m["source"]), Target: r.said(m["target"]), ReadOnly: yes(m["read_only"])}
	more, _ := m[out.Type].(map[string]any)
	switch out.Type {
	case api.MountBind:
		out.Create = more == nil || more["create_host_path"] == nil || yes(more["create_host_path"])
		out.Propagation, out.Relabel = r.said(more["propagation"]), r.said(more["selinux"])
	case api.MountVolume:
		out.NoCopy, out.Subpath = yes(more["nocopy"]), r.said(more["subpath"])
	case api.MountTmpfs:
		out.Size, _ = Bytes("size", r.said(more["size"]))
		if n, ok := more["mode"].(int); ok {
			out.Mode = strconv.FormatInt(int64(n), 8)
		}
	}
	return out
}

func (r *composeReader) health(s *api.RunSpec, v any) {
	m, _ := v.(map[string]any)
	h := &api.HealthCheck{None: r.said(m["disable"]) == "true"}
	switch t := m["test"].(type) {
	case []any:
		h.Test = r.list(t)
	case string:
		h.Test = []string{"CMD-SHELL", r.said(t)}
	}
	if len(h.Test) > 0 && h.Test[0] == "NONE" {
		h.None, h.Test = true, nil
	}
	for key, to := range map[string]*time.Duration{"interval": &h.Interval, "timeout": &h.Timeout, "start_period": &h.StartPeriod, "start_interval": &h.StartInterval} {
		if m[key] == nil {
			continue
		}
		d, err := time.ParseDuration(r.said(m[key]))
		if err != nil {
			r.unknown("healthcheck.%s: %s", key, r.said(m[key]))
		}
		*to = d
	}
	h.Retries, _ = strconv.Atoi(r.said(m["retries"]))
	s.HealthCheck = h
}

func (r *composeReader) ulimits(s *api.RunSpec, v any) {
	m, _ := v.(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(m)) {
		values := r.said(m[name])
		if both, ok := m[name].(map[string]any); ok {
			values = r.said(both["soft"]) + ":" + r.said(both["hard"])
		}
		u, err := parseUlimit(name + "=" + values)
		if err != nil {
			r.unknown("ulimits.%s", name)
			continue
		}
		s.Ulimits = append(s.Ulimits, u)
	}
}

func (r *composeReader) logging(s *api.RunSpec, v any) {
	m, _ := v.(map[string]any)
	f := &Flags{}
	if driver := r.said(m["driver"]); m["driver"] != nil && f.logDriver(driver) != nil {
		r.unknown("logging.driver: %s", driver)
	}
	options := map[string]string{}
	if m["options"] != nil {
		options = r.pairMap(m["options"])
	}
	for k, value := range options {
		if err := f.logOption(k + "=" + value); err != nil {
			r.unknown("logging.options.%s", k)
		}
	}
	s.Log = f.Spec.Log
}
