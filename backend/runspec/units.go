package runspec

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"davit/backend/api"
)

// Quadlet writes a spec as a .container unit, which podman makes a service of.
func Quadlet(s api.RunSpec) (api.Rendered, error) {
	name := s.Name
	if name == "" {
		name = serviceName(strings.TrimSuffix(VolumeName(s.Image, "x"), "-x"))
	}
	ports, lost := fixedPorts(s.Ports)
	var b strings.Builder
	put := func(key, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s=%s\n", key, value)
		}
	}
	fmt.Fprintf(&b, "[Unit]\nDescription=%s\n\n[Container]\n", unitText("Container "+name))
	put("Image", s.Image)
	put("ContainerName", s.Name)
	put("HostName", s.Hostname)
	put("User", s.User)
	put("WorkingDir", unitText(s.WorkingDir))
	put("Pull", string(s.Pull))
	put("Timezone", s.Timezone)
	put("Network", s.Network)
	put("StopSignal", s.StopSignal)
	if s.StopTimeout != nil {
		put("StopTimeout", strconv.Itoa(*s.StopTimeout))
	}
	for _, on := range []struct {
		key string
		yes bool
	}{{"ReadOnly", s.ReadOnly}, {"RunInit", s.Init}} {
		if on.yes {
			put(on.key, "true")
		}
	}
	if len(s.Entrypoint) > 0 {
		put("Entrypoint", unitText(jsonArray(s.Entrypoint)))
	}
	if len(s.Command) > 0 {
		put("Exec", unitWords(s.Command))
	}
	for _, e := range s.Env {
		put("Environment", unitWord(e))
	}
	for _, k := range slices.Sorted(maps.Keys(s.Labels)) {
		put("Label", unitWord(k+"="+s.Labels[k]))
	}
	for _, l := range []struct {
		key  string
		list []string
	}{
		{"EnvironmentFile", s.EnvFiles}, {"PublishPort", portWords(ports)}, {"ExposeHostPort", s.Expose}, {"AddCapability", s.CapAdd}, {"DropCapability", s.CapDrop},
		{"GroupAdd", s.Groups}, {"DNS", s.DNS}, {"AddHost", s.ExtraHosts}, {"UIDMap", s.UIDMaps}, {"GIDMap", s.GIDMaps},
	} {
		for _, v := range l.list {
			put(l.key, unitText(v))
		}
	}
	quadletRest(s, put)
	b.WriteString("\n[Service]\n")
	put("Restart", map[string]string{"": "no", "no": "no", "always": "always", "unless-stopped": "always"}[s.Restart])
	if strings.HasPrefix(s.Restart, "on-failure") {
		put("Restart", "on-failure")
	}
	b.WriteString("\n[Install]\nWantedBy=default.target\n")
	return api.Rendered{Text: b.String(), File: name + ".container", Lost: lost}, nil
}

// fixedPorts names the first port where one of a range is to be chosen, which
// podman refuses; lost says so.
func fixedPorts(ports []api.Port) (fixed []api.Port, lost []string) {
	fixed, lost = slices.Clone(ports), []string{}
	for i, p := range ports {
		if p.Ranged() {
			fixed[i].HostPort, fixed[i].HostFirst, fixed[i].HostLast = p.HostFirst, 0, 0
			lost = append(lost, fmt.Sprintf("Podman chooses no port of a range: %s is %d.", portWord(p, 1), p.HostFirst))
		}
	}
	return fixed, lost
}

