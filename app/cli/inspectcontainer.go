package main

import (
	"cmp"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"davit/backend/api"
)

// containerJSON is a container in docker's shape.
type containerJSON struct {
	ID              string `json:"Id"`
	Created         string
	Path            string
	Args            []string
	State           stateJSON
	Image           string
	LogPath         string
	Name            string
	RestartCount    int
	Driver          string
	Platform        string
	ResolvConfPath  string
	HostnamePath    string
	HostsPath       string
	AppArmorProfile string
	ProcessLabel    string // none: Davit sets no labels of SELinux by itself
	MountLabel      string
	ExecIDs         []string
	GraphDriver     graphDriverJSON
	SizeRw          *int64 `json:",omitempty"` // only with --size
	SizeRootFs      *int64 `json:",omitempty"`
	HostConfig      hostConfigJSON
	Mounts          []mountJSON
	Config          configJSON
	NetworkSettings networkJSON
	Davit           davitJSON // what docker has no name for
}

type stateJSON struct {
	Status, Error, StartedAt, FinishedAt         string
	Running, Paused, Restarting, OOMKilled, Dead bool
	Pid, ExitCode                                int
	Health                                       *healthJSON `json:",omitempty"`
}

type healthJSON struct {
	Status        string
	FailingStreak int
	Log           []healthResultJSON
}

type healthResultJSON struct {
	Start, End, Output string
	ExitCode           int
}

type hostConfigJSON struct {
	Binds                                                   []string
	NetworkMode                                             string
	PortBindings                                            map[string][]bindingJSON
	RestartPolicy                                           restartJSON
	AutoRemove, PublishAllPorts, Privileged, ReadonlyRootfs bool
	CapAdd, CapDrop, SecurityOpt                            []string
	Tmpfs                                                   map[string]string
	Init                                                    bool
	Memory, MemorySwap, NanoCpus, PidsLimit                 int64
	CpusetCpus                                              string
	Links, VolumesFrom, GroupAdd                            []string
	DNS                                                     []string `json:"Dns"`
	DNSOptions                                              []string `json:"DnsOptions"`
	DNSSearch                                               []string `json:"DnsSearch"`
	ExtraHosts                                              []string
	IpcMode, PidMode, UTSMode, UsernsMode, CgroupnsMode     string
	Runtime                                                 string
	ShmSize                                                 int64
	Sysctls                                                 map[string]string
	Ulimits                                                 []ulimitJSON
	Devices                                                 []deviceJSON
	LogConfig                                               logConfigJSON
	BlkioWeight, OomScoreAdj                                int
	MemoryReservation                                       int64
	Annotations                                             map[string]string
	CPUShares                                               int64 `json:"CpuShares"`

	// What docker has values for and Davit none: those of docker's default.
	CPUPeriod                                 int64 `json:"CpuPeriod"`
	CPUQuota                                  int64 `json:"CpuQuota"`
	CgroupParent, ContainerIDFile, CpusetMems string
	Isolation, VolumeDriver                   string
	MemorySwappiness                          *int64
	OomKillDisable                            bool
}

type ulimitJSON struct {
	Name       string
	Hard, Soft int64
}

type deviceJSON struct{ PathOnHost, PathInContainer, CgroupPermissions string }

type logConfigJSON struct {
	Type   string
	Config map[string]string
}

type restartJSON struct {
	Name              string
	MaximumRetryCount int
}

//lint:ignore ST1003 docker spells it so, and templates name the field
type bindingJSON struct{ HostIp, HostPort string }

type mountJSON struct {
	Type                string
	Name                string `json:",omitempty"`
	Source, Destination string
	Driver              string `json:",omitempty"`
	Mode                string
	RW                  bool
	Propagation         string
}

type configJSON struct {
	Hostname          string
	Domainname        string
	User              string
	Tty, OpenStdin    bool
	AttachStdin       bool
	AttachStdout      bool
	AttachStderr      bool
	StdinOnce         bool
	Volumes           map[string]struct{}
	ExposedPorts      map[string]struct{} `json:",omitempty"`
	Env, Cmd          []string
	Image, WorkingDir string
	Entrypoint        []string
	Labels            map[string]string
	StopSignal        string
	OnBuild           []string         // Davit builds nothing
	StopTimeout       *int             `json:",omitempty"`
	Healthcheck       *healthCheckJSON `json:",omitempty"`
}

