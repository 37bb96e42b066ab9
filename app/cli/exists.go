package main

import (
	"context"

	"davit/backend/api"
)

const existsExits = `  0    it is there
  1    it is not
  125  Davit itself failed, or an option is wrong
`

// newExistsCommand is podman's: it prints nothing, and its exit code says
// whether there is a thing of that name.
func newExistsCommand(what string, find func(ctx context.Context, s api.Service, ref string) error) *command {
	c := &command{name: "exists", args: "NAME", short: "Tell by the exit code whether there is such a " + what, exits: existsExits, least: 1, most: 1}
	c.set()
	c.run = func(ctx context.Context, e *env, args []string) error {
		s, err := e.Service(ctx)
		if err == nil {
			err = find(ctx, s, args[0])
		}
		switch api.KindOf(err) {
		case api.KindNotFound:
			return exit(exitFailure)
		case api.KindConflict: // a prefix of several ids: there is such a thing, and more than one
			return nil
		}
		return within(exitDavit, err)
	}
	return c
}

func newContainerExistsCommand() *command {
	return newExistsCommand("container", func(ctx context.Context, s api.Service, ref string) error {
		_, err := s.Container(ctx, ref)
		return err
	})
}

func newImageExistsCommand() *command {
	return newExistsCommand("image", func(ctx context.Context, s api.Service, ref string) error {
		_, err := s.Image(ctx, ref)
		return err
	})
}

func newVolumeExistsCommand() *command {
	return newExistsCommand("volume", func(ctx context.Context, s api.Service, ref string) error {
		_, err := s.Volume(ctx, ref)
		return err
	})
}

func newNetworkExistsCommand() *command {
	return newExistsCommand("network", func(ctx context.Context, s api.Service, ref string) error {
		_, err := s.Network(ctx, ref)
		return err
	})
}

func newSecretExistsCommand() *command {
	return newExistsCommand("secret", func(ctx context.Context, s api.Service, ref string) error {
		_, err := s.Secret(ctx, ref)
		return err
	})
}
