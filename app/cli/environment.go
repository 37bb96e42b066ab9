package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"davit/backend/api"
)

// environment puts --env-file and -e together as docker does: the files
// first; KEY alone takes the value that davit itself was started with, and is
// left out where there is none.
func environment(e *env, files, args []string) ([]string, error) {
	return pairs(files, args, e.lookup)
}

func pairs(files, args []string, value func(key string) (string, bool)) ([]string, error) {
	var lines []string
	for _, f := range files {
		more, err := readLines(f)
		if err != nil {
			return nil, err
		}
		lines = append(lines, more...)
	}
	var list []string
	for _, l := range append(lines, args...) {
		key, _, has := strings.Cut(l, "=")
		if key == "" || strings.ContainsAny(key, "\x00") {
			return nil, invalid("%q: want KEY=value", l)
		}
		if !has {
			v, ok := value(key)
			if !ok {
				continue
			}
			l = key + "=" + v
		}
		list = append(list, l)
	}
	return list, nil
}

// readLines reads a file of KEY=value lines; # starts a comment line.
func readLines(name string) ([]string, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, &exitError{code: exitDavit, err: api.Errorf(api.KindInvalid, "read %s: %w", name, err)}
	}
	defer f.Close()
	var lines []string
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for n := 1; s.Scan(); n++ {
		line := strings.TrimLeft(strings.TrimPrefix(s.Text(), "\ufeff"), " \t")
		if line == "" || line[0] == '#' {
			continue
		}
		key, _, _ := strings.Cut(line, "=")
		if key == "" || strings.ContainsAny(key, " \t") {
			return nil, invalid("%s, line %d: %q is not a name", name, n, key)
		}
		lines = append(lines, strings.TrimSuffix(line, "\r"))
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return lines, nil
}