func quadletRest(s api.RunSpec, put func(key, value string)) {
	for _, m := range s.Mounts {
		words := mountWords(m)
		switch words[0] {
		case "-v":
			put("Volume", unitText(words[1]))
		case "--tmpfs":
			put("Tmpfs", unitText(words[1]))
		default:
			put("Mount", unitText(words[1]))
		}
	}
	for _, u := range s.Secrets {
		put("Secret", unitText(secretWord(u)))
	}
	for _, d := range s.Devices {
		put("AddDevice", unitText(deviceWord(d)))
	}
	for _, u := range s.Ulimits {
		put("Ulimit", ulimitWord(u))
	}
	for _, k := range slices.Sorted(maps.Keys(s.Annotations)) {
		put("Annotation", unitWord(k+"="+s.Annotations[k]))
	}
	for _, k := range slices.Sorted(maps.Keys(s.Sysctls)) {
		put("Sysctl", unitWord(k+"="+s.Sysctls[k]))
	}
	put("UserNS", s.UserNS)
	if s.Log.None {
		put("LogDriver", "none")
	}
	if s.ShmSize != 0 {
		put("ShmSize", size(s.ShmSize))
	}
	if h := s.HealthCheck; !emptyHealth(h) {
		var w words
		w.health(h)
		for i := 0; i+1 < len(w); i += 2 {
			if key, ok := map[string]string{
				"--health-cmd": "HealthCmd", "--health-interval": "HealthInterval", "--health-timeout": "HealthTimeout",
				"--health-start-period": "HealthStartPeriod", "--health-retries": "HealthRetries",
			}[w[i]]; ok {
				put(key, unitText(w[i+1]))
			}
		}
		if h.None {
			put("HealthCmd", "none")
		}
	}
	var more words
	more.on("--privileged", s.Privileged)
	more.on("-t", s.TTY)
	more.on("-i", s.Interactive)
	more.on("-P", s.PublishAll)
	more.each("--security-opt", s.SecurityOpt)
	more.value("--domainname", s.Domainname)
	more.value("--umask", s.Umask)
	more.limits(s.Limits)
	if s.OOMScoreAdj != 0 {
		more.value("--oom-score-adj", strconv.Itoa(s.OOMScoreAdj))
	}
	more.value("--platform", s.Platform)
	if len(more) > 0 {
		put("PodmanArgs", unitWords(more))
	}
}

// unitText writes a value for systemd: a percent sign begins a specifier, and
// a line's end would begin another key.
func unitText(s string) string {
	return strings.NewReplacer("%", "%%", "\\", `\\`, "\n", `\n`, "\r", `\r`).Replace(s)
}

// unitWord quotes a word for systemd.
func unitWord(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-=./:@,+") == "" {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "%", "%%", "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(s) + `"`
}

func unitWords(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = unitWord(strings.ReplaceAll(w, "$", "$$"))
	}
	return strings.Join(out, " ")
}

// Kube writes a spec as a Pod, with claims for its volumes.
func Kube(s api.RunSpec) (api.Rendered, error) {
	name := dnsLabel(s.Name)
	if name == "" {
		name = dnsLabel(strings.TrimSuffix(VolumeName(s.Image, "x"), "-x"))
	}
	k := &kube{s: s, container: &document{}, pod: &document{}}
	k.container.add("name", name)
	k.container.add("image", s.Image)
	k.process()
	k.ports()
	k.mounts(name)
	k.security()
	k.pod.add("containers", []*document{k.container})
	k.life()
	meta, doc := &document{}, &document{}
	meta.add("name", name)
	labels := map[string]string{"app": name}
	meta.add("labels", labels)
	if notes := annotations(s); len(notes) > 0 {
		meta.add("annotations", notes)
	}
	doc.add("apiVersion", "v1")
	doc.add("kind", "Pod")
	doc.add("metadata", meta)
	doc.add("spec", k.pod)
	text, err := doc.text()
	for _, claim := range k.claims {
		more, cerr := claim.text()
		text, err = more+"---\n"+text, first(err, cerr)
	}
	if k.lost == nil {
		k.lost = []string{}
	}
	return api.Rendered{Text: text, File: name + ".yaml", Lost: k.lost}, err
}

// annotations are a pod's. That of whose ids are kept is podman's word, by
// which `podman kube play` keeps them; a cluster does not know it.
func annotations(s api.RunSpec) map[string]string {
	notes := map[string]string{}
	maps.Copy(notes, s.Labels)
	maps.Copy(notes, s.Annotations)
	if s.UserNS != "" {
		notes["io.podman.annotations.userns"] = s.UserNS
	}
	return notes
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// dnsLabel makes a name of RFC 1123.
func dnsLabel(name string) string {
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(name))
	if len(name) > 63 {
		name = name[:63]
	}
	return strings.Trim(name, "-")
}

