package engine

import (
	"fmt"
	"path/filepath"
	"strings"

	"davit/backend/api"
)

// ownFilesShown refuses to show a container the directories that Davit itself
// lives in, and warns where one is below what is shown. Sockets in there do
// not answer a container (package fdmsg), but who may change the files of other
// containers decides what they run next.
func (e *Engine) ownFilesShown(mounts []api.Mount) (warnings []string, err error) {
	for _, m := range mounts {
		if m.Type != "bind" {
			continue
		}
		source, err := filepath.EvalSymlinks(m.Source)
		if err != nil {
			continue // said by validSource, or gone since: the start says it
		}
		for _, own := range []string{e.dirs.Data, e.dirs.Runtime} {
			if real, err := filepath.EvalSymlinks(own); err == nil {
				own = real
			}
			switch {
			case inside(source, own):
				return nil, invalid(m.Source, "%s belongs to Davit itself and cannot be shown to a container", m.Source).
					WithHint("Mount a directory of your own; `davit inspect` and `davit logs` tell what is in there.")
			case inside(own, source):
				warnings = append(warnings, ownFilesWarning(m, own))
			}
		}
	}
	return warnings, nil
}

func ownFilesWarning(m api.Mount, own string) string {
	may := "change"
	if m.ReadOnly {
		may = "read"
	}
	return fmt.Sprintf("%s at %s holds Davit's own files (%s): this container may %s them, and with them all containers", m.Source, m.Target, own, may)
}

// inside tells whether path is dir or below it; both are clean.
func inside(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}
