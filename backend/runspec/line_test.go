package runspec

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"davit/backend/api"
)

// naughty are strings that quoting, splitting and encoding go wrong with.
var naughty = []string{
	"", " ", "a b", "'", `"`, `\`, "$HOME", "$(id)", "`id`", "${x}", "a'b\"c", "-x", "--", "--name", "=", "a=b=c", ",", "a,b", `"q"`, `""`, ":", "a:b:c",
	"[", `["a"]`, "[]", "{}", "#", "# no comment", "~", "*", "?", "!", "&&", "; rm -rf /", "|", ">x", "\n", "a\nb", "\r\n", "\t", "\\\n", "é", "日本語", "🐋",
	"\u202e", "\u2028", "\ufeff", "\x01", "\x1b[31m", "%s", "%", "null", "true", "yes", "no", "on", "0x1f", "1e3", "08", "1_000", "~x", "- a", "? a", "|-", "@", "&a", "*a", "!!str", "<<", "a: b", "a #b",
	strings.Repeat("x", 5000), "'; DROP TABLE", "<script>", "\u00a0", "$$", "\\n", `\'`, "a\\", "''", "''' '",
}

type maker struct{ *rand.Rand }

func (m maker) text() string { return naughty[m.IntN(len(naughty))] }

func (m maker) texts(most int) (l []string) {
	for range m.IntN(most + 1) {
		l = append(l, m.text())
	}
	return l
}

func (m maker) of(l ...string) string { return l[m.IntN(len(l))] }

func (m maker) some() bool { return m.IntN(2) == 0 }

// spec makes one that passes Check, of what people would never write.
func (m maker) spec() api.RunSpec {
	s := api.RunSpec{
		Image: m.of("busybox", "localhost:5000/a/b:1@sha256:x", "x"), Name: m.of("", "web", "a.b-c_d"), Hostname: m.of("", "host"),
		Command: m.texts(4), WorkingDir: m.of("", "/", "/a b", "/'\""), User: m.of("", "0", "a:b", "1000:1000"), Platform: m.of("", "linux/arm64/v8"),
		TTY: m.some(), Interactive: m.some(), AutoRemove: m.some(), ReadOnly: m.some(), Init: m.some(), Privileged: m.some(), PublishAll: m.some(),
		StopSignal: m.of("", "TERM", "SIGRTMIN+3", "9"), Network: m.of("", "none"), UserNS: m.of("", "keep-id", "keep-id:uid=5,gid=6"), Timezone: m.of("", "local", "Europe/Berlin"),
		Pull: api.PullPolicy(m.of("", "always", "never", "newer")), ShmSize: int64(m.IntN(3)) * 12345678, Groups: slices.Clone([]string{"audio", "5"}[:m.IntN(3)]),
		Expose: []string{"80/tcp", "8000-8010/udp"}[:m.IntN(3)], SecurityOpt: []string{"no-new-privileges=false", "seccomp=/a b/c:d.json"}[:m.IntN(3)],
		Domainname: m.of("", "example.test"), Umask: m.of("", "0077", "2"),
		CapAdd: []string{"NET_ADMIN", "ALL"}[:m.IntN(3)], CapDrop: []string{"CHOWN"}[:m.IntN(2)],
	}
	if m.some() {
		s.Entrypoint = append([]string{m.text()}, m.texts(2)...)
	} else {
		s.ClearEntrypoint = m.some()
	}
	if !s.AutoRemove {
		s.Restart = m.of("", "always", "on-failure:3")
	}
	if m.some() {
		n := m.IntN(30) - 1
		s.StopTimeout = &n
	}
	for i := range m.IntN(4) {
		s.Env = append(s.Env, m.of("A", "b.c", "É", "x-"+string(rune('a'+i)))+"="+m.text())
		put(&s.Labels, m.of("a", "com.x/y", "日")+string(rune('a'+i)), m.text())
		put(&s.Annotations, m.of("a", "com.x/y", "日")+string(rune('a'+i)), m.text())
		put(&s.Sysctls, m.of("net.ipv4.ip_forward", "kernel.shmmax"), m.text())
	}
	if m.some() {
		s.UIDMaps, s.GIDMaps, s.UserNS = []string{"0:1:1000", "1000:0:1"}, []string{"0:0:65536"}, ""
	}
	m.ports(&s)
	m.mounts(&s)
	m.limits(&s)
	return s
}

