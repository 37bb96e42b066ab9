package engine

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"davit/backend/api"
	"davit/backend/runspec"
	"davit/backend/store"
)

func TestCreateAppliesTheImagesDefaults(t *testing.T) {
	b := newBench(t)
	c := b.made(t, api.RunSpec{Image: "nginx", Name: "web", Labels: map[string]string{"tier": "mine"}, TTY: true,
		Ports: []api.Port{{HostPort: 0, ContainerPort: 80}}, PublishAll: true, Env: []string{"NGINX_VERSION=2", "A=b"}})
	d, err := b.Container(t.Context(), "web")
	if err != nil {
		t.Fatal(err)
	}
	if d.ID != c.ID || d.State != api.StateCreated || d.Image != nginx.Name || d.ImageID != nginx.ID || d.WorkingDir != "/srv" {
		t.Errorf("%+v", d)
	}
	if got := fmt.Sprint(d.Args); got != "[/entry.sh nginx -g daemon off;]" {
		t.Error(got)
	}
	if got := strings.Join(d.Env, " "); got != "PATH=/opt:/bin HOSTNAME="+c.ID[:12]+" TERM=xterm NGINX_VERSION=2 A=b" {
		t.Error(got)
	}
	if d.Labels["tier"] != "mine" || d.Labels["maintainer"] != "nginx" {
		t.Error(d.Labels)
	}
	if len(d.Ports) != 2 || d.Ports[0].ContainerPort != 80 || d.Ports[1].ContainerPort != 443 || d.Ports[0].HostPort == 0 || d.Ports[0].HostIP != "127.0.0.1" {
		t.Error(d.Ports)
	}
	if fmt.Sprint(c.Ports) != fmt.Sprint(d.Ports) {
		t.Error(c.Ports)
	}
	rec, err := store.ReadRecord(b.dirs.Container(c.ID))
	if err != nil || rec.StopSignal != "SIGQUIT" || rec.StopTimeout != 10 || rec.Restart != "no" || rec.Network != "default" {
		t.Errorf("%+v, %v", rec, err)
	}
	config, err := os.ReadFile(b.dirs.Container(c.ID).Config())
	var spec struct{ Root struct{ Path string } }
	if err != nil || json.Unmarshal(config, &spec) != nil || spec.Root.Path != b.dirs.Container(c.ID).Rootfs() {
		t.Errorf("%s, %v", config, err)
	}
	if info, err := os.Stat(b.dirs.Container(c.ID).Upper()); err != nil || info.Mode().Perm() != 0o755 {
		t.Error(info, err)
	}
}

func TestArguments(t *testing.T) {
	img := api.ImageConfig{Entrypoint: []string{"e"}, Cmd: []string{"c", "d"}}
	for _, c := range []struct {
		img  api.ImageConfig
		s    api.RunSpec
		want string
	}{
		{img, api.RunSpec{}, "e c d"},
		{img, api.RunSpec{Command: []string{"x"}}, "e x"},
		{img, api.RunSpec{Entrypoint: []string{"y", "z"}}, "y z"},
		{img, api.RunSpec{Entrypoint: []string{"y"}, Command: []string{"x"}}, "y x"},
		{img, api.RunSpec{ClearEntrypoint: true, Command: []string{"x"}}, "x"},
		{img, api.RunSpec{ClearEntrypoint: true}, ""},
		{api.ImageConfig{}, api.RunSpec{}, ""},
		{api.ImageConfig{Cmd: []string{"c"}}, api.RunSpec{}, "c"},
	} {
		got, err := arguments(c.img, c.s)
		if c.want == "" {
			kind(t, err, api.KindInvalid, "no command specified")
			if api.AsError(err).ExitCode != 125 {
				t.Error(err)
			}
		} else if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("%+v: %q, %v", c.s, got, err)
		}
	}
}

