package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"davit/backend/api"
)

// many is how many containers a crowd has, atOnce how many commands are under
// way in one that comes all at once.
const (
	many   = 50
	atOnce = 8
)

// crowd times commands with many containers, and adds up the memory that
// they take.
func (b *bench) crowd(ctx context.Context) error {
	for range 2 {
		for _, t := range b.tools {
			if err := b.crowdOf(ctx, t); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bench) crowdOf(ctx context.Context, t tool) error {
	rm := command{ratio("rm -f of 50", 0.25), nil, removeMany, nil}
	all := []command{
		{ratio("50 × run -d, one after another", 0.2), nil, oneByOne, nil},
		{ratio("ps of 50", 0.5), nil, typed("ps"), nil},
		rm,
		{ratio("50 × run -d, 8 at a time", 0.3), nil, together, nil},
	}
	for _, c := range all {
		if err := c.once(ctx, b.report, t); err != nil {
			return err
		}
	}
	if err := b.idle(ctx, figure{"memory, 50 idle", []limit{{Most: 30}}}, t); err != nil {
		return err
	}
	if t.name == ours {
		if err := b.listed(ctx, t); err != nil {
			return err
		}
	}
	return rm.once(ctx, b.report, t)
}

func oneByOne(ctx context.Context, t tool) error {
	for i := range many {
		if err := runNumbered(ctx, t, i); err != nil {
			return err
		}
	}
	return nil
}

func runNumbered(ctx context.Context, t tool, i int) error {
	return made("run", []string{"-d", "--name", numbered(i)}, patient...)(ctx, t)
}

func numbered(i int) string { return "n" + strconv.Itoa(i) }

func together(ctx context.Context, t tool) error {
	numbers, errs := make(chan int), make(chan error, many)
	var crew sync.WaitGroup
	for range atOnce {
		crew.Go(func() {
			for i := range numbers {
				errs <- runNumbered(ctx, t, i)
			}
		})
	}
	for i := range many {
		numbers <- i
	}
	close(numbers)
	crew.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func removeMany(ctx context.Context, t tool) error {
	args := []string{"rm", "-f"}
	for i := range many {
		args = append(args, numbered(i))
	}
	_, err := t.run(ctx, args...)
	return err
}

// listed times the list of 200 containers, of which those that run are many.
func (b *bench) listed(ctx context.Context, t tool) error {
	s, closeFront, err := b.engine(ctx)
	if err != nil {
		return err
	}
	defer closeFront()
	all, err := s.Containers(ctx, api.ContainerFilter{All: true})
	if err != nil {
		return err
	}
	var more []string
	for range 200 - len(all) {
		c, err := s.Create(ctx, api.RunSpec{Image: image, Command: patient})
		if err != nil {
			return err
		}
		more = append(more, c.ID)
	}
	f := figure{"ps -a of 200, 50 of them running", []limit{{Most: 80}}}
	for range b.rounds {
		if err := (command{f, nil, typed("ps", "-a"), nil}).once(ctx, b.report, t); err != nil {
			return err
		}
	}
	if all, err = s.Containers(ctx, api.ContainerFilter{All: true}); err != nil {
		return err
	}
	if len(all) != 200 {
		return fmt.Errorf("there are %d containers, not 200", len(all))
	}
	for ids := range slices.Chunk(more, many) {
		if _, err := t.run(ctx, append([]string{"rm"}, ids...)...); err != nil {
			return err
		}
	}
	return nil
}