func (m maker) ports(s *api.RunSpec) {
	if s.Network == "none" {
		s.PublishAll = false
		return
	}
	for i := range m.IntN(6) {
		p := api.Port{HostIP: m.of("", "127.0.0.1", "::1"), ContainerPort: uint16(80 + i), Protocol: m.of("tcp", "udp")}
		if m.some() {
			p.HostPort = uint16(8080 + i)
		} else if m.some() {
			p.HostFirst, p.HostLast = uint16(8100+i), uint16(8200+i)
		}
		s.Ports = append(s.Ports, p)
	}
}

func (m maker) mounts(s *api.RunSpec) {
	for i := range m.IntN(6) {
		t := api.Mount{Type: m.of(api.MountBind, api.MountVolume, api.MountTmpfs), Target: "/t" + string(rune('0'+i)) + m.text(), ReadOnly: m.some()}
		switch t.Type {
		case api.MountBind:
			t.Source, t.Create, t.Propagation, t.Relabel = "/s/"+m.text(), m.some(), m.of("", "rslave"), m.of("", "z", "Z")
		case api.MountVolume:
			t.Source, t.NoCopy, t.Subpath, t.Chown = m.of("", "data", "a.b"), m.some(), m.of("", "x/y z"), m.some()
		default:
			t.Size, t.Mode, t.Options = int64(m.IntN(3))<<20, m.of("", "1777"), []string{"exec", "uid=5"}[:m.IntN(3)]
		}
		if t.Type != api.MountTmpfs && m.some() {
			t.Options = []string{"noexec"}
		}
		s.Mounts = append(s.Mounts, t)
	}
	for i := range m.IntN(3) {
		s.Secrets = append(s.Secrets, api.SecretUse{
			Source: "s" + string(rune('0'+i)), Target: m.of("", "a b", "/x,y"), Env: false, UID: m.IntN(2) * 5, GID: m.IntN(2) * 6, Mode: m.of("", "0400"),
		})
	}
	if m.some() {
		s.Devices = []api.Device{{Source: "/dev/a b", Target: m.of("", "/dev/c"), Permissions: m.of("", "r", "rwm")}}
	}
}

func (m maker) limits(s *api.RunSpec) {
	s.Limits = api.Limits{
		Memory: int64(m.IntN(2)) * (512<<20 + int64(m.IntN(3))), CPUs: float64(m.IntN(3)) / 3, CPUSet: m.of("", "0-2,4"),
		Pids: int64(m.IntN(3)) - 1, IOWeight: m.IntN(2) * 500, CPUShares: int64(m.IntN(2)) * 512,
	}
	s.Limits.MemoryReservation = int64(m.IntN(2)) * (256<<20 + int64(m.IntN(3)))
	if s.Limits.Memory > 0 {
		s.Limits.MemorySwap = []int64{0, -1, 3 << 30}[m.IntN(3)]
	}
	if m.some() {
		s.HealthCheck = &api.HealthCheck{Test: [][]string{nil, {"CMD-SHELL", m.text()}, {"CMD", "a", m.text()}}[m.IntN(3)], Interval: time.Duration(m.IntN(2)) * 1234567890, Retries: m.IntN(3)}
	} else {
		s.HealthCheck = &api.HealthCheck{None: m.some()}
	}
	s.Log = api.LogLimits{MaxSize: int64(m.IntN(2)) * 1234567, MaxFiles: m.IntN(3), None: m.some()}
	s.OOMScoreAdj = m.IntN(3)*500 - 500
	if m.some() {
		s.Ulimits = []api.Ulimit{{Name: "nofile", Soft: 5, Hard: 10}, {Name: "core", Soft: -1, Hard: -1}}
	}
}

const rounds = 3000

