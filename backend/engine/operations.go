package engine

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"slices"
	"sync"
	"time"

	"davit/backend/api"
	"davit/backend/image"
	"davit/backend/image/pulls"
)

const (
	// maxEnded is how many ended operations are kept to be looked at.
	maxEnded = 100
	// watchEvery is the shortest time between two words of one operation.
	watchEvery = 100 * time.Millisecond
)

// operations are the long work of one engine.
type operations struct {
	e     *Engine
	mu    sync.Mutex
	list  []*operation // oldest first
	queue []*operation // those that wait, the next first
	// heeding: a goroutine looks for what other engines ask.
	heeding bool
}

// operation is one of them; operations.mu guards now and changed.
type operation struct {
	id      string
	job     job
	work    func(context.Context, *operation) error
	stop    context.CancelCauseFunc
	pausing bool // it is stopped to go on later
	now     api.Operation
	changed chan struct{} // closed at each change
	note    *noted        // the record of a pull; nil: it has none
}

// job is what an operation does. One that is asked for twice is joined, unless
// the second is to reach the registries in another way: nobody is given what
// another's password is for, nor fails by it.
type job struct {
	key    string // same key, same work
	access api.RegistryAccess
}

func (j job) same(k job) bool { return j.key == k.key && j.access.Equal(k.access) }

func (o *operations) begin(e *Engine) { o.e = e }

// start does work in a goroutine of the engine's and answers how it stands at
// once. Where the same work is under way, it answers that.
func (o *operations) start(j job, first api.Operation, work func(context.Context, *operation) error) api.Operation {
	o.mu.Lock()
	defer o.mu.Unlock()
	if op := o.same(j); op != nil {
		return op.snapshot()
	}
	return o.begun(&operation{job: j, work: work, now: first, changed: make(chan struct{})}).snapshot()
}

// startPull is start for a pull. One of the same image whose engine ended goes
// on under its old id.
func (o *operations) startPull(spec api.PullSpec, first api.Operation, work func(context.Context, *operation) error) api.Operation {
	j := pullJob(first.Subject, spec)
	spec.Access = api.RegistryAccess{} // what is written down of it is without passwords
	o.mu.Lock()
	defer o.mu.Unlock()
	if op := o.same(j); op != nil {
		return op.snapshot()
	}
	op := &operation{job: j, work: work, now: first, changed: make(chan struct{})}
	own, r := o.orphan(j)
	if own != nil {
		op.now.ID, op.note = r.Now.ID, &noted{own: own, spec: spec}
	}
	o.begun(op)
	if own == nil {
		o.remember(op, spec)
	} else {
		o.noteProgress(op, true)
		o.heed()
	}
	return op.snapshot()
}

// same finds an operation that does the same and is not over; one that is
// paused goes on. mu is held.
func (o *operations) same(j job) *operation {
	for _, op := range o.list {
		if !op.job.same(j) || op.now.State.Ended() {
			continue
		}
		if op.now.State == api.OperationPaused {
			o.line(op)
		}
		return op
	}
	return nil
}

// begun enters an operation and begins it, or lets it wait; mu is held.
func (o *operations) begun(op *operation) *operation {
	op.now.ID, op.now.Started = cmp.Or(op.now.ID, operationID()), time.Now().UTC()
	op.id = op.now.ID
	op.now.Steps = list(op.now.Steps)
	o.list = append(o.list, op)
	o.line(op)
	o.forget()
	o.e.news.own("operation", "start", op.now.ID, op.now.Title)
	return op
}

// run begins an operation, or goes on with a paused one; mu is held.
func (o *operations) run(op *operation) {
	ctx, stop := context.WithCancelCause(o.e.life)
	op.stop, op.pausing, op.now.State = stop, false, api.OperationRunning
	o.e.work.Go(func() {
		defer stop(nil)
		o.finish(ctx, op, op.work(ctx, op))
	})
}

func operationID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails, says crypto/rand
	return hex.EncodeToString(b[:])
}

// forget drops the oldest ended operations; mu is held.
func (o *operations) forget() {
	ended := 0
	for i := len(o.list) - 1; i >= 0; i-- {
		if !o.list[i].now.State.Ended() {
			continue
		}
		if ended++; ended > maxEnded {
			if o.list[i].note != nil {
				o.records().Drop(o.list[i].now.ID)
			}
			o.list = slices.Delete(o.list, i, i+1)
		}
	}
}

