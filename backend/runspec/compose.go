package runspec

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"davit/backend/api"
)

// extension: what a compose file has no word for travels in this key, as the
// options of `davit run`. Others leave x- keys alone.
const extension = "x-davit"

// Compose writes a spec as a compose file with one service.
func Compose(s api.RunSpec) (api.Rendered, error) {
	name := s.Name
	if name == "" {
		name = VolumeName(s.Image, "service")
		name = strings.TrimSuffix(name, "-service")
	}
	service, rest := composeService(s)
	if len(rest) > 0 {
		service.add(extension, rest)
	}
	file := &document{}
	services := &document{}
	services.add(serviceName(name), service)
	file.add("services", services)
	if volumes := namedVolumes(s); len(volumes) > 0 {
		all := &document{}
		for _, v := range volumes {
			own := &document{}
			own.add("name", v)
			all.add(v, own)
		}
		file.add("volumes", all)
	}
	text, err := file.text()
	return api.Rendered{Text: text, File: "compose.yaml", Lost: lostIn("compose", rest)}, err
}

func serviceName(name string) string {
	if imageName().MatchString(name) {
		return name
	}
	return "app"
}

// lostIn says what a form holds for Davit alone.
func lostIn(form string, options []string) []string {
	lost := []string{}
	if len(options) > 0 {
		lost = append(lost, fmt.Sprintf("%s has no words for %s; Davit finds it under %s.", form, Join(options), extension))
	}
	return lost
}

func namedVolumes(s api.RunSpec) []string {
	var names []string
	for _, m := range s.Mounts {
		if m.Type == api.MountVolume && m.Source != "" && !slices.Contains(names, m.Source) {
			names = append(names, m.Source)
		}
	}
	return names
}

// composeService gives what compose says of a spec, and the options for the rest.
func composeService(s api.RunSpec) (*document, []string) {
	d := &document{escape: true}
	rest := s // what is said is taken out of it
	d.add("image", s.Image)
	d.say("container_name", s.Name, &rest.Name)
	d.say("hostname", s.Hostname, &rest.Hostname)
	d.say("domainname", s.Domainname, &rest.Domainname)
	if len(s.Entrypoint) > 0 {
		d.add("entrypoint", s.Entrypoint)
		rest.Entrypoint = nil
	}
	if len(s.Command) > 0 {
		d.add("command", s.Command)
		rest.Command = nil
	}
	d.say("working_dir", s.WorkingDir, &rest.WorkingDir)
	d.say("user", s.User, &rest.User)
	d.say("userns_mode", s.UserNS, &rest.UserNS)
	d.list("group_add", s.Groups, &rest.Groups)
	d.list("environment", s.Env, &rest.Env)
	d.list("env_file", s.EnvFiles, &rest.EnvFiles)
	if len(s.Labels) > 0 {
		d.add("labels", s.Labels)
		rest.Labels = nil
	}
	if len(s.Annotations) > 0 {
		d.add("annotations", s.Annotations)
		rest.Annotations = nil
	}
	d.list("ports", portWords(s.Ports), &[]string{})
	rest.Ports = nil
	d.list("expose", s.Expose, &rest.Expose)
	d.flag("tty", s.TTY, &rest.TTY)
	d.flag("stdin_open", s.Interactive, &rest.Interactive)
	d.flag("init", s.Init, &rest.Init)
	d.flag("read_only", s.ReadOnly, &rest.ReadOnly)
	d.flag("privileged", s.Privileged, &rest.Privileged)
	d.say("restart", s.Restart, &rest.Restart)
	d.say("stop_signal", s.StopSignal, &rest.StopSignal)
	if s.StopTimeout != nil && *s.StopTimeout >= 0 {
		d.add("stop_grace_period", strconv.Itoa(*s.StopTimeout)+"s")
		rest.StopTimeout = nil
	}
	d.say("platform", s.Platform, &rest.Platform)
	if s.Pull == api.PullAlways || s.Pull == api.PullNever || s.Pull == api.PullMissing {
		d.add("pull_policy", string(s.Pull))
		rest.Pull = ""
	}
	d.list("cap_add", s.CapAdd, &rest.CapAdd)
	d.list("cap_drop", s.CapDrop, &rest.CapDrop)
	d.list("security_opt", s.SecurityOpt, &rest.SecurityOpt)
	if len(s.Sysctls) > 0 {
		d.add("sysctls", s.Sysctls)
		rest.Sysctls = nil
	}
	if s.ShmSize != 0 {
		d.add("shm_size", size(s.ShmSize)+bytesSuffix(s.ShmSize))
		rest.ShmSize = 0
	}
	d.list("dns", s.DNS, &rest.DNS)
	d.list("dns_search", s.DNSSearch, &rest.DNSSearch)
	d.list("dns_opt", s.DNSOptions, &rest.DNSOptions)
	if s.Network == "none" || s.Network == "host" {
		d.add("network_mode", s.Network)
		rest.Network = ""
	}
	composeHealth(d, s, &rest)
	composeLimits(d, s, &rest)
	composeMounts(d, s, &rest)
	return d, Words(rest)
}

