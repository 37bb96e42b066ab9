package netstack

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

// lastID reads the last id of a user namespace's map (/proc/self/uid_map), as
// it is called inside; 0: there is one alone.
func lastID(path string) (int, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, fmt.Errorf("read the map of ids: %w", err)
	}
	defer func() { _ = f.Close() }()
	last := 0
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var inside, outside, count int
		if _, err := fmt.Fscan(strings.NewReader(lines.Text()), &inside, &outside, &count); err != nil {
			return 0, fmt.Errorf("read the map of ids %s: %w", path, err)
		}
		last = max(last, inside+count-1)
	}
	return last, lines.Err()
}
