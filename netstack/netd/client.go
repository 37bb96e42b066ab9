package netd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

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

func (c *Client) call(ctx context.Context, m Message) (Reply, []*os.File, error) {
	var r Reply
	files, err := fdmsg.Call(ctx, c.socket, m, &r)
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
