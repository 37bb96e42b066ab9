package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"davit/backend/api"
	"davit/backend/runspec"
)

// SpecOptions are the options that run and create share: what the container
// will be, and what becomes of the command line itself.
type SpecOptions struct {
	runspec.Flags
	compatible
	cidFile string
	pidFile string
	replace bool
	Access  AccessOptions
	reach   api.RegistryAccess // what Access says, for pulls alone
}

func (o *SpecOptions) addFlags(f *pflag.FlagSet) {
	o.Add(f)
	o.compatible.addFlags(f)
	f.BoolVar(&o.replace, "replace", false, "Remove the container of that --name first, where there is one")
	o.Access.addFlags(f)
	f.StringVar(&o.cidFile, "cidfile", "", "Write the container's id to this `file`")
}

// heed makes the options refer to where davit was started.
func (o *SpecOptions) heed(e *env) {
	o.Here = runspec.Here{
		Lookup: e.lookup,
		Path:   func(p string) (string, error) { return hostPath(e, p) },
		Lines:  readLines,
		Note: func(format string, args ...any) {
			fmt.Fprintf(e.err, "davit: warning: %s\n", cleanLine(fmt.Sprintf(format, args...)))
		},
	}
}

// hostPath makes a path absolute.
func hostPath(e *env, source string) (string, error) {
	if source == "~" || strings.HasPrefix(source, "~/") {
		source = filepath.Join(e.getenv("HOME"), source[1:])
	}
	abs, err := filepath.Abs(source)
	if err != nil {
		return "", fmt.Errorf("path %s: %w", source, err)
	}
	return abs, nil
}

// build makes the RunSpec of the options and IMAGE [COMMAND [ARG...]].
func (o *SpecOptions) build(args []string) (api.RunSpec, error) {
	s, err := o.Finish(args[0], args[1:])
	if err != nil {
		return s, &exitError{code: exitDavit, err: err}
	}
	if o.replace && s.Name == "" {
		return s, invalid("--replace wants --name: which container is to be replaced")
	}
	return s, nil
}

func hide(f *pflag.FlagSet, name string) {
	if flag := f.Lookup(name); flag != nil {
		flag.Hidden = true
	}
}
