package images

import (
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

const inside = "DAVIT_TEST_INSIDE"

// Main runs a package's tests as root: of the machine where they already are,
// else of a user namespace of one id, in which the test binary starts itself
// again. It is for TestMain: os.Exit(images.Main(m)).
func Main(m *testing.M) int {
	if os.Getuid() == 0 || os.Getenv(inside) != "" {
		return m.Run()
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
	if err := cmd.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "tests in a user namespace:", err)
		return 1
	}
	return 0
}

// Quiet logs nowhere.
func Quiet() *log.Logger { return log.New(io.Discard, "", 0) }
