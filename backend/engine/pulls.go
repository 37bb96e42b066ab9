package engine

import (
	"context"
	"slices"
	"time"

	"davit/backend/api"
	"davit/backend/image/pulls"
)

const (
	// heedEvery is how often an engine with pulls looks for what others ask.
	heedEvery = 500 * time.Millisecond
	// noteEvery is how often the progress of a pull is written down.
	noteEvery = time.Second
)

// noted is the record of a pull; operations.mu guards it.
type noted struct {
	own  *pulls.Own
	spec api.PullSpec
	held bool // a person paused it
	at   time.Time
}

func (o *operations) records() pulls.Dir { return pulls.Open(o.e.dirs.Pulls()) }

// remember begins a pull's record. Without one (the disk is full) the pull goes
// on all the same. mu is held.
func (o *operations) remember(op *operation, spec api.PullSpec) {
	own, err := o.records().Begin(pulls.Record{Spec: spec, Now: op.now})
	if err != nil {
		o.e.log.Warn("note a pull", "err", err)
		return
	}
	op.note = &noted{own: own, spec: spec, at: time.Now()}
	o.heed()
}

func (op *operation) record() pulls.Record {
	return pulls.Record{Spec: op.note.spec, Now: op.snapshot(), Held: op.note.held}
}

// noteProgress writes a pull's record, now and then; mu is held.
func (o *operations) noteProgress(op *operation, now bool) {
	if op.note == nil || op.note.own == nil || !now && time.Since(op.note.at) < noteEvery {
		return
	}
	op.note.at = time.Now()
	if op.now.State.Ended() {
		o.leave(op)
		return
	}
	if err := op.note.own.Write(op.record()); err != nil {
		o.e.log.Warn("note a pull", "err", err)
	}
}

// leave writes a pull's record for the last time; mu is held.
func (o *operations) leave(op *operation) {
	if op.note == nil || op.note.own == nil {
		return
	}
	if err := op.note.own.Leave(op.record()); err != nil {
		o.e.log.Warn("note a pull", "err", err)
	}
	op.note.own = nil
}

// leaveAll is for an engine that ends: what it had under way can be gone on
// with by another.
func (o *operations) leaveAll() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, op := range o.list {
		if op.note == nil || op.note.own == nil {
			continue
		}
		op.now.State, op.now.Place = api.OperationPaused, 0
		if !op.note.held {
			op.now.Reason = reasonEnded
		}
		o.leave(op)
	}
}

const reasonEnded = "the program that did it ended"

// heed looks for wishes as long as there are pulls; mu is held.
func (o *operations) heed() {
	if o.heeding || o.e.life.Err() != nil {
		return
	}
	o.heeding = true
	o.e.work.Go(func() {
		t := time.NewTicker(heedEvery)
		defer t.Stop()
		for {
			select {
			case <-o.e.life.Done():
				return
			case <-t.C:
			}
			if !o.heedOnce() {
				return
			}
		}
	})
}

// heedOnce does what others asked, and tells whether there are pulls left.
func (o *operations) heedOnce() bool {
	o.mu.Lock()
	wishes := map[string]pulls.Wish{}
	o.heeding = false
	for _, op := range o.list {
		if op.note != nil && op.note.own != nil {
			o.heeding = true
			if w := op.note.own.Wish(); w != "" {
				wishes[op.now.ID] = w
			}
		}
	}
	going := o.heeding
	o.mu.Unlock()
	for id, w := range wishes {
		var err error
		switch w {
		case pulls.Pause:
			err = o.e.PauseOperation(o.e.life, id)
		case pulls.Resume:
			err = o.e.ResumeOperation(o.e.life, id)
		case pulls.Cancel:
			err = o.e.CancelOperation(o.e.life, id)
		}
		if err != nil {
			o.e.log.Debug("asked from elsewhere", "operation", id, "wish", w, "err", err)
		}
	}
	return going
}

// elsewhere lists the pulls that are not of this engine's operations.
func (o *operations) elsewhere() ([]api.Operation, error) {
	all, err := o.records().List()
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []api.Operation
	for _, l := range all {
		if _, err := o.find(l.Now.ID); err == nil {
			continue
		}
		out = append(out, foreign(l))
	}
	return out, nil
}

// foreign is a record as an operation.
func foreign(l pulls.Listed) api.Operation {
	now := l.Now
	now.Steps = list(now.Steps)
	now.Elsewhere = l.Owned
	if !l.Owned && !now.State.Ended() {
		now.Place = 0
		if now.State != api.OperationPaused {
			now.Reason = reasonEnded // it was killed
		}
		now.State = api.OperationPaused
	}
	return now
}

