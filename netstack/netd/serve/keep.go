package serve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"time"

	"davit/backend/store"
	"davit/netstack"
	"davit/netstack/netd"
)

// The tags of deposits.
const (
	tagNetwork = "network"
	tagTap     = "tap"
)

func tagOf(id string) string { return "ns:" + id }

func tagOfPort(id string, p netstack.Port) string {
	return fmt.Sprintf("port:%s:%s:%s", id, p.Protocol, p.Host())
}

// keeperTimeout bounds an exchange with the keeper, which answers at once.
const keeperTimeout = 5 * time.Second

// keep deposits what must outlive this process. That a deposit fails is no
// reason to refuse a container: it is logged, and the container loses its
// network only where this process dies.
type keep struct {
	keeper Keeper
	log    *slog.Logger
}

func (k keep) deposit(tag string, f *os.File) {
	if k.keeper == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), keeperTimeout)
	defer cancel()
	if err := k.keeper.Deposit(ctx, tag, f); err != nil {
		k.log.Warn("deposit", "tag", tag, "err", err)
	}
}

func (k keep) withdraw(tag string) {
	if k.keeper == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), keeperTimeout)
	defer cancel()
	if err := k.keeper.Withdraw(ctx, tag); err != nil {
		k.log.Warn("withdraw", "tag", tag, "err", err)
	}
}

func (k keep) network(n *netstack.Network) {
	files := n.Keep()
	k.deposit(tagNetwork, files.Namespace)
	if files.Tap != nil {
		k.deposit(tagTap, files.Tap)
	}
}

func (k keep) namespace(e *netstack.Endpoint) { k.deposit(tagOf(e.ID), e.Namespace()) }

func (k keep) port(e *netstack.Endpoint, p netstack.Port) {
	f, err := e.PortFile(p)
	if err != nil {
		k.log.Warn("deposit", "port", p.Host(), "err", err)
		return
	}
	defer func() { _ = f.Close() }()
	k.deposit(tagOfPort(e.ID, p), f)
}

func (k keep) forget(e *netstack.Endpoint) {
	for _, p := range e.Ports() {
		k.withdraw(tagOfPort(e.ID, p))
	}
	k.withdraw(tagOf(e.ID))
}

// all withdraws everything.
func (k keep) all(endpoints []*netstack.Endpoint) {
	for _, e := range endpoints {
		k.forget(e)
	}
	k.withdraw(tagTap)
	k.withdraw(tagNetwork)
}

// saved is what the next process must know. It is written beside the socket
// at every change, by this process alone.
type saved struct {
	Version   int             `json:"version"`
	Subnet    netip.Prefix    `json:"subnet"`
	Subnet6   netip.Prefix    `json:"subnet6,omitzero"`
	Endpoints []savedEndpoint `json:"endpoints"`
}

type savedEndpoint struct {
	netd.Member
	HostLink int `json:"hostLink"`
}

const stateVersion = 2

func (s *server) save() {
	s.saved = time.Now()
	v := saved{Version: stateVersion, Subnet: s.network.Subnet(), Subnet6: s.network.Subnet6()}
	members := s.info().Endpoints
	for i, e := range s.network.Endpoints() {
		v.Endpoints = append(v.Endpoints, savedEndpoint{Member: members[i], HostLink: e.HostLink})
	}
	if err := store.WriteJSONVolatile(s.state, v); err != nil {
		s.Log.Error("write down who is attached", "err", err)
	}
}

// saveEvery bounds how much of the traffic that was counted is lost with this
// process, where somebody asks for it.
const saveEvery = 5 * time.Second

func (s *server) saveAtTimes() {
	if time.Since(s.saved) >= saveEvery {
		s.save()
	}
}

// remember writes it down again after all files beside the socket were wiped.
func (s *server) remember() {
	<-s.opened
	s.change.Lock()
	defer s.change.Unlock()
	if s.network != nil {
		s.save()
	}
}

func loadState(path string, log *slog.Logger) saved {
	var v saved
	err := store.ReadJSON(path, &v)
	if err == nil && v.Version == stateVersion {
		return v
	}
	if !errors.Is(err, fs.ErrNotExist) {
		log.Error("what an earlier process wrote down cannot be read", "path", path, "err", err)
	}
	return saved{}
}
