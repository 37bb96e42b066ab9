package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// lane is a server in a container, or what is nearest to one, and the way to
// it from the host: one of those that are compared.
type lane struct {
	name string
	// to is where the host reaches the server; "" where it does not.
	to string
	// host is where the inside reaches the host's server; "": not measured.
	host string
	// inside runs load in the place of the server.
	inside    func(ctx context.Context, args ...string) *exec.Cmd
	container string // its name, where it is one
	carriers  []int  // the processes that carry the traffic; none: the kernel alone does
	end       func() error
}

// servedAt is the port on which the servers in containers listen.
const servedAt = "9000"

// load gives the path of the program that makes traffic, which stands beside ours.
func load() (string, error) {
	self, err := os.Executable()
	return filepath.Join(filepath.Dir(self), "load"), err
}

// freePort finds a port that TCP and UDP have free.
func freePort() (string, error) {
	for range 100 {
		l, err := net.Listen("tcp", ":0")
		if err != nil {
			return "", err
		}
		_, port, _ := net.SplitHostPort(l.Addr().String())
		u, err := net.ListenPacket("udp", ":"+port)
		_ = l.Close()
		if err == nil {
			return port, u.Close()
		}
	}
	return "", errors.New("no port is free")
}

// hostAddress is an address of this machine that is not its loopback.
func hostAddress() (netip.Addr, error) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return netip.Addr{}, err
	}
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() && p.Addr().IsGlobalUnicast() {
			return p.Addr(), nil
		}
	}
	return netip.Addr{}, errors.New("this machine has no address but its loopback's")
}

// served waits until the server answers.
func (l lane) served(ctx context.Context, program string) error {
	var err error
	for range 100 {
		if _, err = numbers(exec.CommandContext(ctx, program, "-time", "1ms", "ask", l.to)); err == nil {
			return nil
		}
		if perr := pause(ctx, 100*time.Millisecond); perr != nil {
			return perr
		}
	}
	return fmt.Errorf("%s does not answer: %w", l.name, err)
}

// numbers runs load and reads what it prints.
func numbers(cmd *exec.Cmd) ([]float64, error) {
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, &problems)
	}
	var all []float64
	for _, word := range strings.Fields(string(out)) {
		v, err := strconv.ParseFloat(word, 64)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// onHost runs the server on the host: what there is without anything between,
// and whom containers speak to.
func onHost(ctx context.Context, program string) (lane, string, error) {
	port, err := freePort()
	if err != nil {
		return lane{}, "", err
	}
	l, err := wrapped(ctx, tool{command: []string{program, "serve", port}}, program, "", port)
	l.name, l.inside = "loopback", nil
	return l, port, err
}

// contained starts the server in a container of a tool. What carries its
// traffic are processes of those names that were not there before.
func contained(ctx context.Context, t tool, program, host string, carriers []string, flags ...string) (lane, error) {
	port, err := freePort()
	if err != nil {
		return lane{}, err
	}
	before, err := named(carriers)
	if err != nil {
		return lane{}, err
	}
	name := "net-" + port
	args := append([]string{"run", "-d", "--name", name, "-v", program + ":/load:ro"}, flags...)
	for _, protocol := range []string{"tcp", "udp"} {
		args = append(args, "-p", fmt.Sprintf("127.0.0.1:%s:%s/%s", port, servedAt, protocol))
	}
	if _, err := t.run(ctx, append(args, image, "/load", "serve", servedAt)...); err != nil {
		return lane{}, err
	}
	after, err := named(carriers)
	if err != nil {
		return lane{}, err
	}
	return lane{
		to: "127.0.0.1:" + port, host: host, container: name,
		inside: func(ctx context.Context, args ...string) *exec.Cmd {
			return t.cmd(ctx, append([]string{"exec", name, "/load"}, args...)...)
		},
		carriers: slices.DeleteFunc(after, func(pid int) bool { return slices.Contains(before, pid) }),
		end: func() error {
			_, err := t.run(context.Background(), "rm", "-f", name)
			return err
		},
	}, nil
}

// wrapped starts a program that runs the server in namespaces of its own; it
// and its descendants, but the server, carry the traffic.
func wrapped(ctx context.Context, t tool, program, host, port string) (lane, error) {
	cmd := t.cmd(ctx)                                    // its warnings are nobody's concern
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // as a program that stays has it, see load's server
	if err := cmd.Start(); err != nil {
		return lane{}, err
	}
	l := lane{to: "127.0.0.1:" + port, host: host, end: func() error {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		timer := time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Kill() })
		defer timer.Stop()
		_ = cmd.Wait() // however it ends
		return nil
	}}
	if err := l.served(ctx, program); err != nil {
		return lane{}, errors.Join(err, l.end())
	}
	server := 0
	for _, pid := range family(cmd.Process.Pid) {
		if comm(pid) == filepath.Base(program) {
			server = pid
		} else {
			l.carriers = append(l.carriers, pid)
		}
	}
	l.inside = func(ctx context.Context, args ...string) *exec.Cmd {
		enter := []string{"-U", "-n", "--preserve-credentials", "-t", strconv.Itoa(server), "--", program}
		return exec.CommandContext(ctx, "nsenter", append(enter, args...)...)
	}
	return l, nil
}

// family is a process and all below it.
func family(pid int) []int {
	all := []int{pid}
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, f := range files {
		text, _ := os.ReadFile(f) // a thread that has ended had none
		for _, word := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(word); err == nil {
				all = append(all, family(child)...)
			}
		}
	}
	return all
}

// named are the processes that have one of these names.
func named(names []string) (all []int, err error) {
	files, err := filepath.Glob("/proc/[0-9]*")
	for _, f := range files {
		if pid, _ := strconv.Atoi(filepath.Base(f)); slices.Contains(names, comm(pid)) {
			all = append(all, pid)
		}
	}
	return all, err
}

func comm(pid int) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)) // gone: none
	return strings.TrimSpace(string(text))
}

// tick is the unit of times in /proc (USER_HZ).
const tick = 10 * time.Millisecond

// spent is the processor time that each of these processes has taken so far. One
// that has ended is left out: processes of the same name come and go that are
// none of ours.
func spent(pids []int) (map[int]time.Duration, error) {
	all := map[int]time.Duration{}
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue
		}
		if err != nil {
			return nil, err
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest)
		for _, field := range fields[11:13] { // utime, stime
			n, err := strconv.Atoi(field)
			if err != nil {
				return nil, err
			}
			all[pid] += time.Duration(n) * tick
		}
	}
	return all, nil
}

// taken is what those took that are in both.
func taken(before, after map[int]time.Duration) (sum time.Duration) {
	for pid, was := range before {
		if is, ok := after[pid]; ok {
			sum += is - was
		}
	}
	return sum
}