func TestCreateRefuses(t *testing.T) {
	b := newBench(t)
	b.made(t, api.RunSpec{Name: "taken"})
	port := api.Port{HostPort: 8080, ContainerPort: 80}
	for words, s := range map[string]api.RunSpec{
		"no image is named":       {Image: " "},
		"cannot be the name":      {Name: "a/b"},
		"cannot be the name ":     {Name: "-x"},
		"not of the form KEY":     {Env: []string{"KEY"}},
		"key of a label":          {Labels: map[string]string{"": "x"}},
		"NUL":                     {Command: []string{"a\x00b"}},
		"host name":               {Hostname: "a_b"},
		"not an absolute path":    {WorkingDir: "srv"},
		"is not a user":           {User: "a:b:c"},
		"port inside":             {Ports: []api.Port{{HostPort: 1}}},
		`the protocol`:            {Ports: []api.Port{{ContainerPort: 1, Protocol: "sctp"}}},
		"not an address":          {Ports: []api.Port{{ContainerPort: 1, HostIP: "localhost"}}},
		"asked for twice":         {Ports: []api.Port{port, port}},
		"cannot publish":          {Network: "none", Ports: []api.Port{port}},
		"cannot be reached":       {Mounts: []api.Mount{{Type: "bind", Source: "/does/not/exist", Target: "/x"}}},
		"absolute path on this":   {Mounts: []api.Mount{{Type: "bind", Source: "x", Target: "/x"}}},
		"not a place to mount":    {Mounts: []api.Mount{{Type: "tmpfs", Target: "/"}}},
		"unknown type of mount":   {Mounts: []api.Mount{{Type: "magic", Target: "/x"}}},
		"want the place":          {Mounts: []api.Mount{{Type: "tmpfs", Target: "/x"}, {Type: "tmpfs", Target: "/x/"}}},
		"there is no signal":      {StopSignal: "SIGNOTHING"},
		"stop timeout":            {StopTimeout: new(-2)},
		"unknown restart policy":  {Restart: "sometimes"},
		"with a count":            {Restart: "always:3"},
		"removed and restarted":   {Restart: "always", AutoRemove: true},
		"is not a platform":       {Platform: "windows"},
		"unknown capability":      {CapAdd: []string{"EVERYTHING"}},
		"unknown security option": {SecurityOpt: []string{"x=y"}},
	} {
		if s.Image == "" {
			s.Image = "nginx"
		}
		_, err := b.Create(t.Context(), s)
		kind(t, err, api.KindInvalid, strings.TrimSpace(words))
		if err != nil && api.AsError(err).Msg == "" {
			t.Error("no words")
		}
	}
	_, err := b.Create(t.Context(), api.RunSpec{Image: "nginx", Name: "taken"})
	kind(t, err, api.KindConflict, "is taken by container")
	_, err = b.Create(t.Context(), api.RunSpec{Image: "nginx", Network: "mine"})
	kind(t, err, api.KindNotFound, "no network")
	_, err = b.Create(t.Context(), api.RunSpec{Image: "absent"})
	kind(t, err, api.KindNotFound, "absent")
	if ref := api.AsError(err).Ref; ref != "docker.io/library/absent:latest" {
		t.Errorf("ref %q", ref)
	}
	_, err = b.Create(t.Context(), api.RunSpec{Image: "nginx", Platform: "linux/arm64"})
	kind(t, err, api.KindNotFound, "not for linux/arm64")
	_, err = b.Create(t.Context(), api.RunSpec{Image: "scratch"})
	kind(t, err, api.KindInvalid, "no command specified")
	if l, _ := os.ReadDir(b.dirs.Containers()); len(l) != 1 {
		t.Errorf("half-made containers stay: %v", l)
	}
}

