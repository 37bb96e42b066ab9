package front

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"davit/backend/api"
	"davit/backend/mend"
	"davit/backend/userns"
)

// mendScratch names a directory that davit-mend takes for /, where it is not
// root: so tests change a computer of their own.
const mendScratch = "DAVIT_MEND_ROOT"

// mends is this computer as davit-mend will see it; nil where there is no such
// helper, as in a build of one's own that lacks it, or nobody to be asked for.
func mends(helper string) *mend.Host {
	path, err := filepath.EvalSymlinks(helper)
	if err != nil {
		return nil
	}
	me, err := user.LookupId(strconv.Itoa(os.Getuid()))
	if err != nil {
		return nil
	}
	return &mend.Host{
		Root: os.Getenv(mendScratch), User: me.Username, UID: os.Getuid(),
		Guard: filepath.Join(filepath.Dir(path), "davit-guard"),
	}
}

// Mend implements api.Service: the helper does it, as root, after pkexec has
// asked for the password.
func (s *service) Mend(ctx context.Context, r api.MendRequest) error {
	runs, err := mendRuns(r)
	if err != nil {
		return err
	}
	if mends(s.mend) == nil {
		return api.Errorf(api.KindHost, "davit-mend, which changes settings, is not there").
			WithHint("It comes with Davit's package. Set-up and davit doctor show the commands that do the same.")
	}
	for _, args := range runs {
		if err := s.pkexec(ctx, args); err != nil {
			return err
		}
	}
	return nil
}

// mendRuns are the helper's arguments, for each time that it has to be started.
func mendRuns(r api.MendRequest) ([][]string, error) {
	apply, undo := []string{"apply"}, []string{"undo"}
	for _, step := range r.Apply {
		apply = append(apply, step.Action+"="+step.Digest)
	}
	undo = append(undo, r.Undo...)
	for _, arg := range slices.Concat(apply[1:], undo[1:]) {
		if action, _, _ := strings.Cut(arg, "="); !slices.Contains(mend.Actions(), action) {
			return nil, api.Errorf(api.KindInvalid, "%q is nothing that Davit mends", action).
				WithHint("It mends: %s.", strings.Join(mend.Actions(), ", "))
		}
	}
	var runs [][]string
	for _, args := range [][]string{apply, undo} {
		if len(args) > 1 {
			runs = append(runs, args)
		}
	}
	if runs == nil {
		return nil, api.Errorf(api.KindInvalid, "nothing is to be mended")
	}
	return runs, nil
}

// The helper's exit codes and pkexec's own (pkexec(1)).
const (
	exitChanged   = 3
	exitDismissed = 126
	exitRefused   = 127
)

// mostWait bounds how long a password dialog may stand open.
const mostWait = 5 * time.Minute

func (s *service) pkexec(ctx context.Context, args []string) error {
	byHand := fmt.Sprintf("In a terminal it is: sudo %s %s", s.mend, strings.Join(args, " "))
	pkexec, err := exec.LookPath("pkexec")
	if err != nil {
		return api.Errorf(api.KindHost, "pkexec, which asks for your password, is not installed").WithHint("%s", byHand)
	}
	ctx, cancel := context.WithTimeout(ctx, mostWait)
	defer cancel()
	cmd, err := userns.Command(ctx, userns.DiesWithParent, pkexec, append([]string{s.mend}, args...)...)
	if err != nil {
		return api.AsError(err)
	}
	cmd.WaitDelay = time.Second
	var said bytes.Buffer
	cmd.Stderr = &said
	err = cmd.Run()
	if err == nil {
		return nil
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return api.AsError(err)
	}
	why := strings.TrimPrefix(strings.TrimSpace(said.String()), "davit-mend: ")
	switch exit.ExitCode() {
	case exitDismissed:
		return api.Errorf(api.KindCancelled, "nothing was changed: no password was given").WithHint("%s", byHand)
	case exitRefused:
		return api.Errorf(api.KindDenied, "you may not change this computer: %s", refusal(why)).WithHint("%s", byHand)
	case exitChanged:
		return api.Errorf(api.KindConflict, "nothing was changed: %s", why).WithHint("Check again, and look at what would be written now.")
	}
	return api.Errorf(api.KindHost, "%s", why).WithHint("%s", byHand)
}

// refusals are what pkexec and its helper say when nobody could be asked, or
// the password was none, and what that means. Both speak English only.
var refusals = []struct{ said, means string }{
	{"Authentication failure", "the password was not accepted"},
	{"No session for cookie", "pkexec asks for a password only where there is a log-in session, which some have none of over ssh"},
	{"No authentication agent found", "there is nothing here that could ask for a password"},
	{"textual authentication agent", "there is nothing here that could ask for a password"},
}

// refusal is that in words, or what was said, without the note that it is in a log.
func refusal(said string) string {
	for _, r := range refusals {
		if strings.Contains(said, r.said) {
			return r.means
		}
	}
	said, _, _ = strings.Cut(said, "\n\nThis incident has been reported.")
	return said
}
