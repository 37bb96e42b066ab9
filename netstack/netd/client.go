package netd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"davit/backend/api"
	"davit/backend/userns/fdmsg"
)

// comeBack is how long a netd that was killed may take to be there again.
const comeBack = 5 * time.Second

// Client speaks to one network's netd. It holds no connection.
type Client struct{ socket string }

// NewClient gives the client of the netd that listens on socket.
func NewClient(socket string) *Client { return &Client{socket: socket} }

// Attach joins a container to the network, and gives its network namespace:
// lo and eth0 are up and have addresses and routes. The file is the caller's.
// A container of that id which is there already is replaced, so it may be
// asked again. Where no netd listens, or it ended before it answered, the
// error is fs.ErrNotExist or ECONNREFUSED.
func (c *Client) Attach(ctx context.Context, r Request) (Endpoint, *os.File, error) {
	r.Join = false
	reply, files, err := c.call(ctx, Message{Op: OpAttach, Attach: r})
	if err != nil {
		return Endpoint{}, nil, err
	}
	if len(files) != 1 {
		fdmsg.CloseAll(files)
		return Endpoint{}, nil, fmt.Errorf("netd sent %d descriptors with a namespace", len(files))
	}
	return reply.Endpoint, files[0], nil
}

// Join gives a container that has a network namespace already, netns, an
// interface to this network in it. Its errors are Attach's.
func (c *Client) Join(ctx context.Context, r Request, netns *os.File) (Endpoint, error) {
	r.Join = true
	reply, files, err := c.call(ctx, Message{Op: OpAttach, Attach: r}, netns)
	fdmsg.CloseAll(files)
	return reply.Endpoint, err
}

// Change tells a container's names, peers and whether it is offline, from now
// on; the rest of r is left as it is. An unknown id is api.KindNotFound.
func (c *Client) Change(ctx context.Context, r Request) error {
	_, err := c.insist(ctx, Message{Op: OpChange, Attach: r})
	return err
}

// Detach takes a container off the network; an unknown id is no error.
func (c *Client) Detach(ctx context.Context, id string) error {
	_, err := c.insist(ctx, Message{Op: OpDetach, ID: id})
	return err
}

// Publish opens ports of the host for a container, all or none, and tells
// which were chosen. A port that is taken gives api.KindConflict.
func (c *Client) Publish(ctx context.Context, id string, ports []Port) ([]Port, error) {
	r, err := c.insist(ctx, Message{Op: OpPublish, ID: id, Ports: ports})
	return r.Ports, err
}

// Unpublish closes ports; what is under way over them ends. A port that is not
// published is no error.
func (c *Client) Unpublish(ctx context.Context, id string, ports []Port) error {
	_, err := c.insist(ctx, Message{Op: OpUnpublish, ID: id, Ports: ports})
	return err
}

// Connections lists what a container is connected with, the newest first.
func (c *Client) Connections(ctx context.Context, id string) ([]api.Connection, error) {
	r, err := c.insist(ctx, Message{Op: OpConnections, ID: id})
	return r.Connections, err
}

// Counters tells what passed a container, or with "" each that is attached,
// and the newest connections. It asks once: where no netd answers at this
// moment, nobody waits for one.
func (c *Client) Counters(ctx context.Context, id string) (map[string]Counters, error) {
	r, files, err := c.call(ctx, Message{Op: OpCounters, ID: id})
	fdmsg.CloseAll(files)
	return r.Counters, err
}

// Lookup asks what the network knows of a name with its final dot, or of an
// address.
func (c *Client) Lookup(ctx context.Context, query string) (Answer, error) {
	r, files, err := c.call(ctx, Message{Op: OpLookup, Query: query})
	fdmsg.CloseAll(files)
	return r.Answer, err
}

// Info tells about the network.
func (c *Client) Info(ctx context.Context) (Info, error) {
	r, err := c.insist(ctx, Message{Op: OpInfo})
	return r.Info, err
}

// insist asks again while a netd that was killed is coming back: one that
// ended by itself has removed its socket.
func (c *Client) insist(ctx context.Context, m Message) (Reply, error) {
	ctx, cancel := context.WithTimeout(ctx, comeBack)
	defer cancel()
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		r, files, err := c.call(ctx, m)
		fdmsg.CloseAll(files)
		if !errors.Is(err, syscall.ECONNREFUSED) {
			return r, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return r, err
		}
	}
}

func (c *Client) call(ctx context.Context, m Message, send ...*os.File) (Reply, []*os.File, error) {
	var r Reply
	files, err := fdmsg.Call(ctx, c.socket, m, &r, send...)
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		err = syscall.ECONNREFUSED // it ended between accepting and answering
	}
	if err != nil {
		return Reply{}, nil, fmt.Errorf("netd: %s: %w", m.Op, err)
	}
	if r.Error != nil {
		fdmsg.CloseAll(files)
		return Reply{}, nil, r.Error
	}
	return r, files, nil
}
