package main

import (
	"context"

	"davit/backend/userns"
)

// openBrowser hands an address to the desktop. What becomes of it is the
// desktop's; the address stands on the terminal in any case.
func openBrowser(e *env, url string) {
	cmd, err := userns.Command(context.Background(), userns.Survives, "xdg-open", url)
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		e.log.Warn("open the browser", "err", err)
		return
	}
	go func() {
		if err := cmd.Wait(); err != nil {
			e.log.Warn("open the browser", "err", err)
		}
	}()
}
