package confine

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sys/unix"

	"davit/tests/images"
)

// CVE-2019-14271: nothing of ours loads code from a rootfs: the binaries have
// no loader and no libraries, and what is mapped is their own.
func TestNothingIsLoadedFromARootfs(t *testing.T) {
	s := newStage(t)
	for _, b := range binaries {
		f, err := elf.Open(filepath.Join(s.Bin, b))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = f.Close() }()
		if libs, err := f.ImportedLibraries(); err != nil || len(libs) != 0 {
			t.Errorf("%s wants the libraries %v, %v", b, libs, err)
		}
		for _, p := range f.Progs {
			if p.Type == elf.PT_INTERP {
				t.Errorf("%s has a loader", b)
			}
		}
	}
	const image = "confine/libraries:latest"
	var entries []images.Entry
	for _, lib := range []string{"libnss_files.so.2", "libnss_dns.so.2", "libc.so.6", "libnss_evil.so.2"} {
		for _, dir := range []string{"lib", "lib64", "usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"} {
			entries = append(entries, images.File(dir+"/"+lib, "\x7fELF"))
		}
	}
	entries = append(entries, images.File("etc/nsswitch.conf", "passwd: evil files\nhosts: evil\n"), images.File("etc/ld.so.preload", "/lib/libnss_evil.so.2\n"))
	s.load(image, v1.Config{Env: []string{"LD_PRELOAD=/lib/libnss_evil.so.2", "LD_LIBRARY_PATH=/lib"}}, entries...)
	s.start("libraries", image, "sleep", "100")
	s.ok("exec", "-u", "nobody", "libraries", "true")
	for _, p := range s.processes(supervisors...) {
		maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", p.PID))
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			continue // what carried out the exec has ended
		}
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(maps)) {
			f := strings.Fields(line)
			if len(f) < 6 || strings.HasPrefix(f[5], "[") || strings.HasPrefix(f[5], "/memfd:") || filepath.Dir(f[5]) == s.Bin || f[5] == "anon_inode:[eventpoll]" {
				continue
			}
			t.Errorf("%s has %s mapped", p.Role, f[5])
		}
	}
}

// CVE-2020-15257: none of our processes listens on an abstract socket, which
// every container in the host's network namespace could reach.
func TestNoAbstractSockets(t *testing.T) {
	s := newStage(t)
	s.start("sockets", attackerImage, "sleep", "100")
	abstract := map[string]string{}
	for line := range strings.Lines(read(t, "/proc/net/unix")) {
		if f := strings.Fields(line); len(f) == 8 && strings.HasPrefix(f[7], "@") {
			abstract["socket:["+f[6]+"]"] = f[7]
		}
	}
	for _, p := range s.processes(supervisors...) {
		fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", p.PID))
		if err != nil {
			t.Fatal(err)
		}
		for _, fd := range fds {
			if to, err := os.Readlink(fd); err == nil && abstract[to] != "" {
				t.Errorf("%s has the abstract socket %s", p.Role, abstract[to])
			}
		}
	}
}

// A container that has been given the runtime directory, with a warning, still
// commands nothing: our sockets do not answer what is inside a container.
func TestSocketsDoNotAnswerAContainer(t *testing.T) {
	s := newStage(t)
	run := filepath.Join(s.Dir, "run")
	for name, options := range walls {
		for _, socket := range []string{"keeper", "guard", "netd-default"} {
			line := append([]string{"run", "--rm", "-v", run + ":/x"}, options...)
			r := s.davit(append(line, attackerImage, "/attacker", "knock", "/x/davit/"+socket+".sock", "/bin/sh", "-c", "touch "+s.canary+"/spawned")...)
			if r.code == 0 || !strings.Contains(r.out, "error:") || strings.Contains(r.out, "connect:") {
				t.Errorf("%s: %s.sock answered: %+v", name, socket, r)
			}
		}
	}
	for _, dir := range []string{"run/davit", "data/davit", "data/davit/containers"} {
		if r := s.davit("run", "--rm", "-v", filepath.Join(s.Dir, dir)+":/x", attackerImage, "true"); r.code != 125 {
			t.Errorf("%s was shown to a container: %+v", dir, r)
		}
	}
}

// The host's /proc as a volume shows processes and no more: none of ours can
// be looked into by root of a container, which has the same user id.
func TestProcessesOfOursCannotBeLookedInto(t *testing.T) {
	s := newStage(t)
	s.start("proc", "-v", "/proc:/host", attackerImage, "sleep", "100")
	for _, p := range s.processes(supervisors...) {
		dir := fmt.Sprintf("/host/%d/", p.PID)
		out := s.ok("exec", "proc", "/attacker", "list", dir+"environ", dir+"maps", dir+"auxv", dir+"fd/3", dir+"fdinfo/3", dir+"root", dir+"cwd", dir+"root"+s.canary)
		if strings.TrimSpace(out) != "" {
			t.Errorf("%s shows %s", p.Role, out)
		}
		if out := s.ok("exec", "proc", "/attacker", "write", dir+"mem", dir+"oom_score_adj", dir+"uid_map", dir+"root"+s.canary+"/secret"); strings.TrimSpace(out) != "[]" {
			t.Errorf("%s: wrote %s", p.Role, out)
		}
	}
}

// CVE-2021-41103: other users of the computer reach neither sockets nor files;
// what has to be open inside a rootfs is behind a closed door.
func TestOnlyThePersonReachesOurFiles(t *testing.T) {
	s := newStage(t)
	s.start("modes", attackerImage, "sleep", "100")
	for _, dir := range []string{"run/davit", "data/davit", "data/davit/containers", "data/davit/images", "data/davit/layers"} {
		info, err := os.Stat(filepath.Join(s.Dir, dir))
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", dir, info.Mode(), err)
		}
	}
	err := filepath.WalkDir(filepath.Join(s.Dir, "run/davit"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if info, err := d.Info(); err == nil && info.Mode().Perm()&0o077 != 0 && !strings.Contains(path, "/oci/") {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	files, err := filepath.Glob(filepath.Join(s.Dir, "data/davit/containers/*/*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	open := map[string]bool{"hosts": true, "hostname": true, "resolv.conf": true} // everyone inside reads them
	for _, f := range files {
		if info, err := os.Lstat(f); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 && !open[filepath.Base(f)] {
			t.Errorf("%s has mode %v", f, info.Mode())
		}
	}
}

// No secret of the person's environment or of a log-in is written down by us.
func TestNoSecretsInOurLog(t *testing.T) {
	t.Setenv("GITHUB_TOKEN", "leaked-token")
	s := newStage(t)
	s.davit("login", "-u", "ada", "-p", "leaked-password", "127.0.0.1:1")
	s.davit("pull", "ada:leaked-password@127.0.0.1:1/x")
	s.ok("run", "--rm", "-e", "PASSWORD=leaked-setting", attackerImage, "true")
	s.davit("exec", "-e", "PASSWORD=leaked-setting", "nobody-here", "true")
	if log := read(t, filepath.Join(s.Dir, "run/davit/keeper.log")); strings.Contains(log, "leaked-") {
		t.Errorf("the log holds a secret:\n%s", log)
	}
}