func TestTwentyCreatesAtOnceHaveOneWinner(t *testing.T) {
	b := newBench(t)
	var wg sync.WaitGroup
	errs, ports := make([]error, 20), make([]uint16, 20)
	for i := range errs {
		// An engine each, as if they were processes: flock tells files apart.
		e := New(Config{Dirs: b.dirs, Guard: b.guard, Images: b.images})
		wg.Go(func() {
			defer e.Close()
			_, errs[i] = e.Create(t.Context(), api.RunSpec{Image: "nginx", Name: "one"})
			c, err := e.Create(t.Context(), api.RunSpec{Image: "nginx", Ports: []api.Port{{ContainerPort: 80}}})
			if err != nil {
				t.Error(err)
				return
			}
			ports[i] = c.Ports[0].HostPort
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else {
			kind(t, err, api.KindConflict, "is taken")
		}
	}
	slices.Sort(ports)
	if l, _ := b.Containers(t.Context(), api.ContainerFilter{All: true}); won != 1 || len(l) != 21 || len(slices.Compact(ports)) != 20 {
		t.Errorf("%d won, %d containers, ports %v", won, len(l), ports)
	}
}

func TestVolumesHaveTheImagesFiles(t *testing.T) {
	b := newBench(t)
	layer := func(name string, make func(root string)) string {
		root := filepath.Join(b.dirs.Layers(), name)
		if err := os.MkdirAll(filepath.Join(root, "var/lib/db"), 0o755); err != nil {
			t.Fatal(err)
		}
		make(root)
		return name
	}
	write := func(root, name string) {
		if err := os.WriteFile(filepath.Join(root, name), []byte(name), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	low := layer(strings.Repeat("1", 64), func(root string) {
		write(root, "var/lib/db/below")
		write(root, "var/lib/db/both")
		if err := os.Symlink("/etc/shadow", filepath.Join(root, "var/lib/db/link")); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("/etc", filepath.Join(root, "escape")); err != nil {
			t.Fatal(err)
		}
	})
	high := layer(strings.Repeat("2", 64), func(root string) {
		write(root, "var/lib/db/both")
		write(root, "var/lib/db/link") // a file where the layer below has a link
		if err := os.Chmod(filepath.Join(root, "var/lib/db"), 0o711|os.ModeSetgid); err != nil {
			t.Fatal(err)
		}
	})
	img := nginx
	img.ID, img.Name, img.Layers = "sha256:db", "docker.io/library/db:latest", []string{low, high}
	img.Config.Volumes = []string{"/var/lib/db", "/new", "escape", "/mine"}
	b.images.have = append(b.images.have, img)
	c := b.made(t, api.RunSpec{Image: "db", Mounts: []api.Mount{{Type: "tmpfs", Target: "/mine"}}})
	rec, err := store.ReadRecord(b.dirs.Container(c.ID))
	if err != nil || len(rec.Mounts) != 4 || rec.Mounts[1].Target != "/var/lib/db" || rec.Mounts[2].Target != "/new" {
		t.Fatalf("%+v, %v", rec.Mounts, err)
	}
	db := b.dirs.Volume(rec.Mounts[1].Source).Data()
	for _, name := range []string{"below", "both", "link"} {
		got, err := os.ReadFile(filepath.Join(db, name))
		if err != nil || string(got) != "var/lib/db/"+name {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if info, err := os.Stat(db); err != nil || info.Mode() != os.ModeDir|os.ModeSetgid|0o711 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	for _, m := range rec.Mounts[2:] {
		if l, err := os.ReadDir(b.dirs.Volume(m.Source).Data()); err != nil || len(l) != 0 {
			t.Errorf("%s: %v, %v", m.Target, l, err)
		}
	}
}

func TestWarnings(t *testing.T) {
	b := newBench(t)
	other := nginx
	other.Name, other.Platform = "docker.io/library/other:latest", "linux/s390x"
	b.images.have = append(b.images.have, other)
	c := b.made(t, api.RunSpec{Image: "other", Privileged: true, Ports: []api.Port{{HostIP: "0.0.0.0", HostPort: 8080, ContainerPort: 80}}})
	if len(c.Warnings) != 3 {
		t.Errorf("%q", c.Warnings)
	}
	if c := b.made(t, api.RunSpec{}); c.Warnings == nil || len(c.Warnings) != 0 {
		t.Errorf("%q", c.Warnings)
	}
}

func TestOwnFilesAreNotShownToContainers(t *testing.T) {
	b := newBench(t)
	if err := b.dirs.Make(); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(b.dirs.Runtime, link); err != nil {
		t.Fatal(err)
	}
	for _, source := range []string{b.dirs.Runtime, b.dirs.Data, b.dirs.Containers() + "/", link} {
		_, err := b.Create(t.Context(), api.RunSpec{Image: "nginx", Mounts: []api.Mount{{Type: "bind", Source: source, Target: "/x"}}})
		kind(t, err, api.KindInvalid, "belongs to Davit itself")
	}
	parent := filepath.Dir(b.dirs.Runtime)
	for readOnly, word := range map[bool]string{false: "change", true: "read"} {
		c := b.made(t, api.RunSpec{Mounts: []api.Mount{{Type: "bind", Source: parent, Target: "/x", ReadOnly: readOnly}}})
		if len(c.Warnings) == 0 || !strings.Contains(c.Warnings[0], "may "+word) {
			t.Errorf("%q", c.Warnings)
		}
	}
	if c := b.made(t, api.RunSpec{Mounts: []api.Mount{{Type: "bind", Source: t.TempDir(), Target: "/x"}}}); len(c.Warnings) != 0 {
		t.Errorf("%q", c.Warnings)
	}
}

func TestMadeUpNames(t *testing.T) {
	tries := 0
	name, err := makeUpName(func(n string) (bool, error) {
		if !runspec.ValidName(n) {
			t.Errorf("%q", n)
		}
		tries++
		return tries < 10, nil
	})
	if err != nil || tries != 10 || !strings.Contains(name, "_") {
		t.Error(name, tries, err)
	}
}

func TestPortsOfRangesAreChosen(t *testing.T) {
	port := func(ip, protocol string) api.Port {
		return completePort(api.Port{HostIP: ip, HostFirst: 80, HostLast: 83, ContainerPort: 80, Protocol: protocol})
	}
	used := api.Port{HostIP: "127.0.0.1", HostPort: 80, Protocol: "tcp"} // by another program
	others := []store.Entry{{}, {}}                                      // that may not run
	others[0].Record.Ports = []api.Port{{HostPort: 81, ContainerPort: 80}}
	others[1].Record.Ports = []api.Port{{HostPort: 82, ContainerPort: 80, Protocol: "TCP"}, {HostIP: "0.0.0.0", HostPort: 80, Protocol: "udp"}}
	ports := []api.Port{
		port("", "tcp"), port("", "tcp"), port("", "tcp"), port("", "tcp"), // the third and fourth are better off with others' than with none
		port("::1", "tcp"), port("", "udp"), port("", "udp"), {HostIP: "127.0.0.1", HostPort: 81, Protocol: "udp"}, {HostIP: "127.0.0.1", Protocol: "tcp"},
	}
	chooseOfRanges(ports, others, func(p api.Port) bool {
		return p.HostPort != used.HostPort || p.HostIP != used.HostIP || p.Protocol != used.Protocol
	})
	var got []uint16
	for _, p := range ports {
		got = append(got, p.HostPort)
	}
	if want := []uint16{83, 81, 82, 0, 80, 82, 83, 81, 0}; !slices.Equal(got, want) {
		t.Errorf("chose %v, want %v", got, want)
	}
}
