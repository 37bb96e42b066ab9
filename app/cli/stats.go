package main

import (
	"context"
	"fmt"
	"strconv"

	"davit/backend/api"
)

// StatsOptions are stats'.
type StatsOptions struct {
	ListOptions
	All      bool
	NoStream bool
}

func newStatsCommand() *command {
	var o StatsOptions
	c := &command{
		name: "stats", args: "[OPTIONS] [CONTAINER...]", group: "Containers",
		short: "Show what containers use, again and again", most: anyNumber,
		long: "Figures come from the containers' control groups where this machine gives Davit some, else\nthey are added up over their processes.",
	}
	f := c.set()
	o.addFormat(f)
	f.BoolVar(&o.NoTrunc, "no-trunc", false, "Do not shorten anything")
	f.BoolVarP(&o.All, "all", "a", false, "Show all containers, not only those that run")
	f.BoolVar(&o.NoStream, "no-stream", false, "Show them once")
	c.run = func(ctx context.Context, e *env, refs []string) error { return runStats(ctx, e, o, refs) }
	return c
}

// statsRow has docker's fields.
type statsRow struct {
	Container, ID, Name, CPUPerc, MemUsage, MemPerc, NetIO, BlockIO, PIDs, Source string
}

var statsTable = table[statsRow]{
	titles: statsRow{
		Container: "CONTAINER", ID: "CONTAINER ID", Name: "NAME", CPUPerc: "CPU %", MemUsage: "MEM USAGE / LIMIT",
		MemPerc: "MEM %", NetIO: "NET I/O", BlockIO: "BLOCK I/O", PIDs: "PIDS", Source: "SOURCE",
	},
	layout: `{{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}`,
}

// clearScreen goes to the upper left and wipes what stands below.
const clearScreen = "\x1b[H\x1b[J"

func runStats(ctx context.Context, e *env, o StatsOptions, refs []string) error {
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	_, person := terminal(e.out)
	_, isTable := o.template(statsTable.layout, "")
	q := api.StatsQuery{Refs: refs, All: o.All, Once: o.NoStream}
	return s.Stats(ctx, q, func(r api.StatsRound) error {
		if o.JSON {
			return writeJSON(e.out, listOf(r.Containers))
		}
		if person && isTable && !o.NoStream {
			fmt.Fprint(e.out, clearScreen)
		}
		rows := make([]statsRow, len(r.Containers))
		for i, c := range r.Containers {
			rows[i] = newStatsRow(e, o.ListOptions, c)
		}
		return statsTable.write(e.out, o.ListOptions, rows)
	})
}

func newStatsRow(e *env, o ListOptions, s api.Stats) statsRow {
	r := statsRow{Container: s.ID, ID: s.ID, Name: o.cleaner(e)(s.Name), Source: s.Source}
	if !o.NoTrunc {
		r.Container, r.ID = shortID(s.ID), shortID(s.ID)
	}
	if !s.Running {
		r.CPUPerc, r.MemUsage, r.MemPerc, r.NetIO, r.BlockIO, r.PIDs = "--", "-- / --", "--", "--", "--", "--"
		return r
	}
	percent := 0.0
	if s.MemoryLimit > 0 {
		percent = 100 * float64(s.Memory) / float64(s.MemoryLimit)
	}
	r.CPUPerc = fmt.Sprintf("%.2f%%", s.CPU)
	r.MemUsage = memorySize(s.Memory) + " / " + memorySize(s.MemoryLimit)
	r.MemPerc = fmt.Sprintf("%.2f%%", percent)
	r.NetIO = humanSize(s.NetIn) + " / " + humanSize(s.NetOut)
	r.BlockIO = humanSize(s.DiskRead) + " / " + humanSize(s.DiskWritten)
	r.PIDs = strconv.Itoa(s.Pids)
	return r
}

// memorySize writes bytes in powers of 1024, as docker does of memory.
func memorySize(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	f, i := float64(n), 0
	for f >= 1024 && i < len(units)-1 {
		f, i = f/1024, i+1
	}
	return strconv.FormatFloat(fourDigits(f), 'f', -1, 64) + units[i]
}

func fourDigits(f float64) float64 {
	r, err := strconv.ParseFloat(strconv.FormatFloat(f, 'g', 4, 64), 64)
	if err != nil {
		return f
	}
	return r
}
