// Package libct runs OCI bundles with runc's libcontainer.
//
// It is linked into davit-guard only, which is root of the user namespace in
// the host's net namespace. libcontainer executes that binary again, with
// "init" as its first argument, as the first instructions of each container
// and each exec; [Init] has to run before anything else then. The binary is
// never visible inside: libcontainer gives the kernel a sealed or read-only
// copy (CVE-2019-5736).
package libct

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/opencontainers/runc/libcontainer"
	"github.com/opencontainers/runc/libcontainer/configs"
	"github.com/opencontainers/runc/libcontainer/exeseal"
	_ "github.com/opencontainers/runc/libcontainer/nsenter" // joins and makes namespaces before Go's runtime starts
	"github.com/opencontainers/runc/libcontainer/specconv"
	"github.com/opencontainers/runc/libcontainer/utils"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"davit/backend/guard"
	"davit/backend/oci"
	"davit/backend/oci/libct/filter"
	"davit/backend/oci/libct/keyring"
	"davit/backend/oci/nptl"
	"davit/backend/oci/pidone"
	"davit/backend/userns"
)

// Init is the life of a container's first process up to its own program. It
// returns only in a process that is none.
func Init() {
	if len(os.Args) > 1 && os.Args[1] == "init" {
		nptl.Refresh()
		filter.Use()
		libcontainer.Init()
	}
}

// Runtime is guard.Runtime over libcontainer. A process has one: it waits for
// every child of the process.
type Runtime struct {
	state string

	mu       sync.Mutex
	ours     map[int]bool    // processes that the guard waits for, by pid
	entries  map[*entry]bool // starts under way that are not given up
	stuck    map[string]int  // starts given up that still hang, by container
	sweeping bool            // see sweep
	quiet    int             // looks since something was left
}

// New makes a runtime whose records are in that directory, which does not
// survive a reboot.
func New(state string) *Runtime {
	return &Runtime{state: state, ours: map[int]bool{}, entries: map[*entry]bool{}, stuck: map[string]int{}}
}

var _ guard.Runtime = (*Runtime)(nil)

// Create implements guard.Runtime.
func (r *Runtime) Create(id string, spec *specs.Spec, stdio guard.Stdio) (guard.Process, error) {
	config, err := specconv.CreateLibcontainerConfig(&specconv.CreateOpts{
		CgroupName: id,
		Spec:       spec,
		// What is executed in it later stays in the guard's as well: libcontainer
		// keeps this. None can put anything there.
		NoNewKeyring:    keyring.Own() && oci.Keyless(spec),
		RootlessCgroups: true, // without delegation limits are ignored rather than fatal
	})
	if err != nil {
		return nil, explain(fmt.Errorf("container configuration: %w", err), spec.Process.Args)
	}
	// Device rules cannot be set without root, and guard nothing: a user
	// namespace makes no device nodes.
	config.Cgroups.Resources.Devices = nil
	// A state left over by a guard that died in between is none of a running
	// container: the guard asks for one container once at a time.
	if err := r.Delete(id); err != nil {
		return nil, err
	}
	c, err := libcontainer.Create(r.state, id, config)
	if err != nil {
		return nil, explain(fmt.Errorf("create: %w", err), spec.Process.Args)
	}
	given, extra := spec.Process, []*os.File(nil)
	if spec.Annotations[oci.InitAnnotation] != "" {
		binary, err := exeseal.CloneSelfExe(r.state)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("init: %w", err), c.Destroy())
		}
		defer func() { _ = binary.Close() }()
		extra, given = append(extra, binary), withInit(given)
	}
	p, err := r.begin(c, given, stdio, opening{first: true, files: extra})
	if err != nil {
		return nil, errors.Join(err, c.Destroy())
	}
	return p, nil
}

