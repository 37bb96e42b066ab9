package guard

import (
	"time"

	"davit/backend/guard/ring"
	"davit/backend/guard/usage"
)

// sampleEvery is how often statistics are kept: a scan of /proc takes a
// millisecond or two, which ten seconds make nothing of.
const sampleEvery = 10 * time.Second

// sampling keeps the statistics of all that runs until the guard ends, so that
// a window that is opened later shows the past.
func (g *Guard) sampling() {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	var sampler usage.Sampler
	rings := map[string]*ring.Writer{}
	for {
		select {
		case <-tick.C:
			g.keepStats(&sampler, rings)
			g.trim.Brief()
		case <-g.ctx.Done():
			return // with it, the process
		}
	}
}

// published are the networks in which the container has published ports.
func (c *container) published() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.Published()
}

func (g *Guard) keepStats(sampler *usage.Sampler, rings map[string]*ring.Writer) {
	targets := map[string]*container{}
	list := []usage.Target{}
	traffic := usage.Traffic{Dirs: g.Dirs}
	for _, c := range g.all() {
		if r := c.running(); r != nil {
			targets[c.rec.ID] = c
			t := usage.Target{ID: c.rec.ID, PID: r.proc.PID(), Group: r.group}
			traffic.Add(g.ctx, &t, c.published())
			list = append(list, t)
		}
	}
	for id, w := range rings {
		if targets[id] == nil {
			_ = w.Close() // each sample was written at once
			delete(rings, id)
		}
	}
	if len(list) == 0 {
		return
	}
	stats, err := sampler.Sample(list)
	if err != nil {
		g.Log.Warn("sample", "err", err)
		return
	}
	for _, s := range stats {
		c := targets[s.ID]
		if rings[s.ID] == nil {
			if rings[s.ID], err = ring.Create(c.dir.Stats()); err != nil {
				delete(rings, s.ID) // a full disk: again at the next sample
				c.log.Debug("keep statistics", "err", err)
				continue
			}
		}
		if err := rings[s.ID].Append(s); err != nil {
			c.log.Debug("keep statistics", "err", err)
		}
	}
}
