package cgroup

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"davit/backend/api"
)

// period is the time over which a share of the processors is counted, in
// microseconds: docker's.
const period = 100_000

// unbound is how the kernel writes no limit.
const unbound = "max"

// setting is one file of a group and what is to be in it.
type setting struct {
	what       string // for people
	controller string
	file       string
	value      string
	same       func(asked, read string) bool
	implied    bool // nobody asked for it by name: where there is no such thing, nothing is lost
}

// settings lists what l asks for; -1 takes a limit away.
func settings(l api.Limits) []setting {
	var s []setting
	add := func(what, controller, value string, same func(a, b string) bool, file string) {
		s = append(s, setting{what: what, controller: controller, file: file, value: value, same: same})
	}
	exact := func(a, b string) bool { return a == b }
	if l.Memory != 0 {
		add("the limit of memory", "memory", bytesOrMax(l.Memory), samePages, "memory.max")
	}
	if l.MemoryReservation != 0 {
		add("the reservation of memory", "memory", strconv.FormatInt(max(0, l.MemoryReservation), 10), samePages, "memory.low")
		s[len(s)-1].implied = l.MemoryReservation < 0
	}
	if swap, ok := swapOf(l); ok {
		add("the limit of swap", "memory", bytesOrMax(swap), samePages, "memory.swap.max")
		s[len(s)-1].implied = l.MemorySwap == 0 // a kernel may count no swap
	}
	if l.CPUs != 0 {
		quota := unbound
		if l.CPUs > 0 {
			quota = strconv.FormatInt(int64(math.Round(l.CPUs*period)), 10)
		}
		add("the limit of CPUs", "cpu", quota+" "+strconv.Itoa(period), exact, "cpu.max")
	}
	if l.CPUShares != 0 {
		add("the share of CPUs", "cpu", strconv.Itoa(cpuWeight(l.CPUShares)), exact, "cpu.weight")
		s[len(s)-1].implied = l.CPUShares < 0
	}
	if l.CPUSet != "" {
		set, same := l.CPUSet, sameSet
		if set == AllCPUs {
			set, same = "\n", func(_, read string) bool { return strings.TrimSpace(read) == "" }
		}
		add("the set of CPUs", "cpuset", set, same, "cpuset.cpus")
		s[len(s)-1].implied = l.CPUSet == AllCPUs
	}
	if l.Pids != 0 {
		add("the limit of processes", "pids", bytesOrMax(l.Pids), exact, "pids.max")
	}
	if l.IOWeight != 0 {
		// 10…1000 of version 1 onto 1…10000, as runc does.
		weight := usualWeight
		if l.IOWeight > 0 {
			weight = 1 + (l.IOWeight-10)*9999/990
		}
		add("the weight of disk access", "io", strconv.Itoa(weight), sameWeight, "io.weight")
		s[len(s)-1].implied = l.IOWeight < 0
	}
	return s
}

// usualWeight is what the kernel gives a group that nothing was said of.
const usualWeight = 100

// The bounds of shares, those of version 1 of the control groups.
const (
	leastShares = 2
	mostShares  = 262144
)

// cpuWeight brings the 2…262144 of version 1 onto the 1…10000 of version 2 so
// that 1024 becomes 100, which both have as their usual, as runc and crun do:
// https://github.com/opencontainers/cgroups/pull/20
func cpuWeight(shares int64) int {
	switch {
	case shares < 0:
		return usualWeight
	case shares <= leastShares:
		return 1
	case shares >= mostShares:
		return 10000
	}
	l := math.Log2(float64(shares))
	return int(math.Ceil(math.Pow(10, (l*l+125*l)/612-7.0/34)))
}

// swapOf is the swap alone; without a limit of memory there is none.
func swapOf(l api.Limits) (int64, bool) {
	switch {
	case l.MemorySwap < 0, l.Memory < 0:
		return -1, true
	case l.MemorySwap > 0:
		return max(0, l.MemorySwap-l.Memory), true
	case l.Memory > 0:
		return l.Memory, true
	}
	return 0, false
}

