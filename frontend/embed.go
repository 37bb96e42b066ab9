// Package frontend carries the built pages of Davit inside the binaries that
// show them: davit (davit serve) and davit-desktop. It runs in their process,
// touches nothing, and assumes that `npm run build` filled dist before the Go
// build; without it only dist/.gitkeep is inside and Files has no index.html.
package frontend

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Files are the built pages, index.html at the root.
func Files() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // only an invalid path fails, and ours is a constant
	}
	return files
}
