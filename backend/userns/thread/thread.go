// Package thread runs functions that change what belongs to one thread, as its
// namespaces.
package thread

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Apart runs f on a thread that ends with it, and waits for it: nothing else
// sees what f made of the thread, and what it joined is not held any longer.
func Apart(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // unlocked again only where f did not run
		if unix.Gettid() == os.Getpid() {
			// Go never ends the first thread, which is also what /proc shows of the
			// process.
			Apart(f) // on another, for this one is taken
			runtime.UnlockOSThread()
			return
		}
		f()
	}()
	<-done
}