type healthCheckJSON struct {
	Test                                          []string
	Interval, Timeout, StartPeriod, StartInterval time.Duration
	Retries                                       int
}

func healthCheckOf(h *api.HealthCheck) *healthCheckJSON {
	if h == nil {
		return nil
	}
	return &healthCheckJSON{h.Test, h.Interval, h.Timeout, h.StartPeriod, h.StartInterval, h.Retries}
}

type networkJSON struct {
	SandboxID, SandboxKey string // the file of its network namespace, while it runs
	Ports                 map[string][]bindingJSON
	IPAddress, Gateway    string
	IPPrefixLen           int
	MacAddress            string
	GlobalIPv6Address     string
	Networks              map[string]endpointJSON
}

type endpointJSON struct {
	IPAddress, Gateway  string
	IPPrefixLen         int
	GlobalIPv6Address   string
	GlobalIPv6PrefixLen int
	MacAddress          string
	Aliases             []string
	Davit               *trafficJSON `json:",omitempty"` // while it runs
}

// trafficJSON is what passed a container's place in a network, for which
// docker has no name.
type trafficJSON struct {
	Traffic     api.Traffic
	Connections []api.Connection // the newest
}

func trafficOf(a api.Attachment) *trafficJSON {
	if a.Traffic == nil {
		return nil
	}
	return &trafficJSON{*a.Traffic, listOf(a.Connections)}
}

type davitJSON struct {
	Reason      string
	Confinement []string
	Limited     string
	Rootfs      string
	LogSize     int64
}

func dockerContainer(d api.ContainerDetail) containerJSON {
	c := containerJSON{
		ID: d.ID, Created: dockerTime(d.Created), Args: []string{}, Image: d.ImageID, LogPath: d.LogPath,
		Name: "/" + d.Name, RestartCount: d.Restarts, Driver: "overlay", Platform: "linux",
		State: dockerState(d), HostConfig: dockerHostConfig(d), Mounts: dockerMounts(d), Config: dockerConfig(d),
		NetworkSettings: dockerNetwork(d), AppArmorProfile: apparmorOf(d.Confinement),
		GraphDriver: graphDriverJSON{"overlay", map[string]string{}},
		Davit: davitJSON{
			Reason: d.Reason, Confinement: listOf(d.Confinement), Limited: d.Limited, Rootfs: d.Rootfs, LogSize: d.LogSize,
		},
	}
	if len(d.Args) > 0 {
		c.Path, c.Args = d.Args[0], d.Args[1:]
	}
	dir := filepath.Dir(d.Rootfs)
	c.ResolvConfPath, c.HostnamePath, c.HostsPath = filepath.Join(dir, "resolv.conf"), filepath.Join(dir, "hostname"), filepath.Join(dir, "hosts")
	return c
}

func apparmorOf(confinement []string) string {
	for _, c := range confinement {
		if profile, ok := strings.CutPrefix(c, "apparmor:"); ok {
			return profile
		}
	}
	return ""
}