// far finds a pull that is not of this engine.
func (o *operations) far(id string) (pulls.Listed, error) {
	all, err := o.records().List()
	if err != nil {
		return pulls.Listed{}, err
	}
	at := slices.IndexFunc(all, func(l pulls.Listed) bool { return l.Now.ID == id })
	if at < 0 {
		return pulls.Listed{}, noOperation(id)
	}
	return all[at], nil
}

func noOperation(id string) error {
	return api.Errorf(api.KindNotFound, "there is no operation %q", id).WithRef(id)
}

// ask does something with a pull that is not of this engine: its owner is
// asked; one without an owner becomes this engine's.
func (o *operations) ask(ctx context.Context, id string, w pulls.Wish) error {
	l, err := o.far(id)
	if err != nil {
		return err
	}
	if l.Now.State.Ended() {
		return api.Errorf(api.KindConflict, "%s is over", l.Now.Title).WithRef(id)
	}
	if l.Owned {
		return o.records().Ask(id, w)
	}
	own, r, err := o.records().Take(id)
	if err != nil || own == nil {
		return err
	}
	switch w {
	case pulls.Pause:
		r.Held, r.Now.State = true, api.OperationPaused
		return own.Leave(r)
	case pulls.Cancel:
		o.dropDownloads(ctx, r.Now)
		r.Now.State, r.Now.Ended, r.Now.Reason = api.OperationCancelled, time.Now().UTC(), ""
		return own.Leave(r)
	}
	return o.adopt(ctx, own, r)
}

// adopt makes a pull that lost its engine one of this engine's.
func (o *operations) adopt(ctx context.Context, own *pulls.Own, r pulls.Record) error {
	images, err := o.e.images.get(ctx)
	if err != nil {
		return own.Leave(r)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	op := &operation{id: r.Now.ID, job: pullJob(r.Now.Subject, r.Spec), now: r.Now, changed: make(chan struct{})}
	op.work = func(ctx context.Context, op *operation) error { return o.e.pull(ctx, images, r.Spec, op) }
	op.note = &noted{own: own, spec: r.Spec}
	op.now.Reason, op.now.Place = "", 0
	o.list = append(o.list, op)
	o.line(op)
	o.noteProgress(op, true)
	o.heed()
	o.e.news.own("operation", "resume", op.now.ID, op.now.Title)
	return nil
}

// dropDownloads removes what a pull fetched and did not finish.
func (o *operations) dropDownloads(ctx context.Context, now api.Operation) {
	images, err := o.e.images.get(ctx)
	if err == nil {
		var digests []string
		for _, s := range now.Steps {
			digests = append(digests, s.ID)
		}
		err = images.DropDownloads(digests)
	}
	if err != nil {
		o.e.log.Warn("remove unfinished downloads", "operation", now.ID, "err", err)
	}
}

// orphan takes over the record of a pull of the same image whose engine ended.
// Records are without passwords, so one that comes with its own leaves them be.
func (o *operations) orphan(j job) (*pulls.Own, pulls.Record) {
	all, err := o.records().List()
	if err != nil {
		return nil, pulls.Record{}
	}
	for _, l := range all {
		if l.Owned || l.Now.State.Ended() || !pullJob(l.Now.Subject, l.Spec).same(j) {
			continue
		}
		if own, r, err := o.records().Take(l.Now.ID); own != nil && err == nil {
			return own, r
		}
	}
	return nil, pulls.Record{}
}

func pullJob(subject string, spec api.PullSpec) job {
	return job{"pull " + subject + " " + spec.Platform, spec.Access}
}

// ResumeOperations implements api.Service.
func (e *Engine) ResumeOperations(ctx context.Context) error {
	all, err := e.ops.records().List()
	if err != nil {
		return explain(err)
	}
	for _, l := range all {
		if l.Owned || l.Held || l.Now.State.Ended() {
			continue
		}
		own, r, err := e.ops.records().Take(l.Now.ID)
		if err != nil {
			return explain(err)
		}
		if own == nil {
			continue
		}
		if err := e.ops.adopt(ctx, own, r); err != nil {
			return explain(err)
		}
	}
	return nil
}

// watchFar follows a pull that another engine does, by its record.
func (e *Engine) watchFar(ctx context.Context, id string, sink func(api.Operation) error) error {
	t := time.NewTicker(heedEvery)
	defer t.Stop()
	for {
		if _, _, err := e.ops.look(id); err == nil {
			return e.WatchOperation(ctx, id, sink) // this engine went on with it
		}
		l, err := e.ops.far(id)
		if err != nil {
			return explain(err)
		}
		now := foreign(l)
		if err := sink(now); err != nil {
			return explain(err)
		}
		if now.State.Ended() {
			return nil
		}
		select {
		case <-ctx.Done():
			return explain(ctx.Err())
		case <-t.C:
		}
	}
}
