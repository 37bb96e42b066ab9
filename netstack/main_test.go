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
	"testing"

	"golang.org/x/sys/unix"

	"davit/netstack/nstest"
)

func TestMain(m *testing.M) { nstest.Main(m, exec.Command("/proc/self/exe", os.Args[1:]...)) }

var hostIP = nstest.HostIP

var testSubnet6 = netip.MustParsePrefix("fd12:3456:789a::/64")

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

func within[T any](t testing.TB, ns *os.File, f func() (T, error)) T {
	t.Helper()
	v, err := nstest.Within(ns, f)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func listenIn(t testing.TB, e *Endpoint, port int) *net.TCPListener {
	t.Helper()
	return nstest.Listen(t, e.Namespace(), fmt.Sprintf("%s:%d", e.IP, port))
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
	return nstest.Dial(e.Namespace(), address)
}

// dupFile copies a descriptor, as a keeper hands it on.
func dupFile(f *os.File) (*os.File, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	fd := -1
	cerr := raw.Control(func(own uintptr) { fd, err = unix.FcntlInt(own, unix.F_DUPFD_CLOEXEC, 0) })
	if err = errors.Join(err, cerr); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}
