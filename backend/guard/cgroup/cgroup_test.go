package cgroup

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"davit/backend/api"
)

// fake makes a group's directory with files as the kernel's, which hold what
// is written.
func fake(t *testing.T, files map[string]string) Group {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return Group(dir)
}

func TestLimitsAsTheKernelReadsThem(t *testing.T) {
	all := map[string]string{
		"memory.max": "max", "memory.swap.max": "max", "cpu.max": "max 100000", "cpuset.cpus": "0-1", "memory.low": "0", "pids.max": "max", "io.weight": "default 100", "cpu.weight": "100",
	}
	for name, c := range map[string]struct {
		l    api.Limits
		want map[string]string
	}{
		"memory":        {api.Limits{Memory: 64 << 20}, map[string]string{"memory.max": "67108864", "memory.swap.max": "67108864"}},
		"memory + swap": {api.Limits{Memory: 64 << 20, MemorySwap: 96 << 20}, map[string]string{"memory.max": "67108864", "memory.swap.max": "33554432"}},
		"endless swap":  {api.Limits{Memory: 64 << 20, MemorySwap: -1}, map[string]string{"memory.swap.max": "max"}},
		"no memory":     {api.Limits{Memory: -1}, map[string]string{"memory.max": "max", "memory.swap.max": "max"}},
		"cpus":          {api.Limits{CPUs: 1.5}, map[string]string{"cpu.max": "150000 100000"}},
		"no cpus":       {api.Limits{CPUs: -1}, map[string]string{"cpu.max": "max 100000"}},
		"every cpu":     {api.Limits{CPUSet: AllCPUs}, map[string]string{"cpuset.cpus": ""}},
		"third of one":  {api.Limits{CPUs: 0.29}, map[string]string{"cpu.max": "29000 100000"}},
		"reservation":   {api.Limits{MemoryReservation: 64 << 20}, map[string]string{"memory.low": "67108864", "memory.max": "max"}},
		"none":          {api.Limits{MemoryReservation: -1}, map[string]string{"memory.low": "0"}},
		"cpu set":       {api.Limits{CPUSet: "0,1"}, map[string]string{"cpuset.cpus": "0,1"}},
		"pids":          {api.Limits{Pids: 100}, map[string]string{"pids.max": "100"}},
		"no pids":       {api.Limits{Pids: -1}, map[string]string{"pids.max": "max"}},
		"least weight":  {api.Limits{IOWeight: 10}, map[string]string{"io.weight": "1"}},
		"no weight":     {api.Limits{IOWeight: -1, CPUShares: -1}, map[string]string{"io.weight": "100", "cpu.weight": "100"}},
		"usual share":   {api.Limits{CPUShares: 1024}, map[string]string{"cpu.weight": "100"}},
		"least share":   {api.Limits{CPUShares: 2}, map[string]string{"cpu.weight": "1"}},
		"half a share":  {api.Limits{CPUShares: 512}, map[string]string{"cpu.weight": "59"}},
		"most share":    {api.Limits{CPUShares: 262144}, map[string]string{"cpu.weight": "10000"}},
		"most weight":   {api.Limits{IOWeight: 1000}, map[string]string{"io.weight": "10000"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := fake(t, all)
			if err := g.Apply(c.l); err != nil {
				t.Fatal(err)
			}
			for file, want := range c.want {
				if got := g.read(file); got != want {
					t.Errorf("%s is %q, want %q", file, got, want)
				}
			}
		})
	}
}

// What the kernel made of a limit counts, not what was written.
func TestLimitsAreReadBack(t *testing.T) {
	for _, c := range []struct {
		same        func(a, b string) bool
		asked, read string
		want        bool
	}{
		{samePages, "67108865", "67108864", true}, {samePages, "67108864", "max", false}, {samePages, "67108864", "33554432", false},
		{samePages, "max", "max", true}, {samePages, "67108864", "67112960", false},
		{sameSet, "0,1,2", "0-2", true}, {sameSet, "0-1", "0-2", false}, {sameSet, "0", "", false},
		{sameWeight, "100", "default 100", true}, {sameWeight, "100", "default 100\n8:0 50", true}, {sameWeight, "100", "default 1000", false},
	} {
		if got := c.same(c.asked, c.read); got != c.want {
			t.Errorf("asked %q, read %q: %v", c.asked, c.read, got)
		}
	}
	g := fake(t, nil)
	if err := os.Symlink("/dev/null", filepath.Join(string(g), "pids.max")); err != nil {
		t.Fatal(err)
	}
	if err := g.Apply(api.Limits{Pids: 5}); api.KindOf(err) != api.KindHost {
		t.Errorf("a kernel that takes nothing: %v", err)
	}
}

