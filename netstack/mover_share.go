package netstack

import (
	"slices"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Who accepts a connection has it: to hand each to another would cost a wake-up
// more. So several that move a lot may come to be with one mover while others
// rest. Each mover looks about after a certain amount of work, and gives away
// what makes the loads more even. Connections that do little stay where they are.
//
// Work is counted in bytes, with so many for each turn; only what was done
// matters, not in what time, for movers that are compared had the same.
const (
	// shareEvery is after how much work a mover looks about: some 20 ms of the
	// fastest streams.
	shareEvery = 64 << 20
	// turnWork is what it costs to look after a connection once.
	turnWork = 16 << 10
	// heavyWork is how much of shareEvery makes a connection worth handing over.
	heavyWork = shareEvery / 256
)

// workload is what a mover has done.
type workload struct {
	total  atomic.Int64 // ever; the rest is the mover's alone
	since  int64        // in this window, since it last looked about
	window int          // counts windows
	heavy  []*joint     // those that were heavyWork in this window
	told   []int64      // total of each mover when the window began
}

// weigh adds a turn of a joint to the load.
func (m *mover) weigh(j *joint) {
	work := int64(turnWork + j.ways[0].moved + j.ways[1].moved)
	j.ways[0].moved, j.ways[1].moved = 0, 0
	l := &m.load
	l.total.Add(work)
	l.since += work
	if j.window != l.window {
		j.window, j.weight = l.window, 0
	}
	before := j.weight
	j.weight += work
	if before < heavyWork && j.weight >= heavyWork {
		l.heavy = append(l.heavy, j)
	}
}

// share hands over what others have time for, and begins a window.
func (m *mover) share() {
	l, all := &m.load, m.ms.all
	done := make([]int64, len(all))
	for i, other := range all {
		done[i] = other.load.total.Load()
	}
	if l.told != nil {
		work := make([]int64, len(all))
		for i := range all {
			work[i] = done[i] - l.told[i]
		}
		m.even(work)
	}
	clear(l.heavy)
	l.heavy, l.since, l.told = l.heavy[:0], 0, done
	l.window++
}

// even hands over connections, for as long as that brings the loads nearer to
// each other: the heaviest that does so, to who has least.
func (m *mover) even(work []int64) {
	own := slices.Index(m.ms.all, m)
	heavy := slices.DeleteFunc(slices.Clone(m.load.heavy), func(j *joint) bool { return j.ended || !j.joined })
	slices.SortFunc(heavy, func(a, b *joint) int { return int(b.weight - a.weight) })
	for _, j := range heavy {
		least := slices.Index(work, slices.Min(work))
		if 2*j.weight > work[own]-work[least] {
			continue
		}
		work[own] -= j.weight
		work[least] += j.weight
		m.hand(j, m.ms.all[least]) // it is not ours to look at from then on
	}
}

// hand gives a joint to another mover.
func (m *mover) hand(j *joint, to *mover) {
	if j.queued {
		j.queued = false
		m.again = slices.DeleteFunc(m.again, func(other *joint) bool { return other == j })
	}
	for _, fd := range []int{j.client, j.inside} {
		_ = unix.EpollCtl(m.epoll, unix.EPOLL_CTL_DEL, fd, nil)
		m.forget(fd)
	}
	if !to.take(j) {
		j.end(true) // all is coming to its end
	}
}

// take takes a joint over; false: this mover has ended. What others post for the
// joint from then on comes here, and later than the joint itself.
func (m *mover) take(j *joint) bool {
	return m.postWith(func() {
		j.m, j.weight, j.window = m, 0, m.load.window
		for _, fd := range []int{j.client, j.inside} {
			if m.watch(fd, jointEvents, item{joint: j}) != nil {
				j.end(true)
				return
			}
		}
		j.move() // the kernel tells again what is ready, too
	}, func() { j.at.Store(m) })
}
