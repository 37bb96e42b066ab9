package engine

import (
	"context"
	"slices"

	"davit/backend/api"
)

// maxPulls is how many pulls one engine does at once; each fetches several
// layers side by side. Further ones wait in the order of operations.queue.
const maxPulls = 2

// line begins an operation, or lets it wait for its turn; mu is held.
func (o *operations) line(op *operation) {
	if op.now.Kind != "pull" {
		o.run(op)
		return
	}
	op.now.State, op.now.Reason = api.OperationWaiting, ""
	if op.note != nil {
		op.note.held = false
	}
	o.queue = append(o.queue, op)
	o.turn()
}

// unline takes an operation out of the queue; mu is held.
func (o *operations) unline(op *operation) {
	o.queue = slices.DeleteFunc(o.queue, func(x *operation) bool { return x == op })
	op.now.Place = 0
}

// turn begins those whose turn it is and numbers the rest; mu is held.
func (o *operations) turn() {
	if o.e.life.Err() != nil {
		return
	}
	busy := 0
	for _, op := range o.list {
		if op.now.Kind == "pull" && op.now.State == api.OperationRunning {
			busy++
		}
	}
	for ; busy < maxPulls && len(o.queue) > 0; busy++ {
		op := o.queue[0]
		o.unline(op)
		o.run(op)
		op.wake()
	}
	for n, op := range o.queue {
		if op.now.Place != n+1 {
			op.now.Place = n + 1
			op.wake()
		}
	}
}

// wake tells those who watch that something changed; operations.mu is held.
func (op *operation) wake() {
	close(op.changed)
	op.changed = make(chan struct{})
}

// MoveOperation implements api.Service.
func (e *Engine) MoveOperation(_ context.Context, id string, place int) error {
	e.ops.mu.Lock()
	defer e.ops.mu.Unlock()
	op, err := e.ops.find(id)
	switch {
	case err != nil:
		if _, ferr := e.ops.far(id); ferr == nil {
			return api.Errorf(api.KindConflict, "the order is that of the program that does it").WithRef(id)
		}
		return explain(err)
	case op.now.State != api.OperationWaiting:
		return api.Errorf(api.KindConflict, "%s does not wait", op.now.Title).WithRef(id)
	}
	e.ops.unline(op)
	e.ops.queue = slices.Insert(e.ops.queue, min(max(place, 1), len(e.ops.queue)+1)-1, op)
	e.ops.turn()
	e.news.own("operation", "move", op.now.ID, op.now.Title)
	return nil
}
