package main

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"davit/tests/home"
)

// pullRounds is how often each image is pulled by each tool. Every round has
// stores of its own, and none is removed before the end: after a mass delete
// ext4 looks past freed inodes, and creating a file costs ten times as much.
const pullRounds = 3

// pulls measures how images come from a registry on this machine.
func (b *bench) pulls(ctx context.Context) (err error) {
	addr, end, err := dockerRegistry(b.home.Dir)
	if err != nil || addr == "" {
		return err
	}
	defer end()
	for _, i := range []struct {
		name string
		make func() (v1.Image, error)
	}{
		{"61 MB, 1 layer", func() (v1.Image, error) { return synthetic(1, 9_000, 61<<20) }},
		{"320 MB, 7 layers, 60,000 entries", func() (v1.Image, error) { return synthetic(7, 60_000, 320<<20) }},
	} {
		ref := fmt.Sprintf("%s/bench/image:%d", addr, len(i.name))
		img, err := i.make()
		if err != nil {
			return err
		}
		tag, err := name.NewTag(ref, name.Insecure)
		if err != nil {
			return err
		}
		if err := remote.Write(tag, img, remote.WithContext(ctx), remote.WithJobs(2)); err != nil {
			return fmt.Errorf("fill the registry: %w", err)
		}
		for round := range pullRounds {
			for _, t := range b.tools {
				if err := b.pullOnce(ctx, t, i.name, ref, round); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// pullOnce pulls into a new store and looks at what that took.
func (b *bench) pullOnce(ctx context.Context, t tool, what, ref string, round int) (err error) {
	h, err := home.New(os.Getenv("DAVIT_BIN"))
	if err != nil {
		return err
	}
	defer func() {
		if cerr := endPodman(h); err == nil {
			err = cerr
		}
		b.stale = append(b.stale, h)
	}()
	fresh := tool{name: ours, command: t.command, env: h.Env(), processes: h.Processes}
	if t.name != ours {
		fresh = podman(h)
	}
	if _, err := fresh.run(ctx, "images"); err != nil { // makes the store
		return err
	}
	pull := []string{"pull", "-q", ref}
	if t.name != ours {
		pull = []string{"pull", "-q", "--tls-verify=false", ref}
	}
	used, err := watched(ctx, fresh, h, pull)
	if err != nil {
		return err
	}
	b.time(ratio("pull "+what, 0.6), t.name, used.wall)
	b.add(ratio("pull "+what+", CPU", 0.8), "ms", t.name, float64(used.cpu.Milliseconds()))
	b.add(ratio("pull "+what+", peak memory", 1), "MB", t.name, float64(used.peak)*1024/1e6)
	disk, err := diskOf(filepath.Join(h.Dir, map[bool]string{true: "data", false: "podman"}[t.name == ours]))
	if err != nil {
		return err
	}
	b.add(ratio("pull "+what+", disk", 1.05), "MB", t.name, float64(disk)/1e6)
	for range 3 {
		began := time.Now()
		if _, err := fresh.run(ctx, pull...); err != nil {
			return err
		}
		b.time(ratio("pull again "+what, 0.4), t.name, time.Since(began))
	}
	if t.name == ours && round == 0 {
		return b.look(ctx, fresh, what, ref)
	}
	return nil
}

// look times the layer view, the first and the second time.
func (b *bench) look(ctx context.Context, t tool, what, ref string) error {
	for _, f := range []figure{{"layers of " + what + ", first time", nil}, {"layers of " + what + ", again", []limit{{Most: 1000}}}} {
		began := time.Now()
		if _, err := t.run(ctx, "image", "dive", ref); err != nil {
			return err
		}
		b.time(f, ours, time.Since(began))
	}
	return nil
}

// usage is what a command took, its helpers counted.
type usage struct {
	wall, cpu time.Duration
	peak      int // KiB, of all its processes at once
}

// watched runs a command and adds up what it and the processes that it leaves
// took: CPU by what they had before and after, memory by looking.
func watched(ctx context.Context, t tool, h *home.Home, args []string) (usage, error) {
	before := ticksOf(h)
	cmd := t.cmd(ctx, args...)
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return usage{}, err
	}
	stop := make(chan struct{})
	var peak int
	var all sync.WaitGroup
	all.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				peak = max(peak, residentOf(h, cmd.Process.Pid))
			}
		}
	})
	err := cmd.Wait()
	u := usage{wall: time.Since(began)}
	close(stop)
	all.Wait()
	time.Sleep(300 * time.Millisecond) // what ends with it has ended, and its parent has counted it
	u.cpu, u.peak = cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()+ticksOf(h)-before, peak
	if err != nil {
		return u, fmt.Errorf("%s %s: %w", t.name, strings.Join(args, " "), err)
	}
	return u, nil
}

// ticksOf adds up the CPU time of the processes of a place that go on, with
// that of their children that ended.
func ticksOf(h *home.Home) (sum time.Duration) {
	for _, pid := range inPlace(h) {
		text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
		if err != nil {
			continue
		}
		f := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		for _, field := range f[11:15] { // utime, stime, cutime, cstime: proc(5) counts from 1
			n, _ := strconv.Atoi(field)
			sum += time.Duration(n) * 10 * time.Millisecond
		}
	}
	return sum
}

// residentOf adds up the resident memory of a command and of the processes of
// its place.
func residentOf(h *home.Home, pid int) (sum int) {
	seen := map[int]bool{}
	for _, p := range append(inPlace(h), pid) {
		if seen[p] {
			continue
		}
		seen[p] = true
		text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p), "status"))
		if err != nil {
			continue
		}
		if _, rest, ok := strings.Cut(string(text), "VmRSS:"); ok {
			n, _ := strconv.Atoi(strings.Fields(rest)[0])
			sum += n
		}
	}
	return sum
}

// inPlace lists the processes that have a place's directories in their environment.
func inPlace(h *home.Home) (out []int) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, d := range dirs {
		environ, err := os.ReadFile(filepath.Join(d, "environ"))
		if err == nil && strings.Contains(string(environ), "XDG_RUNTIME_DIR="+filepath.Join(h.Dir, "run")+"\x00") {
			pid, _ := strconv.Atoi(filepath.Base(d))
			out = append(out, pid)
		}
	}
	return out
}

// diskOf adds up the blocks below a directory, each file once.
func diskOf(dir string) (sum int64, err error) {
	seen := map[uint64]bool{}
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // another id's: the images of these measures have none
		}
		info, err := d.Info()
		if err != nil {
			return nil
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		if ok && !seen[st.Ino] {
			seen[st.Ino] = true
			sum += st.Blocks * 512
		}
		return nil
	})
	return sum, err
}

// dockerRegistry starts Debian's registry; "" where there is none.
func dockerRegistry(dir string) (addr string, end func(), err error) {
	bin, err := exec.LookPath("docker-registry")
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: docker-registry is not installed, so pulls are not measured (apt-get install docker-registry)")
		return "", nil, nil
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	addr = l.Addr().String()
	if err := l.Close(); err != nil {
		return "", nil, err
	}
	config := filepath.Join(dir, "registry.yml")
	text := fmt.Sprintf("version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: %s}\n", filepath.Join(dir, "registry"), addr)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return "", nil, err
	}
	cmd := exec.Command(bin, "serve", config)
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	end = func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
	for until := time.Now().Add(10 * time.Second); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", addr); err == nil {
			_ = c.Close()
			return addr, end, nil
		}
	}
	end()
	return "", nil, fmt.Errorf("docker-registry does not listen on %s", addr)
}
