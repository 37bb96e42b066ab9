// davit-netd is the process around one network. The keeper starts it in the
// user namespace and in the host's network namespace when the first container
// joins, and again when it was killed; it ends by itself when the network has
// been empty for a while.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/backend/store"
	"davit/backend/userns/keeper"
	"davit/netstack"
	"davit/netstack/netd"
	"davit/netstack/netd/serve"
)

// envPath chooses how published ports reach containers: "direct" or "stack".
const envPath = "DAVIT_NET_PATH"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "davit-netd:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	c, err := parse(args)
	if err != nil {
		return err
	}
	// A busy mover keeps one of the scheduler's processors while it waits: the
	// rest of the network is to have as many as before.
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + netstack.Movers())
	// An idle network should cost next to nothing, a busy one is bounded by
	// what the kernel queues: collect early, and give back.
	debug.SetGCPercent(50)
	debug.SetMemoryLimit(160 << 20)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	// The keeper holds what must outlive us. Without it the containers end, and
	// the next keeper starts a network of its own under our name.
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(syscall.SIGTERM), 0, 0, 0); err != nil {
		return err
	}
	dirs, err := store.Locate(os.Getenv)
	if err != nil {
		return err
	}
	if err := number(&c.Network, dirs); err != nil {
		return err
	}
	k, err := keeper.Dial(ctx, dirs)
	if err == nil {
		defer func() { _ = k.Close() }()
		c.Keeper, c.Deposits = k, keeper.Deposits()
		if err := endWith(ctx, dirs, stop); err != nil {
			return err
		}
	} else {
		c.Log.Warn("without a keeper this network ends with its process", "err", err)
	}
	return serve.Run(ctx, c)
}

// endWith ends this process when its keeper goes: its containers do, too, and
// the next keeper's are in another user namespace, which this network could
// not take in.
func endWith(ctx context.Context, dirs store.Dirs, stop func()) error {
	k, err := keeper.Dial(ctx, dirs)
	if err != nil {
		return err
	}
	go func() {
		// It tells of exits for as long as it lives, which do not matter here.
		_ = k.Exits(ctx, func() {}, func(keeper.Exit) {})
		stop()
	}()
	return nil
}

func parse(args []string) (serve.Config, error) {
	f := flag.NewFlagSet("davit-netd", flag.ContinueOnError)
	name := f.String("network", "default", "the network's `name`")
	socket := f.String("socket", "", "`path` of the socket to listen on")
	if err := f.Parse(args); err != nil {
		return serve.Config{}, err
	}
	c := serve.Config{Socket: *socket, Log: slog.New(slog.NewTextHandler(os.Stderr, nil)).With("role", "netd", "network", *name)}
	c.Network = netstack.Config{Name: *name, Path: netstack.Path(os.Getenv(envPath))}
	if *socket == "" {
		return c, errors.New("--socket is missing")
	}
	switch c.Network.Path {
	case "", netstack.PathDirect, netstack.PathStack:
	default:
		return c, fmt.Errorf("%s=%s: want %s or %s", envPath, c.Network.Path, netstack.PathDirect, netstack.PathStack)
	}
	return c, nil
}

// number fills in what the person said of the network when it was made. The
// default network was not made: it takes ranges that nothing else has.
func number(c *netstack.Config, dirs store.Dirs) error {
	c.Others = func() []netip.Prefix { return otherNetworks(dirs, c.Name) }
	rec, err := store.ReadNetwork(dirs, c.Name)
	if errors.Is(err, fs.ErrNotExist) && c.Name == api.NetworkDefault {
		return avoid(c, dirs)
	}
	if err != nil {
		return fmt.Errorf("network %s: %w", c.Name, err)
	}
	c.Internal, c.Isolated, c.MTU = rec.Internal, rec.Isolated, rec.MTU
	var err4, err6, gw4, gw6 error
	c.Subnet, err4 = netip.ParsePrefix(rec.Subnet)
	c.Gateway, gw4 = netip.ParseAddr(rec.Gateway)
	if rec.Subnet6 != "" {
		c.Subnet6, err6 = netip.ParsePrefix(rec.Subnet6)
		c.Gateway6, gw6 = netip.ParseAddr(rec.Gateway6)
	}
	if err := errors.Join(err4, err6, gw4, gw6); err != nil {
		return fmt.Errorf("the record of network %s: %w", c.Name, err)
	}
	return nil
}

// otherNetworks are the ranges of all networks but one. One that cannot be
// read has no members either.
func otherNetworks(dirs store.Dirs, but string) []netip.Prefix {
	all, _ := store.ListNetworks(dirs)
	var ranges []netip.Prefix
	add := func(texts ...string) {
		for _, s := range texts {
			if p, err := netip.ParsePrefix(s); err == nil {
				ranges = append(ranges, p)
			}
		}
	}
	for _, n := range all {
		if n.Name != but {
			add(n.Subnet, n.Subnet6)
		}
	}
	if but != api.NetworkDefault {
		if s, err := netd.ReadSubnets(dirs.NetdSocket(api.NetworkDefault)); err == nil {
			add(s.Subnet, s.Subnet6)
		}
	}
	return ranges
}

func avoid(c *netstack.Config, dirs store.Dirs) error {
	c.Subnet6 = netstack.DefaultSubnet6()
	all, err := store.ListNetworks(dirs)
	for _, n := range all {
		if p, perr := netip.ParsePrefix(n.Subnet); perr == nil {
			c.Avoid = append(c.Avoid, p)
		}
	}
	if len(all) > 0 {
		return nil // one that cannot be read is as good as none
	}
	return err
}
