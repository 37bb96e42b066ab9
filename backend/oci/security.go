package oci

import (
	"path"
	"slices"
	"strings"

	"davit/backend/api"
)

// Security is what the host offers to hold a container with besides
// namespaces, capabilities and seccomp. Empty strings mean that it does not.
type Security struct {
	AppArmorProfile string // loaded already: loading one takes root
	ProcessLabel    string // SELinux
	MountLabel      string
}

// security is what RunSpec.SecurityOpt and Privileged ask for.
type security struct {
	privileged      bool
	noNewPrivileges bool
	seccomp         bool
	unmasked        bool
	profile         string // AppArmor: "" as the host offers
	labels          bool
	labelOptions    []string // SELinux: "type:container_t"
	seccompFile     string   // "" is the default profile
	mask, unmask    []string // paths
}

// parseSecurity reads docker's --security-opt. Privileged means all
// capabilities of the user namespace and no filters: never more than the
// person has.
func parseSecurity(spec api.RunSpec) (security, error) {
	s := security{noNewPrivileges: true, seccomp: true, labels: true, privileged: spec.Privileged}
	if spec.Privileged {
		s.noNewPrivileges, s.labels, s.profile = false, false, "unconfined"
	}
	for i, opt := range spec.SecurityOpt {
		key, value := option(opt)
		switch {
		case key == "no-new-privileges" && (value == "" || value == "true"):
			s.noNewPrivileges = true
		case key == "no-new-privileges" && value == "false":
			s.noNewPrivileges = false
		case key == "seccomp" && value == "unconfined":
			s.seccomp = false
		case key == "seccomp" && (value == "default" || value == "builtin"):
			s.seccomp, s.seccompFile = true, ""
		case key == "seccomp" && path.IsAbs(value):
			s.seccomp, s.seccompFile = true, value
		case key == "apparmor" && value != "":
			s.profile = value
		case key == "label" && value == "disable":
			s.labels = false
		case key == "label" && isLabel(value):
			s.labelOptions = append(s.labelOptions, value)
		case key == "systempaths" && value == "unconfined", key == "unmask" && strings.EqualFold(value, "all"):
			s.unmasked = true
		case key == "mask" && absolute(value):
			s.mask = append(s.mask, strings.Split(value, ":")...)
		case key == "unmask" && absolute(value):
			s.unmask = append(s.unmask, strings.Split(value, ":")...)
		default:
			return s, api.Errorf(api.KindInvalid, "unknown security option %q", opt).WithField("securityOpt[%d]", i).WithRef(opt).
				WithHint("Known are no-new-privileges[=false], seccomp=unconfined or an absolute path, apparmor=PROFILE, label=disable, label=type:TYPE, mask=/path, unmask=/path or ALL, and systempaths=unconfined.")
		}
	}
	return s, nil
}

// option parts "key=value"; docker knew "key:value" before.
func option(opt string) (key, value string) {
	i := strings.IndexAny(opt, "=:")
	if i < 0 {
		return opt, ""
	}
	return opt[:i], opt[i+1:]
}

// isLabel tells SELinux' user:, role:, type:, level: and filetype:.
func isLabel(value string) bool {
	key, v, _ := strings.Cut(value, ":")
	return v != "" && slices.Contains([]string{"user", "role", "type", "level", "filetype"}, key)
}

// absolute tells whether value is one or more paths, parted by colons.
func absolute(value string) bool {
	return !slices.ContainsFunc(strings.Split(value, ":"), func(p string) bool { return !path.IsAbs(p) || path.Clean(p) != p })
}

// SeccompFile is the path of the profile that a spec names, "" for none.
func SeccompFile(spec api.RunSpec) string {
	s, err := parseSecurity(spec)
	if err != nil || !s.seccomp {
		return ""
	}
	return s.seccompFile
}

// shown leaves out the paths that are not to be hidden.
func (s security) shown(paths []string) []string {
	return slices.DeleteFunc(paths, func(p string) bool { return slices.Contains(s.unmask, p) })
}

// masked adds those that are.
func (s security) masked(paths []string) []string {
	for _, p := range s.mask {
		if !slices.Contains(paths, p) {
			paths = append(paths, p)
		}
	}
	return s.shown(paths)
}

func (s security) apparmor(host Security) string {
	switch s.profile {
	case "":
		return host.AppArmorProfile
	case "unconfined":
		return ""
	}
	return s.profile
}

func (s security) selinux(label string) string {
	if !s.labels {
		return ""
	}
	return label
}

// Confinement names what holds a container, for people: "seccomp",
// "no-new-privileges", "masked-paths", "apparmor:…", "selinux".
func Confinement(spec api.RunSpec, host Security) []string {
	s, err := parseSecurity(spec)
	if err != nil {
		return nil
	}
	var c []string
	if s.seccomp && !s.privileged {
		c = append(c, "seccomp")
	}
	if s.noNewPrivileges {
		c = append(c, "no-new-privileges")
	}
	if !s.unmasked && !s.privileged {
		c = append(c, "masked-paths")
	}
	if p := s.apparmor(host); p != "" {
		c = append(c, "apparmor:"+p)
	}
	if s.selinux(host.ProcessLabel) != "" {
		c = append(c, "selinux")
	}
	return c
}

// Readable says what capability or security option cannot be read.
func Readable(spec api.RunSpec) error {
	s, err := parseSecurity(spec)
	if err == nil {
		_, err = capabilities(spec, s.privileged)
	}
	return err
}
