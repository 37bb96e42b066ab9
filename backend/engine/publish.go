package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"davit/backend/api"
	"davit/backend/runspec"
	"davit/backend/store"
	"davit/netstack/netd"
)

// Publish implements api.Service.
func (e *Engine) Publish(ctx context.Context, ref string, c api.PortChange) ([]api.Port, error) {
	if len(c.Add)+len(c.Remove) == 0 {
		return nil, explain(invalid(ref, "no port is to be changed"))
	}
	for _, e := range runspec.Check(api.RunSpec{Image: "-", Ports: c.Add}) {
		return nil, e
	}
	var now []api.Port
	var exact api.PortChange
	err := e.amend(ctx, ref, func(rec *store.Record) error {
		if len(rec.Joins()) == 0 {
			return api.Errorf(api.KindConflict, "container %s has no network to publish ports from", rec.Name).WithRef(rec.Name)
		}
		var err error
		exact, err = e.portChange(*rec, c)
		rec.Ports = slices.Concat(slices.DeleteFunc(slices.Clone(rec.Ports), func(p api.Port) bool {
			return slices.Contains(exact.Remove, completePort(p))
		}), exact.Add)
		now = rec.Ports
		return err
	}, func(id string) error {
		live, err := e.guard.Ports(ctx, id, exact)
		if len(live) > 0 {
			now = live
		}
		return err
	})
	return list(now), explain(err)
}

// portChange completes what is asked for: which ports are meant, and which of
// the host are free.
func (e *Engine) portChange(rec store.Record, c api.PortChange) (api.PortChange, error) {
	var exact api.PortChange
	for _, want := range c.Remove {
		found := false
		for _, p := range rec.Ports {
			if p = completePort(p); meant(want, p) {
				found = true
				exact.Remove = append(exact.Remove, p)
			}
		}
		if !found {
			return exact, api.Errorf(api.KindNotFound, "container %s publishes no port %s", rec.Name, portText(want)).WithRef(rec.Name).
				WithHint("davit port %s lists its ports.", rec.Name)
		}
	}
	for _, p := range c.Add {
		p = completePort(p)
		same := func(q api.Port) bool {
			q = completePort(q)
			return q.HostIP == p.HostIP && q.HostPort == p.HostPort && q.Protocol == p.Protocol && !slices.Contains(exact.Remove, q)
		}
		if p.HostPort != 0 && slices.ContainsFunc(rec.Ports, same) {
			return exact, api.Errorf(api.KindConflict, "container %s publishes port %s already", rec.Name, portText(p)).WithRef(rec.Name)
		}
		exact.Add = append(exact.Add, p)
	}
	others, err := store.ListContainers(e.dirs)
	if err != nil {
		return exact, err
	}
	exact.Add, err = choosePorts(exact.Add, others)
	return exact, err
}

// meant tells whether want, whose zero fields fit all, is p.
func meant(want, p api.Port) bool {
	if want.Ranged() && (want.HostFirst != p.HostFirst || want.HostLast != p.HostLast) {
		return false
	}
	return cmp.Or(want.HostIP, p.HostIP) == p.HostIP && (cmp.Or(want.HostPort, p.HostPort) == p.HostPort || p.Ranged() && mayHave(p, want.HostPort)) &&
		cmp.Or(want.ContainerPort, p.ContainerPort) == p.ContainerPort && strings.EqualFold(cmp.Or(want.Protocol, p.Protocol), p.Protocol)
}

func portText(p api.Port) string {
	text := fmt.Sprint(p.ContainerPort)
	if host := p.HostPorts(); host != "" {
		text = fmt.Sprintf("%s:%s:%s", p.HostIP, host, text)
	}
	return strings.TrimPrefix(text, ":") + "/" + cmp.Or(p.Protocol, "tcp")
}

// maxConnections is how many are listed.
const maxConnections = 1000

// Connections implements api.Service.
func (e *Engine) Connections(ctx context.Context, ref string) ([]api.Connection, error) {
	entry, err := e.running(ctx, ref)
	if err != nil {
		return nil, explain(err)
	}
	all := []api.Connection{}
	for _, p := range entry.State.Networks {
		got, err := netd.NewClient(e.dirs.NetdSocket(p.Network)).Connections(ctx, entry.Record.ID)
		if err != nil {
			return nil, explain(err)
		}
		all = append(all, got...)
	}
	slices.SortFunc(all, func(a, b api.Connection) int { return b.Since.Compare(a.Since) })
	return all[:min(len(all), maxConnections)], nil
}
