package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"davit/tests/home"
)

// puller is a tool that gets images from a registry.
type puller struct {
	name    string
	in      func(*home.Home) tool
	prepare []string // makes the store, so that this is not timed
	pull    func(h *home.Home, ref string) []string
	again   func(h *home.Home, ref string) []string // nil: it has nothing of the kind
	disk    string                                  // in the place: what it keeps
}

// pullers gives all tools that are there: those that run containers, and
// those that only carry images. It says which are not to be had.
func (b *bench) pullers(ctx context.Context) (all []puller) {
	for _, t := range b.tools {
		if t.name == ours {
			all = append(all, davitPulls(t))
		} else {
			all = append(all, podmanPulls())
		}
	}
	skopeo, err := exec.LookPath("skopeo")
	if err != nil {
		b.lacking("skopeo", "it is not installed (apt-get install skopeo)")
	} else {
		all = append(all, skopeoPulls(skopeo))
	}
	if umoci := b.peer("umoci"); umoci != "" && skopeo != "" {
		all = append(all, umociPulls(skopeo, umoci))
	}
	if crane := b.peer("crane"); crane != "" {
		all = append(all, cranePulls(crane))
	}
	for _, t := range all {
		b.version(ctx, t)
	}
	return all
}

// peer is the path of a program that build/bench built from source.
func (b *bench) peer(program string) string {
	found, _ := filepath.Glob(filepath.Join(os.Getenv("DAVIT_BENCH_PEERS"), program+"-v*"))
	if len(found) == 0 {
		b.lacking(program, "not to be had: its source could not be fetched or built")
		return ""
	}
	return slices.Max(found)
}

func davitPulls(t tool) puller {
	pull := func(_ *home.Home, ref string) []string { return []string{"pull", "-q", ref} }
	return puller{
		name: ours,
		in: func(h *home.Home) tool {
			return tool{name: ours, command: t.command, env: h.Env(), processes: h.Processes}
		},
		prepare: []string{"images"}, pull: pull, again: pull, disk: "data",
	}
}

func podmanPulls() puller {
	pull := func(_ *home.Home, ref string) []string { return []string{"pull", "-q", "--tls-verify=false", ref} }
	return puller{name: "podman", in: podman, prepare: []string{"images"}, pull: pull, again: pull, disk: "podman"}
}

// skopeoPulls copies into a store as podman has it.
func skopeoPulls(program string) puller {
	copyIn := func(h *home.Home, ref string) []string {
		dir := filepath.Join(h.Dir, "skopeo")
		store := fmt.Sprintf("containers-storage:[overlay@%s+%s]%s", filepath.Join(dir, "root"), filepath.Join(dir, "run"), ref)
		return []string{"copy", "-q", "--src-tls-verify=false", "docker://" + ref, store}
	}
	return puller{name: "skopeo", in: plain("skopeo", program), pull: copyIn, again: copyIn, disk: "skopeo"}
}

// umociPulls fetches by skopeo, as umoci cannot, and unpacks into one directory.
func umociPulls(skopeo, umoci string) puller {
	return puller{
		name: "umoci", in: plain("umoci", "/bin/sh"), disk: "umoci",
		pull: func(h *home.Home, ref string) []string {
			const script = `mkdir "$1" && "$3" copy -q --src-tls-verify=false "docker://$2" "oci:$1/layout:it" && exec "$4" unpack --rootless --image "$1/layout:it" "$1/bundle"`
			return []string{"-c", script, "umoci", filepath.Join(h.Dir, "umoci"), ref, skopeo, umoci}
		},
	}
}

// cranePulls fetches and does not unpack; asking for the digest is what it has
// of pulling again.
func cranePulls(program string) puller {
	return puller{
		name: "crane", in: plain("crane", program), disk: "crane",
		pull: func(h *home.Home, ref string) []string {
			return []string{"pull", "--insecure", "--format", "oci", ref, filepath.Join(h.Dir, "crane")}
		},
		again: func(_ *home.Home, ref string) []string { return []string{"digest", "--insecure", ref} },
	}
}

// plain is a program without a store of its own.
func plain(name, program string) func(*home.Home) tool {
	return func(h *home.Home) tool { return tool{name: name, command: []string{program}, env: h.Env()} }
}

// version notes what a tool calls itself.
func (b *bench) version(ctx context.Context, t puller) {
	if b.Versions[t.name] != "" {
		return
	}
	program, args := t.name, []string{"--version"}
	if t.name != "skopeo" {
		program = b.peer(t.name)
	}
	if t.name == "crane" {
		args = []string{"version"}
	}
	if out, err := exec.CommandContext(ctx, program, args...).Output(); err == nil {
		b.Versions[t.name], _, _ = strings.Cut(strings.TrimSpace(string(out)), "\n")
	}
}
