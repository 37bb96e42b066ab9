// Package nstest lets tests of networks run as nobody in particular: in a
// user namespace of their own, whose network namespace plays the host. It is
// linked by tests only.
package nstest

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// HostIP is an address of the host that is not its loopback.
var HostIP = netip.MustParseAddr("192.0.2.10")

// HostIP6 is another.
var HostIP6 = netip.MustParseAddr("2001:db8:7::10")

// Narrow is behind a path that takes NarrowMTU bytes at once, and nobody is
// there. Nowhere has a route that says so; to Unrouted there is none.
var (
	Narrow   = netip.MustParseAddr("198.51.100.9")
	Nowhere  = netip.MustParseAddr("198.51.100.200")
	Unrouted = netip.MustParseAddr("203.0.113.5")
	Narrow6  = netip.MustParseAddr("2001:db8:8::9")
	Nowhere6 = netip.MustParseAddr("2001:db8:9::9")
)

// NarrowMTU is that of the path to Narrow.
const NarrowMTU = 1400

// UnprivilegedPorts begin here on that host: a resolver's port may be opened.
const UnprivilegedPorts = 50

const envLevel = "DAVIT_TEST_LEVEL"

// levelBare is the level at which there is no device for taps.
const levelBare = "bare"

// Main runs the tests of m and ends the process. The test binary executes
// itself twice: first into a user namespace that owns the network namespace
// which plays the host, then, as the keeper does, into one that owns nothing
// of it. again is that execution: exec.Command("/proc/self/exe", os.Args[1:]...).
func Main(m *testing.M, again *exec.Cmd) {
	var err error
	switch os.Getenv(envLevel) {
	case "":
		err = descend(again, "host", syscall.CLONE_NEWUSER|syscall.CLONE_NEWNET)
	case "host":
		if err = makeHost(); err == nil {
			err = descend(again, "davit", syscall.CLONE_NEWUSER)
		}
	case levelBare:
		if err = unix.Mount("tmpfs", "/dev", "tmpfs", 0, "mode=755"); err == nil {
			os.Exit(m.Run())
		}
	default:
		os.Exit(m.Run())
	}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		os.Exit(exit.ExitCode())
	case err != nil:
		fmt.Fprintln(os.Stderr, "namespaces for tests:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// Bare tells whether this process runs where there is no device for taps, and
// no other.
func Bare() bool { return os.Getenv(envLevel) == levelBare }

// RunBare runs tests of this binary once more, in a process whose /dev is
// empty. again is as in Main, with the arguments that choose the tests.
func RunBare(t *testing.T, again *exec.Cmd) {
	t.Helper()
	again.Env = append(os.Environ(), envLevel+"="+levelBare)
	again.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	runtime.LockOSThread() // as in descend
	defer runtime.UnlockOSThread()
	out, err := again.CombinedOutput()
	if err != nil {
		t.Errorf("without a device for taps: %v\n%s", err, out)
	}
	t.Logf("without a device for taps:\n%s", out)
}

func descend(again *exec.Cmd, level string, flags uintptr) error {
	again.Env = append(os.Environ(), envLevel+"="+level)
	again.Stdin, again.Stdout, again.Stderr = os.Stdin, os.Stdout, os.Stderr
	again.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  flags,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
	// Descriptor 3 and up: a fuzzing worker speaks to its parent through them.
	for fd := uintptr(3); fd < 8; fd++ {
		if _, err := unix.FcntlInt(fd, unix.F_GETFD, 0); err != nil {
			break
		}
		again.ExtraFiles = append(again.ExtraFiles, os.NewFile(fd, "inherited"))
	}
	runtime.LockOSThread() // the parent whose death is meant is a thread
	return again.Run()
}

func makeHost() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	// A bridge: not every kernel has the dummy module.
	host := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "host0"}}
	addr := &netlink.Addr{IPNet: &net.IPNet{IP: HostIP.AsSlice(), Mask: net.CIDRMask(24, 32)}}
	addr6 := &netlink.Addr{IPNet: &net.IPNet{IP: HostIP6.AsSlice(), Mask: net.CIDRMask(64, 128)}, Flags: unix.IFA_F_NODAD}
	return errors.Join(
		netlink.LinkSetUp(lo), netlink.LinkAdd(host), netlink.LinkSetUp(host), netlink.AddrAdd(host, addr), netlink.AddrAdd(host, addr6),
		makePaths(),
		os.WriteFile("/proc/sys/net/ipv4/ping_group_range", []byte("0 0"), 0),
		os.WriteFile("/proc/sys/net/ipv4/ip_unprivileged_port_start", []byte(strconv.Itoa(UnprivilegedPorts)), 0),
	)
}

// makePaths makes the routes to Narrow and Nowhere.
func makePaths() error {
	host, err := netlink.LinkByName("host0")
	if err != nil {
		return err
	}
	to := func(ip netip.Addr) *net.IPNet {
		return &net.IPNet{IP: ip.AsSlice(), Mask: net.CIDRMask(ip.BitLen(), ip.BitLen())}
	}
	for _, ip := range []netip.Addr{Narrow, Narrow6} {
		r := &netlink.Route{LinkIndex: host.Attrs().Index, Dst: to(ip), MTU: NarrowMTU, Scope: netlink.SCOPE_LINK}
		if err := netlink.RouteAdd(r); err != nil {
			return fmt.Errorf("route to %s: %w", ip, err)
		}
	}
	for _, ip := range []netip.Addr{Nowhere, Nowhere6} {
		if err := netlink.RouteAdd(&netlink.Route{Dst: to(ip), Type: unix.RTN_UNREACHABLE}); err != nil {
			return fmt.Errorf("route to %s: %w", ip, err)
		}
	}
	return nil
}

// Within runs f on a thread that is in the network namespace ns.
func Within[T any](ns *os.File, f func() (T, error)) (T, error) {
	type result struct {
		v   T
		err error
	}
	c := make(chan result, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends
		var r result
		if r.err = unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); r.err == nil {
			r.v, r.err = f()
		}
		c <- r
	}()
	r := <-c
	return r.v, r.err
}

// Listen listens for TCP in ns.
func Listen(t testing.TB, ns *os.File, address string) *net.TCPListener {
	t.Helper()
	l, err := Within(ns, func() (net.Listener, error) { return net.Listen("tcp4", address) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.(*net.TCPListener)
}

// Dial connects from ns; address has an IP address, no name.
func Dial(ns *os.File, address string) (*net.TCPConn, error) {
	c, err := Within(ns, func() (net.Conn, error) { return net.DialTimeout("tcp4", address, 10*time.Second) })
	if err != nil {
		return nil, err
	}
	return c.(*net.TCPConn), nil
}

// Serve accepts until l is closed; f's connection is closed after it.
func Serve(l *net.TCPListener, f func(*net.TCPConn)) {
	go func() {
		for {
			c, err := l.AcceptTCP()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				f(c)
			}()
		}
	}()
}