// change is how work tells how it goes.
func (o *operations) change(op *operation, do func(*api.Operation)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	was := op.now.State
	do(&op.now)
	o.noteProgress(op, op.now.State != was)
	op.wake()
}

func (o *operations) finish(ctx context.Context, op *operation, err error) {
	action, title := "done", ""
	o.change(op, func(now *api.Operation) {
		title = now.Title
		ends := op.note != nil && o.e.life.Err() != nil // and another engine may go on with it
		if err != nil && ctx.Err() != nil && (op.pausing || ends) {
			now.State, action = api.OperationPaused, "pause"
			if !op.pausing { // noted at once: the engine may be killed before it leaves the pull
				now.Reason = reasonEnded
			}
			return
		}
		now.Ended = time.Now().UTC()
		switch {
		case err == nil:
			now.State = api.OperationDone
		case ctx.Err() != nil:
			now.State, action = api.OperationCancelled, "cancel"
		default:
			now.State, action = api.OperationFailed, "fail"
			now.Error = api.AsError(explain(err))
		}
		op.over()
	})
	o.e.news.own("operation", action, op.id, title)
	o.mu.Lock()
	o.turn()
	o.mu.Unlock()
}

// snapshot is a copy that nobody changes; mu is held.
func (op *operation) snapshot() api.Operation {
	s := op.now
	s.Steps = slices.Clone(s.Steps)
	return s
}

// over lets go of what only the work needed, a password among it.
func (op *operation) over() { op.work, op.job.access = nil, api.RegistryAccess{} }

func (o *operations) find(id string) (*operation, error) {
	for _, op := range o.list {
		if op.now.ID == id {
			return op, nil
		}
	}
	return nil, noOperation(id)
}

// look gives an operation as it is and what is closed when it changes.
func (o *operations) look(id string) (api.Operation, <-chan struct{}, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	op, err := o.find(id)
	if err != nil {
		return api.Operation{}, nil, err
	}
	return op.snapshot(), op.changed, nil
}

// Operations implements api.Service.
func (e *Engine) Operations(context.Context) ([]api.Operation, error) {
	far, err := e.ops.elsewhere()
	if err != nil {
		return nil, explain(err)
	}
	e.ops.mu.Lock()
	defer e.ops.mu.Unlock()
	l := []api.Operation{}
	for _, op := range slices.Backward(e.ops.list) {
		l = append(l, op.snapshot())
	}
	l = append(l, far...)
	slices.SortStableFunc(l, func(a, b api.Operation) int { return b.Started.Compare(a.Started) })
	return l, nil
}

// Operation implements api.Service.
func (e *Engine) Operation(_ context.Context, id string) (api.Operation, error) {
	now, _, err := e.ops.look(id)
	if err == nil {
		return now, nil
	}
	l, err := e.ops.far(id)
	if err != nil {
		return now, explain(err)
	}
	return foreign(l), nil
}

// WatchOperation implements api.Service.
func (e *Engine) WatchOperation(ctx context.Context, id string, sink func(api.Operation) error) error {
	now, changed, err := e.ops.look(id)
	if err != nil {
		return e.watchFar(ctx, id, sink)
	}
	for {
		if err != nil {
			return explain(err)
		}
		if err := sink(now); err != nil {
			return explain(err)
		}
		if now.State.Ended() {
			return nil
		}
		now, changed, err = e.ops.next(ctx, id, changed)
	}
}

// next waits for a change, and for watchEvery unless the change is the end.
func (o *operations) next(ctx context.Context, id string, changed <-chan struct{}) (now api.Operation, _ <-chan struct{}, err error) {
	timer := time.NewTimer(watchEvery)
	defer timer.Stop()
	for news, early := false, true; !news || early && now.State == api.OperationRunning; {
		select {
		case <-changed:
			news = true
			if now, changed, err = o.look(id); err != nil {
				return now, nil, err
			}
		case <-timer.C:
			early = false
		case <-ctx.Done():
			return now, nil, ctx.Err()
		}
	}
	return now, changed, nil
}

// CancelOperation implements api.Service.
func (e *Engine) CancelOperation(ctx context.Context, id string) error {
	e.ops.mu.Lock()
	op, err := e.ops.find(id)
	if err != nil {
		e.ops.mu.Unlock()
		return explain(e.ops.ask(ctx, id, pulls.Cancel))
	}
	stopped := e.ops.cancel(op)
	now := op.snapshot()
	e.ops.mu.Unlock()
	if stopped { // nobody works on it who would remove what it fetched
		e.ops.dropDownloads(ctx, now)
	}
	return nil
}

