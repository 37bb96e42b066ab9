package main

import "context"

func newTagCommand() *command {
	c := &command{
		name: "tag", args: "IMAGE NAME[:TAG]", group: "Images",
		short: "Give an image one more name", least: 2, most: 2,
	}
	c.run = func(ctx context.Context, e *env, args []string) error {
		s, err := e.Service(ctx)
		if err != nil {
			return err
		}
		return s.Tag(ctx, args[0], args[1])
	}
	return c
}
