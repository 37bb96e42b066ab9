package doctor

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const envTold = "DAVIT_DOCTOR_TELLS"

func errnoOf(err error) (e syscall.Errno) {
	errors.As(err, &e)
	return e
}

// The probe makes each link for real: where tests run containers, all can be
// made.
func TestLinksAreMade(t *testing.T) {
	l := runLinks(t.Context(), "/proc/self/exe")
	if l.notRun != nil || len(l.failed) > 0 {
		t.Errorf("%+v", l)
	}
}

func TestWhatTheProbeSays(t *testing.T) {
	const said = spoken + "tap: 0 <nil>\nbridge: 95 operation not supported\nveth: 0 no answer\nnf_tables: 0 <nil>\n"
	l := readLinks(said)
	if l.notRun != nil || len(l.failed) != 2 || !errors.Is(l.failed["bridge"], unix.EOPNOTSUPP) || l.failed["veth"] == nil {
		t.Errorf("%+v", l)
	}
	for _, text := range []string{"", "tap: 0 <nil>\n", spoken, spoken + "tap: 0 <nil>\nbridge\n", "Usage: something else\n"} {
		if l := readLinks(text); l.notRun == nil {
			t.Errorf("%q: %+v", text, l)
		}
	}
}

// In a network namespace as the kernel makes it, a person may neither open a
// port below 1024 nor ping; that is found by trying.
func TestRefusalsAreFoundByTrying(t *testing.T) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), envTold+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		// Another number inside, so that no right is left.
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 1000, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 1000, HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintln(int(unix.EACCES), int(unix.EACCES)); string(out) != want {
		t.Errorf("refused with %q, want %q", out, want)
	}
}
