package netstack

import (
	"context"
	"errors"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// dialStack opens a connection to a container, over the tap: from the client's
// address, or from the gateway where that one is of this machine.
func (n *Network) dialStack(d destination) (*stackConn, error) {
	wq := new(waiter.Queue)
	ep, terr := n.stack.NewEndpoint(tcp.ProtocolNumber, protocolOf(d.to.Addr()), wq)
	if terr != nil {
		return nil, errors.New(terr.String())
	}
	entry, ready := waiter.NewChannelEntry(waiter.WritableEvents | waiter.EventErr | waiter.EventHUp)
	wq.EventRegister(&entry)
	defer wq.EventUnregister(&entry)
	if terr = ep.Bind(tcpip.FullAddress{NIC: nicID, Addr: addressOf(d.from)}); terr != nil {
		ep.Close()
		return nil, errors.New(terr.String())
	}
	terr = ep.Connect(full(d.to))
	if _, started := terr.(*tcpip.ErrConnectStarted); started {
		ctx, cancel := context.WithTimeout(n.ctx, inboundTimeout)
		defer cancel()
		select {
		case <-ready:
			terr = ep.LastError()
		case <-ctx.Done():
			ep.Close()
			return nil, ctx.Err()
		}
	}
	if terr != nil {
		ep.Close()
		return nil, errors.New(terr.String())
	}
	return newStackConn(ep, wq), nil
}
