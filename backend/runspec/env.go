package runspec

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// EnvLines reads a file of KEY=value lines; # starts a comment line. A line
// may be a KEY alone.
func EnvLines(r io.Reader) ([]string, error) {
	var lines []string
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	for n := 1; s.Scan(); n++ {
		line := strings.TrimLeft(strings.TrimPrefix(s.Text(), "\ufeff"), " \t")
		if line == "" || line[0] == '#' {
			continue
		}
		key, _, _ := strings.Cut(line, "=")
		if key == "" || strings.ContainsAny(key, " \t") {
			return nil, fmt.Errorf("line %d: %q is not a name", n, key)
		}
		lines = append(lines, strings.TrimSuffix(line, "\r"))
	}
	return lines, s.Err()
}