func bytesSuffix(n int64) string {
	if strings.ContainsAny(size(n), "kmg") {
		return ""
	}
	return "b"
}

func composeHealth(d *document, s api.RunSpec, rest *api.RunSpec) {
	h := s.HealthCheck
	if emptyHealth(h) {
		return
	}
	c := &document{escape: true}
	if h.None {
		c.add("disable", true)
	}
	if len(h.Test) > 0 {
		c.add("test", h.Test)
	}
	for _, t := range []struct {
		key string
		d   time.Duration
	}{{"interval", h.Interval}, {"timeout", h.Timeout}, {"start_period", h.StartPeriod}, {"start_interval", h.StartInterval}} {
		if t.d != 0 {
			c.add(t.key, duration(t.d))
		}
	}
	if h.Retries != 0 {
		c.add("retries", h.Retries)
	}
	d.add("healthcheck", c)
	rest.HealthCheck = nil
}

func composeLimits(d *document, s api.RunSpec, rest *api.RunSpec) {
	l := s.Limits
	if l.Memory > 0 {
		d.add("mem_limit", size(l.Memory)+bytesSuffix(l.Memory))
		rest.Limits.Memory = 0
	}
	if l.MemoryReservation > 0 {
		d.add("mem_reservation", size(l.MemoryReservation)+bytesSuffix(l.MemoryReservation))
		rest.Limits.MemoryReservation = 0
	}
	switch {
	case l.MemorySwap > 0:
		d.add("memswap_limit", size(l.MemorySwap)+bytesSuffix(l.MemorySwap))
		rest.Limits.MemorySwap = 0
	case l.MemorySwap < 0:
		d.add("memswap_limit", -1)
		rest.Limits.MemorySwap = 0
	}
	if l.CPUs > 0 {
		d.add("cpus", l.CPUs)
		rest.Limits.CPUs = 0
	}
	if l.CPUShares > 0 {
		d.add("cpu_shares", l.CPUShares)
		rest.Limits.CPUShares = 0
	}
	if s.OOMScoreAdj != 0 {
		d.add("oom_score_adj", s.OOMScoreAdj)
		rest.OOMScoreAdj = 0
	}
	d.say("cpuset", l.CPUSet, &rest.Limits.CPUSet)
	if l.Pids > 0 {
		d.add("pids_limit", l.Pids)
		rest.Limits.Pids = 0
	}
	if len(s.Ulimits) > 0 {
		all := &document{}
		for _, u := range s.Ulimits {
			one := &document{}
			one.add("soft", u.Soft)
			one.add("hard", u.Hard)
			all.add(u.Name, one)
		}
		if len(all.keys) == len(s.Ulimits) { // no name twice
			d.add("ulimits", all)
			rest.Ulimits = nil
		}
	}
	if s.Log != (api.LogLimits{}) {
		o := map[string]string{}
		if s.Log.MaxSize != 0 {
			o["max-size"] = size(s.Log.MaxSize)
		}
		if s.Log.MaxFiles != 0 {
			o["max-file"] = strconv.Itoa(s.Log.MaxFiles)
		}
		log := &document{}
		if s.Log.None {
			log.add("driver", "none")
		}
		if len(o) > 0 {
			log.add("options", o)
		}
		d.add("logging", log)
		rest.Log = api.LogLimits{}
	}
}

// composeMounts says mounts in compose's long form where it can say all of
// them, so that their order stays.
func composeMounts(d *document, s api.RunSpec, rest *api.RunSpec) {
	var all []*document
	for _, m := range s.Mounts {
		one := composeMount(m)
		if one == nil {
			return
		}
		all = append(all, one)
	}
	if len(all) > 0 {
		d.add("volumes", all)
		rest.Mounts = nil
	}
	if len(s.Devices) > 0 {
		var words []string
		for _, v := range s.Devices {
			words = append(words, deviceWord(v))
		}
		d.list("devices", words, &[]string{})
		rest.Devices = nil
	}
}

