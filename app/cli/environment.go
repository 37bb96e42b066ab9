package main

import (
	"os"
	"strings"

	"davit/backend/api"
	"davit/backend/runspec"
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
	lines, err := runspec.EnvLines(f)
	if err != nil {
		return nil, invalid("%s, %v", name, err)
	}
	return lines, nil
}
