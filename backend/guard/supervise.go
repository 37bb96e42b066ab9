package guard

import (
	"context"
	"os"

	"davit/backend/api"
	"davit/backend/userns/fdmsg"
)

// answer does what a request asks for. It owns files.
func (g *Guard) answer(ctx context.Context, req request, files []*os.File) (r reply, err error) {
	switch req.Op {
	case opPause, opUnpause, opUpdate, opHealth:
		fdmsg.CloseAll(files)
		var c *container
		if c, err = g.container(req.ID); err == nil {
			r.Health, err = c.supervise(ctx, req)
		}
	case opJoin, opLeave, opPorts, opOffline:
		fdmsg.CloseAll(files)
		var c *container
		if c, err = g.container(req.ID); err == nil {
			r.Ports, err = c.rejoin(ctx, req)
		}
	case opResume:
		fdmsg.CloseAll(files)
		g.resumeAlways() // the rest came back when the guard started
		g.settled()
	default:
		r.Exit, err = g.do(ctx, req, files)
	}
	return r, err
}

func (c *container) supervise(ctx context.Context, req request) (*api.HealthResult, error) {
	switch req.Op {
	case opPause:
		return nil, c.pause()
	case opUnpause:
		return nil, c.unpause()
	case opUpdate:
		if err := c.update(req.Name, req.Update); err != nil || req.Name == "" {
			return nil, err
		}
		return nil, c.renamed(ctx)
	}
	return c.checkNow(ctx)
}

// Pause holds all processes of a running container.
func (c *Client) Pause(ctx context.Context, id string) error {
	_, err := c.call(ctx, request{Op: opPause, ID: id})
	return err
}

// Unpause lets them go on.
func (c *Client) Unpause(ctx context.Context, id string) error {
	_, err := c.call(ctx, request{Op: opUnpause, ID: id})
	return err
}

// Update applies limits and restart policy to a container at once, and tells
// the guard its new name ("": as it is). The record is the caller's to write.
func (c *Client) Update(ctx context.Context, id, name string, u api.Update) error {
	_, err := c.call(ctx, request{Op: opUpdate, ID: id, Name: name, Update: u})
	return err
}

// CheckHealth runs the health check now.
func (c *Client) CheckHealth(ctx context.Context, id string) (api.HealthResult, error) {
	r, err := c.call(ctx, request{Op: opHealth, ID: id})
	if err != nil || r.Health == nil {
		return api.HealthResult{}, err
	}
	return *r.Health, nil
}

// Resume has a guard started, which brings back what ran before, and returns
// when that has been tried.
func (c *Client) Resume(ctx context.Context) error {
	_, err := c.call(ctx, request{Op: opResume})
	return err
}
