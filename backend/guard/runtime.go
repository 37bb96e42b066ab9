package guard

import (
	"os"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Runtime runs OCI bundles. oci/libct implements it with runc's libcontainer,
// whose own interface changes with every minor version.
type Runtime interface {
	// Create makes a container of spec with its first process waiting to be
	// started. Errors are *api.Error of KindStart with the exit code that docker gives.
	Create(id string, spec *specs.Spec, stdio Stdio) (Process, error)
	// Exec starts a further process in a running container.
	Exec(id string, p *specs.Process, stdio Stdio) (Process, error)
	// Debug is Exec with a toolbox: the process has the container's namespaces,
	// but a mount namespace of its own, in which programs lie first on its PATH
	// that the container does not see.
	Debug(id string, p *specs.Process, stdio Stdio) (Process, error)
	// Delete forgets a container whose processes have ended; an unknown one is
	// no error.
	Delete(id string) error
	// List lists the containers that are not forgotten, also those that an
	// earlier guard was killed in the middle of making.
	List() ([]string, error)
	// Resume is [Process.Start] for a container that an earlier guard made; one
	// that has started is no error.
	Resume(id string) error
}

// Stdio are the ends of the standard streams that the process gets. With a
// terminal in the spec all three are ignored and [Process.Console] holds its
// other end.
type Stdio struct{ In, Out, Err *os.File }

// Process is a process of a container.
type Process interface {
	PID() int
	// Start lets the first process of a container go on to its program.
	// Exec's processes run already.
	Start() error
	// Wait waits for the end. The process stays a zombie until Reap, so that
	// its exit code survives us.
	Wait() (syscall.WaitStatus, error)
	Reap() error
	Signal(sig unix.Signal) error
	// Console is the pty's master, nil without a terminal. The caller closes it.
	Console() *os.File
}