func composeMount(m api.Mount) *document {
	if m.Chown || len(m.Options) > 0 || m.Type == api.MountVolume && m.Relabel != "" {
		return nil
	}
	d, more := &document{escape: true}, &document{escape: true}
	d.add("type", m.Type)
	if m.Source != "" {
		d.add("source", m.Source)
	}
	d.add("target", m.Target)
	if m.ReadOnly {
		d.add("read_only", true)
	}
	switch m.Type {
	case api.MountBind:
		if m.Subpath != "" {
			return nil
		}
		more.add("create_host_path", m.Create)
		if m.Propagation != "" {
			more.add("propagation", m.Propagation)
		}
		if m.Relabel != "" {
			more.add("selinux", m.Relabel)
		}
	case api.MountVolume:
		if m.NoCopy {
			more.add("nocopy", true)
		}
		if m.Subpath != "" {
			more.add("subpath", m.Subpath)
		}
	case api.MountTmpfs:
		if m.Size != 0 {
			more.add("size", m.Size)
		}
		if m.Mode != "" {
			more.add("mode", octalNumber(m.Mode))
		}
	}
	if len(more.keys) > 0 {
		d.add(m.Type, more)
	}
	return d
}

// octalNumber is a mode as YAML writes it.
type octalNumber string

// document is a mapping in YAML whose keys keep their order. With escape,
// dollar signs are doubled: compose puts variables in their place.
type document struct {
	keys   []string
	values map[string]any
	escape bool
}

func (d *document) add(key string, v any) {
	if d.values == nil {
		d.values = map[string]any{}
	}
	if _, there := d.values[key]; !there {
		d.keys = append(d.keys, key)
	}
	d.values[key] = v
}

func (d *document) say(key, v string, rest *string) {
	if v != "" {
		d.add(key, v)
	}
	*rest = ""
}

func (d *document) list(key string, v []string, rest *[]string) {
	if len(v) > 0 {
		d.add(key, v)
	}
	*rest = nil
}

func (d *document) flag(key string, v bool, rest *bool) {
	if v {
		d.add(key, true)
	}
	*rest = false
}

func (d *document) text() (string, error) {
	var b strings.Builder
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(d.node()); err != nil {
		return "", invalid("this cannot be written as YAML: %w", err)
	}
	return b.String(), e.Close()
}

func (d *document) node() *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for _, k := range d.keys {
		n.Content = append(n.Content, d.scalar(k), d.value(d.values[k]))
	}
	return n
}

// scalar is a string that YAML reads as one, whatever it looks like.
func (d *document) scalar(s string) *yaml.Node {
	if d.escape {
		s = strings.ReplaceAll(s, "$", "$$")
	}
	n := &yaml.Node{}
	n.SetString(s)
	if looksOtherwise(s) {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// looksOtherwise tells whether a plain scalar would not be read as this string
// by every reader: YAML 1.1 has more words for true, and numbers to the base 60.
func looksOtherwise(s string) bool {
	if strings.ContainsAny(s, "\r\n\u0085\u2028\u2029\ufeff") || s != strings.TrimSpace(s) || strings.Contains(s, ":") && strings.Trim(s, "0123456789:._-") == "" {
		return true
	}
	var v any
	if yaml.Unmarshal([]byte(s), &v) != nil {
		return true
	}
	got, ok := v.(string)
	return !ok || got != s || slices.Contains([]string{"y", "n", "yes", "no", "on", "off"}, strings.ToLower(s))
}

func (d *document) value(v any) *yaml.Node {
	seq := func(n int, at func(int) *yaml.Node) *yaml.Node {
		l := &yaml.Node{Kind: yaml.SequenceNode}
		for i := range n {
			l.Content = append(l.Content, at(i))
		}
		return l
	}
	switch v := v.(type) {
	case *document:
		return v.node()
	case string:
		return d.scalar(v)
	case octalNumber:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: "0" + strings.TrimLeft(string(v), "0")}
	case []string:
		return seq(len(v), func(i int) *yaml.Node { return d.scalar(v[i]) })
	case []*document:
		return seq(len(v), func(i int) *yaml.Node { return v[i].node() })
	case map[string]string:
		m := &yaml.Node{Kind: yaml.MappingNode}
		for _, k := range slices.Sorted(maps.Keys(v)) {
			key := &document{}
			m.Content = append(m.Content, key.scalar(k), d.scalar(v[k]))
		}
		return m
	}
	n := &yaml.Node{}
	_ = n.Encode(v) // numbers and booleans
	return n
}
