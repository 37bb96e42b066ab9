// Package serve is the process around one network: it answers the requests
// of package netd on a unix socket, over one netstack.Network.
//
// The process is root of the person's user namespace and in the host's
// network namespace. All that must not die with it is deposited with the
// keeper (the network's namespace and tap, the containers' namespaces, the
// listening sockets) and noted in a file beside the socket; the next process
// goes on with it. When no container is attached for a while, it ends.
package serve

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"davit/backend/api"
	"davit/backend/userns"
	"davit/backend/userns/fdmsg"
	"davit/netstack"
	"davit/netstack/netd"
)

// Keeper holds descriptors across the death of this process.
type Keeper interface {
	Deposit(ctx context.Context, tag string, f *os.File) error
	Withdraw(ctx context.Context, tag string) error
}

// Config says which network is served. The socket's directory must exist.
type Config struct {
	Network  netstack.Config
	Socket   string
	Keeper   Keeper              // nil: nothing outlives this process
	Deposits map[string]*os.File // what an earlier process deposited
	Idle     time.Duration       // how long to stay without a container; 0: 10 s
	Log      *slog.Logger
}

const idleDefault = 10 * time.Second

type server struct {
	Config
	state     string // the file's path
	door      *fdmsg.Door
	opened    chan struct{} // closed when network or broken is set
	network   *netstack.Network
	broken    *api.Error // why there is no network
	kept      keep
	change    sync.Mutex              // one change of the network's members at a time
	saved     time.Time               // when it was written down; change
	requests  map[string]netd.Request // by id; change
	mu        sync.Mutex
	conns     map[*net.UnixConn]struct{}
	idle      *time.Timer
	over      chan struct{} // closed by the end of idleness
	closeOnce sync.Once
	work      sync.WaitGroup
	trim      userns.Trimmer
}

// Run serves until the network has been idle, or ctx ends.
func Run(ctx context.Context, c Config) error {
	if c.Idle == 0 {
		c.Idle = idleDefault
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Network.Log = c.Log
	s := &server{
		Config: c, state: netd.StateFile(c.Socket),
		opened: make(chan struct{}), over: make(chan struct{}), conns: map[*net.UnixConn]struct{}{}, requests: map[string]netd.Request{},
	}
	s.kept = keep{keeper: c.Keeper, log: c.Log}
	var err error
	// Before the network is there: who waits for this process can connect,
	// and learns why where there will be none.
	if s.door, err = fdmsg.Open(c.Socket); err != nil {
		return err
	}
	s.door.Restored(s.remember)
	s.idle = time.AfterFunc(c.Idle, s.tryEnd)
	s.work.Go(s.accept)
	s.open()
	select {
	case <-ctx.Done():
	case <-s.over:
	}
	return s.close()
}

// open makes the network, or goes on with what was kept.
func (s *server) open() {
	defer close(s.opened)
	n, err := s.restore()
	if err != nil {
		s.broken = toAPI(err)
		s.Log.Error("no network", "err", err)
		return
	}
	s.network = n
}

func (s *server) accept() {
	for {
		c, err := s.door.Accept()
		if err != nil {
			return
		}
		if !s.enter(c) {
			_ = c.Close()
			return
		}
		s.work.Go(func() {
			s.serve(c)
			s.leave(c)
		})
	}
}

func (s *server) serve(c *net.UnixConn) {
	for {
		var m netd.Message
		files, err := fdmsg.Receive(c, &m)
		if err != nil {
			fdmsg.CloseAll(files)
			return
		}
		if m.Op == netd.OpCounters {
			s.trim.Brief() // asked every few seconds
		} else {
			s.trim.Touch()
		}
		if m.Op == netd.OpAttach && m.Attach.Join && len(files) > 0 {
			m.Namespace, files = files[0], files[1:]
		}
		fdmsg.CloseAll(files) // none is expected
		reply, ns := s.answer(m)
		if ns == nil {
			err = fdmsg.Send(c, reply)
		} else {
			err = fdmsg.Send(c, reply, ns)
		}
		if err != nil {
			return
		}
	}
}

func (s *server) answer(m netd.Message) (netd.Reply, *os.File) {
	<-s.opened
	if s.broken != nil {
		return netd.Reply{Error: s.broken}, nil
	}
	var r netd.Reply
	var ns *os.File
	var err error
	switch m.Op {
	case netd.OpAttach:
		r.Endpoint, ns, err = s.attach(m.Attach, m.Namespace)
	case netd.OpDetach:
		err = s.detach(m.ID)
	case netd.OpPublish:
		r.Ports, err = s.publish(m.ID, m.Ports)
	case netd.OpUnpublish:
		err = s.unpublish(m.ID, m.Ports)
	case netd.OpChange:
		err = s.changeMember(m.Attach)
	case netd.OpConnections:
		r.Connections, err = s.connections(m.ID)
	case netd.OpCounters:
		r.Counters, err = s.counters(m.ID)
	case netd.OpLookup:
		a, known := s.network.Lookup(m.Query)
		r.Answer = netd.Answer{Known: known, IPs: a.IPs, Names: a.Names}
	case netd.OpInfo:
		s.change.Lock()
		r.Info = s.info()
		s.saveAtTimes()
		s.change.Unlock()
	default:
		err = api.Errorf(api.KindInvalid, "netd knows no operation %q", m.Op)
	}
	if err != nil {
		return netd.Reply{Error: toAPI(err)}, nil
	}
	return r, ns
}

func (s *server) detach(id string) error {
	s.change.Lock()
	defer s.change.Unlock()
	e, err := s.network.Endpoint(id)
	if err != nil {
		return nil // unknown: it is detached
	}
	s.kept.forget(e)
	delete(s.requests, id)
	err = s.network.Detach(id)
	s.save()
	if errors.Is(err, netstack.ErrNotAttached) {
		return nil
	}
	return err
}

func (s *server) publish(id string, ports []netd.Port) ([]netd.Port, error) {
	chosen, err := s.openPorts(id, ports)
	if err != nil {
		err = s.explain(err) // which may ask other networks: without the lock
	}
	return chosen, err
}

func (s *server) openPorts(id string, ports []netd.Port) ([]netd.Port, error) {
	s.change.Lock()
	defer s.change.Unlock()
	var asked []netstack.Port
	for _, p := range ports {
		n, err := fromWire(p)
		if err != nil {
			return nil, err
		}
		asked = append(asked, n)
	}
	got, err := s.network.Publish(context.Background(), id, asked)
	if err != nil {
		return nil, err
	}
	e, err := s.network.Endpoint(id)
	if err != nil {
		return nil, err
	}
	var chosen []netd.Port
	for _, p := range got {
		s.kept.port(e, p)
		chosen = append(chosen, toWire(p))
	}
	s.save()
	return chosen, nil
}

func toWire(p netstack.Port) netd.Port {
	return netd.Port{
		HostIP: p.HostIP.String(), HostPort: p.HostPort, ContainerPort: p.ContainerPort, Protocol: p.Protocol,
		HostFirst: p.First, HostLast: p.Last,
	}
}

func fromWire(p netd.Port) (netstack.Port, error) {
	n := netstack.Port{
		HostPort: p.HostPort, ContainerPort: p.ContainerPort, Protocol: p.Protocol, First: p.HostFirst, Last: p.HostLast,
	}
	if p.HostIP == "" {
		return n, nil
	}
	var err error
	if n.HostIP, err = netip.ParseAddr(p.HostIP); err != nil {
		return n, api.Errorf(api.KindInvalid, "%q is no address to publish a port on: %w", p.HostIP, err)
	}
	return n, nil
}
