package netstack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// The tests run in a user namespace of their own, whose network namespace
// plays the host: lo, and an interface with hostIP.
const nested = "DAVIT_TEST_NESTED"

var hostIP = netip.MustParseAddr("192.0.2.10")

func TestMain(m *testing.M) {
	if os.Getenv(nested) != "" {
		if err := makeHost(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(m.Run())
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), nested+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		os.Exit(exit.ExitCode())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "user namespace for tests:", err)
		os.Exit(1)
	}
}

func makeHost() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	host := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "host0"}} // not every kernel has the dummy module
	addr := &netlink.Addr{IPNet: &net.IPNet{IP: hostIP.AsSlice(), Mask: net.CIDRMask(24, 32)}}
	return errors.Join(
		netlink.LinkSetUp(lo), netlink.LinkAdd(host), netlink.LinkSetUp(host), netlink.AddrAdd(host, addr),
		os.WriteFile("/proc/sys/net/ipv4/ping_group_range", []byte("0 0"), 0),
	)
}

func newNetwork(t testing.TB, c Config) *Network {
	t.Helper()
	if c.ResolvConf == "" {
		c.ResolvConf = filepath.Join(t.TempDir(), "none")
	}
	if testing.Verbose() {
		c.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	n, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error("close:", err)
		}
	})
	return n
}

func attach(t testing.TB, n *Network, id string, names ...string) *Endpoint {
	t.Helper()
	e, err := n.Attach(context.Background(), EndpointConfig{ID: id, Names: names})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// within runs f on a thread that is in the endpoint's namespace.
func within[T any](t testing.TB, ns *os.File, f func() (T, error)) T {
	t.Helper()
	v, err := tryWithin(ns, f)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func tryWithin[T any](ns *os.File, f func() (T, error)) (T, error) {
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

func listenIn(t testing.TB, e *Endpoint, port int) *net.TCPListener {
	t.Helper()
	l := within(t, e.Namespace(), func() (net.Listener, error) {
		return net.Listen("tcp4", fmt.Sprintf("%s:%d", e.IP, port))
	})
	t.Cleanup(func() { _ = l.Close() })
	return l.(*net.TCPListener)
}

func listenHost(t testing.TB, address string) *net.TCPListener {
	t.Helper()
	l, err := net.Listen("tcp4", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.(*net.TCPListener)
}

func dialIn(e *Endpoint, address string) (*net.TCPConn, error) {
	c, err := tryWithin(e.Namespace(), func() (net.Conn, error) {
		return net.DialTimeout("tcp4", address, 10*time.Second)
	})
	if err != nil {
		return nil, err
	}
	return c.(*net.TCPConn), nil
}
