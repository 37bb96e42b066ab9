//go:build seccomp

// Program make prints what package filter keeps of this machine's libseccomp.
// build/compile runs it where davit-guard is built.
package main

import (
	"fmt"
	"os"

	"davit/backend/oci/libct/filter/usual"
)

func main() {
	b, err := usual.File()
	if err == nil {
		_, err = os.Stdout.Write(b)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "filter:", err)
		os.Exit(1)
	}
}
