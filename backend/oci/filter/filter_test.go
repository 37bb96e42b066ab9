//go:build seccomp && amd64

package filter

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runc/libcontainer/configs"
	"github.com/opencontainers/runc/libcontainer/seccomp"
	"github.com/opencontainers/runc/libcontainer/specconv"
	"github.com/opencontainers/runtime-spec/specs-go"
	libseccomp "github.com/seccomp/libseccomp-golang"
	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/backend/oci"
	"davit/backend/store"
)

var update = flag.Bool("update", false, "write usual_amd64.bin")

// TestMain is also the process that is held by a filter: see held.
func TestMain(m *testing.M) {
	if how := os.Getenv("DAVIT_TEST_FILTER"); how != "" {
		if err := held(how); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	m.Run()
}

// profile is the filter that a container with these options gets.
func profile(t testing.TB, spec api.RunSpec) *configs.Seccomp {
	t.Helper()
	p, err := profileOf(spec)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func profileOf(spec api.RunSpec) (*configs.Seccomp, error) {
	s, err := oci.Spec(store.Record{ID: "abc", Name: "web", Args: []string{"sh"}, Spec: spec, Hostname: "abc"}, oci.SpecOptions{Dir: "/c/abc"})
	if err != nil {
		return nil, err
	}
	return specconv.SetupSeccomp(s.Linux.Seccomp)
}

// asked is one thing that libcontainer asks of libseccomp.
type asked struct {
	words []uint32
	do    func(*libseccomp.ScmpFilter) error
}

// ask lists them, in the order of libcontainer's InitSeccomp. That it is that
// one TestTheUsualFilterIsTaken sees.
func ask(t testing.TB, p *configs.Seccomp) []asked {
	t.Helper()
	const noNewPrivileges, tsync, ssb, optimize = 3, 4, 7, 8 // enum scmp_filter_attr
	all := []asked{
		{words: []uint32{1, errno(*p.DefaultErrnoRet)}},
		{words: []uint32{3, tsync, 1}},
	}
	for _, name := range p.Architectures {
		arch, err := libseccomp.GetArchFromString(name)
		if err != nil {
			t.Fatal(err)
		}
		const auditAMD64 = 0xc000003e
		all = append(all, asked{[]uint32{2, auditAMD64}, func(f *libseccomp.ScmpFilter) error { return f.AddArch(arch) }})
	}
	for _, flag := range p.Flags {
		if flag != specs.LinuxSeccompFlagSpecAllow {
			t.Fatalf("a flag that this test does not know: %s", flag)
		}
		all = append(all, asked{[]uint32{3, ssb, 1}, func(f *libseccomp.ScmpFilter) error { return f.SetSSB(true) }})
	}
	all = append(all,
		asked{[]uint32{3, optimize, 2}, func(f *libseccomp.ScmpFilter) error { return f.SetOptimize(2) }},
		asked{[]uint32{3, noNewPrivileges, 0}, func(f *libseccomp.ScmpFilter) error { return f.SetNoNewPrivsBit(false) }})
	for _, call := range p.Syscalls {
		all = append(all, rules(t, p, call)...)
	}
	return all
}

func errno(n uint) uint32 { return 0x00050000 | uint32(n) }

// operators have the values of enum scmp_compare.
var operators = map[configs.Operator]struct {
	op   libseccomp.ScmpCompareOp
	word uint32
}{
	configs.NotEqualTo: {libseccomp.CompareNotEqual, 1}, configs.LessThan: {libseccomp.CompareLess, 2},
	configs.LessThanOrEqualTo: {libseccomp.CompareLessOrEqual, 3}, configs.EqualTo: {libseccomp.CompareEqual, 4},
	configs.GreaterThanOrEqualTo: {libseccomp.CompareGreaterEqual, 5}, configs.GreaterThan: {libseccomp.CompareGreater, 6},
	configs.MaskEqualTo: {libseccomp.CompareMaskedEqual, 7},
}

func rules(t testing.TB, p *configs.Seccomp, call *configs.Syscall) (all []asked) {
	t.Helper()
	nr, err := libseccomp.GetSyscallFromName(call.Name)
	if err != nil {
		return nil // of a newer kernel than libseccomp knows
	}
	action, word := libseccomp.ActAllow, uint32(0x7fff0000)
	if call.Action == configs.Errno {
		action, word = libseccomp.ActErrno.SetReturnCode(int16(*call.ErrnoRet)), errno(*call.ErrnoRet)
	} else if call.Action != configs.Allow {
		t.Fatalf("%s: an action that this test does not know: %v", call.Name, call.Action)
	}
	if word == errno(*p.DefaultErrnoRet) {
		return nil
	}
	w := []uint32{4, word, uint32(nr), uint32(len(call.Args))}
	var conditions []libseccomp.ScmpCondition
	for _, a := range call.Args {
		c, err := libseccomp.MakeCondition(a.Index, operators[a.Op].op, a.Value, a.ValueTwo)
		if err != nil {
			t.Fatal(err)
		}
		conditions = append(conditions, c)
		w = append(w, uint32(a.Index), operators[a.Op].word, uint32(a.Value), uint32(a.Value>>32), uint32(a.ValueTwo), uint32(a.ValueTwo>>32))
	}
	return []asked{{w, func(f *libseccomp.ScmpFilter) error {
		if len(conditions) == 0 {
			return f.AddRule(nr, action)
		}
		return f.AddRuleConditional(nr, action, conditions)
	}}}
}

// program is what libseccomp, or this package, makes of it all.
func program(t testing.TB, all []asked) []byte {
	t.Helper()
	f, err := libseccomp.NewFilter(libseccomp.ActErrno.SetReturnCode(int16(all[0].words[1] & 0xffff)))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Release()
	for _, a := range all {
		if a.do == nil {
			continue
		}
		if err := a.do(f); err != nil {
			t.Fatal(err)
		}
	}
	out, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if err := f.ExportBPF(out); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func words(all []asked) []byte {
	var b []byte
	for _, a := range all {
		for _, w := range a.words {
			b = binary.NativeEndian.AppendUint32(b, w)
		}
	}
	return b
}

// TestTheUsualFilterIsLibseccomps: what is kept are the rules of a container
// without options, and lets pass what libseccomp's own program of them does.
func TestTheUsualFilterIsLibseccomps(t *testing.T) {
	all := ask(t, profile(t, api.RunSpec{}))
	w, made := words(all), program(t, all)
	if *update {
		b := binary.NativeEndian.AppendUint32(version(), uint32(len(w)))
		if err := os.WriteFile("usual_amd64.bin", append(append(b, w...), made...), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	sameVersion(t)
	rules, kept := parts(usual)
	if rules != string(w) {
		t.Fatal("usual_amd64.bin has not the rules of today's profile: run this test with -update")
	}
	same(t, all, made, []byte(kept))
}

func version() []byte {
	major, minor, micro := libseccomp.GetLibraryVersion()
	return []byte{byte(major), byte(minor), byte(micro), 0}
}

// sameVersion ends a test of what is kept where libseccomp is another: it may
// know other system calls, and then nothing is taken from here.
func sameVersion(t *testing.T) {
	t.Helper()
	if v := version(); string(v) != usual[:4] {
		t.Skipf("libseccomp is %d; what is kept was made by %d", v, []byte(usual[:4]))
	}
}

// same runs both programs on each system call with what its conditions are
// about and what stands beside that.
func same(t *testing.T, all []asked, one, other []byte) {
	t.Helper()
	const amd64, i386 = 0xc000003e, 0x40000003
	values := []uint64{0, 1, 1 << 31, 1 << 32, 1<<64 - 1}
	for _, a := range all {
		if a.words[0] != 4 {
			continue
		}
		for c := a.words[4:]; len(c) > 0; c = c[6:] {
			for _, v := range []uint64{uint64(c[2]) | uint64(c[3])<<32, uint64(c[4]) | uint64(c[5])<<32} {
				values = append(values, v, v+1, v-1, v|1<<40)
			}
		}
	}
	slices.Sort(values)
	values = slices.Compact(values)
	for _, arch := range []uint32{amd64, i386, 0} {
		for nr := range uint32(1024) {
			for _, high := range []uint32{0, 1 << 30, 1 << 31} {
				for i := range 6 * len(values) {
					var args [6]uint64
					args[i%6] = values[i/6]
					d := data(arch, nr|high, args)
					if a, b := run(t, one, d), run(t, other, d); a != b {
						t.Fatalf("arch %#x, system call %#x, arguments %#x: %#x and %#x", arch, nr|high, args, a, b)
					}
				}
			}
		}
	}
}

func data(arch, nr uint32, args [6]uint64) (d [16]uint32) {
	d[0], d[1] = nr, arch
	for i, a := range args {
		d[4+2*i], d[5+2*i] = uint32(a), uint32(a>>32)
	}
	return d
}

// run interprets a program; d is struct seccomp_data, as words.
func run(t *testing.T, program []byte, d [16]uint32) uint32 {
	var a uint32
	for pc := 0; pc*8 < len(program); pc++ {
		in := program[pc*8:]
		code, jt, jf, k := binary.NativeEndian.Uint16(in), in[2], in[3], binary.NativeEndian.Uint32(in[4:])
		var yes bool
		switch code {
		case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
			a = d[k/4]
			continue
		case unix.BPF_ALU | unix.BPF_AND | unix.BPF_K:
			a &= k
			continue
		case unix.BPF_JMP | unix.BPF_JA:
			pc += int(k)
			continue
		case unix.BPF_RET | unix.BPF_K:
			return k
		case unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K:
			yes = a == k
		case unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K:
			yes = a > k
		case unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K:
			yes = a >= k
		case unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K:
			yes = a&k != 0
		default:
			t.Fatalf("an instruction that this test does not know: %#x", code)
		}
		if yes {
			pc += int(jt)
		} else {
			pc += int(jf)
		}
	}
	t.Fatal("a program without an end")
	return 0
}

// TestOtherFiltersAreLibseccomps: where anything is asked otherwise than
// usual, at whichever place, the program is that of libseccomp alone.
func TestOtherFiltersAreLibseccomps(t *testing.T) {
	sameVersion(t)
	all := ask(t, profile(t, api.RunSpec{}))
	n := len(all)
	other := asked{do: func(f *libseccomp.ScmpFilter) error { return f.AddRule(101 /* ptrace */, libseccomp.ActKillProcess) }}
	for name, all := range map[string][]asked{
		"usual":                    all,
		"without the last rule":    all[:n-1],
		"with one more":            append(slices.Clone(all), other),
		"another in the middle":    slices.Concat(all[:n/2], []asked{other}, all[n/2:]),
		"without one":              slices.Concat(all[:n/2], all[n/2+1:]),
		"another order":            slices.Concat(all[:n-2], all[n-1:], all[n-2:n-1]),
		"no rules":                 all[:6],
		"of one with SYS_ADMIN":    ask(t, profile(t, api.RunSpec{CapAdd: []string{"SYS_ADMIN"}})),
		"of one without any right": ask(t, profile(t, api.RunSpec{CapDrop: []string{"ALL"}})),
		"another priority":         append(slices.Clone(all), asked{do: func(f *libseccomp.ScmpFilter) error { return f.SetSyscallPriority(1, 9) }}),
		"another default": append([]asked{{words: []uint32{1, errno(13)}}},
			all[1:]...),
		"more architectures": append(slices.Clone(all), asked{do: func(f *libseccomp.ScmpFilter) error { return f.AddArch(libseccomp.ArchX86) }}),
	} {
		t.Run(name, func(t *testing.T) {
			use("")
			want := program(t, all)
			Use()
			defer use("")
			before := taken()
			if got := program(t, all); name != "usual" && !bytes.Equal(got, want) {
				t.Errorf("%d bytes, and %d of libseccomp's", len(got), len(want))
			}
			if n := taken() - before; (n == 1) != (name == "usual") {
				t.Errorf("taken %d times", n)
			}
		})
	}
}

// held is a process that has the filter of a container; it tells how many it
// took from here and what it may do then.
func held(how string) error {
	runtime.LockOSThread()
	var spec api.RunSpec
	if strings.Contains(how, "admin") {
		spec.CapAdd = []string{"SYS_ADMIN"}
	}
	p, err := profileOf(spec)
	if err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	if strings.Contains(how, "ours") {
		Use()
	}
	if _, err := seccomp.InitSeccomp(p); err != nil {
		return err
	}
	fmt.Println("taken", taken())
	for _, call := range [][4]uintptr{
		{unix.SYS_GETPID}, {unix.SYS_KEYCTL, 99}, {unix.SYS_MOUNT}, {unix.SYS_SETNS, 1 << 20}, {unix.SYS_BPF, 99}, {unix.SYS_UNSHARE, 0},
		{unix.SYS_PERSONALITY, 0xffffffff}, {unix.SYS_PERSONALITY, 0x1234}, {unix.SYS_SOCKET, unix.AF_VSOCK, 99}, {unix.SYS_SOCKET, unix.AF_UNIX, 99},
		{unix.SYS_KEXEC_LOAD, 0, 99}, {600}, {unix.SYS_CLONE3}, {unix.SYS_ADD_KEY},
	} {
		_, _, e := unix.RawSyscall(call[0], call[1], call[2], call[3])
		fmt.Println(call[0], call[1], int(e))
	}
	return nil
}

// TestTheUsualFilterIsTaken: libcontainer's filter for a container without
// options comes from here, others do not, and what it lets pass is the same.
func TestTheUsualFilterIsTaken(t *testing.T) {
	sameVersion(t)
	for _, admin := range []string{"", " admin"} {
		told := map[string]string{}
		for _, how := range []string{"ours", "theirs"} {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), "DAVIT_TEST_FILTER="+how+admin)
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%s%s: %v: %s", how, admin, err, out)
			}
			first, rest, _ := strings.Cut(string(out), "\n")
			if want := how == "ours" && admin == ""; (first == "taken 1") != want {
				t.Errorf("%s%s: %s", how, admin, first)
			}
			told[how] = rest
		}
		if told["ours"] != told["theirs"] || !strings.Contains(told["ours"], fmt.Sprintf("%d 99 1\n", unix.SYS_KEYCTL)) {
			t.Errorf("%s: with ours:\n%s\nwith libseccomp's:\n%s", admin, told["ours"], told["theirs"])
		}
	}
}
