package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is set by the build (-ldflags -X main.version=…).
var version = "0.1.0-dev"

// VersionOptions are version's.
type VersionOptions struct {
	Format string
	JSON   bool
	Short  bool // one line, as --version prints it
}

func newVersionCommand() *command {
	var o VersionOptions
	c := &command{name: "version", args: "[OPTIONS]", group: "Davit", short: "Print Davit's version"}
	f := c.set()
	f.StringVarP(&o.Format, "format", "f", "", "Print by a Go template, or json")
	f.BoolVar(&o.JSON, "json", false, "Print a JSON object")
	c.run = func(ctx context.Context, e *env, _ []string) error { return runVersion(ctx, e, o) }
	return c
}

// build is which davit this is. There is no other half: Client and Server are
// the same, and are there for scripts that ask docker's way.
type build struct {
	Version, GitCommit, GoVersion, Os, Arch string
	APIVersion                              string `json:"ApiVersion"` // of docker's API that the output is shaped as
}

type versions struct {
	build
	Client, Server build
}

func runVersion(_ context.Context, e *env, o VersionOptions) error {
	b := thisBuild()
	switch {
	case o.JSON:
		return writeJSON(e.out, b)
	case o.Format != "":
		t := table[versions]{}
		return t.write(e.out, ListOptions{Format: o.Format}, []versions{{b, b, b}})
	case o.Short:
		fmt.Fprintf(e.out, "davit version %s\n", b.Version)
		return nil
	}
	fmt.Fprintf(e.out, "davit %s\n", b.Version)
	if b.GitCommit != "" {
		fmt.Fprintf(e.out, "commit %s\n", b.GitCommit)
	}
	fmt.Fprintf(e.out, "%s %s/%s\n", b.GoVersion, b.Os, b.Arch)
	return nil
}

func thisBuild() build {
	b := build{Version: version, GoVersion: runtime.Version(), Os: runtime.GOOS, Arch: runtime.GOARCH, APIVersion: "1.47"}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				b.GitCommit = s.Value
			}
		}
	}
	return b
}
