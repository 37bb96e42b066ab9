package main

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"davit/backend/api"
)

// parseVolume reads docker's -v: host path, path inside, and options.
func parseVolume(e *env, value string) (api.Mount, error) {
	parts := strings.Split(value, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return api.Mount{}, invalid("volume %q: want HOST-PATH:PATH[:ro]", value)
	}
	m := api.Mount{Type: "bind", Target: parts[1]}
	if len(parts) == 3 {
		if err := volumeOptions(&m, parts[2]); err != nil {
			return api.Mount{}, invalid("volume %q: %v", value, err)
		}
	}
	source, err := hostPath(e, parts[0])
	if err != nil {
		return api.Mount{}, invalid("volume %q: %v", value, err)
	}
	m.Source = source
	return m, checkTarget("volume", value, m.Target)
}

func volumeOptions(m *api.Mount, options string) error {
	for _, o := range strings.Split(options, ",") {
		switch o {
		case "ro", "readonly":
			m.ReadOnly = true
		case "rw", "z", "Z", "cached", "delegated", "consistent":
			// The default here; SELinux labels and consistency have nothing to do.
		default:
			return fmt.Errorf("the option %q is not known (ro, rw)", o)
		}
	}
	return nil
}

// hostPath makes a source absolute. A bare word would be a named volume.
func hostPath(e *env, source string) (string, error) {
	if source == "~" || strings.HasPrefix(source, "~/") {
		source = filepath.Join(e.getenv("HOME"), source[1:])
	}
	if !strings.HasPrefix(source, "/") && !strings.HasPrefix(source, ".") {
		return "", fmt.Errorf("%q is not a path: named volumes are not there yet, write ./%s for a directory", source, source)
	}
	abs, err := filepath.Abs(source)
	if err != nil {
		return "", fmt.Errorf("path %s: %w", source, err)
	}
	return abs, nil
}

func checkTarget(flag, value, target string) error {
	if !strings.HasPrefix(target, "/") {
		return invalid("%s %q: the path inside the container begins with /", flag, value)
	}
	return nil
}

// makeSources creates the directories that -v names and nobody made, as
// docker does; --mount insists that they are there.
func makeSources(mounts []api.Mount) error {
	for _, m := range mounts {
		if _, err := os.Lstat(m.Source); !os.IsNotExist(err) {
			continue
		}
		if err := os.MkdirAll(m.Source, 0o755); err != nil {
			return api.Errorf(api.KindInvalid, "volume %s: %w", m.Source, err)
		}
	}
	return nil
}

// parseTmpfs reads docker's --tmpfs: PATH[:options].
func parseTmpfs(value string) (api.Mount, error) {
	target, options, _ := strings.Cut(value, ":")
	m := api.Mount{Type: "tmpfs", Target: target}
	for _, o := range strings.Split(options, ",") {
		switch o {
		case "", "rw", "noexec", "nosuid", "nodev", "exec":
		case "ro":
			m.ReadOnly = true
		default:
			return m, invalid("tmpfs %q: the option %q is not known (ro, rw)", value, o)
		}
	}
	return m, checkTarget("tmpfs", value, target)
}

// parseMount reads docker's --mount: key=value pairs, separated as in CSV.
func parseMount(e *env, value string) (api.Mount, error) {
	fields, err := csv.NewReader(strings.NewReader(value)).Read()
	if err != nil {
		return api.Mount{}, invalid("mount %q: %v", value, err)
	}
	var m api.Mount
	for _, f := range fields {
		key, v, found := strings.Cut(f, "=")
		if err := mountField(e, &m, strings.ToLower(strings.TrimSpace(key)), v, found); err != nil {
			return m, invalid("mount %q: %v", value, err)
		}
	}
	switch {
	case m.Type == "" || m.Type == "volume":
		return m, invalid("mount %q: type is bind or tmpfs; named volumes are not there yet", value)
	case m.Type != "bind" && m.Type != "tmpfs":
		return m, invalid("mount %q: type %q is not known (bind, tmpfs)", value, m.Type)
	case m.Type == "bind" && m.Source == "":
		return m, invalid("mount %q: source= is missing", value)
	}
	return m, checkTarget("mount", value, m.Target)
}

func mountField(e *env, m *api.Mount, key, v string, found bool) error {
	switch key {
	case "type":
		m.Type = v
	case "source", "src":
		source, err := hostPath(e, v)
		if err != nil {
			return err
		}
		m.Source = source
	case "target", "dst", "destination":
		m.Target = v
	case "readonly", "ro":
		m.ReadOnly = true
		if found {
			on, err := strconv.ParseBool(v)
			if err != nil {
				return fmt.Errorf("%s=%s: want true or false", key, v)
			}
			m.ReadOnly = on
		}
	default:
		return fmt.Errorf("%q is not known (type, source, target, readonly)", key)
	}
	return nil
}
