package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"davit/tests/home"
)

// The lanes. stack is ours without the direct path, gvisor the peer's like it.
const (
	stack   = "davit through the stack"
	gvisor  = "gvisor-tap-vsock (rootlesskit)"
	tapped  = "gvisor-tap-vsock on a tap"
	slirp   = "slirp4netns"
	pasta   = "pasta"
	builtin = "rootlesskit builtin"
)

// crossing is one measure of the way between host and container.
type crossing struct {
	figure
	unit    string
	args    []string // of load: what, and after the address
	outward bool     // from inside to the host's server
}

func atLeast(all ...limit) []limit { return all }

// crossings are taken of all lanes.
func crossings() []crossing {
	tcp := atLeast(limit{Peer: best, Least: 1.05}, limit{Peer: "loopback", Least: 0.65})
	return []crossing{
		{figure{"TCP in, 1 stream", tcp}, "Gbit/s", []string{"up", "1"}, false},
		{figure{"TCP in, 4 streams", tcp}, "Gbit/s", []string{"up", "4"}, false},
		{figure{"TCP back, 1 stream", tcp}, "Gbit/s", []string{"down", "1"}, false},
		{figure{"TCP back, 4 streams", tcp}, "Gbit/s", []string{"down", "4"}, false},
		{figure{"new connections", atLeast(limit{Peer: best, Least: 1.2})}, "/s", []string{"connect"}, false},
		{figure{"requests, kept connections", atLeast(limit{Peer: best, Least: 1})}, "/s", []string{"ask"}, false},
		{figure{"UDP that arrives", atLeast(limit{Peer: best, Least: 1})}, "/s", []string{"udp"}, false},
		{figure{"outbound, up", atLeast(limit{Peer: best, Least: 1}, limit{Peer: gvisor, Least: 3})}, "Gbit/s", []string{"up", "1"}, true},
		{figure{"outbound, down", atLeast(limit{Peer: pasta, Least: 0.6}, limit{Peer: slirp, Least: 1}, limit{Peer: gvisor, Least: 3})}, "Gbit/s", []string{"down", "1"}, true},
	}
}

// network compares the ways between host and container, in turns.
func (b *bench) network(ctx context.Context) (err error) {
	program, err := load()
	if err != nil {
		return err
	}
	lanes, err := b.lanes(ctx, program)
	defer func() {
		for _, l := range lanes {
			err = errors.Join(err, l.end())
		}
	}()
	if err != nil {
		return err
	}
	for range max(1, b.rounds/3) {
		for _, l := range lanes {
			for _, c := range crossings() {
				if err := b.cross(ctx, program, l, c); err != nil {
					return err
				}
			}
		}
		b.stacked()
		for _, more := range []func(context.Context, string, lane) error{b.between, b.flooded} {
			if err := more(ctx, program, lanes[1]); err != nil {
				return err
			}
		}
	}
	return b.netd(ctx)
}

func (b *bench) cross(ctx context.Context, program string, l lane, c crossing) error {
	if c.outward && l.inside == nil {
		return nil
	}
	cmd := c.command(ctx, program, l)
	before, err := spent(l.carriers)
	if err != nil {
		return err
	}
	values, err := numbers(cmd)
	if err != nil && !strings.HasPrefix(l.name, ours) {
		fmt.Fprintf(os.Stderr, "bench: %s, %s: %v\n", c.what, l.name, err)
		return nil // a peer that breaks down has no figure for it
	}
	if err != nil {
		return fmt.Errorf("%s, %s: %w", c.what, l.name, err)
	}
	after, err := spent(l.carriers)
	if err != nil {
		return err
	}
	b.add(c.figure, c.unit, l.name, values[0])
	switch {
	case c.args[0] == "ask":
		// All ask as fast as they are answered, so a lane that answers few is
		// quick with them: the peers that answer many are the ones to compare with.
		many := []limit{{Peer: pasta, Most: 1}, {Peer: "podman", Most: 1}, {Peer: builtin, Most: 1}}
		b.add(figure{"99th percentile of those", many}, "µs", l.name, values[1])
	case c.args[0] == "up" && c.args[1] == "1" && len(l.carriers) > 0 && l.inside != nil:
		gigabytes := values[0] / 8 // in one second
		f := figure{"processor time of " + c.what, []limit{{Peer: best, Most: 1}}}
		b.add(f, "s/GB", l.name, taken(before, after).Seconds()/gigabytes)
	}
	return nil
}

