package oci

import (
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
}

// parseSecurity reads docker's --security-opt. Privileged means all
// capabilities of the user namespace and no filters: never more than the
// person has.
func parseSecurity(spec api.RunSpec) (security, error) {
	s := security{noNewPrivileges: true, seccomp: true, labels: true, privileged: spec.Privileged}
	if spec.Privileged {
		s.noNewPrivileges, s.labels, s.profile = false, false, "unconfined"
	}
	for _, opt := range spec.SecurityOpt {
		key, value, _ := strings.Cut(strings.Replace(opt, ":", "=", 1), "=")
		switch {
		case key == "no-new-privileges" && (value == "" || value == "true"):
			s.noNewPrivileges = true
		case key == "no-new-privileges" && value == "false":
			s.noNewPrivileges = false
		case key == "seccomp" && value == "unconfined":
			s.seccomp = false
		case key == "seccomp" && value == "default":
			s.seccomp = true
		case key == "apparmor" && value != "":
			s.profile = value
		case key == "label" && value == "disable":
			s.labels = false
		case key == "systempaths" && value == "unconfined", key == "unmask" && strings.EqualFold(value, "all"):
			s.unmasked = true
		default:
			return s, api.Errorf(api.KindInvalid, "unknown security option %q", opt).
				WithHint("Known are no-new-privileges[=false], seccomp=unconfined, apparmor=PROFILE, label=disable and systempaths=unconfined.")
		}
	}
	return s, nil
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