func TestLinesComeBack(t *testing.T) {
	m := maker{rand.New(rand.NewPCG(1, 2))}
	for range rounds {
		s := m.spec()
		line := Line(s)
		got, err := ParseLine(line)
		if err != nil || len(got.Unknown)+len(got.Notes) > 0 {
			t.Fatalf("%s\n%v, unknown %q, notes %q", line, err, got.Unknown, got.Notes)
		}
		if a, b := Normal(s), Normal(got.Spec); !reflect.DeepEqual(a, b) {
			t.Fatalf("%s\nwas %+v\nis  %+v\n%+v", line, a, b, Changes(a, b))
		}
		if got.Detach != (!s.TTY && !s.Interactive) {
			t.Fatalf("%s: detach is %v", line, got.Detach)
		}
	}
}

func TestWordsComeBack(t *testing.T) {
	for _, a := range naughty {
		for _, b := range naughty {
			if got, err := Split(Join([]string{a, b})); err != nil || !slices.Equal(got, []string{a, b}) {
				t.Errorf("%q %q: %q %v", a, b, got, err)
			}
		}
	}
}

func TestParseLine(t *testing.T) {
	for in, want := range map[string]string{
		"docker run nginx": "davit run nginx",
		"$ sudo docker run --rm -it -p8080:80 -e A=1 nginx:1 sh -c 'a b'":       "davit run --rm -i -t -p 8080:80 -e A=1 nginx:1 sh -c 'a b'",
		"podman container run -d --name=web --net none \\\n  -v ./x:/y busybox": "davit run -d --name web --mount type=bind,source=./x,target=/y,bind-create-src --network none busybox",
		"FOO=1 docker --log-level=debug run --restart=always -dp 80:80 x":       "davit run -d -p 80:80 --restart always x",
		"docker run -ti --gpus all --shm-size=1g --ulimit nofile=5 x a --rm":    "davit run -i -t --shm-size 1g --ulimit nofile=5 x a --rm # --gpus all",
		"docker run --cpu-quota=5 --dns-foo x y | grep z":                       "davit run x y # --cpu-quota=5 # --dns-foo",
		"docker run -p 70000:80 x":                                              "davit run x # -p 70000:80",
		"docker run # a comment\n":                                              "!",
		"docker run -v":                                                         "!",
		"docker run 'x":                                                         "!",
		"docker ps":                                                             "!",
		"docker run -- x y":                                                     "davit run x y",
		"docker run -t=false -i=true x":                                         "davit run -i x",
	} {
		p, err := ParseLine(in)
		got := "!"
		if err == nil {
			words := append(append([]string{"davit", "run"}, func() []string {
				if p.Detach {
					return []string{"-d"}
				}
				return nil
			}()...), append(append(Words(p.Spec), p.Spec.Image), p.Spec.Command...)...)
			got = strings.Join(append([]string{Join(words)}, p.Unknown...), " # ")
		}
		if got != want {
			t.Errorf("%s\n got %s\nwant %s (%v)", in, got, want, err)
		}
	}
}

func TestExpansionsAreTold(t *testing.T) {
	p, err := ParseLine(`docker run -v $(pwd)/a:/a -v "$HOME/b":/b -e 'C=$d' -e K x`)
	if err != nil || len(p.Notes) != 3 {
		t.Fatalf("%q %v", p.Notes, err)
	}
	if p.Spec.Mounts[0].Source != "$(pwd)/a" || p.Spec.Env[0] != "C=$d" || p.Spec.Env[1] != "K=" {
		t.Errorf("%+v", p.Spec)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("docker run -it --gpus all 'x' $(id) y")
	f.Add("services:\n  a:\n    image: x\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse(text)
		if err == nil && len(p.Specs) == 0 {
			t.Errorf("%q: nothing, and no error", text)
		}
		for _, s := range p.Specs {
			again, err := ParseLine(Line(s.Spec))
			if err == nil && len(Check(s.Spec)) == 0 && !reflect.DeepEqual(Normal(s.Spec), Normal(again.Spec)) {
				t.Errorf("%q: %s", text, Line(s.Spec))
			}
		}
	})
}
