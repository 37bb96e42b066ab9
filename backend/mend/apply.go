package mend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// What keeps a request from being carried out, beside errors of the system.
var (
	ErrChanged = errors.New("the computer has changed since this was shown")
	ErrNotDone = errors.New("it was not done by Davit, or is undone")
)

// records is where what was done is written down, one file for each action.
const records = "/var/lib/davit/mends"

// record is what Undo needs.
type record struct {
	Plan   Plan              `json:"plan"`
	Before map[string]string `json:"before"` // texts of files and values that were there, by path
}

func (h Host) recordOf(a Action) string {
	name := string(a)
	if a.personal() {
		name += "-" + strconv.Itoa(h.UID)
	}
	return records + "/" + name + ".json"
}

// Done tells whether an action was carried out, and not undone.
func (h Host) Done(a Action) bool {
	_, err := os.Stat(h.path(h.recordOf(a)))
	return err == nil
}

// Apply carries out the plan that has this digest. Where it fails, what was
// written is taken back.
func (h Host) Apply(ctx context.Context, a Action, digest string) error {
	unlock, err := h.lock()
	if err != nil {
		return err
	}
	defer unlock()
	p, err := h.Plan(a)
	if err != nil {
		return err
	}
	if p.Digest() != digest {
		return fmt.Errorf("%s: %w", a, ErrChanged)
	}
	r, err := h.note(p)
	if err != nil {
		return err
	}
	if err := h.carryOut(ctx, p); err != nil {
		return errors.Join(fmt.Errorf("%s: %w", a, err), h.takeBack(r), h.remove(h.recordOf(a)))
	}
	return nil
}

func (h Host) carryOut(ctx context.Context, p Plan) error {
	for _, c := range p.Changes {
		if err := h.write(c); err != nil {
			return err
		}
	}
	return h.run(ctx, p.After)
}

func (h Host) write(c Change) error {
	switch c.Kind {
	case Line:
		return h.edit(c.Path, withLine(c.Text))
	case Value:
		return h.set(c.Path, c.Text)
	default:
		return h.replace(c.Path, c.Text)
	}
}

// set writes a value of the kernel's, which cannot be replaced like a file.
func (h Host) set(path, text string) error {
	return os.WriteFile(h.path(path), []byte(text), 0o644)
}

// note writes down what was there, before anything is changed. What an earlier
// mend found there stays noted: that is what a person had.
func (h Host) note(p Plan) (record, error) {
	earlier, err := h.noted(p.Action)
	if err != nil && !errors.Is(err, ErrNotDone) {
		return earlier, err
	}
	r := record{Plan: p, Before: map[string]string{}}
	for _, c := range p.Changes {
		if c.Kind == Line {
			continue
		}
		text, known := earlier.Before[c.Path]
		if !known {
			if _, err := os.Stat(h.path(c.Path)); errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if text, err = h.read(c.Path); err != nil {
				return r, err
			}
		}
		r.Before[c.Path] = text
	}
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return r, err
	}
	return r, h.replace(h.recordOf(p.Action), string(b)+"\n")
}

func (h Host) noted(a Action) (r record, err error) {
	b, err := os.ReadFile(h.path(h.recordOf(a)))
	if errors.Is(err, fs.ErrNotExist) {
		return r, fmt.Errorf("%s: %w", a, ErrNotDone)
	}
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return r, fmt.Errorf("%s: %w", h.recordOf(a), err)
	}
	return r, nil
}

// Undo takes back what Apply did, and leaves what others did since.
func (h Host) Undo(ctx context.Context, a Action) error {
	if _, known := actions[a]; !known {
		return fmt.Errorf("%q is none of %v", a, Actions())
	}
	unlock, err := h.lock()
	if err != nil {
		return err
	}
	defer unlock()
	r, err := h.noted(a)
	if err != nil {
		return err
	}
	if err := h.undo(ctx, r); err != nil {
		return fmt.Errorf("undo %s: %w", a, err)
	}
	return h.remove(h.recordOf(a))
}

func (h Host) undo(ctx context.Context, r record) error {
	if err := h.run(ctx, r.Plan.Undone); err != nil {
		return err
	}
	if err := h.takeBack(r); err != nil {
		return err
	}
	return h.run(ctx, r.Plan.Removed)
}

// takeBack restores what a record says was there, newest change first.
func (h Host) takeBack(r record) error {
	var errs []error
	for i := len(r.Plan.Changes) - 1; i >= 0; i-- {
		errs = append(errs, h.restore(r.Plan.Changes[i], r.Before))
	}
	return errors.Join(errs...)
}

func (h Host) restore(c Change, before map[string]string) error {
	text, had := before[c.Path]
	switch {
	case c.Kind == Line:
		return h.edit(c.Path, withoutLine(c.Text))
	case c.Kind == Value && had:
		return h.set(c.Path, text)
	case c.Kind == Value:
		return nil
	}
	now, err := h.read(c.Path)
	if err != nil || now != c.Text {
		return err // somebody's own by now
	}
	if had {
		return h.replace(c.Path, text)
	}
	return h.remove(c.Path)
}

// lock keeps two requests apart.
func (h Host) lock() (unlock func(), err error) {
	if err := os.MkdirAll(h.path(records), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(h.path(records), ".lock"), os.O_CREATE|os.O_RDWR|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() { f.Close() }, nil
}
