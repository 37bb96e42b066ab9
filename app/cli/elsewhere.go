package main

import (
	"fmt"

	"davit/backend/api"
)

// elsewhere are commands of docker and podman that there are none of here, and
// what does the same.
var elsewhere = map[string]string{
	"build":       "Images are not built here yet. Build it with podman, buildah or docker, and take it over: davit image import-from",
	"buildx":      "Images are not built here yet. Build it with podman, buildah or docker, and take it over: davit image import-from",
	"builder":     "Images are not built here yet; what is no longer needed goes by: davit system prune",
	"compose":     "Compose files are read one service at a time, under New container in the window; davit generate compose writes one.",
	"stack":       "Compose files are read one service at a time, under New container in the window.",
	"pod":         "There are no pods. Containers share a network by --network container:NAME.",
	"kube":        "davit generate kube writes a container as YAML for Kubernetes.",
	"play":        "YAML for Kubernetes is written (davit generate kube), and not run.",
	"unshare":     "davit exec and davit cp reach a container's files; davit giveback gives back what others own in your directories.",
	"mount":       "davit cp copies files; davit debug looks into a container, davit image files into an image.",
	"umount":      "Nothing is mounted for you: davit cp copies files.",
	"unmount":     "Nothing is mounted for you: davit cp copies files.",
	"untag":       "davit rmi removes a name, and with the last one the image.",
	"init":        "What a container needs is made when it starts: davit start",
	"cleanup":     "There is nothing to clean up: what ended holds nothing.",
	"checkpoint":  "Processes are not written to the disk. davit snapshot keeps a container's files, davit pause holds it.",
	"restore":     "Processes are not written to the disk. davit snapshot has a container's files.",
	"runlabel":    "davit inspect shows an image's labels.",
	"auto-update": "davit pull fetches what is newer, and davit edit makes a container of it.",
	"context":     "There is one Davit: this computer's, of your account.",
	"connection":  "There is one Davit: this computer's, of your account.",
	"machine":     "No virtual machine is needed: containers run on this computer.",
	"service":     "Davit has no daemon and no socket of docker's. davit serve shows the window in a browser.",
	"reset":       "davit rm -af, davit volume rm -a and davit rmi -af remove all that there is.",
	"migrate":     "Nothing has to be migrated.",
	"renumber":    "Nothing has to be renumbered.",
	"plugin":      "Davit has no plugins.",
	"swarm":       "Davit is for one computer.", "node": "Davit is for one computer.",
	"trust": "Images are verified by their digests: davit image check",
	"sign":  "Images are verified by their digests: davit image check",
	"farm":  "Davit is for one computer.",
}

// notHere says that there is no such command, and where one knows docker's or
// podman's, what does the same.
func notHere(path, name string) error {
	if hint, known := elsewhere[name]; known {
		return &exitError{code: exitFailure, err: api.Errorf(api.KindInvalid, "'%s' is not a %s command", name, path).WithHint("%s", hint)}
	}
	return misuse(exitFailure, path, fmt.Sprintf("'%s' is not a %s command", name, path))
}
