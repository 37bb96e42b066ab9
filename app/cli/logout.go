package main

import (
	"context"
	"fmt"

	"davit/backend/api"
)

func newLogoutCommand() *command {
	c := &command{
		name: "logout", args: "[REGISTRY]", group: "Registries",
		short: "Forget the login to a registry (default: docker.io)", most: 1,
	}
	c.run = func(ctx context.Context, e *env, args []string) error {
		return runLogout(ctx, e, append(args, hub)[0])
	}
	return c
}

func runLogout(ctx context.Context, e *env, registry string) error {
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	err = s.Logout(ctx, registry)
	if api.KindOf(err) == api.KindNotFound {
		fmt.Fprintf(e.out, "Not logged in to %s\n", registry)
		return nil
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(e.out, "Removing login credentials for %s\n", registry)
	return nil
}
