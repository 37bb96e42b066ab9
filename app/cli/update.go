package main

import (
	"context"

	"davit/backend/api"
	"davit/backend/runspec"
)

// UpdateOptions are update's.
type UpdateOptions struct {
	Limits  api.Limits
	Restart string
	Add     []string
	Remove  []string
}

func newUpdateCommand() *command {
	var o UpdateOptions
	c := &command{
		name: "update", args: "[OPTIONS] CONTAINER [CONTAINER...]", group: "Containers",
		short: "Change limits and restart policy, also of what runs", least: 1, most: anyNumber,
		long: "-1 takes a limit away. A limit that this machine does not let Davit set is refused.",
	}
	f := c.set()
	runspec.AddLimits(f, &o.Limits)
	f.StringVar(&o.Restart, "restart", "", "When it ends: no, always, unless-stopped, on-failure[:n] (`policy`)")
	f.StringArrayVar(&o.Add, "publish-add", nil, "Publish a further `port`, as run's -p")
	f.StringArrayVar(&o.Remove, "publish-rm", nil, "Publish a `port` of the container no more: 80, 80/udp, 8080:80")
	c.run = func(ctx context.Context, e *env, args []string) error { return runUpdate(ctx, e, o, args) }
	return c
}

func runUpdate(ctx context.Context, e *env, o UpdateOptions, refs []string) error {
	u := api.Update{Restart: o.Restart, Limits: o.Limits}
	ports, err := o.ports()
	if err != nil {
		return err
	}
	if u == (api.Update{}) && len(ports.Add)+len(ports.Remove) == 0 {
		return invalid("nothing is to be changed: name a limit, --restart or a port")
	}
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	return each(e, refs, func(ref string) error {
		if u != (api.Update{}) {
			if err := s.Update(ctx, ref, u); err != nil {
				return plainStart(err)
			}
		}
		if len(ports.Add)+len(ports.Remove) == 0 {
			return nil
		}
		_, err := s.Publish(ctx, ref, ports)
		return err
	})
}

func (o UpdateOptions) ports() (api.PortChange, error) {
	var c api.PortChange
	for _, v := range o.Add {
		ports, err := runspec.Publish(v)
		if err != nil {
			return c, err
		}
		c.Add = append(c.Add, ports...)
	}
	for _, v := range o.Remove {
		ports, err := runspec.Unpublish(v)
		if err != nil {
			return c, err
		}
		c.Remove = append(c.Remove, ports...)
	}
	return c, nil
}
