package main

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"davit/backend/api"
)

// podmanPsRow has what podman's templates for containers know and docker's do
// not. It is printed where a template asks for it.
type podmanPsRow struct {
	ImageID, Pid, ExitCode, Exited, ExitedAt, Restarts, Created string
}

var podmanPsTitles = podmanPsRow{
	ImageID: "IMAGE ID", Pid: "PID", ExitCode: "EXIT CODE", Exited: "EXITED", ExitedAt: "EXITED AT", Restarts: "RESTARTS", Created: "CREATED",
}

func newPodmanPsRow(o ListOptions, c api.Container) podmanPsRow {
	r := podmanPsRow{
		ImageID: strings.TrimPrefix(c.ImageID, "sha256:"), Pid: strconv.Itoa(c.PID), ExitCode: strconv.Itoa(c.ExitCode),
		Exited: strconv.FormatBool(c.State == api.StateExited), ExitedAt: listTime(c.Finished), Restarts: strconv.Itoa(c.Restarts),
		Created: listTime(c.Created),
	}
	if !o.NoTrunc {
		r.ImageID = shortID(r.ImageID)
	}
	return r
}

// psOrders are podman's orders of ps, besides the newest first.
var psOrders = map[string]func(a, b api.Container) int{
	"created": func(a, b api.Container) int { return a.Created.Compare(b.Created) },
	"command": func(a, b api.Container) int { return slices.Compare(a.Command, b.Command) },
	"id":      func(a, b api.Container) int { return cmp.Compare(a.ID, b.ID) },
	"image":   func(a, b api.Container) int { return cmp.Compare(a.Image, b.Image) },
	"names":   func(a, b api.Container) int { return cmp.Compare(a.Name, b.Name) },
	"runningfor": func(a, b api.Container) int {
		return a.Started.Compare(b.Started)
	},
	"status": func(a, b api.Container) int { return cmp.Compare(a.State, b.State) },
}

// sortContainers puts a list into podman's order of that name; "": it stays.
func sortContainers(list []api.Container, order string, sizes map[string]psSize) error {
	by, known := psOrders[order]
	if order == "size" {
		by, known = func(a, b api.Container) int { return cmp.Compare(sizes[a.ID].own, sizes[b.ID].own) }, true
	}
	switch {
	case order == "":
		return nil
	case !known:
		return invalid("--sort %q: want command, created, id, image, names, runningfor, size or status", order)
	}
	slices.SortStableFunc(list, by)
	return nil
}
