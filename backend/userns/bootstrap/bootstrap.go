// Package bootstrap makes the user namespace that all of a person's
// containers live in, and leaves one process in it: the keeper.
//
// It runs in davit-guard only. The way there, with the process and the
// namespaces that it is in:
//
//	davit-guard keep     the person's, host        Keep: chooses how
//	  └ (same, again)    clone: user + mount ns    rootlesskit's child: waits for the id maps, re-executes to gain capabilities
//	      └ noop         root in the user ns       rootlesskit's target command; its end tells that all is set up
//	    = keeper         root in the user ns       the child becomes the keeper by exec; the parent is told to go
//
// Where there are no subordinate ids or no newuidmap, the namespace maps one
// id only (rootlesskit has no such mode) and the child is the keeper at once.
package bootstrap

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"

	"github.com/rootless-containers/rootlesskit/v3/pkg/child"
	"github.com/rootless-containers/rootlesskit/v3/pkg/parent"
	"github.com/rootless-containers/rootlesskit/v3/pkg/parent/dynidtools"
	"github.com/rootless-containers/rootlesskit/v3/pkg/parent/idtools"
	"golang.org/x/sys/unix"

	"davit/backend/store"
	"davit/backend/userns/scope"
)

// The environment by which the stages know each other.
const (
	envPipe       = "_DAVIT_ROOTLESSKIT_PIPE"
	envActivation = "_DAVIT_ROOTLESSKIT_ACTIVATION"
	envHelper     = "_DAVIT_ROOTLESSKIT_HELPER"
	envState      = "_DAVIT_ROOTLESSKIT_STATE"
	// EnvParent holds the process id of the rootlesskit parent, which the
	// keeper ends when it is ready: nothing needs it any more.
	EnvParent = "_DAVIT_BOOTSTRAP_PARENT"
)

// The first arguments by which davit-guard becomes the keeper, and by which
// it does nothing.
const (
	keeperArg = "keeper"
	noopArg   = "noop"
)

// IsChild tells whether this process is rootlesskit's child.
func IsChild() bool { return os.Getenv(envPipe) != "" }

// Keep makes the namespace and starts the keeper in it. It returns only if
// that goes wrong; when all is well the keeper ends this process.
// runtimeDir is where rootlesskit's state stands while it works.
func Keep(runtimeDir string) error {
	if os.Geteuid() == 0 {
		return errors.New("davit-guard does not run as root: containers are made with your own rights")
	}
	if err := os.Setenv(store.EnvUID, strconv.Itoa(os.Getuid())); err != nil {
		return err
	}
	// Before anything is cloned: all below is born into the scope.
	if err := scope.Enter(os.Getenv); err != nil {
		fmt.Fprintf(os.Stderr, "davit-guard: containers cannot be limited: %v\n", err)
	}
	why := limited()
	if why != nil {
		return keepSingle(why)
	}
	return keepMapped(runtimeDir)
}

func keepMapped(runtimeDir string) error {
	state, err := os.MkdirTemp(runtimeDir, "rootlesskit-")
	if err != nil {
		return err
	}
	if err := os.Setenv(EnvParent, strconv.Itoa(os.Getpid())); err != nil {
		return err
	}
	go watchChild(state)
	return parent.Parent(parent.Opt{
		PipeFDEnvKey:             envPipe,
		ChildUseActivationEnvKey: envActivation,
		StateDir:                 state,
		StateDirEnvKey:           envState,
	})
}

// Child is rootlesskit's child. It becomes the keeper, or tells why not.
func Child() error {
	err := child.Child(child.Opt{
		PipeFDEnvKey:              envPipe,
		RunActivationHelperEnvKey: envHelper,
		ChildUseActivationEnvKey:  envActivation,
		StateDirEnvKey:            envState,
		TargetCmd:                 []string{"/proc/self/exe", noopArg},
		Propagation:               "rslave",
	})
	if err != nil {
		return err
	}
	return becomeKeeper()
}

// becomeKeeper replaces this process: a fresh one has none of the memory,
// threads and death signals that setting up left behind. Only the calling
// thread survives an exec, so its death signal is the one that counts.
func becomeKeeper() error {
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("clear the death signal: %w", err)
	}
	state := os.Getenv(envState)
	for _, k := range []string{envPipe, envActivation, envHelper, envState} {
		if err := os.Unsetenv(k); err != nil {
			return err
		}
	}
	if state != "" {
		_ = os.RemoveAll(state) // ours alone; the parent is not going to
	}
	err := syscall.Exec("/proc/self/exe", []string{"davit-guard", keeperArg}, os.Environ())
	return fmt.Errorf("become the keeper: %w", err)
}

// limited tells why only one user id can be mapped, or nil.
func limited() error {
	for _, tool := range []string{"newuidmap", "newgidmap"} {
		if _, err := exec.LookPath(tool); err != nil {
			return err
		}
	}
	u, err := user.Current()
	if err != nil {
		return err
	}
	uids, gids, err := idtools.GetSubIDRanges(os.Getuid(), u.Username)
	if err == nil && len(uids) > 0 && len(gids) > 0 {
		return nil
	}
	uids, gids, err = dynidtools.GetSubIDRanges(os.Getuid(), u.Username)
	if err != nil {
		return fmt.Errorf("subordinate ids: %w", err)
	}
	if len(uids) == 0 || len(gids) == 0 {
		return errors.New("no subordinate ids")
	}
	return nil
}

// keepSingle maps one user id. The child is the keeper at once: the kernel
// writes the map before it is executed.
func keepSingle(why error) error {
	fmt.Fprintf(os.Stderr, "davit-guard: only one user id can be mapped: %v\n", why)
	if err := os.Setenv(EnvParent, strconv.Itoa(os.Getpid())); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(filepath.Clean(self), keeperArg)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:                 syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings:                []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings:                []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		GidMappingsEnableSetgroups: false,
	}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("user namespace: %w", err)
	}
	return nil
}
