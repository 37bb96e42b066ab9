package main

import (
	"context"

	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"

	"davit/backend/api"
)

// StopOptions are stop's and restart's.
type StopOptions struct {
	Which
	Timeout int
	Signal  string
}

func (o *StopOptions) addFlags(f *pflag.FlagSet, all string) {
	o.Which.addFlags(f, whichFlags{"a", "l", "i"}, all)
	f.IntVarP(&o.Timeout, "timeout", "t", 0, "Seconds until it is killed; -1 waits for ever (default: as it says, or 10)")
	f.IntVar(&o.Timeout, "time", 0, "The same")
	f.StringVarP(&o.Signal, "signal", "s", "", "The signal to send first")
	hide(f, "time")
}

func (o StopOptions) options(f *pflag.FlagSet) api.StopOptions {
	out := api.StopOptions{Signal: o.Signal}
	if f.Changed("timeout") || f.Changed("time") {
		out.Timeout = &o.Timeout
	}
	return out
}

func newStopCommand() *command {
	var o StopOptions
	c := &command{
		name: "stop", args: "[OPTIONS] CONTAINER [CONTAINER...]", group: "Containers",
		short: "Stop containers: signal, grace period, kill", least: 1, most: anyNumber,
	}
	f := c.set()
	c.chosen = o.given
	o.addFlags(f, "All containers that run")
	c.run = func(ctx context.Context, e *env, args []string) error {
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		refs, err := o.refs(ctx, s, args, statesUp...)
		if err != nil {
			return err
		}
		how := o.options(f)
		return atOnce(e, refs, func(ref string) error { return o.unlessIgnored(s.Stop(ctx, ref, how)) })
	}
	return c
}

// together is how many containers are stopped at a time.
const together = 50

// atOnce does the same to all refs at a time and answers in their order:
// ten containers that need ten seconds each are stopped after ten seconds.
func atOnce(e *env, refs []string, do func(ref string) error) error {
	var g errgroup.Group
	g.SetLimit(together)
	results := make([]chan error, len(refs))
	for i := range refs {
		results[i] = make(chan error, 1)
	}
	go func() {
		for i, ref := range refs {
			g.Go(func() error { results[i] <- do(ref); return nil })
		}
	}()
	i := -1
	return each(e, refs, func(string) error { i++; return <-results[i] })
}