// Exec implements guard.Runtime.
func (r *Runtime) Exec(id string, spec *specs.Process, stdio guard.Stdio) (guard.Process, error) {
	c, err := libcontainer.Load(r.state, id)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", id, err)
	}
	return r.begin(c, spec, stdio, opening{})
}

// Delete implements guard.Runtime.
func (r *Runtime) Delete(id string) error {
	c, err := libcontainer.Load(r.state, id)
	if errors.Is(err, libcontainer.ErrNotExist) {
		// Made but never saved: only the directory is there.
		return os.RemoveAll(r.state + "/" + id)
	}
	if err != nil {
		return os.RemoveAll(r.state + "/" + id)
	}
	// Whoever is still there was left by a guard that died while it started it.
	_ = c.Signal(unix.SIGKILL)
	if err := c.Destroy(); err != nil {
		return fmt.Errorf("delete %s: %w", id, err)
	}
	return nil
}

// List implements guard.Runtime.
func (r *Runtime) List() ([]string, error) {
	entries, err := os.ReadDir(r.state)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var ids []string
	for _, e := range entries {
		ids = append(ids, e.Name())
	}
	return ids, err
}

// resumeLimit is how long a first process may take to its last step before
// its program: it had almost reached it when its guard recorded it.
const resumeLimit = 2 * time.Second

// Resume implements guard.Runtime. The first process waits for a reader of
// this pipe, writes a byte and goes on; the pipe is removed after that. Where
// it had gone on already, nobody writes any more.
func (r *Runtime) Resume(id string) error {
	path := filepath.Join(r.state, id, "exec.fifo")
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	p := []unix.PollFd{{Fd: int32(f.Fd()), Events: unix.POLLIN}}
	for end := time.Now().Add(resumeLimit); time.Now().Before(end); {
		n, err := unix.Poll(p, int(time.Until(end).Milliseconds()))
		if err != unix.EINTR || n > 0 {
			break
		}
	}
	return os.Remove(path)
}

// withInit has our own binary executed before the program (see pidone). The
// clone is read-only, whatever rights the container has.
func withInit(p *specs.Process) *specs.Process {
	own := *p
	own.Args = append([]string{fmt.Sprintf("/proc/self/fd/%d", pidone.FD), pidone.Arg}, p.Args...)
	return &own
}

type process struct {
	runtime   *Runtime
	container *libcontainer.Container
	process   *libcontainer.Process
	console   *os.File
	args      []string
	pid       int
}

// opening is how a process begins.
type opening struct {
	first bool       // of its container
	files []*os.File // become its descriptors 3, 4, …
	mark  *os.File   // see enter.go
}

func start(c *libcontainer.Container, spec *specs.Process, stdio guard.Stdio, o opening) (*process, error) {
	lp, err := convert(spec)
	if err != nil {
		return nil, err
	}
	lp.Init, lp.ExtraFiles = o.first, o.files
	// It is for the process's own descriptor, which nobody reads: what counts is who has it.
	lp.PidfdSocket = o.mark
	lp.LogLevel = "2" // errors
	p := &process{container: c, process: lp, args: spec.Args}
	if spec.Terminal {
		err = p.withConsole()
	} else {
		lp.Stdin, lp.Stdout, lp.Stderr = stdio.In, stdio.Out, stdio.Err
		err = c.Start(lp)
	}
	if err != nil {
		return nil, explain(err, spec.Args)
	}
	if p.pid, err = lp.Pid(); err != nil {
		return nil, err
	}
	return p, nil
}

// withConsole starts the process and receives the terminal that it made
// inside its own mount namespace.
func (p *process) withConsole() error {
	ours, theirs, err := utils.NewSockPair("console")
	if err != nil {
		return err
	}
	defer func() { _ = ours.Close() }()
	p.process.ConsoleSocket = theirs
	err = p.container.Start(p.process)
	_ = theirs.Close()
	if err != nil {
		return err
	}
	if p.console, err = receiveFile(ours); err != nil {
		_ = p.process.Signal(unix.SIGKILL)
		return fmt.Errorf("terminal: %w", err)
	}
	return nil
}

