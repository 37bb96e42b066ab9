package image

import (
	"sync"
	"sync/atomic"
	"time"

	"davit/backend/api"
	"davit/backend/image/manifest"
)

// Progress is how far a pull or load is.
type Progress struct {
	Name        string     // complete name of the image
	Steps       []api.Step // layers, bottom first
	Done, Total int64      // bytes to fetch
}

// interval is the time between two reports: ten a second.
const interval = 100 * time.Millisecond

// tracker gathers the progress of layers and reports it from one goroutine.
type tracker struct {
	name  string
	steps []*step
	sink  func(Progress)
	stop  chan struct{}
	done  sync.WaitGroup
}

// step is one layer's progress; it is written by the goroutine of the layer.
type step struct {
	d     manifest.Descriptor
	state atomic.Value // string
	done  atomic.Int64
}

func newTracker(full string, ls []manifest.Descriptor, sink func(Progress)) *tracker {
	t := &tracker{name: full, sink: sink, stop: make(chan struct{})}
	for _, l := range ls {
		s := &step{d: l}
		s.state.Store("waiting")
		t.steps = append(t.steps, s)
	}
	if sink != nil {
		t.done.Go(t.run)
	}
	return t
}

func (t *tracker) run() {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	t.sink(t.now())
	for {
		select {
		case <-t.stop:
			t.sink(t.now())
			return
		case <-tick.C:
			t.sink(t.now())
		}
	}
}

// close makes the last report and waits for it.
func (t *tracker) close() {
	close(t.stop)
	t.done.Wait()
}

func (t *tracker) now() Progress {
	p := Progress{Name: t.name, Steps: make([]api.Step, 0, len(t.steps))}
	for _, s := range t.steps {
		a := api.Step{ID: s.d.Digest, Title: manifest.Hex(s.d.Digest)[:12], State: s.state.Load().(string), Done: s.done.Load(), Total: s.d.Size}
		p.Steps = append(p.Steps, a)
		p.Done += a.Done
		p.Total += a.Total
	}
	return p
}

func (s *step) to(state string) { s.state.Store(state) }

// finish ends a step; what was there already counts as done.
func (s *step) finish(state string) {
	s.done.Store(s.d.Size)
	s.to(state)
}
