// Package cgroup makes control groups of version 2 for containers, where a
// part of the hierarchy is the person's: limits that are applied and read
// back, the freezer, and what the kernel counts.
//
// It runs in guard and engine, as root of the user namespace. The keeper
// stands in the group "davit-keeper" of the part that was delegated (see
// userns/scope), with all that it spawns; a container gets two groups beside
// that one:
//
//	<delegated>/davit-keeper         keeper, guard, netd, engines
//	<delegated>/davit-<id>           limits, freezer, counters
//	<delegated>/davit-<id>/container the root of the container's cgroup namespace
//
// The limits stand one level above what the container can see, so that it
// cannot change them even where its cgroup file system is writable. They are
// written to the inner group, too: programs size their heaps and threads by
// what they find at /sys/fs/cgroup.
package cgroup

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"davit/backend/api"
)

const (
	mountPoint = "/sys/fs/cgroup"
	// Keeper is the name of the group that our own processes stand in.
	Keeper = "davit-keeper"
	prefix = "davit-"
	inner  = "container"
)

// Place is where groups can be made; the zero value is nowhere.
type Place struct {
	root        string   // directory of the delegated part; "": none
	controllers []string // that groups below it can have
	why         *api.Error
}

// Here finds the place of this process.
func Here() Place {
	return at(mountPoint, "/proc/self/cgroup", isUnified())
}

func isUnified() bool {
	var st unix.Statfs_t
	return unix.Statfs(mountPoint, &st) == nil && st.Type == unix.CGROUP2_SUPER_MAGIC
}

func at(mount, self string, unified bool) Place {
	if !unified {
		return Place{why: api.Errorf(api.KindHost, "this machine's control groups are of version 1, of which no part can be given to a person").
			WithHint("Start the machine with systemd.unified_cgroup_hierarchy=1; `davit doctor` shows the commands.")}
	}
	b, err := os.ReadFile(self)
	if err != nil {
		return Place{why: api.Errorf(api.KindHost, "this process's control group cannot be read: %w", err)}
	}
	for line := range bytes.Lines(b) {
		path, ok := strings.CutPrefix(strings.TrimSpace(string(line)), "0::")
		if !ok || filepath.Base(path) != Keeper {
			continue
		}
		p := Place{root: filepath.Join(mount, filepath.Dir(path))}
		p.controllers = strings.Fields(p.line("cgroup.subtree_control"))
		return p
	}
	return Place{why: api.Errorf(api.KindHost, "no part of this machine's control groups was given to Davit").
		WithHint("It asks systemd for one when the first container starts; `davit doctor` shows what is missing.")}
}

// OK tells whether groups can be made.
func (p Place) OK() bool { return p.root != "" }

// Why says in words why no groups can be made; "" where they can.
func (p Place) Why() string {
	if p.why == nil {
		return ""
	}
	return p.why.Msg
}

// Controllers are those that a container's group has.
func (p Place) Controllers() []string { return slices.Clone(p.controllers) }

func (p Place) line(name string) string { return read(filepath.Join(p.root, name)) }

func read(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// Group is a container's group, by its directory; "" is none.
type Group string

// New makes the group of a container and applies its limits. Where nothing is
// delegated there is no group, and limits are refused (KindHost).
func (p Place) New(id string, l api.Limits) (Group, error) {
	if err := p.Allows(l); err != nil {
		return "", err
	}
	if !p.OK() {
		return "", nil
	}
	g := Group(filepath.Join(p.root, prefix+id))
	// One that was left by a guard that died may hold frozen processes.
	if err := g.Remove(); err != nil {
		return "", err
	}
	if err := os.Mkdir(string(g), 0o755); err != nil {
		if errors.Is(err, fs.ErrPermission) && l == (api.Limits{}) {
			return "", nil // taken away meanwhile; nobody asked for anything of it
		}
		return "", fmt.Errorf("control group: %w", err)
	}
	g.nest(p.controllers)
	if err := g.Apply(l); err != nil {
		return "", errors.Join(err, g.Remove())
	}
	return g, nil
}

// nest makes the group that the container sees, with the controllers that
// there are. Where that does not work, the runtime makes it, without.
func (g Group) nest(controllers []string) {
	for _, c := range controllers {
		_ = g.write("cgroup.subtree_control", "+"+c)
	}
	_ = os.Mkdir(filepath.Join(string(g), inner), 0o755)
}

// Drop removes the group of a container that has ended.
func (p Place) Drop(id string) error {
	if !p.OK() {
		return nil
	}
	return Group(filepath.Join(p.root, prefix+id)).Remove()
}

// Path is the container's own group as the runtime-spec names it, below the
// root of the hierarchy.
func (g Group) Path() string {
	return strings.TrimPrefix(filepath.Join(string(g), inner), mountPoint)
}

// Remove kills what is left in the group and removes it with all groups that
// the container made below.
func (g Group) Remove() error {
	if g == "" {
		return nil
	}
	if _, err := os.Lstat(string(g)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	_ = g.write("cgroup.kill", "1") // Linux 5.14; else nothing is left in any case
	var err error
	// Processes that were killed leave their group when they are reaped.
	for end := time.Now().Add(2 * time.Second); ; time.Sleep(time.Millisecond) {
		if err = removeTree(string(g)); err == nil || time.Now().After(end) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("control group: %w", err)
	}
	return nil
}

// write writes to one of the kernel's files, which is there or not.
func (g Group) write(file, text string) error {
	f, err := os.OpenFile(filepath.Join(string(g), file), os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// removeTree removes groups from the bottom: their files are the kernel's.
func removeTree(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := removeTree(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	if err := unix.Rmdir(dir); err != nil && err != unix.ENOENT {
		return &fs.PathError{Op: "rmdir", Path: dir, Err: err}
	}
	return nil
}

// freezeLimit bounds how long the kernel may take to freeze a group: a process
// in uninterruptible sleep has to wake first.
const freezeLimit = 5 * time.Second

// Freeze holds all processes of the group where they are.
func (g Group) Freeze() error { return g.freezer("1") }

// Thaw lets them go on.
func (g Group) Thaw() error { return g.freezer("0") }

func (g Group) freezer(state string) error {
	if err := g.write("cgroup.freeze", state); err != nil {
		return fmt.Errorf("freezer: %w", err)
	}
	for end := time.Now().Add(freezeLimit); ; time.Sleep(time.Millisecond) {
		if g.Counter("cgroup.events", "frozen") == number(state) {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("freezer: the processes did not stop within %s", freezeLimit)
		}
	}
}
