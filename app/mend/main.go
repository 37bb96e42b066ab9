// Command davit-mend changes the few settings of the computer that package mend
// lists, as root, for one request of one person:
//
//	pkexec davit-mend apply subids=DIGEST ping=DIGEST
//	pkexec davit-mend undo ping
//
// It believes nothing of what it is told but names from that list and the digest
// of what the person was shown. Who the person is, pkexec or sudo says. It is
// started by a front after a click or a command, is static, and ends at once.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"davit/backend/mend"
)

// scratch names a directory that stands for /, for tests. Only where the
// helper is not root does it count: then it can write nothing that its caller
// could not.
const scratch = "DAVIT_MEND_ROOT"

// The exit codes. pkexec's own are 126 and 127.
const (
	exitFailed  = 1
	exitUsage   = 2
	exitChanged = 3 // the computer is not as it was shown
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	syscall.Umask(0o022)
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "davit-mend:", err)
		os.Exit(code(err))
	}
}

var errUsage = errors.New("usage: davit-mend apply ACTION=DIGEST… | undo ACTION…")

func code(err error) int {
	switch {
	case errors.Is(err, errUsage):
		return exitUsage
	case errors.Is(err, mend.ErrChanged):
		return exitChanged
	}
	return exitFailed
}

// run does all that is asked for, or stops at the first that fails.
func run(ctx context.Context, args []string) error {
	if len(args) < 2 {
		return errUsage
	}
	h, err := host(os.Geteuid(), os.Getenv)
	if err != nil {
		return err
	}
	for _, arg := range args[1:] {
		action, digest, _ := strings.Cut(arg, "=")
		switch args[0] {
		case "apply":
			err = h.Apply(ctx, mend.Action(action), digest)
		case "undo":
			err = h.Undo(ctx, mend.Action(action))
		default:
			err = errUsage
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// host is this computer, for the person who asked.
func host(euid int, getenv func(string) string) (mend.Host, error) {
	var h mend.Host
	uid := strconv.Itoa(euid)
	switch {
	case euid != 0 && getenv(scratch) == "":
		return h, errors.New("this needs root: start it by pkexec or sudo")
	case euid != 0:
		h.Root = getenv(scratch)
	case getenv("PKEXEC_UID") != "":
		uid = getenv("PKEXEC_UID")
	default:
		uid = getenv("SUDO_UID")
	}
	u, err := user.LookupId(uid)
	if err != nil || uid == "0" {
		return h, fmt.Errorf("neither pkexec nor sudo says for whom: %q", uid)
	}
	h.User = u.Username
	if h.UID, err = strconv.Atoi(u.Uid); err != nil {
		return h, err
	}
	exe, err := os.Executable()
	h.Guard = filepath.Join(filepath.Dir(exe), "davit-guard")
	return h, err
}
