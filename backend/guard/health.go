package guard

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/backend/store"
)

const (
	healthLog    = 5       // results kept
	healthOutput = 4 << 10 // bytes kept of each
)

// health is the checks of one run. Who runs one holds busy: the clock and
// "check now" do not check at the same time.
type health struct {
	check api.HealthCheck // complete
	wake  chan struct{}   // the clock starts over: a check was made

	busy sync.Mutex
	now  api.Health
}

// watchHealth begins to check a run's health, where the container has a check.
// known are the results of the same run from before a guard's death.
func (c *container) watchHealth(r *run, known api.Health) {
	if c.rec.HealthCheck == nil {
		return
	}
	if known.Status == "" {
		known = api.Health{Status: api.HealthStarting, Log: []api.HealthResult{}}
	}
	h := &health{check: *c.rec.HealthCheck, wake: make(chan struct{}, 1), now: known}
	c.mu.Lock()
	r.health = h
	started := c.state.Started
	c.mu.Unlock()
	go h.clock(c, r, started)
}

// pauseUntilNext is how long to wait for the next check: docker's rules.
func (h *health) pauseUntilNext(started time.Time) time.Duration {
	h.busy.Lock()
	defer h.busy.Unlock()
	// Of a monotonic clock where it was started by this guard; else jumps count.
	since := time.Since(started)
	if h.now.Status == api.HealthStarting && since >= 0 && since < h.check.StartPeriod {
		return h.check.StartInterval
	}
	return h.check.Interval
}

// clock checks again and again until the run ends.
func (h *health) clock(c *container, r *run, started time.Time) {
	for {
		t := time.NewTimer(h.pauseUntilNext(started))
		select {
		case <-t.C:
		case <-h.wake:
			t.Stop()
			continue
		case <-r.done:
			t.Stop()
			return
		}
		if !c.checkable() {
			continue
		}
		h.run(c, r, started)
	}
}

// checkable tells whether it makes sense to look: not while it is paused, or
// about to end.
func (c *container) checkable() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.State == api.StateRunning
}

// run checks once and notes the result.
func (h *health) run(c *container, r *run, started time.Time) api.HealthResult {
	h.busy.Lock()
	defer h.busy.Unlock()
	result := c.probe(h.check, r.done)
	select {
	case <-r.done: // what was found is about nothing any more
		return result
	default:
	}
	before := h.now.Status
	noteHealth(&h.now, &result, h.check, result.Start.Sub(started) < h.check.StartPeriod)
	if err := store.WriteJSONVolatile(c.dir.Health(), h.now); err != nil {
		c.log.Error("write the health", "err", err)
	}
	if h.now.Status != before {
		c.change(r, func(s *store.State) { s.Health = h.now.Status })
		c.tell("health_status: " + h.now.Status)
	}
	return result
}

// noteHealth moves h on by a result; early tells that failures do not count yet.
func noteHealth(h *api.Health, result *api.HealthResult, check api.HealthCheck, early bool) {
	switch {
	case result.Code == 0:
		h.Status, h.Failing = api.HealthHealthy, 0
	case h.Status == api.HealthStarting && early:
		// Failing does not grow: docker's rule.
	default:
		h.Failing++
		if h.Failing >= check.Retries {
			h.Status = api.HealthUnhealthy
		}
	}
	result.Status = h.Status
	h.Log = append(h.Log, *result)
	if n := len(h.Log); n > healthLog {
		h.Log = append([]api.HealthResult{}, h.Log[n-healthLog:]...)
	}
}

// probe runs the check's command in the container.
func (c *container) probe(check api.HealthCheck, gone <-chan struct{}) api.HealthResult {
	result := api.HealthResult{Start: time.Now().UTC(), Code: -1}
	args, err := healthCommand(check.Test)
	if err == nil {
		result.Code, result.Output, err = c.runQuietly(args, check.Timeout, gone)
	}
	if err != nil {
		result.Output = strings.TrimSpace(result.Output + "\n" + err.Error())
	}
	result.Output = strings.ToValidUTF8(result.Output, "\uFFFD")
	result.End = time.Now().UTC()
	return result
}

func healthCommand(test []string) ([]string, error) {
	switch {
	case len(test) > 1 && test[0] == "CMD":
		return test[1:], nil
	case len(test) > 1 && test[0] == "CMD-SHELL":
		return []string{"/bin/sh", "-c", strings.Join(test[1:], " ")}, nil
	}
	return nil, fmt.Errorf("%q is no check", test)
}

// runQuietly runs a command as exec does, without anybody attached, and gives
// its code and the beginning of what it wrote.
func (c *container) runQuietly(args []string, limit time.Duration, gone <-chan struct{}) (int, string, error) {
	p, err := c.execProcess(api.ExecSpec{Args: args})
	if err != nil {
		return -1, "", err
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return -1, "", err
	}
	defer closeFiles(null)
	ours, theirs, err := os.Pipe()
	if err != nil {
		return -1, "", err
	}
	defer closeFiles(ours)
	proc, err := c.enter(p, Stdio{In: null, Out: theirs, Err: theirs})
	closeFiles(theirs)
	if err != nil {
		return -1, "", err
	}
	output := make(chan string, 1)
	go func() { output <- head(ours, healthOutput) }()
	ended := make(chan int, 1)
	go func() {
		status, err := proc.Wait()
		if err := errors.Join(err, proc.Reap()); err != nil {
			c.log.Warn("wait for a health check", "err", err)
		}
		ended <- exitCode(status)
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	code := -1
	select {
	case code = <-ended:
	case <-timer.C:
		err = fmt.Errorf("the check did not end within %s", limit)
	case <-gone:
		err = errors.New("the container ended")
	}
	if err != nil {
		err = errors.Join(err, proc.Signal(unix.SIGKILL))
		<-ended
	}
	// What the command left behind may hold its output open.
	_ = ours.SetReadDeadline(time.Now().Add(drainStep))
	return code, <-output, err
}

// head reads to the end, keeping the first n bytes.
func head(r io.Reader, n int) string {
	kept, _ := io.ReadAll(io.LimitReader(r, int64(n))) // a deadline, or the end
	_, _ = io.Copy(io.Discard, r)
	return string(kept)
}

// checkNow runs the check of a running container out of turn.
func (c *container) checkNow(ctx context.Context) (*api.HealthResult, error) {
	r, err := c.runningNow("checked")
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	h, started := r.health, c.state.Started
	c.mu.Unlock()
	if h == nil {
		return nil, api.Errorf(api.KindInvalid, "container %s has no health check", c.name()).
			WithHint("Give it one when it is made: --health-cmd.").WithRef(c.name())
	}
	done := make(chan api.HealthResult, 1)
	go func() {
		done <- h.run(c, r, started)
		select {
		case h.wake <- struct{}{}:
		default:
		}
	}()
	select {
	case result := <-done:
		return &result, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// firstHealth is the status at a start; what was found before is about
// another run.
func (c *container) firstHealth() string {
	if c.rec.HealthCheck == nil {
		return ""
	}
	if err := os.Remove(c.dir.Health()); err != nil && !errors.Is(err, os.ErrNotExist) {
		c.log.Warn("forget the last run's health", "err", err)
	}
	return api.HealthStarting
}

// lastHealth is what an earlier guard found of this run.
func (c *container) lastHealth() api.Health {
	var h api.Health
	if err := store.ReadJSON(c.dir.Health(), &h); err != nil && !errors.Is(err, os.ErrNotExist) {
		c.log.Warn("read the health", "err", err)
	}
	return h
}
