package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/sys/unix"

	"davit/backend/api"
)

func TestMain(m *testing.M) {
	if os.Getenv(envTold) != "" {
		fmt.Println(int(errnoOf(mayOpen(webPort))), int(errnoOf(mayPing())))
		os.Exit(0)
	}
	if code, ran := Main(os.Args); ran {
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// machine is a host made of files; it lacks nothing.
func machine(change func(*host, map[string]string)) *host {
	files := map[string]string{
		"/etc/os-release": "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\n",
		"/etc/subuid":     "ada:100000:65536\n", "/etc/subgid": "ada:100000:65536\n",
		"/proc/sys/kernel/seccomp/actions_avail":                                         "kill_process allow",
		"/proc/sys/net/ipv4/ip_unprivileged_port_start":                                  "1024\n",
		"/proc/sys/net/ipv4/ping_group_range":                                            "0\t2147483647\n",
		"/proc/self/cgroup":                                                              "0::/user.slice/user-1000.slice/user@1000.service/app.slice/davit.scope\n",
		"/sys/fs/cgroup/cgroup.controllers":                                              "cpu io memory pids",
		"/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/cgroup.controllers": "cpu memory pids",
		"/sys/module/apparmor/parameters/enabled":                                        "Y\n",
		"/run/systemd/system/x":                                                          "", "/var/lib/systemd/linger/ada": "", "/run/user/1000/systemd/private": "",
		"/usr/bin/newuidmap": "", "/usr/bin/newgidmap": "", "/home/ada/.local/x": "",
	}
	env := map[string]string{"HOME": "/home/ada", "XDG_RUNTIME_DIR": "/run/user/1000"}
	h := &host{
		uid: 1000, gids: []int{1000}, user: "ada", store: "/home/ada/.local/share/davit", runtime: "/run/user/1000/davit",
		release: "6.1.0-37-amd64",
		getenv:  func(k string) string { return env[k] },
		access:  func(string, uint32) error { return nil },
		openRW:  func(string) error { return nil },
		look:    func(name string) (string, error) { return "/usr/bin/" + name, nil },
		output: func(context.Context, string, ...string) (string, error) {
			return "", errors.New("exit status 1")
		},
		caps:     func(string) bool { return true },
		probe:    func(context.Context) probed { return probed{} },
		mapIDs:   func(context.Context, idRange, idRange) error { return nil },
		links:    func(context.Context) linked { return linked{} },
		mayOpen:  func(int) error { return nil },
		mayPing:  func() error { return nil },
		networks: func() ([]network, error) { return nil, nil },
		statfs: func(string) (unix.Statfs_t, error) {
			return unix.Statfs_t{Type: 0xef53, Bavail: 50 << 20, Bsize: 4096, Files: 1 << 24, Ffree: 1 << 23}, nil
		},
	}
	if change != nil {
		change(h, files)
	}
	tree := fstest.MapFS{}
	for name, text := range files {
		mode := fs.FileMode(0o644)
		if strings.HasPrefix(name, "/usr/bin/") {
			mode |= fs.ModeSetuid
		}
		tree[name[1:]] = &fstest.MapFile{Data: []byte(text), Mode: mode}
	}
	tree["run/user/1000"] = &fstest.MapFile{Mode: fs.ModeDir | 0o700}
	if h.read == nil {
		h.read = func(p string) ([]byte, error) { return fs.ReadFile(tree, strings.TrimPrefix(p, "/")) }
	}
	if h.stat == nil {
		h.stat = func(p string) (fs.FileInfo, error) { return fs.Stat(tree, strings.TrimPrefix(p, "/")) }
	}
	return h
}

func TestHealthyMachine(t *testing.T) {
	list, err := run(t.Context(), machine(nil), checks())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		if c.State != api.CheckOK || c.Found == "" || c.Means == "" {
			t.Errorf("%s: %s: found %q, means %q", c.ID, c.State, c.Found, c.Means)
		}
	}
}

func lacks(what string, why error) func(*host, env) {
	return func(h *host, _ env) {
		h.links = func(context.Context) linked { return linked{failed: map[string]error{what: why}} }
	}
}

func collides(name string) func(*host, env) {
	return func(h *host, _ env) {
		h.networks = func() ([]network, error) {
			return []network{{name: "fine"}, {name: name, problem: "this computer reaches 10.4.0.0/16 over tun0"}}, nil
		}
	}
}

type env = map[string]string

func TestFindings(t *testing.T) {
	for _, x := range []struct {
		name, check string
		change      func(*host, map[string]string)
		state       api.CheckState
		found, fix  string // parts of
	}{
		{"old kernel", "kernel", func(h *host, _ env) { h.release = "5.10.0-9-amd64" }, api.CheckFailed, "5.10", "full-upgrade"},
		{"odd kernel", "kernel", func(h *host, _ env) { h.release = "custom" }, api.CheckUnknown, "custom", ""},
		{"clone switched off", "userns", func(h *host, f env) {
			h.probe = refused
			f["/proc/sys/kernel/unprivileged_userns_clone"] = "0\n"
		}, api.CheckFailed, "unprivileged_userns_clone is 0", "kernel.unprivileged_userns_clone = 1"},
		{"none allowed", "userns", func(h *host, f env) {
			h.probe = refused
			f["/proc/sys/user/max_user_namespaces"] = "0\n"
		}, api.CheckFailed, "max_user_namespaces is 0", "user.max_user_namespaces = 28633"},
		{"ubuntu's AppArmor", "userns", func(h *host, f env) {
			h.probe = refused
			f["/proc/sys/kernel/apparmor_restrict_unprivileged_userns"] = "1\n"
		}, api.CheckFailed, "AppArmor takes", "apparmor_restrict_unprivileged_userns = 0"},
		{"refused for no known reason", "userns", func(h *host, _ env) { h.probe = refused }, api.CheckFailed, "operation not permitted", "sysctl"},
		{"probe does not run", "userns", func(h *host, _ env) {
			h.probe = func(context.Context) probed { return probed{notRun: errors.New("no such file")} }
		}, api.CheckUnknown, "no such file", ""},
		{"overlay without namespace", "overlay", func(h *host, _ env) { h.probe = refused }, api.CheckUnknown, "Not tried", ""},
		{"overlay refused", "overlay", func(h *host, _ env) {
			h.probe = func(context.Context) probed { return probed{overlay: unix.EINVAL} }
		}, api.CheckFailed, "invalid argument", "modprobe overlay"},
		{"overlay on an old kernel", "overlay", func(h *host, _ env) {
			h.release = "4.19.0"
			h.probe = func(context.Context) probed { return probed{overlay: unix.EPERM} }
		}, api.CheckFailed, "operation not permitted", "full-upgrade"},
		{"no subuids", "subuid", func(_ *host, f env) { f["/etc/subuid"] = "bob:1:65536\n" }, api.CheckWarning, "none", "--add-subuids 100000-165535 --add-subgids 100000-165535 ada"},
		{"few subgids", "subuid", func(_ *host, f env) { f["/etc/subgid"] = "ada:1:100\n" }, api.CheckWarning, "100 group", "usermod"},
		{"subuids by number", "subuid", func(_ *host, f env) { f["/etc/subuid"] = "1000:1:65536" }, api.CheckOK, "65536", ""},
		{"subuids from a directory server", "subuid", func(h *host, f env) {
			delete(f, "/etc/subuid")
			h.output = func(context.Context, string, ...string) (string, error) { return "0: ada 200000 70000\n", nil }
		}, api.CheckOK, "70000", ""},
		{"torn subuid file", "subuid", func(_ *host, f env) { f["/etc/subuid"] = "ada:x:y\nada:1\n:::\n\xff" }, api.CheckWarning, "none", "usermod"},
		{"no newuidmap", "newuidmap", func(h *host, _ env) { h.look = func(string) (string, error) { return "", fs.ErrNotExist } },
			api.CheckWarning, "not installed", "apt install uidmap"},
		{"no newuidmap on arch", "newuidmap", func(h *host, f env) {
			f["/etc/os-release"] = "ID=manjaro\nID_LIKE=arch\n"
			h.look = func(string) (string, error) { return "", fs.ErrNotExist }
		}, api.CheckWarning, "not installed", "pacman -S shadow"},
		{"no newuidmap on fedora", "newuidmap", func(h *host, f env) {
			f["/etc/os-release"] = "ID=fedora\n"
			h.look = func(string) (string, error) { return "", fs.ErrNotExist }
		}, api.CheckWarning, "not installed", "dnf install shadow-utils"},
		{"newuidmap without rights", "newuidmap", func(h *host, _ env) {
			h.caps = func(string) bool { return false }
			h.stat = func(string) (fs.FileInfo, error) { return fs.Stat(fstest.MapFS{"x": {Mode: 0o755}}, "x") }
		}, api.CheckWarning, "setuid", "chmod u+s"},
		{"mapping refused", "newuidmap", func(h *host, _ env) {
			h.mapIDs = func(context.Context, idRange, idRange) error { return errors.New("newuidmap: uid range not allowed") }
		}, api.CheckWarning, "not allowed", "grep ada"},
		{"no tun", "tun", func(h *host, _ env) { h.openRW = fails(unix.ENOENT) }, api.CheckWarning, "not there", "modprobe tun"},
		{"tun closed", "tun", func(h *host, _ env) { h.openRW = fails(unix.EACCES) }, api.CheckWarning, "permission", "chmod 0666"},
		{"read-only home", "home", func(h *host, _ env) { h.access = func(string, uint32) error { return unix.EROFS } }, api.CheckFailed, "read-only", "XDG_DATA_HOME"},
		{"home of somebody else", "home", func(h *host, _ env) { h.access = func(string, uint32) error { return unix.EACCES } }, api.CheckFailed, "permission", "chown ada"},
		{"no runtime directory", "runtime", func(h *host, _ env) { h.getenv = func(string) string { return "" } }, api.CheckWarning, "not set", "linger"},
		{"nfs", "filesystem", disk(unix.Statfs_t{Type: 0x6969}), api.CheckWarning, "nfs", "XDG_DATA_HOME"},
		{"vfat", "filesystem", disk(unix.Statfs_t{Type: 0x4d44}), api.CheckFailed, "vfat", "XDG_DATA_HOME"},
		{"unknown file system", "filesystem", disk(unix.Statfs_t{Type: 0x1234567}), api.CheckOK, "0x1234567", ""},
		{"little space", "space", disk(unix.Statfs_t{Bavail: 1 << 18, Bsize: 4096}), api.CheckWarning, "1.1 GB", "davit images"},
		{"no space", "space", disk(unix.Statfs_t{Bavail: 10, Bsize: 4096}), api.CheckFailed, "0 MB", "davit images"},
		{"no inodes", "space", disk(unix.Statfs_t{Bavail: 1 << 30, Bsize: 4096, Files: 1 << 20, Ffree: 3}), api.CheckWarning, "3 more files", "davit images"},
		{"no seccomp", "seccomp", func(_ *host, f env) { delete(f, "/proc/sys/kernel/seccomp/actions_avail") }, api.CheckWarning, "no seccomp", "apt"},
		{"selinux", "lsm", func(_ *host, f env) { f["/sys/fs/selinux/enforce"] = "1" }, api.CheckOK, "SELinux is enforcing", ""},
		{"cgroup v1", "cgroup", func(_ *host, f env) {
			delete(f, "/sys/fs/cgroup/cgroup.controllers")
			f["/sys/fs/cgroup/memory/tasks"] = ""
		}, api.CheckWarning, "Version 1", "unified_cgroup_hierarchy"},
		{"cgroup hybrid", "cgroup", func(_ *host, f env) {
			delete(f, "/sys/fs/cgroup/cgroup.controllers")
			f["/sys/fs/cgroup/unified/cgroup.procs"] = ""
		}, api.CheckWarning, "hybrid", "unified_cgroup_hierarchy"},
		{"cgroup not delegated", "cgroup", func(h *host, _ env) { h.access = func(string, uint32) error { return unix.EACCES } }, api.CheckWarning, "no part", "enable-linger"},
		{"cgroup without cpu", "cgroup", func(_ *host, f env) {
			f["/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/cgroup.controllers"] = "memory pids"
		}, api.CheckWarning, "memory, pids", "Delegate=cpu"},
		{"no systemd", "systemd", func(_ *host, f env) {
			delete(f, "/run/systemd/system/x")
			delete(f, "/run/user/1000/systemd/private")
		}, api.CheckWarning, "does not run systemd", ""},
		{"su", "systemd", func(_ *host, f env) { delete(f, "/run/user/1000/systemd/private") }, api.CheckWarning, "none", "machinectl"},
		{"no linger", "linger", func(_ *host, f env) { delete(f, "/var/lib/systemd/linger/ada") }, api.CheckWarning, "off", "enable-linger"},
		{"low ports", "ports", func(_ *host, f env) { f["/proc/sys/net/ipv4/ip_unprivileged_port_start"] = "80" }, api.CheckOK, "80", ""},
		{"high ports only", "ports", func(h *host, _ env) { h.mayOpen = func(int) error { return unix.EACCES } }, api.CheckOK, "1024", "ip_unprivileged_port_start = 80"},
		{"ports refused by something else", "ports", func(h *host, f env) {
			h.mayOpen = func(int) error { return unix.EPERM }
			f["/proc/sys/net/ipv4/ip_unprivileged_port_start"] = "0"
		}, api.CheckWarning, "operation not permitted", ""},
		{"no ping", "ping", func(h *host, f env) {
			h.mayPing = func() error { return unix.EACCES }
			f["/proc/sys/net/ipv4/ping_group_range"] = "1\t0"
		}, api.CheckWarning, "may not", "ping_group_range = 0 2147483647"},
		{"ping refused by something else", "ping", func(h *host, _ env) { h.mayPing = func() error { return unix.EPERM } }, api.CheckWarning, "operation not permitted", ""},
		{"no tap", "links", lacks("tap", unix.EPERM), api.CheckWarning, "A tap cannot be made", "modprobe tun"},
		{"no bridge", "links", lacks("bridge", unix.EOPNOTSUPP), api.CheckFailed, "A bridge cannot be made", "modprobe bridge"},
		{"no veth", "links", lacks("veth", unix.EOPNOTSUPP), api.CheckFailed, "A veth pair cannot be made", "modprobe veth"},
		{"no nf_tables", "links", lacks("nf_tables", unix.EOPNOTSUPP), api.CheckWarning, "nf_tables", "modprobe nf_tables"},
		{"links without namespace", "links", func(h *host, _ env) {
			h.links = func(context.Context) linked { return linked{notRun: unix.EPERM} }
		}, api.CheckUnknown, "Not tried", ""},
		{"a VPN takes a network's addresses", "subnets", collides("app"), api.CheckWarning, "over tun0", "network connect app-2"},
		{"a VPN takes the default network's", "subnets", collides("default"), api.CheckWarning, "over tun0", "davit stop"},
	} {
		t.Run(x.name, func(t *testing.T) {
			h := machine(x.change)
			i := slices.IndexFunc(checks(), func(c check) bool { return c.id == x.check })
			c := one(t.Context(), h, checks()[i])
			if c.State != x.state || !strings.Contains(c.Found, x.found) || !strings.Contains(c.Fix, x.fix) {
				t.Errorf("%+v, want %s, found …%s…, fix …%s…", c, x.state, x.found, x.fix)
			}
			if c.Means == "" || (c.Fix == "") != (c.FixWhy == "") {
				t.Errorf("%+v says not all that it should", c)
			}
			if (c.State == api.CheckFailed) && c.Fix == "" {
				t.Error("it failed and nothing mends it")
			}
		})
	}
}

func refused(context.Context) probed { return probed{namespace: unix.EPERM} }

func fails(err error) func(string) error { return func(string) error { return err } }

func disk(st unix.Statfs_t) func(*host, map[string]string) {
	return func(h *host, _ map[string]string) {
		h.statfs = func(string) (unix.Statfs_t, error) { return st, nil }
	}
}

func TestCheckThatHangs(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	block := make(chan struct{})
	defer close(block)
	c := one(ctx, machine(nil), check{"hang", "Hangs", func(context.Context, *host) finding { <-block; return finding{} }, nil})
	if c.State != api.CheckUnknown {
		t.Errorf("%+v, want unknown", c)
	}
}

func TestReading(t *testing.T) {
	for _, x := range []struct {
		name, out string
		err       error
		want      string
	}{
		{"well", spoken, nil, "<nil> <nil> <nil>"},
		{"another program", "usage: …", nil, "the probe gave no answer: usage: … <nil> <nil>"},
		{"namespace", spoken + "namespace: permission denied\n", errors.New("exit status 1"), "<nil> permission denied <nil>"},
		{"overlay", spoken + "overlay: invalid argument\n", errors.New("exit status 1"), "<nil> <nil> invalid argument"},
		{"not cloned", "", unix.EPERM, "<nil> operation not permitted <nil>"},
	} {
		t.Run(x.name, func(t *testing.T) {
			p := reading(x.err, x.out)
			if got := fmt.Sprint(p.notRun, " ", p.namespace, " ", p.overlay); got != x.want {
				t.Errorf("%s, want %s", got, x.want)
			}
		})
	}
}

// TestThisMachine tries everything for real, and leaves nothing behind.
func TestThisMachine(t *testing.T) {
	dir := t.TempDir()
	begin := time.Now()
	list, err := Run(t.Context(), Options{Store: filepath.Join(dir, "share/davit"), Runtime: dir})
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(begin)
	for _, c := range list {
		t.Logf("%-10s %-8s %s %s", c.ID, c.State, c.Found, strings.ReplaceAll(c.Fix, "\n", "; "))
		if c.State == "" || c.Title == "" || c.Found == "" || c.Means == "" {
			t.Errorf("%+v says not all that it should", c)
		}
	}
	t.Logf("took %s", took)
	if took > patience {
		t.Errorf("took %s", took)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestDescribe(t *testing.T) {
	var i api.Info
	Describe(&i)
	if i.OS == "" || i.Kernel == "" || i.Architecture == "" || i.CPUs < 1 || i.Memory < 1<<20 {
		t.Errorf("%+v", i)
	}
	var j api.Info
	machine(nil).describe(&j)
	if j.OS != "Debian GNU/Linux 12 (bookworm)" || j.CgroupVersion != "v2" || !j.CgroupDelegated || !slices.Equal(j.Security, []string{"seccomp", "apparmor"}) {
		t.Errorf("%+v", j)
	}
}

func FuzzSubIDs(f *testing.F) {
	f.Add("ada:100000:65536\n", "0: ada 1 2")
	f.Fuzz(func(t *testing.T, file, tool string) {
		for _, r := range []idRange{parseSubIDs(file, "ada", "1000"), parseGetsubids(tool)} {
			if r.count < 0 || r.first < 0 {
				t.Errorf("%+v", r)
			}
		}
	})
}
