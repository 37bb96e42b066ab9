package main

import (
	"strings"

	"github.com/spf13/pflag"

	"davit/backend/api"
	"davit/backend/runspec"
)

// SpecOptions are the options that run and create share: what the container
// will be.
type SpecOptions struct {
	spec        api.RunSpec
	entrypoint  string
	env         []string
	envFiles    []string
	labels      []string
	labelFiles  []string
	publish     []string
	volumes     []string
	mounts      []string
	tmpfs       []string
	stopTimeout int
	pull        string
	cidFile     string

	limits limitFlags
	health healthFlags
	log    []string

	made []api.Mount // sources that -v makes where they are missing
}

func (o *SpecOptions) addFlags(f *pflag.FlagSet) {
	s := &o.spec
	f.StringVar(&s.Name, "name", "", "The container's `name`")
	f.StringVarP(&s.Hostname, "hostname", "h", "", "The host `name` inside")
	f.StringVar(&o.entrypoint, "entrypoint", "", `Run this instead of the image's entrypoint; "" for none`)
	f.StringArrayVarP(&o.env, "env", "e", nil, "Set a variable: `KEY=value`, or KEY to pass on your own")
	f.StringArrayVar(&o.envFiles, "env-file", nil, "Read variables from a `file`")
	f.StringVarP(&s.WorkingDir, "workdir", "w", "", "The working `directory` inside")
	f.StringVarP(&s.User, "user", "u", "", "Run as this user: `name|uid[:group|gid]`")
	f.StringArrayVarP(&o.labels, "label", "l", nil, "Set a label: `key=value`")
	f.StringArrayVar(&o.labelFiles, "label-file", nil, "Read labels from a `file`")
	f.StringArrayVarP(&o.publish, "publish", "p", nil, "Publish a port: `[[address:]hostport:]port`; address is 127.0.0.1, hostport a free one")
	f.BoolVarP(&s.PublishAll, "publish-all", "P", false, "Publish all ports that the image exposes on free ports")
	f.StringArrayVarP(&o.volumes, "volume", "v", nil, "Show a host path inside: `host-path:path[:ro]`")
	f.StringArrayVar(&o.mounts, "mount", nil, "The same in `words`: type=bind,source=,target=[,readonly] or type=tmpfs,target=")
	f.StringArrayVar(&o.tmpfs, "tmpfs", nil, "Mount an empty directory in memory: `path[:ro]`")
	f.BoolVarP(&s.TTY, "tty", "t", false, "Give it a terminal")
	f.BoolVarP(&s.Interactive, "interactive", "i", false, "Keep its standard input open")
	f.BoolVar(&s.AutoRemove, "rm", false, "Remove it when it ends")
	f.StringVar(&s.Restart, "restart", "", "When it ends: no, always, unless-stopped, on-failure[:n] (`policy`)")
	runspec.AddNetwork(f, s)
	f.BoolVar(&s.ReadOnly, "read-only", false, "Its root file system cannot be written")
	f.StringSliceVar(&s.CapAdd, "cap-add", nil, "Add a `capability`")
	f.StringSliceVar(&s.CapDrop, "cap-drop", nil, "Take a `capability` away")
	f.StringArrayVar(&s.SecurityOpt, "security-opt", nil, "An `option`: no-new-privileges=false, seccomp=unconfined, …")
	f.BoolVar(&s.Privileged, "privileged", false, "All capabilities inside, no seccomp; no more than you may do yourself")
	f.BoolVar(&s.Init, "init", false, "Its first process reaps zombies and passes signals on to the command")
	f.StringArrayVar(&o.log, "log-opt", nil, "Bound its log: `max-size=50m`, max-file=10")
	o.limits.addFlags(f)
	o.health.addFlags(f)
	f.StringVar(&s.StopSignal, "stop-signal", "", "The `signal` that stop sends")
	f.IntVar(&o.stopTimeout, "stop-timeout", 0, "`Seconds` until stop kills it (default 10)")
	f.StringVar(&s.Platform, "platform", "", "`os/arch[/variant]`")
	f.StringVar(&o.pull, "pull", "missing", "Pull the image first: always, missing, never (`when`)")
	f.StringVar(&o.cidFile, "cidfile", "", "Write the container's id to this `file`")
}

func hide(f *pflag.FlagSet, name string) {
	if flag := f.Lookup(name); flag != nil {
		flag.Hidden = true
	}
}

// build makes the RunSpec of the options and IMAGE [COMMAND [ARG...]].
func (o *SpecOptions) build(e *env, f *pflag.FlagSet, args []string) (api.RunSpec, error) {
	s := o.spec
	s.Image, s.Command = args[0], args[1:]
	if f.Changed("entrypoint") {
		s.ClearEntrypoint = o.entrypoint == ""
		if o.entrypoint != "" {
			s.Entrypoint = []string{o.entrypoint}
		}
	}
	if f.Changed("stop-timeout") {
		s.StopTimeout = &o.stopTimeout
	}
	s.HealthCheck = o.health.check()
	var err error
	if s.Limits, err = o.limits.limits(); err != nil {
		return s, err
	}
	if s.Log, err = logLimits(o.log); err != nil {
		return s, err
	}
	if s.Env, err = environment(e, o.envFiles, o.env); err != nil {
		return s, err
	}
	if s.Labels, err = labels(o.labelFiles, o.labels); err != nil {
		return s, err
	}
	if err := o.addPorts(&s); err != nil {
		return s, err
	}
	if err := o.addMounts(e, &s); err != nil {
		return s, err
	}
	return s, o.check(s)
}

func (o *SpecOptions) addPorts(s *api.RunSpec) error {
	for _, p := range o.publish {
		ports, err := parsePublish(p)
		if err != nil {
			return err
		}
		s.Ports = append(s.Ports, ports...)
	}
	return nil
}

func (o *SpecOptions) addMounts(e *env, s *api.RunSpec) error {
	for _, v := range o.volumes {
		m, err := parseVolume(e, v)
		if err != nil {
			return err
		}
		o.made = append(o.made, m)
	}
	s.Mounts = append(s.Mounts, o.made...)
	for _, v := range o.mounts {
		m, err := parseMount(e, v)
		if err != nil {
			return err
		}
		s.Mounts = append(s.Mounts, m)
	}
	for _, v := range o.tmpfs {
		m, err := parseTmpfs(v)
		if err != nil {
			return err
		}
		s.Mounts = append(s.Mounts, m)
	}
	return nil
}

func (o *SpecOptions) check(s api.RunSpec) error {
	if s.Image == "" || strings.HasPrefix(s.Image, "-") {
		return invalid("%q is not an image", s.Image)
	}
	if s.AutoRemove && s.Restart != "" && s.Restart != "no" {
		return invalid("--rm and --restart exclude each other")
	}
	switch o.pull {
	case pullAlways, pullMissing, pullNever:
		return nil
	}
	return invalid("--pull %q: want always, missing or never", o.pull)
}
