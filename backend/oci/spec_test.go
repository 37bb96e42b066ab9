package oci

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"davit/backend/api"
	"davit/backend/store"
)

func record(spec api.RunSpec) store.Record {
	return store.Record{ID: "abc", Name: "web", Args: []string{"sh"}, Spec: spec, Hostname: "abc"}
}

func TestDefaultsConfine(t *testing.T) {
	s, err := Spec(record(api.RunSpec{}), SpecOptions{Dir: "/c/abc"})
	if err != nil {
		t.Fatal(err)
	}
	p := s.Process
	if !p.NoNewPrivileges || len(p.Capabilities.Bounding) != 13 || slices.Contains(p.Capabilities.Bounding, "CAP_NET_RAW") {
		t.Errorf("no_new_privs %v, %d capabilities", p.NoNewPrivileges, len(p.Capabilities.Bounding))
	}
	if len(p.Capabilities.Inheritable)+len(p.Capabilities.Ambient) != 0 {
		t.Error("inheritable or ambient capabilities")
	}
	if s.Linux.Seccomp == nil || len(s.Linux.Seccomp.Architectures) != 1 {
		t.Errorf("seccomp: %+v", s.Linux.Seccomp)
	}
	for _, path := range []string{"/proc/kcore", "/proc/keys", "/sys/firmware"} {
		if !slices.Contains(s.Linux.MaskedPaths, path) {
			t.Errorf("%s is not masked", path)
		}
	}
	for _, kind := range []specs.LinuxNamespaceType{"pid", "mount", "network", "ipc", "uts", "cgroup"} {
		if !slices.ContainsFunc(s.Linux.Namespaces, func(n specs.LinuxNamespace) bool { return n.Type == kind }) {
			t.Errorf("no %s namespace", kind)
		}
	}
}

func TestCapabilities(t *testing.T) {
	for _, c := range []struct {
		add, drop []string
		has, not  string
		n         int
	}{
		{nil, []string{"ALL"}, "", "CAP_CHOWN", 0},
		{[]string{"net_admin"}, []string{"all"}, "CAP_NET_ADMIN", "CAP_CHOWN", 1},
		{[]string{"CAP_SYS_ADMIN"}, []string{"CHOWN"}, "CAP_SYS_ADMIN", "CAP_CHOWN", 13},
		{[]string{"NET_RAW"}, nil, "CAP_NET_RAW", "CAP_SYS_ADMIN", 14},
		{[]string{"ALL"}, []string{"MKNOD"}, "CAP_SYS_ADMIN", "CAP_MKNOD", 40},
	} {
		s, err := Spec(record(api.RunSpec{CapAdd: c.add, CapDrop: c.drop}), SpecOptions{})
		if err != nil {
			t.Fatal(err)
		}
		got := s.Process.Capabilities.Bounding
		if len(got) != c.n || (c.has != "" && !slices.Contains(got, c.has)) || slices.Contains(got, c.not) {
			t.Errorf("add %v drop %v: %v", c.add, c.drop, got)
		}
	}
	if _, err := Spec(record(api.RunSpec{CapAdd: []string{"NOPE"}}), SpecOptions{}); api.KindOf(err) != api.KindInvalid {
		t.Errorf("an unknown capability gave %v", err)
	}
}

func TestSecurityOptions(t *testing.T) {
	host := Security{AppArmorProfile: "docker-default", ProcessLabel: "l", MountLabel: "m"}
	open, err := Spec(record(api.RunSpec{SecurityOpt: []string{"no-new-privileges=false", "seccomp=unconfined", "apparmor:unconfined", "label=disable", "systempaths=unconfined"}}), SpecOptions{Security: host})
	if err != nil {
		t.Fatal(err)
	}
	if open.Process.NoNewPrivileges || open.Linux.Seccomp != nil || open.Process.ApparmorProfile != "" || open.Process.SelinuxLabel != "" || open.Linux.MaskedPaths != nil {
		t.Errorf("not open: %+v", open)
	}
	closed, err := Spec(record(api.RunSpec{}), SpecOptions{Security: host})
	if err != nil {
		t.Fatal(err)
	}
	if closed.Process.ApparmorProfile != "docker-default" || closed.Process.SelinuxLabel != "l" || closed.Linux.MountLabel != "m" {
		t.Errorf("the host's labels are not used: %+v", closed.Process)
	}
	if _, err := Spec(record(api.RunSpec{SecurityOpt: []string{"seccmp=unconfined"}}), SpecOptions{}); api.KindOf(err) != api.KindInvalid {
		t.Errorf("a misspelt option gave %v", err)
	}
}

