package libct

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/opencontainers/runc/libcontainer"
	"github.com/opencontainers/runc/libcontainer/exeseal"
	"github.com/opencontainers/runc/libcontainer/system"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/backend/guard"
	"davit/backend/oci"
	"davit/backend/oci/beside"
	"davit/backend/store"
)

// answerLimit is how long the holder may take for its three system calls: the
// container may stop it, or be short of processor time.
const answerLimit = 10 * time.Second

// maxAnswer bounds what the holder tells, in bytes.
const maxAnswer = 1 << 10

// searchPath is where programs are looked for where the container says nothing.
const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Debug implements guard.Runtime: see package beside for how.
func (r *Runtime) Debug(id string, spec *specs.Process, stdio guard.Stdio) (guard.Process, error) {
	h, err := r.hold(id)
	if err != nil {
		return nil, err
	}
	defer func() { h.end() }()
	place, err := h.place()
	if err != nil {
		return nil, err
	}
	start, err := system.Stat(h.process.pid)
	if err != nil {
		return nil, fmt.Errorf("debug %s: %w", id, err)
	}
	c, err := r.view(id, func(s *libcontainer.State) {
		s.InitProcessPid, s.InitProcessStartTime = h.process.pid, start.StartTime
	})
	if err != nil {
		return nil, err
	}
	own := *spec
	own.Env = searched(spec.Env, place)
	p, err := r.begin(c, &own, stdio, opening{})
	if err != nil {
		return nil, unlessTool(err, own.Args)
	}
	return p, nil
}

// unlessTool says of a missing program where it was looked for.
func unlessTool(err error, args []string) error {
	var e *api.Error
	if !errors.As(err, &e) || e.ExitCode != 127 || len(args) == 0 {
		return err
	}
	return say(err, 127, "the program %q is neither in the container nor in the toolbox", args[0]).
		WithHint("busybox --list, in the debug shell, tells what the toolbox has.")
}

// holder is the process that has the mounts of a debug shell until that is there.
type holder struct {
	process *process
	life    *os.File // its end is the holder's
	answer  *os.File
}

// hold starts a holder: as a process of the container's, but without its
// filter and with all capabilities that its user namespace has, for it mounts.
func (r *Runtime) hold(id string) (*holder, error) {
	tools, err := beside.Mount()
	if err != nil {
		return nil, err
	}
	defer func() { _ = tools.Close() }()
	c, err := r.view(id, func(s *libcontainer.State) {
		s.Config.Seccomp, s.Config.AppArmorProfile, s.Config.ProcessLabel, s.Config.Rlimits = nil, "", "", nil
	})
	if err != nil {
		return nil, err
	}
	binary, err := exeseal.CloneSelfExe(r.state)
	if err != nil {
		return nil, fmt.Errorf("debug %s: %w", id, err)
	}
	defer func() { _ = binary.Close() }()
	in, life, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer func() { _ = in.Close() }()
	answer, told, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, life.Close())
	}
	defer func() { _ = told.Close() }()
	p, err := r.begin(c, holding(), guard.Stdio{In: in, Out: told, Err: told}, opening{files: []*os.File{binary, tools, told}})
	if err != nil {
		return nil, errors.Join(err, life.Close(), answer.Close())
	}
	return &holder{process: p, life: life, answer: answer}, nil
}

// holding is the holder as a process.
func holding() *specs.Process {
	args := []string{fmt.Sprintf("/proc/self/fd/%d", beside.BinaryFD), beside.Arg}
	return &specs.Process{
		Args: append(args, beside.Places()...), Cwd: "/", NoNewPrivileges: true, Capabilities: oci.AllCapabilities(),
	}
}

// place waits for where the holder has mounted the tools.
func (h *holder) place() (string, error) {
	if err := h.answer.SetReadDeadline(time.Now().Add(answerLimit)); err != nil {
		return "", err
	}
	b := make([]byte, maxAnswer)
	n, err := h.answer.Read(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return "", hindrance("it had no toolbox after %s", answerLimit)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	places := beside.Places()
	for i, place := range places {
		if string(b[:n]) == fmt.Sprint(i) {
			return place, nil
		}
	}
	return "", api.Errorf(api.KindStart, "the toolbox cannot be put beside the container's files: %q", b[:n]).WithExit(125).
		WithHint("One of %s has to be a directory in the container.", strings.Join(places, ", "))
}

// end ends the holder. Its namespace goes on with the shell that joined it.
func (h *holder) end() {
	_ = h.life.Close()
	_ = h.answer.Close()
	_ = h.process.Signal(unix.SIGKILL)
	_ = h.process.Reap()
}

// view loads the container as changed by change, which is kept nowhere.
func (r *Runtime) view(id string, change func(*libcontainer.State)) (*libcontainer.Container, error) {
	var s libcontainer.State
	if err := store.ReadJSON(filepath.Join(r.state, id, "state.json"), &s); err != nil {
		return nil, fmt.Errorf("debug %s: %w", id, err)
	}
	change(&s)
	dir, err := os.MkdirTemp(filepath.Dir(r.state), "debug-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := os.Mkdir(filepath.Join(dir, id), 0o700); err != nil {
		return nil, err
	}
	if err := store.WriteJSON(filepath.Join(dir, id, "state.json"), s); err != nil {
		return nil, err
	}
	return libcontainer.Load(dir, id)
}

// searched is env with the tools before the container's own programs: the
// toolbox's shell has it so for those that it runs itself.
func searched(env []string, place string) []string {
	own, path := []string{}, searchPath
	for _, e := range env {
		if p, is := strings.CutPrefix(e, "PATH="); is {
			path = p
			continue
		}
		own = append(own, e)
	}
	return append(own, "PATH="+place+":"+path)
}
