package runspec

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"davit/backend/api"
)

// AddLimits defines the options of limits, which run, create and update share.
func AddLimits(f *pflag.FlagSet, l *api.Limits) {
	share := cpuShare{period: 100_000}
	size := func(name string, to *int64) func(string) error {
		return func(v string) (err error) {
			*to, err = Bytes(name, v)
			return err
		}
	}
	f.FuncP("memory", "m", "The most memory: `bytes`, or with k, m, g", size("memory", &l.Memory))
	f.Func("memory-reservation", "Memory that it is left where memory is short: `bytes`", size("memory-reservation", &l.MemoryReservation))
	f.Func("memory-swap", "The most memory and swap together: `bytes`; -1: swap without bound", size("memory-swap", &l.MemorySwap))
	f.Func("cpus", "The most processors' time: a `number` such as 1.5", func(v string) error {
		n, err := strconv.ParseFloat(v, 64)
		if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			return fmt.Errorf("want a number such as 1.5")
		}
		if share.quota != 0 {
			return errTwice
		}
		l.CPUs, share.cpus = n, true
		return nil
	})
	share.add(f, l)
	f.StringVar(&l.CPUSet, "cpuset-cpus", "", "Only these processors: `0-2,4`")
	f.Int64Var(&l.Pids, "pids-limit", 0, "The most processes and threads; -1: no limit")
	f.Int64VarP(&l.CPUShares, "cpu-shares", "c", 0, "Share of the processors where they are short, 2 to 262144 (`shares`; default 1024)")
	f.IntVar(&l.IOWeight, "blkio-weight", 0, "Share of the disks, 10 to 1000 (`weight`)")
}

// cpuShare is docker's older way to say --cpus: so many microseconds of each
// period.
type cpuShare struct {
	quota, period int64
	cpus          bool // said by --cpus
}

var errTwice = errors.New("give --cpus or --cpu-quota and --cpu-period, not both")

// The bounds of a period and the least quota, those of the kernel.
const (
	leastPeriod = 1_000
	mostPeriod  = 1_000_000
)

func (c *cpuShare) add(f *pflag.FlagSet, l *api.Limits) {
	f.Func("cpu-quota", "The same in `microseconds` of each --cpu-period; -1: no limit", func(v string) error {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n != -1 && n < leastPeriod {
			return fmt.Errorf("want %d or more microseconds, or -1", leastPeriod)
		}
		c.quota = n
		return c.set(l)
	})
	f.Func("cpu-period", "`Microseconds` that --cpu-quota is of (default 100000)", func(v string) error {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n < leastPeriod || n > mostPeriod {
			return fmt.Errorf("want %d to %d microseconds", leastPeriod, mostPeriod)
		}
		c.period = n
		return c.set(l)
	})
}

func (c *cpuShare) set(l *api.Limits) error {
	switch {
	case c.cpus:
		return errTwice
	case c.quota < 0:
		l.CPUs = -1
	case c.quota > 0:
		l.CPUs = float64(c.quota) / float64(c.period)
	}
	return nil
}

// Bytes reads a size as docker does: b, k, m, g, t are powers of 1024; name is
// whose it is.
func Bytes(name, text string) (int64, error) {
	switch text {
	case "":
		return 0, nil
	case "-1":
		return -1, nil
	}
	number := strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(strings.TrimSpace(text)), "b"), "i")
	if n, err := strconv.ParseInt(number, 10, 64); err == nil && n > 0 {
		return n, nil // exactly, which a float would not be
	}
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

// size writes bytes as Bytes reads them.
func size(n int64) string {
	for _, u := range []struct {
		suffix string
		bytes  int64
	}{{"g", 1 << 30}, {"m", 1 << 20}, {"k", 1 << 10}} {
		if n > 0 && n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.suffix
		}
	}
	return strconv.FormatInt(n, 10)
}

// healthFlags are the options of health checks.
type healthFlags struct {
	cmd   string
	given api.HealthCheck
}

func (o *healthFlags) add(f *pflag.FlagSet) {
	f.StringVar(&o.cmd, "health-cmd", "", "Check its health with this `command`, run by its shell")
	f.DurationVar(&o.given.Interval, "health-interval", 0, "Time between two checks (default 30s)")
	f.DurationVar(&o.given.Timeout, "health-timeout", 0, "The most that one check may take (default 30s)")
	f.DurationVar(&o.given.StartPeriod, "health-start-period", 0, "Time from the start in which failures do not count")
	f.DurationVar(&o.given.StartInterval, "health-start-interval", 0, "Time between two checks in it (default 5s)")
	f.IntVar(&o.given.Retries, "health-retries", 0, "Failures in a row until it is unhealthy (default 3)")
	f.BoolVar(&o.given.None, "no-healthcheck", false, "No health check, whatever the image says")
}

// check is nil where no option was given.
func (o healthFlags) check() *api.HealthCheck {
	h := o.given
	h.Test = healthTest(o.cmd)
	if emptyHealth(&h) {
		return nil
	}
	return &h
}

func emptyHealth(h *api.HealthCheck) bool {
	return h == nil || !h.None && len(h.Test) == 0 && h.Interval == 0 && h.Timeout == 0 && h.StartPeriod == 0 && h.StartInterval == 0 && h.Retries == 0
}

// healthTest reads a shell's line or, as podman, a JSON array.
func healthTest(v string) []string {
	if v == "" {
		return nil
	}
	if words, ok := jsonWords(v); ok && len(words) > 0 && (words[0] == "CMD" || words[0] == "CMD-SHELL") {
		return words
	}
	return []string{"CMD-SHELL", v}
}

func duration(d time.Duration) string { return d.String() }