func (p *process) PID() int          { return p.pid }
func (p *process) Console() *os.File { return p.console }

func (p *process) Start() error {
	if err := p.container.Exec(); err != nil {
		return explain(err, p.args)
	}
	p.awaitProgram()
	return nil
}

// programLimit bounds awaitProgram; it takes some 0.2 ms as a rule.
const programLimit = 500 * time.Millisecond

// awaitProgram returns once the container's own program is executed. Up to
// then the process is libcontainer's, whose namespaces the kernel lets nobody
// join: an exec right after the start would be refused.
func (p *process) awaitProgram() {
	for end := time.Now().Add(programLimit); time.Now().Before(end); time.Sleep(100 * time.Microsecond) {
		ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/ipc", p.pid))
		if err == nil {
			_ = ns.Close()
			return
		}
		if !errors.Is(err, os.ErrPermission) {
			return // it has ended
		}
	}
}

func (p *process) Wait() (syscall.WaitStatus, error) { return userns.Ended(p.pid) }

func (p *process) Reap() error {
	defer p.runtime.reaped(p.pid)
	state, err := p.process.Wait()
	if state != nil { // an ExitError only says that the status is not 0
		return nil
	}
	return err
}

func (p *process) Signal(sig unix.Signal) error {
	err := p.process.Signal(sig)
	if errors.Is(err, os.ErrProcessDone) || errors.Is(err, unix.ESRCH) {
		return nil
	}
	return err
}

// convert gives libcontainer's form of a process.
func convert(p *specs.Process) (*libcontainer.Process, error) {
	noNewPrivileges := p.NoNewPrivileges
	lp := &libcontainer.Process{
		Args: p.Args, Env: p.Env, Cwd: p.Cwd,
		UID: int(p.User.UID), GID: int(p.User.GID),
		NoNewPrivileges: &noNewPrivileges,
		AppArmorProfile: p.ApparmorProfile,
		Label:           p.SelinuxLabel,
	}
	for _, g := range p.User.AdditionalGids {
		lp.AdditionalGroups = append(lp.AdditionalGroups, int(g))
	}
	for _, r := range p.Rlimits {
		n, ok := oci.Rlimit(r.Type)
		if !ok {
			return nil, fmt.Errorf("there is no limit %s", r.Type)
		}
		lp.Rlimits = append(lp.Rlimits, configs.Rlimit{Type: n, Soft: r.Soft, Hard: r.Hard})
	}
	if c := p.Capabilities; c != nil {
		lp.Capabilities = &configs.Capabilities{
			Bounding: c.Bounding, Effective: c.Effective, Permitted: c.Permitted,
			Inheritable: c.Inheritable, Ambient: c.Ambient,
		}
	}
	if z := p.ConsoleSize; z != nil {
		lp.ConsoleWidth, lp.ConsoleHeight = uint16(z.Width), uint16(z.Height)
	}
	return lp, nil
}

// receiveFile takes the one descriptor that comes over socket.
func receiveFile(socket *os.File) (*os.File, error) {
	oob := make([]byte, unix.CmsgSpace(4))
	name := make([]byte, 4096)
	_, n, _, _, err := unix.Recvmsg(int(socket.Fd()), name, oob, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("recvmsg", err)
	}
	msgs, err := unix.ParseSocketControlMessage(oob[:n])
	if err != nil || len(msgs) != 1 {
		return nil, fmt.Errorf("no descriptor came: %w", errors.Join(err, os.ErrInvalid))
	}
	fds, err := unix.ParseUnixRights(&msgs[0])
	if err != nil || len(fds) != 1 {
		return nil, fmt.Errorf("no descriptor came: %w", errors.Join(err, os.ErrInvalid))
	}
	if err := unix.SetNonblock(fds[0], true); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fds[0]), "console"), nil
}
