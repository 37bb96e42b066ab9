package libct

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"

	"davit/backend/api"
)

// explain turns libcontainer's error into a sentence with docker's exit code:
// 127 where the program is not there, 126 where it cannot be run, 125 for the
// rest. What happened inside comes as text only, so text is what is read.
func explain(err error, args []string) error {
	program := ""
	if len(args) > 0 {
		program = args[0]
	}
	text := err.Error()
	e := api.Errorf(api.KindStart, "start the container: %w", err).WithExit(125)
	if strings.Contains(text, "oom_score_adj") {
		return api.Errorf(api.KindHost, "the score for when memory runs out cannot be had: the kernel lets only root make it less than what your programs have").
			WithHint("Give --oom-score-adj a number from 0 to 1000, or leave it out.").WithExit(125)
	}
	if strings.Contains(text, "session key") && strings.Contains(text, "quota exceeded") {
		return api.Errorf(api.KindHost, "the kernel lets you have no more keys, and each container that may use keys has one").
			WithHint("Run it without --privileged, seccomp=unconfined and unmasked paths, and it needs none. Or end some containers, or raise the bound as root: sysctl -w kernel.keys.maxkeys=2000 (it is 200 unless changed).").WithExit(125)
	}
	switch inside := strings.Contains(text, "exec: \"") || strings.Contains(text, "exec "+program); {
	case errors.Is(err, exec.ErrNotFound), strings.Contains(text, "executable file not found"):
		e = say(err, 127, "the program %q is not in the image", program).
			WithHint("None of the directories in the container's PATH has it. Check the spelling, or give the path that it has in the image.")
	case inside && (errors.Is(err, fs.ErrNotExist) || strings.Contains(text, "no such file or directory")):
		e = say(err, 127, "the program %q is not in the image", program).
			WithHint("The file or the interpreter that it names does not exist in the image.")
	case inside && strings.Contains(text, "exec format error"):
		e = say(err, 126, "the program %q is not made for this computer's processor, or is no program", program).
			WithHint("Pull the image for this platform: davit pull --platform.")
	case inside && (errors.Is(err, fs.ErrPermission) || strings.Contains(text, "permission denied") || strings.Contains(text, "is a directory")):
		e = say(err, 126, "the program %q may not be executed", program).
			WithHint("It is a directory, or its mode has no x, or the container's user may not read it.")
	case strings.Contains(text, "chdir to cwd"):
		e = noDirectory(err, text)
	case strings.Contains(text, "mount") && strings.Contains(text, "no such file or directory"):
		e = e.WithHint("A mount's source or target could not be found.")
	}
	return e
}

// noDirectory is the error of a working directory that cannot be entered. Its
// codes are docker's, which reads the same text.
func noDirectory(err error, text string) *api.Error {
	_, rest, _ := strings.Cut(text, `chdir to cwd ("`)
	dir, _, _ := strings.Cut(rest, `")`)
	if strings.Contains(rest, "no such file or directory") {
		return say(err, 127, "the working directory %q is not in the container", dir).
			WithHint("Make it first, or choose another one (-w).")
	}
	return say(err, 126, "the working directory %q cannot be entered", dir).
		WithHint("It is no directory, or the container's user may not enter it.")
}

func say(err error, code int, format string, args ...any) *api.Error {
	return &api.Error{Kind: api.KindStart, Msg: fmt.Sprintf(format, args...), ExitCode: code, Err: err}
}
