package runspec

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"davit/backend/api"
)

// Flags are the options of `davit run` and `davit create` that say what the
// container will be. Each is read into Spec as it comes.
type Flags struct {
	Spec api.RunSpec
	Here Here

	files, env []string // KEY=value
	health     healthFlags
}

// Add defines the options.
func (o *Flags) Add(f *pflag.FlagSet) {
	o.addIdentity(f)
	o.addPlaces(f)
	o.addLife(f)
	o.addConfinement(f)
	o.Spec.Limits = api.Limits{}
	AddLimits(f, &o.Spec.Limits)
	o.health.add(f)
}

// Finish gives the spec of the options and IMAGE [COMMAND [ARG...]].
func (o *Flags) Finish(image string, command []string) (api.RunSpec, error) {
	s := o.Spec
	s.Image = image
	if len(command) > 0 {
		s.Command = command
	}
	s.Env = append(append([]string(nil), o.files...), o.env...)
	if len(s.Env) == 0 {
		s.Env = nil
	}
	s.HealthCheck = o.health.check()
	if s.Image == "" || strings.HasPrefix(s.Image, "-") {
		return s, invalid("%q is not an image", s.Image)
	}
	return s, nil
}

func (o *Flags) addIdentity(f *pflag.FlagSet) {
	s := &o.Spec
	f.StringVar(&s.Name, "name", "", "The container's `name`")
	f.StringVarP(&s.Hostname, "hostname", "h", "", "The host `name` inside")
	f.StringVar(&s.Domainname, "domainname", "", "The domain `name` inside")
	f.Func("entrypoint", "Run this `program` instead of the image's entrypoint; \"\" for none, or a JSON array", o.entrypoint)
	f.FuncP("env", "e", "Set a variable: `KEY=value`, or KEY to pass on your own", func(v string) error { return o.pair(&o.env, v) })
	f.Func("env-file", "Read variables from a `file`", o.envFile)
	f.StringVarP(&s.WorkingDir, "workdir", "w", "", "The working `directory` inside")
	f.StringVarP(&s.User, "user", "u", "", "Run as this user: `name|uid[:group|gid]`")
	f.StringArrayVar(&s.Groups, "group-add", nil, "A further `group` of the user: name or gid")
	f.FuncP("label", "l", "Set a label: `key=value`", o.label)
	f.Func("label-file", "Read labels from a `file`", o.labelFile)
	f.StringVar(&s.Platform, "platform", "", "`os/arch[/variant]`")
	f.Func("pull", "Pull the image first: always, missing, never, newer (`when`)", o.pull)
	f.StringVar(&s.Timezone, "tz", "", "The time `zone`: Area/City, or local for this computer's")
	f.Func("annotation", "Note something for the runtime and for tools: `key=value`", o.annotation)
	f.StringVar(&s.Umask, "umask", "", "Taken away from the modes of files that it makes: `octal` digits (default 0022)")
	f.Func("secret", "Give it a secret: `name[,target=path][,type=env][,uid=][,gid=][,mode=]`", o.secret)
}

func (o *Flags) addPlaces(f *pflag.FlagSet) {
	s := &o.Spec
	f.FuncP("publish", "p", "Publish a port: `[[address:]hostport:]port`; address is 127.0.0.1, hostport a free one, or one of a range", o.publish)
	f.BoolVarP(&s.PublishAll, "publish-all", "P", false, "Publish all ports that the image exposes on free ports")
	f.StringArrayVar(&s.Expose, "expose", nil, "Say that it serves a `port`, for -P")
	f.FuncP("volume", "v", "Show a host path or a volume inside: `path|name:path[:ro,z,U]`", o.volume)
	f.Func("mount", "The same in words: `type=bind|volume|tmpfs,source=,target=[,readonly]`", o.mount)
	f.Func("tmpfs", "Mount an empty directory in memory: `path[:ro,size=64m,mode=1777]`", o.tmpfs)
	f.Func("shm-size", "Size of /dev/shm in `bytes`, or with k, m, g (default 64m)", func(v string) (err error) {
		s.ShmSize, err = Bytes("shm-size", v)
		return err
	})
	f.Func("device", "Show a device inside: `path[:path-inside[:rwm]]`", o.device)
	f.BoolVar(&s.ReadOnly, "read-only", false, "Its root file system cannot be written")
	AddNetwork(f, s)
}

func (o *Flags) addLife(f *pflag.FlagSet) {
	s := &o.Spec
	f.BoolVarP(&s.TTY, "tty", "t", false, "Give it a terminal")
	f.BoolVarP(&s.Interactive, "interactive", "i", false, "Keep its standard input open")
	f.BoolVar(&s.AutoRemove, "rm", false, "Remove it when it ends")
	f.StringVar(&s.Restart, "restart", "", "When it ends: no, always, unless-stopped, on-failure[:n] (`policy`)")
	f.BoolVar(&s.Init, "init", false, "Its first process reaps zombies and passes signals on to the command")
	f.StringVar(&s.StopSignal, "stop-signal", "", "The `signal` that stop sends")
	f.Func("stop-timeout", "`Seconds` until stop kills it (default 10)", func(v string) error {
		n, err := strconv.Atoi(v)
		if err != nil {
			return fmt.Errorf("%q is not a number of seconds", v)
		}
		s.StopTimeout = &n
		return nil
	})
	f.Func("log-opt", "Bound its log: `max-size=50m`, max-file=10", o.logOption)
	f.Func("log-driver", "json-file, or none to keep no log (`driver`)", o.logDriver)
	f.IntVar(&s.OOMScoreAdj, "oom-score-adj", 0, "Whether it is ended first where memory runs out: -1000 to 1000 (`score`)")
}