// command measures it in a lane.
func (c crossing) command(ctx context.Context, program string, l lane) *exec.Cmd {
	args := append([]string{c.args[0], l.to}, c.args[1:]...)
	if !c.outward {
		return exec.CommandContext(ctx, program, args...)
	}
	args[1] = l.host
	return l.inside(ctx, args...)
}

// stacked compares ways through a stack: ours without the direct path, and
// gvisor-tap-vsock's, as a round has just measured them.
func (b *bench) stacked() {
	for _, c := range crossings() {
		i := slices.IndexFunc(b.Rows, func(r *row) bool { return r.What == c.what })
		if i < 0 || !strings.HasPrefix(c.what, "TCP") {
			continue
		}
		f := figure{c.what + ", both through a stack", atLeast(limit{Peer: best, Least: 3})}
		for lane, name := range map[string]string{stack: ours, gvisor: gvisor, tapped: tapped} {
			if samples := b.Rows[i].Samples[lane]; len(samples) > 0 {
				b.add(f, c.unit, name, samples[len(samples)-1])
			}
		}
	}
}

// between measures two containers of one network beside a plain bridge of the
// kernel, and the network's resolver.
func (b *bench) between(ctx context.Context, program string, l lane) error {
	at := b.tools[0].container("run", []string{"--rm", "-v", program + ":/load:ro"}, "/load", "up", l.container+":"+servedAt, "1")
	f := figure{"between containers", atLeast(limit{Peer: "veth bridge", Least: 0.9})}
	ask := figure{"answers to questions for names", atLeast(limit{Least: 5000})}
	for _, m := range []struct {
		figure
		unit, tool string
		cmd        *exec.Cmd
	}{
		{f, "Gbit/s", ours, b.tools[0].cmd(ctx, at...)},
		{f, "Gbit/s", "veth bridge", exec.CommandContext(ctx, "unshare", "-Urnm", "sh", "-euc", vethBridge, program, servedAt)},
		{ask, "/s", ours, l.inside(ctx, "dns", l.container)},
	} {
		values, err := numbers(m.cmd)
		if err != nil {
			return err
		}
		b.add(m.figure, m.unit, m.tool, values[0])
	}
	return nil
}

// vethBridge measures between two namespaces that a bridge joins; $0 is the
// program, $1 a port.
const vethBridge = `
mount -t tmpfs tmpfs /run
ip link add br0 type bridge
ip link set br0 up
for i in 1 2; do
	ip netns add n$i
	ip link add v$i type veth peer name eth0 netns n$i
	ip link set v$i master br0 up
	ip -n n$i addr add 10.9.0.$i/24 dev eth0
	ip -n n$i link set lo up
	ip -n n$i link set eth0 up
done
nsenter --net=/run/netns/n1 "$0" serve "$1" &
trap "kill $!" EXIT
until nsenter --net=/run/netns/n2 "$0" -time 1ms ask "10.9.0.1:$1" >/dev/null 2>&1; do sleep 0.1; done
nsenter --net=/run/netns/n2 "$0" up "10.9.0.1:$1" 1
`

// netd tells what the process of a network holds that has one container.
func (b *bench) netd(ctx context.Context) error {
	if err := pause(ctx, 4*settle); err != nil { // it gives back what traffic took when there is none for a while
		return err
	}
	all, err := b.home.Processes()
	for _, p := range all {
		if p.Role == "davit-netd" {
			b.pss(figure{"memory of a network, idle", []limit{{Most: 12}}}, ours, []home.Process{p})
		}
	}
	return err
}

