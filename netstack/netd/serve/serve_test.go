package serve

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"davit/backend/api"
	"davit/backend/userns/fdmsg"
	"davit/backend/userns/keeper"
	"davit/netstack"
	"davit/netstack/netd"
	"davit/netstack/nstest"
)

const (
	envSocket = "DAVIT_TEST_NETD"
	envKeeper = "DAVIT_TEST_KEEPER"
)

func TestMain(m *testing.M) {
	if socket := os.Getenv(envSocket); socket != "" {
		if err := child(socket); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	nstest.Main(m, exec.Command("/proc/self/exe", os.Args[1:]...))
}

// child is a netd in a process of its own, that the test can kill.
func child(socket string) error {
	c := config(socket)
	c.Keeper, c.Deposits = remoteKeeper(os.Getenv(envKeeper)), keeper.Deposits()
	return Run(context.Background(), c)
}

func config(socket string) Config {
	return Config{Network: netstack.Config{ResolvConf: "/nonexistent"}, Socket: socket}
}

// fakeKeeper holds descriptors as the keeper does, for one process.
type fakeKeeper struct {
	socket string
	mu     sync.Mutex
	files  map[string]*os.File
}

type keepRequest struct {
	Tag      string
	Withdraw bool
}

func newFakeKeeper(t *testing.T) *fakeKeeper {
	k := &fakeKeeper{socket: filepath.Join(t.TempDir(), "keeper.sock"), files: map[string]*os.File{}}
	l, err := fdmsg.Listen(k.socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := fdmsg.Accept(l)
			if err != nil {
				return
			}
			var r keepRequest
			files, err := fdmsg.Receive(c, &r)
			if err == nil {
				k.note(r, files)
				_ = fdmsg.Send(c, struct{}{})
			}
			_ = c.Close()
		}
	}()
	return k
}

func (k *fakeKeeper) note(r keepRequest, files []*os.File) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if old := k.files[r.Tag]; old != nil {
		_ = old.Close()
		delete(k.files, r.Tag)
	}
	if !r.Withdraw {
		k.files[r.Tag] = files[0]
	}
}

func (k *fakeKeeper) held() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.files)
}

// start runs a child with what is held.
func (k *fakeKeeper) start(t *testing.T, socket string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Stderr = os.Stderr
	k.mu.Lock()
	var tags []string
	for tag, f := range k.files {
		tags = append(tags, tag)
		cmd.ExtraFiles = append(cmd.ExtraFiles, f)
	}
	k.mu.Unlock()
	cmd.Env = append(os.Environ(), envSocket+"="+socket, envKeeper+"="+k.socket,
		"DAVIT_FILES=0", keeper.EnvDeposits+"="+strings.Join(tags, "\x1f"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // its death would be the child's
		started <- cmd.Start()
		<-t.Context().Done()
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd
}

type remoteKeeper string

func (k remoteKeeper) Deposit(ctx context.Context, tag string, f *os.File) error {
	_, err := fdmsg.Call(ctx, string(k), keepRequest{Tag: tag}, &struct{}{}, f)
	return err
}

func (k remoteKeeper) Withdraw(ctx context.Context, tag string) error {
	_, err := fdmsg.Call(ctx, string(k), keepRequest{Tag: tag, Withdraw: true}, &struct{}{})
	return err
}

// join attaches, waiting for a netd that is just starting, as the guard does.
func join(t *testing.T, c *netd.Client, r netd.Request) (netd.Endpoint, *os.File) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		e, ns, err := c.Attach(ctx, r)
		if err == nil {
			t.Cleanup(func() { _ = ns.Close() })
			return e, ns
		}
		if !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatal(err)
		}
	}
}

func hello(t *testing.T, p netd.Port) {
	t.Helper()
	c, err := net.Dial("tcp", net.JoinHostPort(p.HostIP, strconv.Itoa(int(p.HostPort))))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = fmt.Fprintln(c, "hello")
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if s, err := bufio.NewReader(c).ReadString('\n'); s != "hello\n" {
		t.Fatalf("got %q, %v", s, err)
	}
}