func (o *Flags) addConfinement(f *pflag.FlagSet) {
	s := &o.Spec
	f.StringSliceVar(&s.CapAdd, "cap-add", nil, "Add a `capability`")
	f.StringSliceVar(&s.CapDrop, "cap-drop", nil, "Take a `capability` away")
	f.Func("security-opt", "An `option`: no-new-privileges=false, seccomp=profile.json, …", o.securityOpt)
	f.BoolVar(&s.Privileged, "privileged", false, "All capabilities inside, no seccomp; no more than you may do yourself")
	f.Func("userns", "As whom its ids count: keep-id[:uid=,gid=], or host, where root is you (`mode`)", o.userns)
	f.StringArrayVar(&s.UIDMaps, "uidmap", nil, "Map user ids: `inside:outside:count`; 0 outside is you")
	f.StringArrayVar(&s.GIDMaps, "gidmap", nil, "Map group ids: `inside:outside:count`")
	f.Func("sysctl", "Set a parameter of its kernel namespaces: `name=value`", o.sysctl)
	f.Func("ulimit", "Bound what each process uses: `name=soft[:hard]`", o.ulimit)
}

func hide(f *pflag.FlagSet, name string) {
	if flag := f.Lookup(name); flag != nil {
		flag.Hidden = true
	}
}

// entrypoint is one word for docker, and a JSON array of several for podman.
func (o *Flags) entrypoint(v string) error {
	o.Spec.ClearEntrypoint = v == ""
	o.Spec.Entrypoint = nil
	if words, ok := jsonWords(v); ok {
		o.Spec.Entrypoint = words
		o.Spec.ClearEntrypoint = len(words) == 0
	} else if v != "" {
		o.Spec.Entrypoint = []string{v}
	}
	return nil
}

func jsonWords(v string) ([]string, bool) {
	if !strings.HasPrefix(v, "[") {
		return nil, false
	}
	var words []string
	err := json.Unmarshal([]byte(v), &words)
	return words, err == nil
}

// pair takes KEY=value, or KEY with the value that it has here; a variable
// that there is none of here is left out, as docker does.
func (o *Flags) pair(list *[]string, v string) error {
	key, _, has := strings.Cut(v, "=")
	if key == "" || strings.ContainsRune(key, 0) {
		return fmt.Errorf("%q: want KEY=value", v)
	}
	if !has {
		if o.Here.Lookup == nil {
			o.Here.note("%s takes the value that it has where the line is run: fill it in.", key)
			*list = append(*list, key+"=")
			return nil
		}
		value, ok := o.Here.Lookup(key)
		if !ok {
			return nil
		}
		v = key + "=" + value
	}
	*list = append(*list, v)
	return nil
}

func (o *Flags) envFile(v string) error {
	if o.Here.Lines == nil {
		o.Spec.EnvFiles = append(o.Spec.EnvFiles, v)
		return nil
	}
	lines, err := o.Here.Lines(v)
	if err != nil {
		return err
	}
	for _, l := range lines {
		if err := o.pair(&o.files, l); err != nil {
			return err
		}
	}
	return nil
}

func (o *Flags) label(v string) error {
	key, value, _ := strings.Cut(v, "=")
	if key == "" {
		return fmt.Errorf("%q: want key=value", v)
	}
	put(&o.Spec.Labels, key, value)
	return nil
}

func (o *Flags) annotation(v string) error {
	key, value, ok := strings.Cut(v, "=")
	if !ok || key == "" {
		return fmt.Errorf("%q: want key=value", v)
	}
	put(&o.Spec.Annotations, key, value)
	return nil
}

func put(m *map[string]string, key, value string) {
	if *m == nil {
		*m = map[string]string{}
	}
	(*m)[key] = value
}

// labelFile's labels give way to those of --label, wherever it stands.
func (o *Flags) labelFile(v string) error {
	if o.Here.Lines == nil {
		return fmt.Errorf("the file %s is not read: give its labels one by one", v)
	}
	lines, err := o.Here.Lines(v)
	for _, l := range lines {
		key, value, _ := strings.Cut(l, "=")
		if _, set := o.Spec.Labels[key]; !set {
			put(&o.Spec.Labels, key, value)
		}
	}
	return err
}

func (o *Flags) pull(v string) error {
	switch p := api.PullPolicy(v); p {
	case api.PullAlways, api.PullMissing, api.PullNever, api.PullNewer:
		o.Spec.Pull = p
		return nil
	}
	return fmt.Errorf("want always, missing, newer or never")
}

