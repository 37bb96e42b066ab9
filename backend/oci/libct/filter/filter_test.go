//go:build seccomp

package filter

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runc/libcontainer/seccomp"
	libseccomp "github.com/seccomp/libseccomp-golang"
	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/backend/oci/libct/filter/usual"
)

// TestMain is also the process that is held by a filter: see held.
func TestMain(m *testing.M) {
	if how := os.Getenv("DAVIT_TEST_FILTER"); how != "" {
		if err := held(how); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func ask(t *testing.T, spec api.RunSpec) []usual.Asked {
	t.Helper()
	p, err := usual.Profile(spec)
	if err != nil {
		t.Fatal(err)
	}
	all, err := usual.Ask(p)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func program(t *testing.T, all []usual.Asked) []byte {
	t.Helper()
	b, err := usual.Program(all)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func file(t *testing.T) []byte {
	t.Helper()
	b, err := usual.File()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestOtherFiltersAreLibseccomps: where anything is asked otherwise than
// usual, at whichever place, the program is that of libseccomp alone.
func TestOtherFiltersAreLibseccomps(t *testing.T) {
	all, kept := ask(t, api.RunSpec{}), file(t)
	n := len(all)
	do := func(f func(*libseccomp.ScmpFilter) error) []usual.Asked { return []usual.Asked{{Do: f}} }
	other := do(func(f *libseccomp.ScmpFilter) error { return f.AddRule(101, libseccomp.ActKillProcess) })
	const tooMany = 0x00050000 | 24 // EMFILE, which the profile gives to nobody
	for name, asked := range map[string][]usual.Asked{
		"usual":                    all,
		"without the last rule":    all[:n-1],
		"with one more":            slices.Concat(all, other),
		"another in the middle":    slices.Concat(all[:n/2], other, all[n/2:]),
		"without one":              slices.Concat(all[:n/2], all[n/2+1:]),
		"another order":            slices.Concat(all[:n-2], all[n-1:], all[n-2:n-1]),
		"no rules":                 all[:6],
		"of one with SYS_ADMIN":    ask(t, api.RunSpec{CapAdd: []string{"SYS_ADMIN"}}),
		"of one without any right": ask(t, api.RunSpec{CapDrop: []string{"ALL"}}),
		"another priority":         slices.Concat(all, do(func(f *libseccomp.ScmpFilter) error { return f.SetSyscallPriority(1, 9) })),
		"another default":          slices.Concat([]usual.Asked{{Words: []uint32{1, tooMany}}}, all[1:]),
		"for unknown processors":   slices.Concat(all, do(func(f *libseccomp.ScmpFilter) error { return f.SetBadArchAction(libseccomp.ActAllow) })),
	} {
		t.Run(name, func(t *testing.T) {
			use(nil)
			want := program(t, asked)
			use(kept)
			defer use(nil)
			before := taken()
			if got := program(t, asked); !bytes.Equal(got, want) {
				t.Errorf("%d bytes, and %d of libseccomp's", len(got), len(want))
			}
			if n := taken() - before; (n == 1) != (name == "usual") {
				t.Errorf("taken %d times", n)
			}
		})
	}
}

// TestCutFilesAreNotUsed: what was not written whole is as if it were not there.
func TestCutFilesAreNotUsed(t *testing.T) {
	all, kept := ask(t, api.RunSpec{}), file(t)
	rules, _ := parts(kept)
	defer use(nil)
	for _, n := range []int{0, 3, 4, 100, 4 + len(rules)} {
		use(kept[:n])
		before := taken()
		program(t, all)
		if taken() != before {
			t.Errorf("a file of %d bytes was used", n)
		}
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
	p, err := usual.Profile(spec)
	if err != nil {
		return err
	}
	kept, err := usual.File()
	if err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	if strings.Contains(how, "ours") {
		use(kept)
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