func bytesOrMax(n int64) string {
	if n < 0 {
		return unbound
	}
	return strconv.FormatInt(n, 10)
}

// samePages allows for the kernel's rounding down to pages (of 64 KiB at most).
func samePages(asked, read string) bool {
	if asked == read {
		return true
	}
	a, err1 := strconv.ParseInt(asked, 10, 64)
	b, err2 := strconv.ParseInt(read, 10, 64)
	return err1 == nil && err2 == nil && b <= a && a-b < 64<<10
}

func sameWeight(asked, read string) bool {
	return read == asked || read == "default "+asked || strings.HasPrefix(read, "default "+asked+"\n")
}

func sameSet(asked, read string) bool {
	a, err1 := ParseSet(asked)
	b, err2 := ParseSet(read)
	return err1 == nil && err2 == nil && slices.Equal(a, b)
}

// AllCPUs in an update takes a set of processors away: the kernel's word for
// none is an empty line.
const AllCPUs = "-1"

// maxCPU bounds the numbers in a set: the kernel's NR_CPUS is 8192 at most.
const maxCPU = 8192

// ParseSet reads a set of processors, "0-2,4", sorted and each once.
func ParseSet(s string) ([]int, error) {
	var set []int
	for part := range strings.SplitSeq(s, ",") {
		from, to, ranged := strings.Cut(strings.TrimSpace(part), "-")
		if !ranged {
			to = from
		}
		a, err1 := strconv.Atoi(from)
		b, err2 := strconv.Atoi(to)
		if err1 != nil || err2 != nil || a < 0 || b < a || b >= maxCPU {
			return nil, api.Errorf(api.KindInvalid, "%q is not a set of processors", s).WithHint("Write them as 0-2,4.")
		}
		for n := a; n <= b; n++ {
			set = append(set, n)
		}
	}
	slices.Sort(set)
	return slices.Compact(set), nil
}

// leastMemory is docker's: with less, not even the first process starts.
const leastMemory = 6 << 20

// Valid tells what is wrong with limits that no machine could set.
func Valid(l api.Limits) error {
	bad := func(format string, args ...any) error { return api.Errorf(api.KindInvalid, format, args...) }
	switch {
	case l.Memory > 0 && l.Memory < leastMemory:
		return bad("a limit of %d bytes of memory is too little: 6 MiB is the least", l.Memory)
	case l.MemorySwap > 0 && l.Memory <= 0:
		return bad("a limit of memory and swap together wants one of memory, too")
	case l.MemorySwap > 0 && l.MemorySwap < l.Memory:
		return bad("memory and swap together cannot be less than memory alone")
	case l.MemoryReservation > 0 && l.Memory > 0 && l.MemoryReservation > l.Memory:
		return bad("a reservation of memory cannot be more than its limit")
	case l.MemoryReservation > 0 && l.MemoryReservation < leastMemory:
		return bad("a reservation of %d bytes of memory is too little: 6 MiB is the least", l.MemoryReservation)
	case l.CPUs != l.CPUs || l.CPUs > float64(runtime.NumCPU()):
		return bad("this machine has %d processors, not %g", runtime.NumCPU(), l.CPUs)
	case l.CPUs > 0 && l.CPUs < 0.01:
		return bad("a limit of %g processors is too little: 0.01 is the least", l.CPUs)
	case l.Memory < -1 || l.MemorySwap < -1 || l.MemoryReservation < -1 || l.Pids < -1 || l.CPUs < 0 && l.CPUs != -1:
		return bad("a limit cannot be negative; -1 is none")
	case l.CPUShares != 0 && l.CPUShares != -1 && (l.CPUShares < leastShares || l.CPUShares > mostShares):
		return bad("a share of the processors is between %d and %d, not %d", leastShares, mostShares, l.CPUShares)
	case l.IOWeight != 0 && l.IOWeight != -1 && (l.IOWeight < 10 || l.IOWeight > 1000):
		return bad("a weight of disk access is between 10 and 1000, not %d", l.IOWeight)
	}
	if l.CPUSet != "" {
		_, err := ParseSet(l.CPUSet)
		return err
	}
	return nil
}