type kube struct {
	s              api.RunSpec
	container, pod *document
	claims         []*document
	lost           []string
}

func (k *kube) loses(yes bool, what string) {
	if yes {
		k.lost = append(k.lost, "Kubernetes has no word for "+what+".")
	}
}

// literal keeps Kubernetes from putting variables in: $(NAME).
func literal(words []string) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = strings.ReplaceAll(w, "$(", "$$(")
	}
	return out
}

func (k *kube) process() {
	s, c := k.s, k.container
	if s.Pull != "" {
		c.add("imagePullPolicy", map[api.PullPolicy]string{api.PullAlways: "Always", api.PullNewer: "Always", api.PullNever: "Never", api.PullMissing: "IfNotPresent"}[s.Pull])
	}
	if len(s.Entrypoint) > 0 {
		c.add("command", literal(s.Entrypoint))
	}
	if len(s.Command) > 0 {
		c.add("args", literal(s.Command))
	}
	if s.WorkingDir != "" {
		c.add("workingDir", s.WorkingDir)
	}
	if s.TTY {
		c.add("tty", true)
	}
	if s.Interactive {
		c.add("stdin", true)
	}
	var env []*document
	for _, e := range s.Env {
		key, value, _ := strings.Cut(e, "=")
		one := &document{}
		one.add("name", key)
		one.add("value", literal([]string{value})[0])
		env = append(env, one)
	}
	if len(env) > 0 {
		c.add("env", env)
	}
	k.loses(len(s.EnvFiles) > 0, "files of variables; make a ConfigMap of them")
	k.loses(s.ClearEntrypoint, "an entrypoint that is none")
	k.loses(s.Init, "an init")
}

func (k *kube) ports() {
	var ports []*document
	for _, p := range k.s.Ports {
		one := &document{}
		one.add("containerPort", int(p.ContainerPort))
		k.loses(p.Ranged(), "a range of ports of the host to choose from")
		if p.HostPort != 0 {
			one.add("hostPort", int(p.HostPort))
		}
		if p.HostIP != "" {
			one.add("hostIP", p.HostIP)
		}
		one.add("protocol", strings.ToUpper(protocol(p)))
		ports = append(ports, one)
	}
	if len(ports) > 0 {
		k.container.add("ports", ports)
	}
}

func (k *kube) mounts(name string) {
	var mounts, volumes []*document
	for i, m := range k.s.Mounts {
		id := fmt.Sprintf("%s-%d", name, i)
		at, volume, from := &document{}, &document{}, &document{}
		at.add("name", id)
		at.add("mountPath", m.Target)
		if m.ReadOnly {
			at.add("readOnly", true)
		}
		if m.Subpath != "" {
			at.add("subPath", m.Subpath)
		}
		mounts = append(mounts, at)
		volume.add("name", id)
		switch {
		case m.Type == api.MountBind:
			from.add("path", m.Source)
			if m.Create {
				from.add("type", "DirectoryOrCreate")
			}
			volume.add("hostPath", from)
		case m.Type == api.MountVolume && m.Source != "":
			from.add("claimName", dnsLabel(m.Source))
			volume.add("persistentVolumeClaim", from)
			k.claims = append(k.claims, claim(dnsLabel(m.Source)))
		default:
			if m.Type == api.MountTmpfs {
				from.add("medium", "Memory")
			}
			if m.Size > 0 {
				from.add("sizeLimit", strconv.FormatInt(m.Size, 10))
			}
			volume.add("emptyDir", from)
		}
		volumes = append(volumes, volume)
	}
	for i, u := range k.s.Secrets {
		if u.Env {
			k.loses(true, "the variable "+SecretTarget(u)+" that a secret is given as, without the secret's key")
			continue
		}
		id := fmt.Sprintf("secret-%d", i)
		at, volume, from := &document{}, &document{}, &document{}
		at.add("name", id)
		at.add("mountPath", SecretTarget(u))
		at.add("subPath", path.Base(SecretTarget(u)))
		at.add("readOnly", true)
		from.add("secretName", dnsLabel(u.Source))
		volume.add("name", id)
		volume.add("secret", from)
		mounts, volumes = append(mounts, at), append(volumes, volume)
	}
	if len(mounts) > 0 {
		k.container.add("volumeMounts", mounts)
		k.pod.add("volumes", volumes)
	}
	k.loses(len(k.s.Devices) > 0, "devices")
}

