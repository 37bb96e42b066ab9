package engine

import (
	"slices"
	"strings"

	"davit/backend/api"
)

// defaultPath is docker's, for images that say none.
const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// arguments joins what the image says of its command and what was asked for,
// as docker does: another entrypoint leaves the image's arguments out.
func arguments(img api.ImageConfig, s api.RunSpec) ([]string, error) {
	entry, cmd := img.Entrypoint, img.Cmd
	if len(s.Entrypoint) > 0 || s.ClearEntrypoint {
		entry, cmd = s.Entrypoint, nil
	}
	if len(s.Command) > 0 {
		cmd = s.Command
	}
	args := slices.Concat(entry, cmd)
	if len(args) == 0 || args[0] == "" {
		return nil, invalid(s.Image, "no command specified").WithExit(125).
			WithHint("The image does not say what to run: give a command after its name.")
	}
	return args, nil
}

// environment joins the defaults, the image's and the spec's variables; a
// later one takes the place of an earlier one. The guard adds HOME, for it
// knows the user.
func environment(img api.ImageConfig, s api.RunSpec, hostname string) []string {
	env := []string{defaultPath, "HOSTNAME=" + hostname}
	if s.TTY {
		env = append(env, "TERM=xterm")
	}
	at := map[string]int{}
	for i, e := range env {
		at[key(e)] = i
	}
	for _, e := range slices.Concat(img.Env, s.Env) {
		if i, ok := at[key(e)]; ok {
			env[i] = e
			continue
		}
		at[key(e)] = len(env)
		env = append(env, e)
	}
	return env
}

func key(e string) string {
	k, _, _ := strings.Cut(e, "=")
	return k
}
