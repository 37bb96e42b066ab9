package confine

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"davit/tests/images"
)

// races is how often a start is tried against a volume that changes under it.
const races = 30

// volume makes a directory that containers share.
func (s *stage) volume(names ...string) string {
	s.t.Helper()
	dir := s.t.TempDir()
	for _, n := range names {
		if err := os.MkdirAll(filepath.Join(dir, n), 0o755); err != nil {
			s.t.Fatal(err)
		}
	}
	return dir
}

// noMounts looks whether something has been mounted at the canary, where the
// keeper and all that it starts would see it.
func (s *stage) noMounts() {
	s.t.Helper()
	for _, p := range s.processes() {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", p.PID))
		if err == nil && strings.Contains(string(b), s.canary) {
			s.t.Errorf("%s: something is mounted at the canary:\n%s", p.Role, b)
		}
	}
}

// CVE-2021-30465, CVE-2024-45310: the place of a mount is inside another
// volume, where it becomes a link to the host while the container starts.
func TestMountIntoAVolumeThatChanges(t *testing.T) {
	s := newStage(t)
	vol, other := s.volume("d"), s.volume()
	var said struct{ Exchanges int }
	targets := []string{"/vol/d/t", "/vol/d/dir", "/vol/d/a/b/c"}
	s.during(&said, "swap", []string{"-v", vol + ":/vol"}, []string{"swap", "/vol/d", s.canary, "60"}, func() {
		for i := range races {
			r := s.davit("run", "--rm", "-v", vol+":/vol", "-v", other+":"+targets[i%len(targets)], "--tmpfs", "/vol/d/x",
				attackerImage, "/attacker", "list", "/vol/d", "/vol/d/dir")
			if r.code != 0 && r.code != 125 {
				t.Errorf("%+v", r)
			}
		}
	})
	if said.Exchanges < races {
		t.Errorf("%d exchanges: the attack has not been tried", said.Exchanges)
	}
	s.noMounts()
}

// CVE-2024-21626's and CVE-2018-15664's kind: a working directory in a volume,
// or what is looked up in the rootfs, that becomes a link while it is used.
func TestLookUpsInARootfsThatChanges(t *testing.T) {
	s := newStage(t)
	const image = "confine/swapped:latest"
	s.load(image, v1.Config{}, images.File("etc/passwd", "root:x:0:0::/root:\n"))
	var said struct{ Exchanges int }
	s.start("look", image, "/attacker", "swap", "/etc/passwd", filepath.Join(s.canary, "passwd"), "60")
	for range races {
		if r := s.davit("exec", "-u", "evil", "look", "/bin/true"); r.code == 0 || !strings.Contains(r.err, "evil") {
			t.Errorf("a user of the host's file has been found: %+v", r)
		}
	}
	s.halt("look", "-u", "0")
	s.decode(s.ok("logs", "look"), &said)
}

// CVE-2018-15664: what is read out of a running container's files, where a
// directory becomes a link to the host while it is read.
func TestFilesAreReadOutOfARootfsThatChanges(t *testing.T) {
	s := newStage(t)
	var said struct{ Exchanges int }
	s.start("read", attackerImage, "/attacker", "swap", "/d", s.canary, "60")
	worked := map[string]int{}
	for i := range races {
		verb := []string{"export", "diff", "top"}[i%3]
		if r := s.davit(verb, "read"); r.code == 0 { // the secret is looked for in what comes out
			worked[verb]++
		}
	}
	if worked["export"] == 0 || worked["diff"] == 0 || worked["top"] == 0 {
		t.Errorf("the attack has not been tried: %v", worked)
	}
	committed := s.davit("commit", "read", "confine/committed:latest")
	s.halt("read")
	s.decode(s.ok("logs", "read"), &said)
	if said.Exchanges < races {
		t.Errorf("%d exchanges: the attack has not been tried", said.Exchanges)
	}
	if committed.code != 0 {
		t.Errorf("commit: %+v", committed)
	}
	s.davit("run", "--rm", "--pull", "never", "confine/committed:latest", "/attacker", "list", "/d", "/d/dir", "/d.swap", "/d.swap/dir")
}

// CVE-2019-19921, CVE-2023-27561: what holds a container is in /proc and /sys;
// neither can be replaced by a volume or by a link of the image's.
func TestVolumesOnProcAndSys(t *testing.T) {
	s := newStage(t)
	for _, target := range []string{"/proc", "/proc/self", "/proc/self/attr", "/proc/sys", "/proc/sysrq-trigger", "/x/../proc/1"} {
		if r := s.davit("run", "--rm", "-v", s.canary+":"+target, attackerImage, "true"); r.code != 125 {
			t.Errorf("a volume at %s: %+v", target, r)
		}
		if r := s.davit("run", "--rm", "--tmpfs", target, attackerImage, "true"); r.code != 125 {
			t.Errorf("a tmpfs at %s: %+v", target, r)
		}
	}
	// A volume that has proc in it, and is the place of another one.
	vol := s.volume("real")
	if err := os.Symlink("/proc", filepath.Join(vol, "proc")); err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"/vol/proc/self/attr", "/vol/proc", "/vol/proc/sys/kernel"} {
		r := s.davit("run", "--rm", "-v", vol+":/vol", "-v", s.canary+":"+target, attackerImage, "cat", "/proc/self/attr/secret", "/proc/secret", "/proc/sys/kernel/secret")
		if strings.Contains(r.out, s.secret) {
			t.Errorf("a volume at %s is in /proc: %+v", target, r)
		}
	}
}

