package main

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"davit/tests/home"
)

// mapped lists the files that processes have in their memory: programs,
// libraries, fonts.
func mapped(all []home.Process) []string {
	files := map[string]bool{}
	for _, p := range all {
		maps, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.PID), "maps"))
		if err != nil {
			continue // it has ended
		}
		for line := range bytes.Lines(maps) {
			if f := strings.Fields(string(line)); len(f) == 6 && strings.HasPrefix(f[5], "/") {
				files[f[5]] = true
			}
		}
	}
	return slices.Collect(maps.Keys(files))
}

// forget has the kernel drop what it keeps of files, as if they had not been
// read since the machine started. It keeps what another process has mapped.
func forget(files []string) {
	for _, path := range files {
		f, err := os.Open(path)
		if err != nil {
			continue
		}
		_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
		_ = f.Close()
	}
}
