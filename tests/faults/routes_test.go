package faults

import (
	"bufio"
	"os"
	"strings"
	"testing"
)

// A VPN that comes leads to a network's addresses elsewhere: that is told at
// once, seen where the network is looked at, and said with a way out; and so
// is its end.
func TestRouteThatComesLater(t *testing.T) {
	p := cage(t, "busybox ip link set lo up && busybox ip link add vpn0 type bridge && busybox ip link set vpn0 up", "--net")
	p.davit("network", "create", "--subnet", "10.77.1.0/24", "app")
	lines := p.events()
	p.sh("busybox ip route add 10.77.0.0/16 dev vpn0")
	p.tells(lines, "network collide ", "name=app")
	if out := p.davit("network", "inspect", "app"); !strings.Contains(out, "10.77.0.0/16 over vpn0") {
		t.Errorf("inspect: %s", out)
	}
	if out := p.davit("network", "ls", "--format", "{{.Name}}: {{.Problem}}"); !strings.Contains(out, "app: this computer reaches") {
		t.Errorf("ls: %s", out)
	}
	if out, _ := p.try("doctor"); !strings.Contains(out, "Network app: this computer reaches 10.77.0.0/16 over vpn0") || !strings.Contains(out, "davit network connect app-2") {
		t.Errorf("doctor: %s", out)
	}
	p.sh("busybox ip route del 10.77.0.0/16")
	p.tells(lines, "network update ", "name=app")
	if out := p.davit("network", "inspect", "app"); strings.Contains(out, "vpn0") {
		t.Errorf("afterwards: %s", out)
	}
}

// events are those from now on, a line each.
func (p *place) events() <-chan string {
	p.t.Helper()
	cmd := p.command("events")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	check(p.t, err)
	check(p.t, cmd.Start())
	p.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	lines := make(chan string, 100)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			lines <- s.Text()
		}
	}()
	// It listens when it tells of something.
	p.eventually("the events begin", func() bool {
		p.davit("network", "create", "probe")
		p.davit("network", "rm", "probe")
		select {
		case <-lines:
			return true
		default:
			return false
		}
	})
	return lines
}

// tells waits for an event whose line has these parts.
func (p *place) tells(lines <-chan string, parts ...string) {
	p.t.Helper()
	p.eventually("an event with "+strings.Join(parts, " and "), func() bool {
		for {
			select {
			case line := <-lines:
				all := true
				for _, part := range parts {
					all = all && strings.Contains(line, part)
				}
				if all {
					return true
				}
			default:
				return false
			}
		}
	})
}
