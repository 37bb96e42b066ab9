package engine

import (
	"bytes"
	"context"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/backend/guard/cgroup"
	"davit/backend/guard/procs"
	"davit/backend/guard/usage"
	"davit/backend/store"
)

const (
	statsEvery = time.Second
	// firstLook is the time over which the first round counts the use of
	// processors.
	firstLook = 200 * time.Millisecond
	// leastInterval keeps a reader from making statistics the load.
	leastInterval = 100 * time.Millisecond
)

// Stats implements api.Service.
func (e *Engine) Stats(ctx context.Context, q api.StatsQuery, sink func(api.StatsRound) error) error {
	if q.Interval == 0 {
		q.Interval = statsEvery
	}
	q.Interval = max(q.Interval, leastInterval)
	ids := make([]string, len(q.Refs))
	for i, ref := range q.Refs {
		entry, err := e.sound(ctx, ref)
		if err != nil {
			return explain(err)
		}
		ids[i] = entry.Record.ID
	}
	var sampler usage.Sampler
	if _, err := e.statsRound(ctx, &sampler, ids, q.All); err != nil {
		return explain(err)
	}
	for wait := firstLook; ; wait = q.Interval {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return explain(ctx.Err())
		}
		round, err := e.statsRound(ctx, &sampler, ids, q.All)
		if err != nil {
			return explain(err)
		}
		if err := sink(round); err != nil {
			return explain(err)
		}
		if len(round.Containers) > 0 {
			e.cfg.Brief()
		}
		running := slices.ContainsFunc(round.Containers, func(s api.Stats) bool { return s.Running })
		if q.Once || len(ids) > 0 && !running && !q.All {
			return nil
		}
	}
}

// statsRound samples the containers with these ids; none: all that run.
func (e *Engine) statsRound(ctx context.Context, s *usage.Sampler, ids []string, all bool) (api.StatsRound, error) {
	round := api.StatsRound{Time: time.Now().UTC(), Containers: []api.Stats{}}
	if err := ctx.Err(); err != nil {
		return round, err
	}
	entries, err := store.ListContainers(e.dirs)
	if err != nil {
		return round, err
	}
	var targets []usage.Target
	traffic := usage.Traffic{Dirs: e.dirs}
	at := map[string]int{} // by id, in the round
	for _, entry := range entries {
		rec, st := entry.Record, entry.State
		runs := hasProcess(st.State)
		if len(ids) > 0 && !slices.Contains(ids, rec.ID) || len(ids) == 0 && !runs && !all {
			continue
		}
		at[rec.ID] = len(round.Containers)
		round.Containers = append(round.Containers, api.Stats{ID: rec.ID, Name: rec.Name, Time: round.Time, MemoryLimit: rec.Limits.Memory})
		if runs && st.PID > 0 {
			t := usage.Target{ID: rec.ID, Name: rec.Name, PID: st.PID, Group: cgroup.Group(st.Cgroup)}
			traffic.Add(ctx, &t, st.Published())
			targets = append(targets, t)
		}
	}
	stats, err := s.Sample(targets)
	for _, st := range stats {
		round.Containers[at[st.ID]] = st
	}
	if len(ids) > 0 { // in the order asked for
		slices.SortStableFunc(round.Containers, func(a, b api.Stats) int {
			return slices.Index(ids, a.ID) - slices.Index(ids, b.ID)
		})
	}
	return round, err
}

// Top implements api.Service.
func (e *Engine) Top(ctx context.Context, ref string) ([]api.Process, error) {
	entry, err := e.running(ctx, ref)
	if err == nil && !hasProcess(entry.State.State) {
		err = api.Errorf(api.KindConflict, "container %s is %s", entry.Record.Name, entry.State.State).WithRef(entry.Record.Name)
	}
	if err != nil {
		return nil, explain(err)
	}
	table, err := procs.Scan()
	if err != nil {
		return nil, explain(err)
	}
	list := []api.Process{}
	booted := bootTime()
	for _, p := range table.Of(entry.State.PID) {
		if one, ok := describe(p, booted); ok {
			one.UID, _ = entry.Record.IDs.Inside(one.UID, 0)
			list = append(list, one)
		}
	}
	slices.SortFunc(list, func(a, b api.Process) int { return a.Inside - b.Inside })
	return list, nil
}

// describe reads what only a listing of processes wants to know.
func describe(p *procs.Process, booted time.Time) (api.Process, bool) {
	dir := "/proc/" + strconv.Itoa(p.PID)
	status, err := os.ReadFile(dir + "/status")
	if err != nil {
		return api.Process{}, false // it ended
	}
	one := api.Process{
		PID: p.PID, Parent: p.Parent, Inside: p.PID, State: string(p.State), TTY: terminalName(p.TTY),
		Started: booted.Add(time.Duration(p.Start) * 10 * time.Millisecond).UTC(), CPUTime: p.CPU, Memory: p.Resident,
	}
	name := ""
	for line := range strings.Lines(string(status)) {
		key, value, _ := strings.Cut(line, ":")
		f := strings.Fields(value)
		switch {
		case len(f) == 0:
		case key == "Name":
			name = f[0]
		case key == "Uid":
			one.UID, _ = strconv.Atoi(f[0]) // the kernel's own numbers, as this namespace maps them
		case key == "NSpid":
			one.Inside, _ = strconv.Atoi(f[len(f)-1])
		}
	}
	line, _ := os.ReadFile(dir + "/cmdline") // empty for a zombie
	one.Command = strings.TrimSpace(string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
	if one.Command == "" {
		one.Command = "[" + name + "]"
	}
	return one, true
}

// terminalName names a pty by its device number, as ps does.
func terminalName(dev int) string {
	const firstPTS, lastPTS = 136, 143
	major, minor := dev>>8&0xfff, dev&0xff|dev>>12&0xfff00
	if dev == 0 || major < firstPTS || major > lastPTS {
		return "?"
	}
	return "pts/" + strconv.Itoa((major-firstPTS)<<8+minor)
}

// bootTime is when the machine was started, by today's clock.
func bootTime() time.Time {
	b, err := os.ReadFile("/proc/uptime")
	if err != nil {
		return time.Time{}
	}
	first, _, _ := strings.Cut(string(b), " ")
	up, err := strconv.ParseFloat(first, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Now().Add(-time.Duration(up * float64(time.Second)))
}

// SignalProcess implements api.Service. The pid is looked for among the
// container's own, and signalled by a descriptor of the process that was found.
func (e *Engine) SignalProcess(ctx context.Context, ref string, pid int, signal string) error {
	sig, err := signalNumber(signal)
	if err != nil {
		return err
	}
	entry, err := e.running(ctx, ref)
	if err != nil {
		return explain(err)
	}
	table, err := procs.Scan()
	if err != nil {
		return explain(err)
	}
	for _, p := range table.Of(entry.State.PID) {
		if p.PID == pid {
			return explain(procs.Signal(pid, p.Start, sig))
		}
	}
	return api.Errorf(api.KindNotFound, "%s has no process %d", entry.Record.Name, pid).WithRef(entry.Record.Name)
}

func signalNumber(name string) (unix.Signal, error) {
	if err := validSignal(name); err != nil {
		return 0, err
	}
	if n, err := strconv.Atoi(name); err == nil {
		return unix.Signal(n), nil
	}
	if n := unix.SignalNum("SIG" + strings.TrimPrefix(strings.ToUpper(name), "SIG")); n != 0 {
		return n, nil
	}
	return 0, invalid(name, "%q is no signal for a single process", name).WithHint("Give its number.")
}