// SIGKILL costs a container neither its namespace, nor its address, its
// names or its ports; even who connects while nobody accepts is served.
func TestKilledNetdComesBack(t *testing.T) {
	k := newFakeKeeper(t)
	socket := filepath.Join(t.TempDir(), "netd.sock")
	first := k.start(t, socket)
	c := netd.NewClient(socket)
	a, ns := join(t, c, netd.Request{ID: "a", Names: []string{"web"}})
	_, other := join(t, c, netd.Request{ID: "b"})
	nstest.Serve(nstest.Listen(t, ns, a.IP.String()+":80"), func(c *net.TCPConn) { _, _ = io.Copy(c, c) })
	ports, err := c.Publish(t.Context(), "a", []netd.Port{{ContainerPort: 80}})
	if err != nil {
		t.Fatal(err)
	}
	hello(t, ports[0])
	before, err := c.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_ = first.Process.Kill()
	_ = first.Wait()
	queued, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", ports[0].HostPort))
	if err != nil {
		t.Fatal("the port closed with the process:", err)
	}
	defer queued.Close()
	start := time.Now()
	second := k.start(t, socket)
	hello(t, ports[0])
	t.Logf("port is back after %v", time.Since(start))
	after, err := c.Info(t.Context())
	for _, members := range [][]netd.Member{before.Endpoints, after.Endpoints} {
		for i := range members {
			members[i].Traffic = netd.Traffic{} // it goes on
		}
	}
	if err != nil || fmt.Sprint(after) != fmt.Sprint(before) {
		t.Fatalf("%v, %+v, before %+v", err, after, before)
	}
	l, err := net.Listen("tcp4", nstest.HostIP.String()+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	nstest.Serve(l.(*net.TCPListener), func(*net.TCPConn) {})
	for _, from := range []*os.File{ns, other} {
		o, err := nstest.Dial(from, l.Addr().String())
		if err != nil {
			t.Fatal("outbound:", err)
		}
		o.Close()
	}
	join(t, c, netd.Request{ID: "c"})
	for _, id := range []string{"a", "b", "c", "nobody"} {
		if err := c.Detach(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	if n := k.held(); n != 2 { // namespace and tap of the network
		t.Errorf("%d deposits are left", n)
	}
	_ = second.Process.Kill()
}

func TestIdleNetdEnds(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "netd.sock")
	c := config(socket)
	c.Idle = time.Millisecond
	done := make(chan error, 1)
	go func() { done <- Run(t.Context(), c) }()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for _, left := range []string{"netd.sock", "netd.json"} {
		if _, err := os.Stat(filepath.Join(filepath.Dir(socket), left)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left: %v", left, err)
		}
	}
	c.Idle = 10 * time.Millisecond
	var joined atomic.Bool
	go func() {
		for { // one may end before anybody came
			if err := Run(t.Context(), c); err != nil || joined.Load() || t.Context().Err() != nil {
				done <- err
				return
			}
		}
	}()
	client := netd.NewClient(socket)
	join(t, client, netd.Request{ID: "a"})
	joined.Store(true)
	select {
	case err := <-done:
		t.Fatal("ended with a container attached:", err)
	case <-time.After(100 * time.Millisecond):
	}
	if err := client.Detach(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func run(t *testing.T) *netd.Client {
	socket := filepath.Join(t.TempDir(), "netd.sock")
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Run(ctx, config(socket)) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return netd.NewClient(socket)
}

func TestPortErrorsSayWhatToDo(t *testing.T) {
	c := run(t)
	join(t, c, netd.Request{ID: "a", Names: []string{"web"}})
	join(t, c, netd.Request{ID: "b"})
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := netip.MustParseAddrPort(taken.Addr().String()).Port()
	mine, err := c.Publish(t.Context(), "a", []netd.Port{{ContainerPort: 80}})
	if err != nil {
		t.Fatal(err)
	}
	comm, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	self := fmt.Sprintf("%s (pid %d)", strings.TrimSpace(string(comm)), os.Getpid())
	for _, x := range []struct {
		port netd.Port
		kind api.Kind
		text string
		hint string
	}{
		{netd.Port{HostPort: port, ContainerPort: 80}, api.KindConflict,
			fmt.Sprintf("port %d on 127.0.0.1 is in use by %s", port, self), "Choose another host port"},
		{netd.Port{HostPort: mine[0].HostPort, ContainerPort: 80}, api.KindConflict,
			fmt.Sprintf("port %d on 127.0.0.1 is in use by the container web", mine[0].HostPort), "Choose another host port"},
		{netd.Port{HostPort: nstest.UnprivilegedPorts - 1, ContainerPort: 80}, api.KindHost,
			"port 49 on 127.0.0.1 may not be opened: this machine keeps ports below 50", "net.ipv4.ip_unprivileged_port_start=49"},
		{netd.Port{HostIP: "198.51.100.7", ContainerPort: 80}, api.KindInvalid,
			"no interface of this machine has the address 198.51.100.7", "0.0.0.0"},
		{netd.Port{HostIP: "all", ContainerPort: 80}, api.KindInvalid, "is no address", ""},
		{netd.Port{ContainerPort: 80, Protocol: "sctp"}, api.KindInvalid, "sctp", ""},
	} {
		_, err := c.Publish(t.Context(), "b", []netd.Port{x.port})
		e := api.AsError(err)
		if e == nil || e.Kind != x.kind || !strings.Contains(e.Msg, x.text) || !strings.Contains(e.Hint, x.hint) {
			t.Errorf("%+v: %+v", x.port, e)
		}
	}
	if _, err := c.Publish(t.Context(), "nobody", nil); api.KindOf(err) != api.KindNotFound {
		t.Errorf("unknown container: %v", err)
	}
}

// Of a range the wanted port is opened, or the first that is free.
func TestPortOfARange(t *testing.T) {
	c := run(t)
	join(t, c, netd.Request{ID: "a", Names: []string{"web"}})
	join(t, c, netd.Request{ID: "b"})
	first := neighbours(t)
	for _, protocol := range []string{"tcp", "udp"} {
		want := netd.Port{HostPort: first + 1, HostFirst: first, HostLast: first + 1, ContainerPort: 80, Protocol: protocol}
		for i, number := range []uint16{first + 1, first} {
			got, err := c.Publish(t.Context(), "a", []netd.Port{want})
			if err != nil || got[0].HostPort != number || got[0].HostFirst != first || got[0].HostLast != first+1 {
				t.Fatalf("%s, the %d.: %+v, %v, want port %d", protocol, i, got, err, number)
			}
		}
		_, err := c.Publish(t.Context(), "b", []netd.Port{want})
		text := fmt.Sprintf("no port from %d to %d on 127.0.0.1 is free: port %d is in use by the container web", first, first+1, first+1)
		if e := api.AsError(err); e == nil || e.Kind != api.KindConflict || !strings.Contains(e.Msg, text) {
			t.Errorf("%s: %+v, want %q", protocol, e, text)
		}
	}
}

// neighbours finds two ports in a row that nobody listens at, TCP and UDP. They
// lie below those from which the kernel takes what it gives to others.
func neighbours(t *testing.T) uint16 {
	t.Helper()
	free := func(n int) bool {
		l, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", n))
		if err != nil {
			return false
		}
		defer l.Close()
		p, err := net.ListenPacket("udp4", fmt.Sprintf("127.0.0.1:%d", n))
		return err == nil && p.Close() == nil
	}
	for range 1000 {
		if n := 15000 + rand.IntN(4000); free(n) && free(n+1) {
			return uint16(n)
		}
	}
	t.Fatal("no two ports in a row are free")
	return 0
}

// Whoever attaches learns why there can be no network.
func TestHostInTheWay(t *testing.T) {
	e := toAPI(&netstack.HostError{What: "the device /dev/net/tun cannot be used", Mend: "sudo modprobe tun", Err: syscall.ENOENT})
	if e.Kind != api.KindHost || e.Hint != "sudo modprobe tun" || !strings.Contains(e.Msg, "/dev/net/tun") {
		t.Errorf("%+v", e)
	}
	socket := filepath.Join(t.TempDir(), "netd.sock")
	c := config(socket)
	c.Network.Subnet = netip.MustParsePrefix("10.0.0.0/31")
	done := make(chan error, 1)
	go func() { done <- Run(t.Context(), c) }()
	var err error
	for ok := true; ok; ok = errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		_, _, err = netd.NewClient(socket).Attach(t.Context(), netd.Request{ID: "a"})
	}
	if !strings.Contains(err.Error(), "10.0.0.0/31") {
		t.Errorf("got %v", err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