// The same by the image: /proc, /sys and /dev are links, to the host or to
// each other.
func TestLinksInThePlaceOfProcAndSys(t *testing.T) {
	s := newStage(t)
	for _, dir := range []string{"proc", "sys", "dev", "etc", "dev/shm", "etc/hosts", "etc/resolv.conf"} {
		for i, to := range []string{s.canary, "/tmp", strings.Repeat("../", 20) + s.canary[1:]} {
			image := fmt.Sprintf("confine/link-%s:%d", strings.ReplaceAll(dir, "/", "-"), i)
			s.load(image, v1.Config{}, images.Symlink(dir, to))
			r := s.davit("run", "--rm", image, "/attacker", "write", "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/sys/kernel/mm/ksm/run")
			if r.code == 0 && strings.TrimSpace(r.out) != "[]" {
				t.Errorf("/%s -> %s: wrote %s", dir, to, r.out)
			}
			s.ok("rmi", image)
		}
	}
	s.noMounts()
}

// CVE-2025-31133, CVE-2025-52565, CVE-2025-52881: what paths are masked with,
// and the console, come from a /dev that the image or a volume has made; and a
// volume changes while paths are masked.
func TestMasksAndConsoleAreNotRedirected(t *testing.T) {
	s := newStage(t)
	probe := []string{"/attacker", "write", "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/kcore", "/proc/keys", "/dev/console", "/dev/null/x"}
	for file, to := range map[string]string{
		"null": "/proc/sys/kernel/core_pattern", "console": filepath.Join(s.canary, "secret"), "ptmx": filepath.Join(s.canary, "secret"),
		"pts/0": "/proc/sysrq-trigger", "shm": s.canary, "mqueue": s.canary, "fd": s.canary,
	} {
		dev := s.volume("pts")
		if err := os.Symlink(to, filepath.Join(dev, file)); err != nil {
			t.Fatal(err)
		}
		for _, tty := range [][]string{nil, {"-t"}} {
			line := slices.Concat([]string{"run", "--rm", "-v", dev + ":/dev"}, tty, []string{attackerImage}, probe)
			r := s.davit(line...)
			if strings.Contains(r.out, "sys") {
				t.Errorf("/dev/%s -> %s: wrote %s", file, to, r.out)
			}
			line[3] = filepath.Join(dev, "pts") + ":/dev/pts"
			if r := s.davit(line...); strings.Contains(r.out, "sys") {
				t.Errorf("/dev/pts: wrote %s", r.out)
			}
		}
	}
	vol := s.volume("d")
	var said struct{ Exchanges int }
	s.during(&said, "redirect", []string{"-v", vol + ":/dev/vol"}, []string{"swap", "/dev/vol/d", "/proc/sys", "60"}, func() {
		for range races / 2 {
			s.ok("run", "--rm", "-t", "-v", vol+":/dev/vol", attackerImage, "true")
			s.davit("run", "--rm", "-t", "-v", vol+":/dev/vol", "--tmpfs", "/dev/vol/d/kernel", attackerImage, "true")
		}
	})
	s.noMounts()
}

// CVE-2020-1726: what the image has in the place of a volume never goes over
// the person's files.
func TestImageDoesNotWriteOverAVolume(t *testing.T) {
	s := newStage(t)
	const image = "confine/volume:latest"
	s.load(image, v1.Config{Volumes: map[string]struct{}{"/data": {}, "/data/sub": {}, "/proc/x": {}, "/link": {}, "/": {}}},
		images.Dir("data"), images.File("data/secret", "the image's"), images.File("data/dir/keep", "the image's"), images.Symlink("link", s.canary))
	if r := s.davit("run", "--rm", "-v", s.canary+":/data:ro", image, "true"); r.code == 0 {
		t.Errorf("a volume in /proc was accepted: %+v", r)
	}
	s.load(image, v1.Config{Volumes: map[string]struct{}{"/data": {}, "/link": {}, "/": {}}},
		images.Dir("data"), images.File("data/secret", "the image's"), images.File("data/dir/keep", "the image's"), images.Symlink("link", s.canary))
	if out := s.ok("run", "--rm", image, "cat", "/data/secret"); out != "the image's" {
		t.Errorf("without a volume the image's file is %q", out)
	}
	for _, v := range []string{s.canary + ":/data", s.canary + ":/data:ro", s.canary + ":/data/dir"} {
		out := s.ok("run", "--rm", "-v", v, image, "ls", "/data", "/data/dir")
		if !strings.Contains(out, "secret") {
			t.Errorf("%s: %q", v, out)
		}
	}
}

// The place of a mount is a link of the image's that leads out: the place is
// made inside.
func TestPlaceOfAMountIsInside(t *testing.T) {
	s := newStage(t)
	const image = "confine/place:latest"
	s.load(image, v1.Config{}, images.Symlink("mnt", s.canary), images.Symlink("up", strings.Repeat("../", 20)+s.canary[1:]))
	for _, target := range []string{"/mnt", "/mnt/x", "/up/x/y", "/up/dir/z"} {
		s.ok("run", "--rm", "-v", s.volume("a")+":"+target, image, "ls", target)
	}
	s.noMounts()
}
