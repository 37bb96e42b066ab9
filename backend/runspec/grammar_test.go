package runspec

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"davit/backend/api"
)

func TestPublish(t *testing.T) {
	for in, want := range map[string]string{
		"80":                    ":0->80/tcp",
		"8080:80":               ":8080->80/tcp",
		"0.0.0.0:8080:80":       "0.0.0.0:8080->80/tcp",
		"127.0.0.1::80":         "127.0.0.1:0->80/tcp",
		"[::1]:8080:80/udp":     "::1:8080->80/udp",
		"8000-8001:80-81":       ":8000->80/tcp :8001->81/tcp",
		"53:53/UDP":             ":53->53/udp",
		"":                      "!",
		"0":                     "!",
		"65536":                 "!",
		"80:":                   "!",
		"a:80":                  "!",
		"1.2.3:80:80":           "!",
		"80-82:80-81":           "!",
		"81-80:80":              "!",
		"80-81:80":              ":80..81->80/tcp",
		"[::1]:80-89:53/udp":    "::1:80..89->53/udp",
		"81-80":                 "!",
		"80/icmp":               "!",
		"1:2:3:4":               "!",
		"[::1]80":               "!",
		"[::1]:80":              "!",
		"-1:80":                 "!",
		"127.0.0.1:8080:80/tcp": "127.0.0.1:8080->80/tcp",
	} {
		ports, err := Publish(in)
		var got []string
		for _, p := range ports {
			host := strconv.Itoa(int(p.HostPort))
			if p.Ranged() {
				host = fmt.Sprintf("%d..%d", p.HostFirst, p.HostLast)
			}
			got = append(got, fmt.Sprintf("%s:%s->%d/%s", p.HostIP, host, p.ContainerPort, p.Protocol))
		}
		if err != nil {
			got = []string{"!"}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %v, want %s (%v)", in, got, want, err)
		}
	}
}

func FuzzParsePublish(f *testing.F) {
	f.Add("[::1]:8080-8090:80-90/udp")
	f.Fuzz(func(t *testing.T, s string) {
		ports, err := Publish(s)
		if err == nil && len(ports) == 0 {
			t.Errorf("%q: no ports and no error", s)
		}
	})
}

func TestBytes(t *testing.T) {
	for in, want := range map[string]int64{
		"": 0, "-1": -1, "512": 512, "512b": 512, "1k": 1 << 10, "1KB": 1 << 10, "2m": 2 << 20, "2MiB": 2 << 20, "1.5g": 3 << 29, "1t": 1 << 40,
	} {
		if got, err := Bytes("memory", in); err != nil || got != want {
			t.Errorf("%q: %d, %v, want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"x", "-5", "0", "1x", "m", "nan", "inf", "9999999999999999t", "1mm"} {
		if got, err := Bytes("memory", in); err == nil {
			t.Errorf("%q gave %d", in, got)
		}
	}
}

func TestMounts(t *testing.T) {
	here := Here{Path: func(p string) (string, error) { return strings.Replace(p, "~", "/home/ada", 1), nil }}
	read := func(set func(o *Flags, v string) error, v string) string {
		o := &Flags{Here: here}
		if err := set(o, v); err != nil {
			return "!"
		}
		m := o.Spec.Mounts[0]
		return strings.TrimSpace(fmt.Sprintf("%s %s %s %s", m.Type, m.Source, m.Target, strings.Join(described(m), " ")))
	}
	for in, want := range map[string]string{
		"/a:/b":          "bind /a /b create",
		"/a:/b:ro,z":     "bind /a /b create ro z",
		"/a:/b:U,rslave": "bind /a /b create U rslave",
		"~/x:/b":         "bind /home/ada/x /b create",
		"/a":             "volume  /a",
		"name:/b":        "volume name /b",
		"name:/b:nocopy": "volume name /b nocopy",
		"name:/b:rslave": "!",
		"/a:b":           "!",
		"/a:/b:weird":    "!",
		"/a:/b:ro:z":     "!",
		"a":              "!",
	} {
		if got := read((*Flags).volume, in); got != want {
			t.Errorf("-v %s: %s, want %s", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"type=bind,source=/a,target=/b":                   "bind /a /b",
		"type=bind,src=/a,dst=/b,readonly":                "bind /a /b ro",
		"type=bind,src=/a,destination=/b,ro=false":        "bind /a /b",
		`type=bind,"src=/a,c",dst=/b`:                     "bind /a,c /b",
		`type=bind,"src=/a""c",dst=/b`:                    `bind /a"c /b`,
		"type=tmpfs,target=/t,tmpfs-size=1m":              "tmpfs  /t size=1m",
		"source=a,target=/b":                              "volume a /b",
		"type=volume,source=a,target=/b,volume-subpath=c": "volume a /b subpath=c",
		"type=bind,target=/b":                             "!",
		"type=bind,src=/a":                                "!",
		"type=bind,src=/a,dst=/b,ro=maybe":                "!",
		"type=bind,src=/a,dst=/b,colour=red":              "!",
		`type=bind,"src=/a`:                               "!",
		`type=bind,"src=/a"x`:                             "!",
	} {
		if got := read((*Flags).mount, in); got != want {
			t.Errorf("--mount %s: %s, want %s", in, got, want)
		}
	}
	if got := read((*Flags).tmpfs, "/run:rw,noexec,size=64m,mode=700,uid=5"); got != "tmpfs  /run size=64m mode=700 noexec uid=5" {
		t.Error(got)
	}
	if got := read((*Flags).tmpfs, "/run:colour=red"); got != "!" {
		t.Error(got)
	}
}

// described writes what a mount has besides its places.
func described(m api.Mount) (words []string) {
	if m.Create {
		words = append(words, "create")
	}
	m.Create, m.Source, m.Target = m.Type == api.MountBind, "/s", "/t"
	if m.Subpath != "" {
		words, m.Subpath = append(words, "subpath="+m.Subpath), ""
	}
	if m.Type == api.MountVolume {
		m.Source = "v"
	}
	options, _ := shortMount(m)
	return append(words, options...)
}