func TestMountsAreChecked(t *testing.T) {
	for name, m := range map[string]api.Mount{
		"over the root":   {Type: "bind", Source: "/x", Target: "/"},
		"over the root 2": {Type: "tmpfs", Target: "/.."},
		"relative target": {Type: "bind", Source: "/x", Target: "data"},
		"relative source": {Type: "bind", Source: "x", Target: "/data"},
		"unknown type":    {Type: "nfs", Source: "/x", Target: "/data"},
		"over /proc":      {Type: "bind", Source: "/x", Target: "/proc"},
		"below /proc":     {Type: "bind", Source: "/x", Target: "/data/../proc/./self/attr"},
		"over a setting":  {Type: "tmpfs", Target: "//proc/sys/kernel"},
	} {
		rec := record(api.RunSpec{})
		rec.Mounts = []api.Mount{m}
		if _, err := Spec(rec, SpecOptions{}); api.KindOf(err) != api.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDeepMountsComeLast(t *testing.T) {
	rec := record(api.RunSpec{})
	rec.Mounts = []api.Mount{
		{Type: "tmpfs", Target: "/srv/www/x"}, {Type: "tmpfs", Target: "/srv/www"}, {Type: "tmpfs", Target: "/srv/"},
		{Type: "bind", Source: "/lxcfs", Target: "/proc/meminfo"}, {Type: "tmpfs", Target: "/a/../b"},
	}
	s, err := Spec(rec, SpecOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range s.Mounts[len(s.Mounts)-5:] {
		got = append(got, m.Destination)
	}
	if want := []string{"/srv/", "/a/../b", "/srv/www", "/proc/meminfo", "/srv/www/x"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestGivenAway(t *testing.T) {
	host := Security{AppArmorProfile: "davit-container", ProcessLabel: "l"}
	for _, c := range []struct {
		spec  api.RunSpec
		words []string
	}{
		{api.RunSpec{}, nil},
		{api.RunSpec{SecurityOpt: []string{"no-new-privileges"}, CapAdd: []string{"NET_ADMIN"}}, nil},
		{api.RunSpec{Privileged: true, SecurityOpt: []string{"seccomp=unconfined"}, CapAdd: []string{"ALL"}}, []string{"privileged"}},
		{api.RunSpec{SecurityOpt: []string{"seccomp=unconfined", "systempaths=unconfined"}}, []string{"system call", "/proc and /sys"}},
		{api.RunSpec{SecurityOpt: []string{"apparmor=unconfined", "label=disable"}}, []string{"davit-container", "SELinux"}},
		{api.RunSpec{CapAdd: []string{"sys_admin", "SYS_PTRACE"}}, []string{"CAP_SYS_ADMIN", "CAP_SYS_PTRACE"}},
		{api.RunSpec{CapAdd: []string{"NET_ADMIN"}, UserNS: "keep-id"}, []string{"nothing over the network"}},
		{api.RunSpec{CapAdd: []string{"NET_RAW", "net_admin"}, UIDMaps: []string{"0:0:1"}, GIDMaps: []string{"0:0:1"}}, []string{"CAP_NET_ADMIN", "CAP_NET_RAW"}},
		{api.RunSpec{CapAdd: []string{"NET_ADMIN"}, UserNS: "keep-id", Network: "none"}, nil},
		{api.RunSpec{CapAdd: []string{"ALL"}, CapDrop: []string{"SYS_PTRACE", "BPF"}}, []string{"CAP_SYS_ADMIN"}},
	} {
		got := GivenAway(c.spec, host)
		if len(got) != len(c.words) {
			t.Errorf("%+v: %q", c.spec, got)
			continue
		}
		for i, w := range c.words {
			if !strings.Contains(got[i], w) {
				t.Errorf("%+v: %q does not say %q", c.spec, got[i], w)
			}
		}
	}
}

func TestLoadedProfile(t *testing.T) {
	list := filepath.Join(t.TempDir(), "profiles")
	text := "firefox (unconfined)\ndocker-default (enforce)\n"
	if err := os.WriteFile(list, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := loadedProfile(list); got != "docker-default" {
		t.Errorf("got %q", got)
	}
	if got := loadedProfile(list + "x"); got != "" {
		t.Errorf("got %q without a list", got)
	}
}
