// Command tap is gvisor-tap-vsock by itself, without rootlesskit around it: its
// virtual network reads and writes a tap, whose other end is in a network
// namespace, in which a program runs.
//
//	tap PORT PROGRAM ARGS…  joins 127.0.0.1:PORT, TCP and UDP, to port SERVED
//	                        of the namespace, and runs the program there
//
// It is built in gvisor-tap-vsock's own module, with what that has pinned (see
// build/bench), and runs as an unprivileged user.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/containers/gvisor-tap-vsock/pkg/types"
	"github.com/containers/gvisor-tap-vsock/pkg/virtualnetwork"
	"golang.org/x/sys/unix"
)

const (
	served  = "9000"
	subnet  = "192.168.127.0/24"
	gateway = "192.168.127.1"
	own     = "192.168.127.2"
	mtu     = 65520
	name    = "tap0"
	inside  = "tap-inside" // the name under which it executes itself
)

func main() {
	var err error
	if os.Args[0] == inside {
		err = enter(os.Args[1:])
	} else {
		err = run(os.Args[1], os.Args[2:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "tap:", err)
		os.Exit(1)
	}
}

// run is on the host. It ends with the program.
func run(port string, program []string) error {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	cmd := exec.Command("/proc/self/exe", program...)
	cmd.Args[0], cmd.Stderr, cmd.ExtraFiles = inside, os.Stderr, []*os.File{os.NewFile(uintptr(pair[1]), "pair")}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() { _ = cmd.Process.Kill() }()
	device, err := receive(pair[0])
	if err != nil {
		return err
	}
	vn, err := virtualnetwork.New(&types.Configuration{
		MTU: mtu, Subnet: subnet, GatewayIP: gateway, GatewayMacAddress: "5a:94:ef:e4:0c:dd",
		Forwards: map[string]string{"127.0.0.1:" + port: own + ":" + served, "udp:127.0.0.1:" + port: own + ":" + served},
	})
	if err != nil {
		return err
	}
	go func() { _ = vn.AcceptBess(context.Background(), &wire{device}) }()
	return cmd.Wait()
}

// receive takes the tap.
func receive(socket int) (*os.File, error) {
	rights := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(socket, make([]byte, 1), rights, 0)
	if err != nil {
		return nil, err
	}
	messages, err := unix.ParseSocketControlMessage(rights[:n])
	if err != nil || len(messages) != 1 {
		return nil, fmt.Errorf("no tap came: %w", err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return nil, err
	}
	err = unix.SetNonblock(fds[0], true) // before Go has it, which waits for it then
	return os.NewFile(uintptr(fds[0]), name), err
}

// enter is in the namespaces: it makes the tap, and becomes the program.
func enter(program []string) error {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	req, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	req.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, req); err != nil {
		return err
	}
	for _, line := range [][]string{
		{"link", "set", "lo", "up"}, {"link", "set", name, "mtu", fmt.Sprint(mtu), "up"},
		{"addr", "add", own + "/24", "dev", name}, {"route", "add", "default", "via", gateway},
	} {
		if out, err := exec.Command("ip", line...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %v: %w: %s", line, err, out)
		}
	}
	const pair = 3
	if err := unix.Sendmsg(pair, []byte{0}, unix.UnixRights(fd), nil, 0); err != nil {
		return err
	}
	unix.CloseOnExec(pair)
	return unix.Exec(program[0], program, os.Environ())
}

// wire is a tap as the library wants its connections: one frame for each read
// and write.
type wire struct{ *os.File }

func (wire) LocalAddr() net.Addr  { return &net.UnixAddr{Name: name} }
func (wire) RemoteAddr() net.Addr { return &net.UnixAddr{Name: name} }

// SetDeadline and the like are the file's.
func (w wire) SetDeadline(t time.Time) error { return w.File.SetDeadline(t) }