func claim(name string) *document {
	doc, meta, spec, resources, requests := &document{}, &document{}, &document{}, &document{}, &document{}
	doc.add("apiVersion", "v1")
	doc.add("kind", "PersistentVolumeClaim")
	meta.add("name", name)
	doc.add("metadata", meta)
	spec.add("accessModes", []string{"ReadWriteOnce"})
	requests.add("storage", "1Gi")
	resources.add("requests", requests)
	spec.add("resources", resources)
	doc.add("spec", spec)
	return doc
}

func (k *kube) security() {
	s, sec := k.s, &document{}
	if s.Privileged {
		sec.add("privileged", true)
	}
	if s.ReadOnly {
		sec.add("readOnlyRootFilesystem", true)
	}
	user, group, _ := strings.Cut(s.User, ":")
	uid, err := strconv.Atoi(user)
	if err == nil {
		sec.add("runAsUser", uid)
	}
	k.loses(user != "" && err != nil, "the user "+user+" by name")
	if gid, err := strconv.Atoi(group); err == nil {
		sec.add("runAsGroup", gid)
	}
	if len(s.CapAdd)+len(s.CapDrop) > 0 {
		caps := &document{}
		if len(s.CapAdd) > 0 {
			caps.add("add", s.CapAdd)
		}
		if len(s.CapDrop) > 0 {
			caps.add("drop", s.CapDrop)
		}
		sec.add("capabilities", caps)
	}
	if len(sec.keys) > 0 {
		k.container.add("securityContext", sec)
	}
	limits := &document{}
	if s.Limits.Memory > 0 {
		limits.add("memory", strconv.FormatInt(s.Limits.Memory, 10))
	}
	if s.Limits.CPUs > 0 {
		limits.add("cpu", strconv.FormatFloat(s.Limits.CPUs, 'g', -1, 64))
	}
	if len(limits.keys) > 0 {
		r := &document{}
		r.add("limits", limits)
		k.container.add("resources", r)
	}
	k.loses(len(s.SecurityOpt) > 0, "security options as docker writes them")
	k.loses(s.Log.None, "that no log is kept")
	k.loses(s.Umask != "", "which bits its files are without")
	k.loses(s.Domainname != "", "the domain name")
	k.loses(s.OOMScoreAdj != 0, "how soon the kernel ends it where memory runs out")
	k.loses(len(s.Ulimits) > 0, "limits of processes")
	k.loses(len(s.UIDMaps) > 0, "maps of ids")
}

func (k *kube) life() {
	s := k.s
	policy, _, _ := strings.Cut(s.Restart, ":")
	k.pod.add("restartPolicy", map[string]string{"": "Never", "no": "Never", "on-failure": "OnFailure", "always": "Always", "unless-stopped": "Always"}[policy])
	if s.Hostname != "" {
		k.pod.add("hostname", s.Hostname)
	}
	if s.Network == "host" {
		k.pod.add("hostNetwork", true)
	}
	if s.StopTimeout != nil && *s.StopTimeout >= 0 {
		k.pod.add("terminationGracePeriodSeconds", *s.StopTimeout)
	}
	if h := s.HealthCheck; h != nil && len(h.Test) > 1 {
		command := h.Test[1:]
		if h.Test[0] == "CMD-SHELL" {
			command = []string{"/bin/sh", "-c", h.Test[1]}
		}
		probe, exec := &document{}, &document{}
		exec.add("command", literal(command))
		probe.add("exec", exec)
		if h.Interval > 0 {
			probe.add("periodSeconds", max(1, int(h.Interval.Seconds())))
		}
		if h.Retries > 0 {
			probe.add("failureThreshold", h.Retries)
		}
		k.container.add("livenessProbe", probe)
	}
	k.loses(len(s.Sysctls) > 0, "parameters of the kernel without a cluster's leave")
	k.loses(s.Timezone != "", "a time zone")
}