// lanes opens all; those that were opened are given with an error, too.
func (b *bench) lanes(ctx context.Context, program string) (all []lane, err error) {
	host, err := hostAddress()
	if err != nil {
		return nil, err
	}
	first, port, err := onHost(ctx, program)
	if err != nil {
		return nil, err
	}
	all = append(all, first)
	outside := host.String() + ":" + port
	for _, open := range []struct {
		name string
		open func() (lane, error)
	}{
		{ours, func() (lane, error) { return contained(ctx, b.tools[0], program, outside, []string{"davit-netd"}) }},
		{stack, func() (lane, error) { return b.stackLane(ctx, program, outside) }},
		{slirp, func() (lane, error) {
			return b.podmanLane(ctx, program, outside, "slirp4netns:port_handler=slirp4netns")
		}},
		{"podman", func() (lane, error) { return b.podmanLane(ctx, program, outside, "slirp4netns") }},
		{pasta, func() (lane, error) { return pastaLane(ctx, program, port) }},
		{builtin, func() (lane, error) {
			return b.rootlesskitLane(ctx, program, outside, "slirp4netns", "builtin")
		}},
		{gvisor, func() (lane, error) {
			return b.rootlesskitLane(ctx, program, outside, "gvisor-tap-vsock", "gvisor-tap-vsock")
		}},
		{tapped, func() (lane, error) { return b.tapLane(ctx, program, outside) }},
	} {
		l, err := open.open()
		if errors.Is(err, exec.ErrNotFound) {
			fmt.Fprintln(os.Stderr, "bench:", err)
			continue
		}
		if err != nil {
			return all, fmt.Errorf("%s: %w", open.name, err)
		}
		l.name = open.name
		all = append(all, l)
		if err := l.served(ctx, program); err != nil {
			return all, err
		}
	}
	return all, nil
}

// stackLane is Davit without the direct path, in a place of its own.
func (b *bench) stackLane(ctx context.Context, program, outside string) (lane, error) {
	h, err := home.New(b.home.Bin)
	if err != nil {
		return lane{}, err
	}
	b.stale = append(b.stale, h)
	t := b.tools[0]
	t.env = append(h.Env(), "DAVIT_NET_PATH=stack")
	if _, err := t.run(ctx, "load", "-i", b.archive); err != nil {
		return lane{}, err
	}
	return contained(ctx, t, program, outside, []string{"davit-netd"})
}

func (b *bench) podmanLane(ctx context.Context, program, outside, network string) (lane, error) {
	for _, t := range b.tools {
		if t.name == "podman" {
			carriers := []string{"slirp4netns", "rootlessport", "rootlessport-c", "exe"}
			return contained(ctx, t, program, outside, carriers, "--network", network)
		}
	}
	return lane{}, &exec.Error{Name: "podman", Err: exec.ErrNotFound}
}

// pastaLane runs pasta itself: the podman that stands beside it in Debian 12 is
// older than their acquaintance. Its gateway stands for the host.
func pastaLane(ctx context.Context, program, hostPort string) (lane, error) {
	port, err := freePort()
	if err != nil {
		return lane{}, err
	}
	gateway, err := exec.CommandContext(ctx, "sh", "-c", "ip -4 route show default | awk '{ print $3; exit }'").Output()
	if err != nil {
		return lane{}, err
	}
	t := tool{command: []string{"pasta", "--config-net", "-q", "-f", "-T", "none", "-U", "none", "-t", "127.0.0.1/" + port, "-u", port, "--", program, "serve", port}}
	return wrapped(ctx, t, program, strings.TrimSpace(string(gateway))+":"+hostPort, port)
}

// tapLane is gvisor-tap-vsock with nothing around it: its network reads and
// writes the tap itself.
func (b *bench) tapLane(ctx context.Context, program, outside string) (lane, error) {
	gateway := b.peer("tap")
	if gateway == "" {
		return lane{}, fmt.Errorf("gvisor-tap-vsock: %w", exec.ErrNotFound)
	}
	port, err := freePort()
	if err != nil {
		return lane{}, err
	}
	return wrapped(ctx, tool{command: []string{gateway, port, program, "serve", servedAt}}, program, outside, port)
}

func (b *bench) rootlesskitLane(ctx context.Context, program, outside, network, ports string) (lane, error) {
	rootlesskit := b.peer("rootlesskit")
	if rootlesskit == "" {
		return lane{}, fmt.Errorf("rootlesskit: %w", exec.ErrNotFound)
	}
	port, err := freePort()
	if err != nil {
		return lane{}, err
	}
	forward := fmt.Sprintf("127.0.0.1:%s:%s/", port, servedAt)
	t := tool{command: []string{rootlesskit, "--state-dir", filepath.Join(b.home.Dir, "rootlesskit-"+ports),
		"--net", network, "--port-driver", ports, "-p", forward + "tcp", "-p", forward + "udp", program, "serve", servedAt}}
	return wrapped(ctx, t, program, outside, port)
}
