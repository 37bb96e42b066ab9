// Package usage samples what containers use: from their control groups where
// they have some, else from /proc over their processes.
//
// It runs in guard and engine, as root of the user namespace in the host's pid
// namespace.
package usage

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/backend/guard/cgroup"
	"davit/backend/guard/procs"
)

// Target is a container that runs.
type Target struct {
	ID, Name string
	PID      int          // its first process
	Group    cgroup.Group // "": none
	// In and Out are bytes that went through published ports beside its
	// interfaces.
	In, Out int64
}

// Sampler samples again and again. The zero value is ready; one goroutine uses
// it.
type Sampler struct {
	last map[string]point
}

// point is what a rate is counted from.
type point struct {
	pid int
	at  time.Time
	cpu time.Duration
	in  int64
	out int64
}

// Sample tells what the targets use now. The use of processors is 0 at the
// first sight of a container.
func (s *Sampler) Sample(targets []Target) ([]api.Stats, error) {
	var table *procs.Table
	next := map[string]point{}
	list := make([]api.Stats, 0, len(targets))
	for _, t := range targets {
		st := api.Stats{ID: t.ID, Name: t.Name, Time: time.Now().UTC(), Running: true, Source: "cgroup"}
		var u cgroup.Usage
		if t.Group != "" {
			u = t.Group.Usage()
		}
		st.CPUTime, st.Memory, st.MemoryLimit, st.Pids = u.CPU, u.Memory, u.MemoryLimit, u.Pids
		st.DiskRead, st.DiskWritten, st.Pressure = u.DiskRead, u.DiskWritten, u.Pressure
		if !u.HasCPU || !u.HasMemory || !u.HasPids || !u.HasDisk {
			if table == nil {
				var err error
				if table, err = procs.Scan(); err != nil {
					return nil, err
				}
			}
			complete(&st, u, table.Of(t.PID))
		}
		if st.MemoryLimit == 0 {
			st.MemoryLimit = machineMemory()
		}
		st.NetIn, st.NetOut = procs.Network(t.PID)
		st.NetIn, st.NetOut = st.NetIn+t.In, st.NetOut+t.Out
		now := point{t.PID, time.Now(), st.CPUTime, st.NetIn, st.NetOut}
		if was, ok := s.last[t.ID]; ok && was.pid == t.PID {
			st.CPU = percent(now.cpu-was.cpu, now.at.Sub(was.at))
			st.NetInRate, st.NetOutRate = rate(now.in-was.in, now.at.Sub(was.at)), rate(now.out-was.out, now.at.Sub(was.at))
		}
		next[t.ID] = now
		list = append(list, st)
	}
	s.last = next
	return list, nil
}

// rate is bytes a second. A counter begins anew with the process that keeps it.
func rate(bytes int64, over time.Duration) float64 {
	if bytes < 0 || over <= 0 {
		return 0
	}
	return float64(bytes) / over.Seconds()
}

// complete fills in from the processes what the group does not count.
func complete(st *api.Stats, u cgroup.Usage, list []*procs.Process) {
	if !u.HasCPU {
		st.Source = "proc"
		for _, p := range list {
			st.CPUTime += p.CPU
		}
	}
	if !u.HasMemory {
		st.Source = "proc"
		st.Memory = procs.Memory(list)
	}
	if !u.HasPids {
		for _, p := range list {
			st.Pids += p.Threads
		}
	}
	if !u.HasDisk {
		st.DiskRead, st.DiskWritten = procs.Disk(list)
	}
}

// percent of one processor; processes that end take their time with them.
func percent(used, of time.Duration) float64 {
	if used <= 0 || of <= 0 {
		return 0
	}
	return 100 * float64(used) / float64(of)
}

var machineMemory = sync.OnceValue(func() int64 {
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) != nil {
		return 0
	}
	return int64(info.Totalram) * int64(info.Unit)
})