func (o *Flags) logOption(v string) (err error) {
	key, value, _ := strings.Cut(v, "=")
	switch key {
	case "max-size":
		o.Spec.Log.MaxSize, err = Bytes("log-opt max-size", value)
	case "max-file":
		if o.Spec.Log.MaxFiles, err = strconv.Atoi(value); err != nil || o.Spec.Log.MaxFiles < 1 {
			err = fmt.Errorf("max-file=%q: want a number from 1 on", value)
		}
	case "compress", "labels", "labels-regex", "env", "env-regex", "tag", "mode", "max-buffer-size":
		o.Here.note("The log option %s changes nothing: logs are kept as they come, and davit logs reads them.", key)
	default:
		err = fmt.Errorf("the options are max-size and max-file")
	}
	return err
}

// logDriver: Davit has one form of log, which `davit logs` reads whatever it
// is called.
func (o *Flags) logDriver(v string) error {
	switch v {
	case "none":
		o.Spec.Log.None = true
		return nil
	case "json-file", "local", "k8s-file", "journald":
		o.Spec.Log.None = false
		o.Here.note("The log is kept in Davit's own form instead of %s; davit logs reads it.", v)
		return nil
	}
	return fmt.Errorf("there is no log driver %q: logs are kept in files, bounded by --log-opt, or not at all (none)", v)
}

func (o *Flags) userns(v string) error {
	if v == "host" || v == "nomap" {
		v = ""
	}
	o.Spec.UserNS = v
	return nil
}

// securityOpt keeps docker's words; a profile's path is made absolute.
func (o *Flags) securityOpt(v string) error {
	key, value, ok := strings.Cut(v, "=")
	named := value == "unconfined" || value == "default" || value == "builtin"
	if key == "seccomp" && ok && !named && o.Here.Path != nil {
		path, err := o.Here.Path(value)
		if err != nil {
			return err
		}
		v = key + "=" + path
	}
	o.Spec.SecurityOpt = append(o.Spec.SecurityOpt, v)
	return nil
}

func (o *Flags) sysctl(v string) error {
	key, value, ok := strings.Cut(v, "=")
	if !ok || key == "" {
		return fmt.Errorf("want name=value")
	}
	put(&o.Spec.Sysctls, key, value)
	return nil
}

func (o *Flags) ulimit(v string) error {
	u, err := parseUlimit(v)
	if err == nil {
		o.Spec.Ulimits = append(o.Spec.Ulimits, u)
	}
	return err
}

func parseUlimit(v string) (api.Ulimit, error) {
	name, values, ok := strings.Cut(v, "=")
	soft, hard, both := strings.Cut(values, ":")
	if !both {
		hard = soft
	}
	a, err1 := ulimitValue(soft)
	b, err2 := ulimitValue(hard)
	if !ok || name == "" || err1 != nil || err2 != nil {
		return api.Ulimit{}, fmt.Errorf("want name=soft[:hard], such as nofile=1024:2048")
	}
	return api.Ulimit{Name: name, Soft: a, Hard: b}, nil
}

func ulimitValue(v string) (int64, error) {
	if v == "unlimited" {
		return -1, nil
	}
	return strconv.ParseInt(v, 10, 64)
}

func (o *Flags) device(v string) error {
	parts := strings.Split(v, ":")
	d := api.Device{Source: parts[0]}
	switch {
	case len(parts) > 3 || d.Source == "":
		return fmt.Errorf("want path[:path-inside[:rwm]]")
	case len(parts) == 2 && isPermissions(parts[1]):
		d.Permissions = parts[1]
	case len(parts) >= 2:
		d.Target = parts[1]
	}
	if len(parts) == 3 {
		d.Permissions = parts[2]
	}
	o.Spec.Devices = append(o.Spec.Devices, d)
	return nil
}

func isPermissions(v string) bool {
	return v != "" && len(v) <= 3 && strings.Trim(v, "rwm") == ""
}

func (o *Flags) secret(v string) error {
	words, err := fields(v)
	if err != nil {
		return err
	}
	u := api.SecretUse{}
	for i, w := range words {
		key, value, has := strings.Cut(w, "=")
		if i == 0 && !has {
			u.Source = w
			continue
		}
		if err := secretField(&u, key, value); err != nil {
			return err
		}
	}
	if u.Source == "" {
		return fmt.Errorf("want the secret's name first")
	}
	o.Spec.Secrets = append(o.Spec.Secrets, u)
	return nil
}

func secretField(u *api.SecretUse, key, value string) (err error) {
	switch key {
	case "source", "src", "id":
		u.Source = value
	case "target", "dst", "destination":
		u.Target = value
	case "type":
		if value != "mount" && value != "env" {
			return fmt.Errorf("type=%s: want mount or env", value)
		}
		u.Env = value == "env"
	case "uid":
		u.UID, err = strconv.Atoi(value)
	case "gid":
		u.GID, err = strconv.Atoi(value)
	case "mode":
		u.Mode = value
	default:
		return fmt.Errorf("%q is not known (target, type, uid, gid, mode)", key)
	}
	if err != nil {
		return fmt.Errorf("%s=%s: want a number", key, value)
	}
	return nil
}
