package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"davit/backend/api"
)

func newOperationGroup() *command {
	return noun("operation", "Pulls and other long work, of all windows and terminals",
		newOperationListCommand(),
		newOperationVerb("pause", "Stop pulls where they are", api.Service.PauseOperation),
		newOperationVerb("resume", "Go on with pulls that are paused, or whose program ended", api.Service.ResumeOperation),
		newOperationVerb("cancel", "End operations, and remove what they made half", api.Service.CancelOperation),
		newOperationMoveCommand())
}

type operationRow struct{ ID, Kind, Subject, State, Progress, Started string }

var operationTable = table[operationRow]{
	titles: operationRow{"OPERATION ID", "KIND", "SUBJECT", "STATE", "PROGRESS", "STARTED"},
	quiet:  "{{.ID}}",
	layout: `{{.ID}}\t{{.Kind}}\t{{.Subject}}\t{{.State}}\t{{.Progress}}\t{{.Started}}`,
}

func newOperationListCommand() *command {
	var o ListOptions
	var all bool
	c := &command{name: "ls", aliases: []string{"list"}, args: "[OPTIONS]", group: "Images", short: "List operations"}
	f := c.set()
	o.addAll(f, "Only print ids")
	f.BoolVarP(&all, "all", "a", false, "Also those that are over")
	c.run = func(ctx context.Context, e *env, _ []string) error {
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		list, err := s.Operations(ctx)
		if err != nil {
			return err
		}
		chosen := []api.Operation{}
		for _, op := range list {
			if all || !op.State.Ended() {
				chosen = append(chosen, op)
			}
		}
		if o.JSON {
			return writeJSON(e.out, chosen)
		}
		rows := make([]operationRow, len(chosen))
		for i, op := range chosen {
			rows[i] = newOperationRow(e, op)
		}
		return operationTable.write(e.out, o, rows)
	}
	return c
}

func newOperationRow(e *env, op api.Operation) operationRow {
	state := string(op.State)
	switch {
	case op.Place > 0:
		state += " (" + strconv.Itoa(op.Place) + ")"
	case op.Reason != "":
		state += " (" + op.Reason + ")"
	}
	progress := ""
	if op.Total > 0 {
		progress = fmt.Sprintf("%s / %s", humanSize(op.Done), humanSize(op.Total))
	}
	return operationRow{op.ID, op.Kind, cleanLine(op.Subject), cleanLine(state), progress, ago(e.now(), op.Started)}
}

func newOperationVerb(name, short string, do func(api.Service, context.Context, string) error) *command {
	c := &command{name: name, args: "OPERATION [OPERATION...]", group: "Images", short: short, least: 1, most: anyNumber}
	c.run = func(ctx context.Context, e *env, args []string) error {
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		return each(e, args, func(ref string) error {
			id, err := operationByID(ctx, s, ref)
			if err != nil {
				return err
			}
			if err := do(s, ctx, id); err != nil {
				return err
			}
			if name == "resume" {
				return awaitResumed(ctx, e, s, id)
			}
			fmt.Fprintln(e.out, id)
			return nil
		})
	}
	return c
}

// awaitResumed stays with a pull that became this program's, which would end
// with it. One that another program does goes on there.
func awaitResumed(ctx context.Context, e *env, s api.Service, id string) error {
	op, err := s.Operation(ctx, id)
	if err != nil || op.Elsewhere || op.State.Ended() {
		fmt.Fprintln(e.out, id)
		return err
	}
	op, err = follow(ctx, e, s, op, progressTo(e.out, false))
	if err == nil {
		fmt.Fprintln(e.out, cleanLine(op.Image))
	}
	return err
}

// operationByID completes the beginning of an id.
func operationByID(ctx context.Context, s api.Service, ref string) (string, error) {
	all, err := s.Operations(ctx)
	if err != nil {
		return "", err
	}
	found := ""
	for _, o := range all {
		switch {
		case o.ID == ref:
			return ref, nil
		case strings.HasPrefix(o.ID, ref) && found != "":
			return "", api.Errorf(api.KindConflict, "more than one operation's id begins with %q", ref).WithRef(ref)
		case strings.HasPrefix(o.ID, ref):
			found = o.ID
		}
	}
	if found == "" {
		return "", api.Errorf(api.KindNotFound, "there is no operation %q", ref).WithRef(ref).WithHint("davit operation ls")
	}
	return found, nil
}

func newOperationMoveCommand() *command {
	c := &command{name: "move", args: "OPERATION PLACE", group: "Images", short: "Give a waiting pull its place in the queue: 1 is the next", least: 2, most: 2}
	c.run = func(ctx context.Context, e *env, args []string) error {
		place, err := strconv.Atoi(args[1])
		if err != nil || place < 1 {
			return invalid("%q is no place in the queue: want 1 or more", args[1])
		}
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		id, err := operationByID(ctx, s, args[0])
		if err != nil {
			return err
		}
		return s.MoveOperation(ctx, id, place)
	}
	return c
}