// dockerTime writes a time; docker's "never" is the year one.
func dockerTime(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

func dockerState(d api.ContainerDetail) stateJSON {
	s := stateJSON{
		Status: string(d.State), StartedAt: dockerTime(d.Started), FinishedAt: dockerTime(d.Finished),
		Running: isUp(d.State), Paused: d.State == api.StatePaused, Restarting: d.State == api.StateRestarting,
		OOMKilled: d.OOMKilled, Dead: d.State == api.StateDead, Pid: d.PID, ExitCode: d.ExitCode,
	}
	if h := d.HealthLog; h != nil {
		s.Health = &healthJSON{Status: cmp.Or(d.Health, h.Status), FailingStreak: h.Failing, Log: []healthResultJSON{}}
		for _, r := range h.Log {
			s.Health.Log = append(s.Health.Log, healthResultJSON{dockerTime(r.Start), dockerTime(r.End), r.Output, r.Code})
		}
	}
	switch d.State {
	case api.StateStarting, api.StateStopping:
		s.Status = string(api.StateRunning) // docker has no word for these
	case api.StateBroken, api.StateCreated, api.StateDead:
		s.Error = d.Reason
	}
	return s
}

func dockerHostConfig(d api.ContainerDetail) hostConfigJSON {
	s := d.Spec
	h := hostConfigJSON{
		NetworkMode: cmp.Or(d.Network, "default"), PortBindings: dockerPorts(d.Ports, true),
		AutoRemove: d.AutoRemove || s.AutoRemove, PublishAllPorts: s.PublishAll, Privileged: s.Privileged, ReadonlyRootfs: s.ReadOnly,
		CapAdd: s.CapAdd, CapDrop: s.CapDrop, SecurityOpt: s.SecurityOpt,
		Tmpfs: map[string]string{}, Init: s.Init,
	}
	h.places(s)
	l := d.Limits
	h.Memory, h.MemorySwap, h.NanoCpus, h.PidsLimit = l.Memory, l.MemorySwap, int64(l.CPUs*1e9), l.Pids
	h.CpusetCpus, h.BlkioWeight, h.CPUShares, h.OomScoreAdj = l.CPUSet, l.IOWeight, l.CPUShares, s.OOMScoreAdj
	h.MemoryReservation, h.Annotations = l.MemoryReservation, s.Annotations
	policy := cmp.Or(d.Restart, s.Restart, "no")
	h.RestartPolicy.Name = policy
	if name, count, ok := strings.Cut(policy, ":"); ok {
		n, err := strconv.Atoi(count)
		if err == nil {
			h.RestartPolicy = restartJSON{name, n}
		}
	}
	for _, m := range s.Mounts {
		switch options := strings.Join(mountOptions(m), ","); {
		case m.Type == api.MountTmpfs:
			h.Tmpfs[m.Target] = options
		case m.Source == "": // docker has it in Config.Volumes
		case options == "":
			h.Binds = append(h.Binds, m.Source+":"+m.Target)
		default:
			h.Binds = append(h.Binds, m.Source+":"+m.Target+":"+options)
		}
	}
	return h
}

// mountOptions are those of -v and --tmpfs.
func mountOptions(m api.Mount) []string {
	var all []string
	if m.ReadOnly {
		all = append(all, "ro")
	}
	all = append(all, m.Options...)
	if m.Size > 0 {
		all = append(all, "size="+strconv.FormatInt(m.Size, 10))
	}
	if m.Mode != "" {
		all = append(all, "mode="+m.Mode)
	}
	return slices.DeleteFunc(append(all, m.Relabel, m.Propagation), func(o string) bool { return o == "" })
}

// mountModes are the words of -v that say more than where.
func mountModes(m api.Mount) []string {
	m.Propagation = ""
	return mountOptions(m)
}

// places fills in what a container shares and does not share.
func (h *hostConfigJSON) places(s api.RunSpec) {
	h.DNS, h.DNSOptions, h.DNSSearch, h.ExtraHosts, h.GroupAdd = listOf(s.DNS), listOf(s.DNSOptions), listOf(s.DNSSearch), s.ExtraHosts, s.Groups
	h.IpcMode, h.CgroupnsMode, h.UsernsMode, h.Runtime = "private", "private", s.UserNS, "runc"
	h.ShmSize, h.Sysctls = cmp.Or(s.ShmSize, 64<<20), s.Sysctls
	h.LogConfig = dockerLog(s.Log)
	for _, u := range s.Ulimits {
		h.Ulimits = append(h.Ulimits, ulimitJSON{u.Name, u.Hard, u.Soft})
	}
	for _, d := range s.Devices {
		h.Devices = append(h.Devices, deviceJSON{d.Source, cmp.Or(d.Target, d.Source), cmp.Or(d.Permissions, "rwm")})
	}
}

func dockerLog(l api.LogLimits) logConfigJSON {
	c := logConfigJSON{Type: "json-file", Config: map[string]string{}}
	if l.None {
		c.Type = "none"
	}
	if l.MaxSize > 0 {
		c.Config["max-size"] = strconv.FormatInt(l.MaxSize, 10)
	}
	if l.MaxFiles > 0 {
		c.Config["max-file"] = strconv.Itoa(l.MaxFiles)
	}
	return c
}

func dockerMounts(d api.ContainerDetail) []mountJSON {
	list := []mountJSON{}
	for _, m := range d.Mounts {
		if m.Type == api.MountTmpfs { // docker has it in HostConfig
			continue
		}
		one := mountJSON{Type: m.Type, Source: m.Source, Destination: m.Target, RW: !m.ReadOnly, Mode: strings.Join(mountModes(m), ",")}
		if m.Type == api.MountBind {
			one.Propagation = cmp.Or(m.Propagation, "rprivate")
		}
		if m.Type == api.MountVolume {
			one.Name, one.Driver = m.Source, "local"
			one.Source = filepath.Join(filepath.Dir(d.Rootfs), "../../volumes", m.Source, "data")
		}
		list = append(list, one)
	}
	return list
}

func dockerConfig(d api.ContainerDetail) configJSON {
	command := d.Spec.Command
	if len(command) == 0 && len(d.Spec.Entrypoint) == 0 {
		command = d.Args // the image's own, entrypoint and all
	}
	return configJSON{
		Healthcheck: healthCheckOf(d.HealthCheck), Volumes: orNull(volumesOf(d.Mounts)), ExposedPorts: setOf(d.Spec.Expose),
		AttachStdout: !d.Spec.Interactive, AttachStderr: !d.Spec.Interactive,
		Hostname: cmp.Or(d.Spec.Hostname, shortID(d.ID)), Domainname: d.Spec.Domainname, User: d.User, Tty: d.Spec.TTY, OpenStdin: d.Spec.Interactive,
		Env: dockerEnv(d), Cmd: listOf(command), Image: d.Image, WorkingDir: d.WorkingDir,
		Entrypoint: d.Spec.Entrypoint, Labels: labelsOf(d.Labels), StopSignal: d.Spec.StopSignal, StopTimeout: d.Spec.StopTimeout,
	}
}

// dockerEnv has the variables in docker's order: those asked for, then the
// image's. What each container is given at its start is not among them.
func dockerEnv(d api.ContainerDetail) []string {
	given := map[string]bool{"HOSTNAME": true, "TERM": d.Spec.TTY}
	name := func(e string) string { n, _, _ := strings.Cut(e, "="); return n }
	env := []string{}
	for _, e := range d.Spec.Env {
		if strings.Contains(e, "=") {
			env = append(env, e)
		}
		given[name(e)] = true
	}
	for _, e := range d.Env {
		if !given[name(e)] {
			env = append(env, e)
		}
	}
	return env
}

// volumesOf are the places of volumes that nobody named.
func volumesOf(mounts []api.Mount) map[string]struct{} {
	m := map[string]struct{}{}
	for _, v := range mounts {
		if v.Type == api.MountVolume {
			m[v.Target] = struct{}{}
		}
	}
	return m
}

func labelsOf(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

func dockerNetwork(d api.ContainerDetail) networkJSON {
	n := networkJSON{Ports: map[string][]bindingJSON{}, Networks: map[string]endpointJSON{}}
	if !isUp(d.State) {
		for _, a := range d.Attachments {
			n.Networks[a.Network] = endpointJSON{Aliases: a.Aliases}
		}
		return n
	}
	n.SandboxID = d.ID
	if d.PID != 0 {
		n.SandboxKey = "/proc/" + strconv.Itoa(d.PID) + "/ns/net"
	}
	n.Ports, n.Gateway = dockerPorts(d.Ports, false), d.Gateway
	if ip, err := netip.ParseAddr(d.IP); err == nil {
		n.IPAddress = ip.String()
	}
	for i, a := range d.Attachments {
		if i == 0 {
			n.IPPrefixLen, n.MacAddress, n.GlobalIPv6Address = a.Prefix, a.MAC, a.IP6
		}
		n.Networks[a.Network] = endpointJSON{
			IPAddress: a.IP, Gateway: a.Gateway, IPPrefixLen: a.Prefix, GlobalIPv6Address: a.IP6, GlobalIPv6PrefixLen: a.Prefix6,
			MacAddress: a.MAC, Aliases: a.Aliases, Davit: trafficOf(a),
		}
	}
	return n
}

// dockerPorts are ports by what they are inside; asked: as they were asked for,
// and not what was chosen of ranges.
func dockerPorts(ports []api.Port, asked bool) map[string][]bindingJSON {
	m := map[string][]bindingJSON{}
	for _, p := range ports {
		p = complete(p)
		key := strconv.Itoa(int(p.ContainerPort)) + "/" + p.Protocol
		b := bindingJSON{HostIp: p.HostIP}
		if !asked { // where a port was chosen, the range says nothing more
			p.HostFirst, p.HostLast = 0, 0
		}
		b.HostPort = p.HostPorts()
		m[key] = append(m[key], b)
	}
	return m
}
