// davit-guard is the binary of all that lives longest and must stay small:
// the keeper of the user namespace, the guard of the containers, and the
// first instructions of every container. It is the only one that links
// libcontainer, which executes its own binary again for every start and exec.
package main

import (
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"strconv"

	"davit/backend/guard"
	"davit/backend/oci/libct"
	"davit/backend/store"
	"davit/backend/userns/bootstrap"
	"davit/backend/userns/keeper"
)

func main() {
	libct.Init()
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "davit-guard:", err)
		os.Exit(1)
	}
}

func run() error {
	role := ""
	if len(os.Args) > 1 {
		role = os.Args[1]
	}
	if role == "noop" {
		return nil
	}
	// Keeper and guard hold little and live long: small heaps, collected often.
	debug.SetGCPercent(25)
	if bootstrap.IsChild() {
		return bootstrap.Child()
	}
	dirs, err := store.Locate(os.Getenv)
	if err != nil {
		return err
	}
	switch role {
	case "keep":
		return bootstrap.Keep(dirs.Runtime)
	case "guard":
		// libcontainer hands it to the first instructions of each container,
		// which work in one thread: more only make each change of user dearer.
		if err := os.Setenv("GOMAXPROCS", "1"); err != nil {
			return err
		}
		return guard.Main(guard.Config{
			Dirs:    dirs,
			Runtime: libct.New(dirs.RuntimeState()),
			Network: network{dirs},
			Log:     slog.New(slog.NewTextHandler(os.Stderr, nil)).With("role", "guard"),
		})
	case "keeper":
		parent, _ := strconv.Atoi(os.Getenv(bootstrap.EnvParent)) // unset: none to end
		return keeper.Main(dirs, parent)
	}
	return fmt.Errorf("unknown role %q: this program is run by davit", role)
}