// Allows tells whether the limits can be set here, without doing so.
func (p Place) Allows(l api.Limits) error {
	for _, s := range settings(l) {
		if s.implied || s.value == unbound || strings.HasPrefix(s.value, unbound+" ") {
			continue // there is none to take away
		}
		if !p.OK() {
			return api.Errorf(api.KindHost, "%s cannot be set: %w", s.what, p.why).WithHint("%s", p.why.Hint).WithExit(125)
		}
		if !slices.Contains(p.controllers, s.controller) {
			return p.missing(s)
		}
	}
	return nil
}

func (p Place) missing(s setting) error {
	return api.Errorf(api.KindHost, "%s cannot be set: the controller %s was not given to you", s.what, s.controller).
		WithHint("Give it (Delegate=%s for user@.service) and log in anew; `davit doctor` shows the commands.", s.controller).WithExit(125)
}

// Apply sets limits and reads each back: what the kernel did not take is an
// error (KindHost).
func (g Group) Apply(l api.Limits) error {
	for _, s := range settings(l) {
		if err := g.set(s); err != nil {
			return err
		}
		if s.file != "io.weight" { // it counts among siblings, of which there are none
			_ = Group(filepath.Join(string(g), inner)).write(s.file, s.value) // to be seen
		}
	}
	return nil
}

func (g Group) set(s setting) error {
	if _, err := os.Lstat(filepath.Join(string(g), s.file)); err != nil {
		if strings.HasPrefix(s.value, unbound) || s.implied {
			return nil
		}
		return Place{}.missing(s)
	}
	if err := g.write(s.file, s.value); err != nil {
		return api.Errorf(api.KindHost, "%s cannot be set to %s: %w", s.what, s.value, err).WithExit(125)
	}
	if got := g.read(s.file); !s.same(s.value, got) {
		return api.Errorf(api.KindHost, "%s was set to %s, and the kernel made it %s", s.what, s.value, got).WithExit(125)
	}
	return nil
}

// Merge lays an update's limits over those that are: zero fields stay, -1
// becomes none.
func Merge(now, u api.Limits) api.Limits {
	if u.Memory != 0 {
		now.Memory = max(0, u.Memory)
	}
	if u.MemorySwap != 0 {
		now.MemorySwap = u.MemorySwap
	}
	if u.MemoryReservation != 0 {
		now.MemoryReservation = max(0, u.MemoryReservation)
	}
	if now.Memory == 0 && now.MemorySwap > 0 {
		now.MemorySwap = 0
	}
	if u.CPUs != 0 {
		now.CPUs = max(0, u.CPUs)
	}
	if u.CPUSet != "" {
		now.CPUSet = u.CPUSet
	}
	if now.CPUSet == AllCPUs {
		now.CPUSet = ""
	}
	if u.Pids != 0 {
		now.Pids = max(0, u.Pids)
	}
	if u.IOWeight != 0 {
		now.IOWeight = max(0, u.IOWeight)
	}
	if u.CPUShares != 0 {
		now.CPUShares = max(0, u.CPUShares)
	}
	return now
}

// Describe says a limit of memory as people write it.
func Describe(bytes int64) string {
	switch {
	case bytes >= 1<<30 && bytes%(1<<30) == 0:
		return fmt.Sprintf("%d GiB", bytes>>30)
	case bytes >= 1<<20:
		return fmt.Sprintf("%d MiB", bytes>>20)
	}
	return fmt.Sprintf("%d bytes", bytes)
}