// cancel ends an operation; it tells whether it did not run. mu is held.
func (o *operations) cancel(op *operation) (stopped bool) {
	if op.now.State == api.OperationPaused || op.now.State == api.OperationWaiting {
		o.unline(op)
		op.now.State, op.now.Ended = api.OperationCancelled, time.Now().UTC()
		op.over()
		o.noteProgress(op, true)
		op.wake()
		o.turn()
		o.e.news.own("operation", "cancel", op.now.ID, op.now.Title)
		return true
	}
	op.stop(context.Canceled)
	return false
}

// PauseOperation implements api.Service: what was fetched is kept, as when the
// engine ends.
func (e *Engine) PauseOperation(ctx context.Context, id string) error {
	e.ops.mu.Lock()
	op, err := e.ops.find(id)
	if err != nil {
		e.ops.mu.Unlock()
		return explain(e.ops.ask(ctx, id, pulls.Pause))
	}
	defer e.ops.mu.Unlock()
	switch {
	case op.now.Kind != "pull":
		return invalid(id, "only a pull can be paused, not a %s", op.now.Kind)
	case op.now.State.Ended():
		return api.Errorf(api.KindConflict, "%s is over", op.now.Title).WithRef(id)
	}
	if op.note != nil {
		op.note.held = true
	}
	if op.now.State == api.OperationWaiting {
		e.ops.unline(op)
		op.now.State = api.OperationPaused
		e.ops.noteProgress(op, true)
		op.wake()
		e.ops.turn()
		e.news.own("operation", "pause", op.now.ID, op.now.Title)
		return nil
	}
	op.pausing = true
	op.stop(image.ErrShutdown)
	return nil
}

// ResumeOperation implements api.Service.
func (e *Engine) ResumeOperation(ctx context.Context, id string) error {
	e.ops.mu.Lock()
	op, err := e.ops.find(id)
	if err != nil {
		e.ops.mu.Unlock()
		return explain(e.ops.ask(ctx, id, pulls.Resume))
	}
	defer e.ops.mu.Unlock()
	switch {
	case op.now.State.Ended():
		return api.Errorf(api.KindConflict, "%s is over", op.now.Title).WithRef(id)
	case op.now.State == api.OperationPaused:
		e.ops.line(op)
		op.wake()
		e.news.own("operation", "resume", op.now.ID, op.now.Title)
	}
	return nil
}

// Pull implements api.Service.
func (e *Engine) Pull(ctx context.Context, spec api.PullSpec) (api.Operation, error) {
	if spec.Platform != api.AllPlatforms {
		if err := validPlatform(spec.Platform); err != nil {
			return api.Operation{}, explain(err)
		}
	}
	images, err := e.images.get(ctx)
	if err != nil {
		return api.Operation{}, explain(err)
	}
	name, err := images.Resolve(spec.Ref)
	if err != nil {
		return api.Operation{}, explain(err)
	}
	subject := cmp.Or(name.Name, spec.Ref)
	first := api.Operation{Kind: "pull", Title: "Pull " + subject, Subject: subject}
	return e.ops.startPull(spec, first, func(ctx context.Context, op *operation) error {
		return e.pull(ctx, images, spec, op)
	}), nil
}

func (e *Engine) pull(ctx context.Context, images Images, spec api.PullSpec, op *operation) error {
	got, err := images.Pull(ctx, spec, func(p image.Progress) {
		e.ops.change(op, func(now *api.Operation) {
			now.Done, now.Total, now.Steps = p.Done, p.Total, slices.Clone(list(p.Steps))
			if p.Name != "" {
				now.Subject, now.Title = p.Name, "Pull "+p.Name
			}
		})
	})
	if err != nil {
		return err
	}
	e.ops.change(op, func(now *api.Operation) {
		now.ImageID, now.UpToDate = got.Image.ID, got.UpToDate
		now.Image = now.Subject
		if !slices.Contains(got.Image.Names, now.Subject) && !slices.Contains(got.Image.RepoDigests, now.Subject) {
			now.Image = cmp.Or(first(got.Image.Names), got.Image.ID)
		}
	})
	e.news.tell("image", "pull", got.Image.ID, cmp.Or(first(got.Image.Names), got.Image.ID))
	return nil
}
