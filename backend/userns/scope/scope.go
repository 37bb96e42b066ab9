// Package scope gets a part of the control groups (version 2) for the keeper
// and everything below it, so that containers can be limited and frozen.
//
// [Enter] runs in davit-guard before the user namespace is made: as the
// person, on the host, where the session's D-Bus and the whole hierarchy can be
// reached. It asks systemd for a transient scope of the person's manager with
// Delegate=yes; where there is none, a group that is the person's already
// serves as well (a service with Delegate=, or one made by root). [Unify] runs
// in the keeper's mount namespace.
package scope

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"
)

const (
	mountPoint = "/sys/fs/cgroup"
	hybrid     = mountPoint + "/unified"

	// Leaf is the group that our own processes stand in. Groups with processes
	// of their own cannot give controllers to others, so that it has to be
	// beside the containers' groups, not above them.
	Leaf = "davit-keeper"

	// limit bounds how long systemd may take to answer: containers run without
	// a scope as well.
	limit = 8 * time.Second
)

// Enter puts this process into a group of its own in a delegated part. Its
// error says why there is none; containers run without limits then.
func Enter(getenv func(string) string) error {
	mount := unified()
	if mount == "" {
		return errors.New("no control groups of version 2")
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	asked := ask(ctx, getenv)
	if err := enter(mount, "/proc/self/cgroup", os.Getpid()); err != nil {
		return errors.Join(err, asked)
	}
	return nil
}

// unified is where version 2 is mounted: alone, or beside version 1.
func unified() string {
	for _, dir := range []string{mountPoint, hybrid} {
		var st unix.Statfs_t
		if unix.Statfs(dir, &st) == nil && st.Type == unix.CGROUP2_SUPER_MAGIC {
			return dir
		}
	}
	return ""
}

// ask has systemd move this process into a new scope.
func ask(ctx context.Context, getenv func(string) string) error {
	address := getenv("DBUS_SESSION_BUS_ADDRESS")
	if address == "" {
		path := filepath.Join(getenv("XDG_RUNTIME_DIR"), "bus")
		if _, err := os.Lstat(path); err != nil {
			return fmt.Errorf("no session bus: %w", err)
		}
		address = "unix:path=" + dbus.EscapeBusAddressValue(path)
	}
	conn, err := dbus.Dial(address, dbus.WithContext(ctx))
	if err != nil {
		return fmt.Errorf("session bus: %w", err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.Auth([]dbus.Auth{dbus.AuthExternal(fmt.Sprint(os.Getuid()))}); err != nil {
		return fmt.Errorf("session bus: %w", err)
	}
	if err := conn.Hello(); err != nil {
		return fmt.Errorf("session bus: %w", err)
	}
	return start(ctx, conn, os.Getpid())
}

const (
	systemd = "org.freedesktop.systemd1"
	manager = systemd + ".Manager"
)

type property struct {
	Name  string
	Value dbus.Variant
}

type auxiliary struct {
	Name       string
	Properties []property
}

// start makes the scope and waits until systemd has done so.
func start(ctx context.Context, conn *dbus.Conn, pid int) error {
	jobs := make(chan *dbus.Signal, 16)
	conn.Signal(jobs)
	if err := conn.AddMatchSignalContext(ctx, dbus.WithMatchInterface(manager), dbus.WithMatchMember("JobRemoved")); err != nil {
		return fmt.Errorf("systemd: %w", err)
	}
	name := fmt.Sprintf("davit-%d.scope", pid)
	properties := []property{
		{"Description", dbus.MakeVariant("Davit's containers")},
		{"PIDs", dbus.MakeVariant([]uint32{uint32(pid)})},
		{"Delegate", dbus.MakeVariant(true)},
		{"CollectMode", dbus.MakeVariant("inactive-or-failed")},
	}
	var job dbus.ObjectPath
	err := conn.Object(systemd, "/org/freedesktop/systemd1").CallWithContext(ctx, manager+".StartTransientUnit", 0,
		name, "fail", properties, []auxiliary{}).Store(&job)
	if err != nil {
		return fmt.Errorf("systemd: start %s: %w", name, err)
	}
	for {
		select {
		case s := <-jobs:
			// id, job, unit, result
			if s != nil && len(s.Body) >= 4 && s.Body[1] == job {
				if result, _ := s.Body[3].(string); result != "done" {
					return fmt.Errorf("systemd: start %s: %s", name, result)
				}
				return nil
			}
		case <-ctx.Done():
			return fmt.Errorf("systemd: start %s: %w", name, ctx.Err())
		}
	}
}

// enter makes the leaf below this process's group, moves there and gives the
// groups beside it what controllers there are.
func enter(mount, self string, pid int) error {
	here, err := group(self)
	if err != nil {
		return err
	}
	root := filepath.Join(mount, here)
	if filepath.Base(here) == Leaf { // started by something of ours
		return nil
	}
	if err := unix.Access(filepath.Join(root, "cgroup.procs"), unix.W_OK); err != nil {
		return fmt.Errorf("the control group %s is not yours: %w", here, err)
	}
	leaf := filepath.Join(root, Leaf)
	if err := os.Mkdir(leaf, 0o755); err != nil && !os.IsExist(err) {
		return fmt.Errorf("control group: %w", err)
	}
	if err := os.WriteFile(filepath.Join(leaf, "cgroup.procs"), fmt.Append(nil, pid), 0); err != nil {
		return fmt.Errorf("control group: %w", err)
	}
	// One by one: where others stand in this group, some cannot be given on, and
	// containers go without the limits that need them.
	available, err := os.ReadFile(filepath.Join(root, "cgroup.controllers"))
	if err != nil {
		return fmt.Errorf("control group: %w", err)
	}
	for c := range strings.FieldsSeq(string(available)) {
		_ = os.WriteFile(filepath.Join(root, "cgroup.subtree_control"), []byte("+"+c), 0)
	}
	return nil
}

// group is the path of a process's group of version 2.
func group(self string) (string, error) {
	b, err := os.ReadFile(self)
	if err != nil {
		return "", fmt.Errorf("control group: %w", err)
	}
	for line := range bytes.Lines(b) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(string(line)), "0::"); ok {
			return path, nil
		}
	}
	return "", errors.New("this process has no control group of version 2")
}

// Unify shows version 2 alone at its usual place where it stands beside
// version 1 and a part of it is ours: who looks there then finds what it can
// use. The mount is seen in this mount namespace only.
func Unify() error {
	if unified() != hybrid {
		return nil
	}
	here, err := group("/proc/self/cgroup")
	if err != nil || filepath.Base(here) != Leaf {
		return nil // nothing of it is ours
	}
	if err := unix.Mount(hybrid, mountPoint, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("show version 2 of the control groups: %w", err)
	}
	return nil
}
