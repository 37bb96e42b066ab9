package main

import (
	"math"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"davit/backend/api"
)

// limitFlags are the options of limits that run, create and update share.
type limitFlags struct {
	memory, memorySwap, cpus, cpuSet string
	pids                             int64
	ioWeight                         int
}

func (o *limitFlags) addFlags(f *pflag.FlagSet) {
	f.StringVarP(&o.memory, "memory", "m", "", "The most memory: `bytes`, or with k, m, g")
	f.StringVar(&o.memorySwap, "memory-swap", "", "The most memory and swap together: `bytes`; -1: swap without bound")
	f.StringVar(&o.cpus, "cpus", "", "The most processors' time: a `number` such as 1.5")
	f.StringVar(&o.cpuSet, "cpuset-cpus", "", "Only these processors: `0-2,4`")
	f.Int64Var(&o.pids, "pids-limit", 0, "The most processes and threads; -1: no limit")
	f.IntVar(&o.ioWeight, "blkio-weight", 0, "Share of the disks, 10 to 1000 (`weight`)")
}

func (o limitFlags) limits() (l api.Limits, err error) {
	l = api.Limits{CPUSet: o.cpuSet, Pids: o.pids, IOWeight: o.ioWeight}
	if l.Memory, err = parseBytes("memory", o.memory); err != nil {
		return l, err
	}
	if l.MemorySwap, err = parseBytes("memory-swap", o.memorySwap); err != nil {
		return l, err
	}
	if o.cpus != "" {
		n, err := strconv.ParseFloat(o.cpus, 64)
		if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			return l, invalid("--cpus %q: want a number such as 1.5", o.cpus)
		}
		l.CPUs = n
	}
	return l, nil
}

// parseBytes reads a size as docker does: b, k, m, g, t are powers of 1024.
func parseBytes(name, text string) (int64, error) {
	switch text {
	case "":
		return 0, nil
	case "-1":
		return -1, nil
	}
	number := strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(strings.TrimSpace(text)), "b"), "i")
	shift := 0
	if n := len(number); n > 0 {
		if i := strings.IndexByte("kmgtp", number[n-1]); i >= 0 {
			number, shift = number[:n-1], 10*(i+1)
		}
	}
	f, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	f *= float64(int64(1) << shift)
	if err != nil || !(f > 0) || f > math.MaxInt64/2 {
		return 0, invalid("--%s %q: want a size such as 512m or 2g", name, text)
	}
	return int64(f), nil
}

// logLimits reads docker's --log-opt: max-size=10m, max-file=3.
func logLimits(options []string) (l api.LogLimits, err error) {
	for _, o := range options {
		key, value, _ := strings.Cut(o, "=")
		switch key {
		case "max-size":
			l.MaxSize, err = parseBytes("log-opt max-size", value)
		case "max-file":
			if l.MaxFiles, err = strconv.Atoi(value); err != nil || l.MaxFiles < 1 {
				err = invalid("--log-opt max-file=%q: want a number from 1 on", value)
			}
		default:
			err = invalid("--log-opt %q: the options are max-size and max-file", o)
		}
		if err != nil {
			return l, err
		}
	}
	return l, nil
}
