package main

import (
	"context"
	"fmt"
)

// floods are what a container may do to the others of its network, which share
// its process and its way out.
var floods = []struct{ what, verb, streams string }{{"four streams out", "up", "4"}, {"datagrams", "udp", ""}}

// flooded tells what a container keeps of its streams while another of its
// network sends as fast as it can: of those that go out, and of those that come
// in by a published port.
func (b *bench) flooded(ctx context.Context, program string, l lane) error {
	quiet, err := b.streams(ctx, program, l)
	if err != nil {
		return err
	}
	for _, flood := range floods {
		args := []string{"run", "-d", "--name", "flooder", "-v", program + ":/load:ro", image, "/load", "-time", "1h", flood.verb, l.host, flood.streams}
		if _, err := b.tools[0].run(ctx, args...); err != nil {
			return err
		}
		if err := pause(ctx, settle); err != nil {
			return err
		}
		during, err := b.streams(ctx, program, l)
		if err != nil {
			return err
		}
		for i, s := range during {
			f := figure{fmt.Sprintf("%s, kept while another container floods: %s", s.what, flood.what), atLeast(limit{Least: 20})}
			b.add(f, "%", ours, 100*s.rate/quiet[i].rate)
		}
		if _, err := b.tools[0].run(ctx, "rm", "-f", "flooder"); err != nil {
			return err
		}
	}
	return nil
}

// streamed is how fast one stream went.
type streamed struct {
	what string
	rate float64 // Gbit/s
}

// streams measures single streams: to the server and back, and out.
func (b *bench) streams(ctx context.Context, program string, l lane) (all []streamed, err error) {
	for _, c := range crossings() {
		if c.args[0] != "up" && c.args[0] != "down" || c.args[1] != "1" {
			continue
		}
		values, err := numbers(c.command(ctx, program, l))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.what, err)
		}
		all = append(all, streamed{c.what, values[0]})
	}
	return all, nil
}