// Programs inside find the limits that hold them where they look for such.
func TestLimitsAreSeenInside(t *testing.T) {
	g := fake(t, map[string]string{"memory.max": "max", "memory.swap.max": "max", "pids.max": "max", "cpu.max": "max 100000"})
	if err := os.Mkdir(filepath.Join(string(g), inner), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"memory.max", "pids.max"} { // not all controllers are there
		if err := os.WriteFile(filepath.Join(string(g), inner, file), []byte("max"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.Apply(api.Limits{Memory: 64 << 20, Pids: 20, CPUs: 1}); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{"memory.max": "67108864", "pids.max": "20"} {
		for _, at := range []Group{g, Group(filepath.Join(string(g), inner))} {
			if got := at.read(file); got != want {
				t.Errorf("%s of %s is %q, want %q", file, at, got, want)
			}
		}
	}
}

func TestMissingControllersRefuse(t *testing.T) {
	g := fake(t, map[string]string{"memory.max": "max"})
	for name, l := range map[string]api.Limits{
		"cpus": {CPUs: 1}, "pids": {Pids: 1}, "set": {CPUSet: "0"}, "weight": {IOWeight: 10}, "share": {CPUShares: 512}, "reservation": {MemoryReservation: 64 << 20},
		"swap by name": {Memory: 64 << 20, MemorySwap: 65 << 20},
	} {
		if err := g.Apply(l); api.KindOf(err) != api.KindHost {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, l := range map[string]api.Limits{"implied swap": {Memory: 64 << 20}, "nothing to take away": {CPUs: -1, Pids: -1, CPUShares: -1, IOWeight: -1, CPUSet: AllCPUs, MemoryReservation: -1}} {
		if err := g.Apply(l); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPlaces(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("mine.scope/cgroup.subtree_control", "memory pids\n")
	ours := write("ours", "0::/mine.scope/"+Keeper+"\n")
	foreign := write("foreign", "1:cpu:/\n0::/other.scope\n")
	p := at(dir, ours, true)
	if !p.OK() || !slices.Equal(p.Controllers(), []string{"memory", "pids"}) {
		t.Fatalf("%+v", p)
	}
	if err := p.Allows(api.Limits{Memory: 1 << 30, Pids: 5}); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]struct {
		p     Place
		words string
	}{
		"missing controller": {p, "controller cpu"},
		"not ours":           {at(dir, foreign, true), "given to Davit"},
		"version 1":          {at(dir, ours, false), "version 1"},
	} {
		err := c.p.Allows(api.Limits{CPUs: 1})
		e := api.AsError(err)
		if e == nil || e.Kind != api.KindHost || e.Hint == "" || e.ExitCode != 125 || !strings.Contains(e.Msg, c.words) {
			t.Errorf("%s: %+v", name, e)
		}
		if err := c.p.Allows(api.Limits{}); err != nil {
			t.Errorf("%s, no limits: %v", name, err)
		}
	}
	g, err := p.New("abc", api.Limits{})
	if err != nil || g != Group(filepath.Join(dir, "mine.scope", "davit-abc")) {
		t.Fatalf("%s, %v", g, err)
	}
	if err := p.Drop("abc"); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(string(g)); !os.IsNotExist(err) {
		t.Errorf("still there: %v", err)
	}
}

func TestValid(t *testing.T) {
	for name, l := range map[string]api.Limits{
		"little memory": {Memory: 1 << 20}, "swap alone": {MemorySwap: 1 << 30}, "swap below memory": {Memory: 2 << 30, MemorySwap: 1 << 30},
		"many cpus": {CPUs: 1e6}, "few cpus": {CPUs: 0.001}, "negative": {Pids: -2}, "set": {CPUSet: "1-0"}, "huge set": {CPUSet: "0-99999999"}, "no set": {CPUSet: AllCPUs},
		"reservation over limit": {Memory: 64 << 20, MemoryReservation: 65 << 20}, "little reservation": {MemoryReservation: 1},
		"light": {IOWeight: 9}, "no share": {CPUShares: 1}, "huge share": {CPUShares: 262145}, "heavy": {IOWeight: 1001}, "no number": {CPUs: nan()},
	} {
		if err := Valid(l); api.KindOf(err) != api.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, l := range []api.Limits{{}, {Memory: -1, CPUs: -1, Pids: -1, MemorySwap: -1}, {Memory: 6 << 20, CPUs: 0.01, CPUSet: "0", Pids: 1, IOWeight: 10}} {
		if err := Valid(l); err != nil {
			t.Errorf("%+v: %v", l, err)
		}
	}
}

func nan() float64 { zero := 0.0; return zero / zero }

func TestMerge(t *testing.T) {
	now := api.Limits{Memory: 100, MemorySwap: 200, CPUs: 1, Pids: 5, CPUSet: "0"}
	if got := Merge(now, api.Limits{CPUs: 2}); got != (api.Limits{Memory: 100, MemorySwap: 200, CPUs: 2, Pids: 5, CPUSet: "0"}) {
		t.Errorf("%+v", got)
	}
	if got := Merge(now, api.Limits{Memory: -1, Pids: -1, CPUSet: AllCPUs}); got != (api.Limits{CPUs: 1}) {
		t.Errorf("%+v", got)
	}
}

func TestUsage(t *testing.T) {
	g := fake(t, map[string]string{
		"cpu.stat": "usage_usec 1500000\nuser_usec 1\n", "memory.current": "1000\n", "memory.stat": "anon 1\ninactive_file 300\n",
		"memory.max": "5000\n", "pids.current": "7\n", "io.stat": "8:0 rbytes=10 wbytes=20 rios=1\n8:16 rbytes=1 wbytes=2\n",
		"memory.events": "oom 1\noom_kill 2\n", "cpu.pressure": "some avg10=1.50 avg60=0.00\n", "io.pressure": "some avg10=0.25 avg60=0\nfull avg10=9\n",
	})
	u := g.Usage()
	if u.CPU.Milliseconds() != 1500 || u.Memory != 700 || u.MemoryLimit != 5000 || u.Pids != 7 || u.DiskRead != 11 || u.DiskWritten != 22 {
		t.Errorf("%+v", u)
	}
	if u.Pressure == nil || u.Pressure.CPU != 1.5 || u.Pressure.IO != 0.25 || u.Pressure.Memory != 0 || g.OOMKills() != 2 {
		t.Errorf("%+v, %d", u.Pressure, g.OOMKills())
	}
	none := fake(t, nil).Usage()
	if none.HasCPU || none.HasMemory || none.HasDisk || none.HasPids || none.Pressure != nil {
		t.Errorf("nothing counted: %+v", none)
	}
}

// TestFreezer is the real kernel's, where this user may make groups.
func TestFreezer(t *testing.T) {
	parent := writable(t)
	g := Group(filepath.Join(parent, prefix+"test"))
	if err := os.MkdirAll(filepath.Join(string(g), inner), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Remove(); err != nil {
			t.Error(err)
		}
	})
	cmd := exec.Command("sh", "-c", "read x; sleep 100 & sleep 100")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	if err := os.WriteFile(filepath.Join(string(g), inner, "cgroup.procs"), []byte(strconv.Itoa(cmd.Process.Pid)), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Write([]byte("go\n")); err != nil {
		t.Fatal(err)
	}
	if err := g.Freeze(); err != nil {
		t.Fatal(err)
	}
	if g.read("cgroup.freeze") != "1" || g.Counter("cgroup.events", "frozen") != 1 {
		t.Error("not frozen")
	}
	if err := g.Thaw(); err != nil {
		t.Fatal(err)
	}
	if err := g.Freeze(); err != nil {
		t.Fatal(err)
	}
	go func() { ended <- cmd.Wait() }()
	if err := g.Remove(); err != nil { // kills what is frozen
		t.Fatal(err)
	}
	<-ended
}

// writable finds a group of version 2 that this process may divide.
func writable(t *testing.T) string {
	t.Helper()
	for _, mount := range []string{mountPoint, mountPoint + "/unified"} {
		var st unix.Statfs_t
		if unix.Statfs(mount, &st) != nil || st.Type != unix.CGROUP2_SUPER_MAGIC {
			continue
		}
		b, err := os.ReadFile("/proc/self/cgroup")
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok && unix.Access(filepath.Join(mount, path, "cgroup.procs"), unix.W_OK) == nil {
				return filepath.Join(mount, path)
			}
		}
	}
	t.Skip("no control group of version 2 is this user's to divide")
	return ""
}
