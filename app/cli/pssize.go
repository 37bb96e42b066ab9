package main

import (
	"context"
	"fmt"

	"davit/backend/api"
)

// psSize is what a container's files take, in bytes.
type psSize struct {
	known    bool
	own, all int64 // its writable layer; with its image
}

// String is docker's SIZE.
func (s psSize) String() string {
	if !s.known {
		return ""
	}
	return fmt.Sprintf("%s (virtual %s)", humanSize(s.own), humanSize(s.all))
}

// psSizes are the sizes of containers by id.
func psSizes(ctx context.Context, s api.Service, list []api.Container) (map[string]psSize, error) {
	u, err := s.DiskUsage(ctx)
	if err != nil {
		return nil, err
	}
	images, err := s.Images(ctx, api.ImageFilter{})
	if err != nil {
		return nil, err
	}
	below := map[string]int64{}
	for _, i := range images {
		below[i.ID] = i.Size
	}
	own := map[string]int64{}
	for _, c := range u.Containers {
		own[c.ID] = c.Size
	}
	sizes := map[string]psSize{}
	for _, c := range list {
		sizes[c.ID] = psSize{true, own[c.ID], own[c.ID] + below[c.ImageID]}
	}
	return sizes, nil
}

// writePsJSON prints the list in Davit's own shape, with sizes where they are known.
func writePsJSON(e *env, list []api.Container, sizes map[string]psSize) error {
	if sizes == nil {
		return writeJSON(e.out, listOf(list))
	}
	type sized struct {
		api.Container
		SizeRw     int64 `json:"sizeRw"`
		SizeRootFs int64 `json:"sizeRootFs"`
	}
	all := make([]sized, 0, len(list))
	for _, c := range list {
		all = append(all, sized{c, sizes[c.ID].own, sizes[c.ID].all})
	}
	return writeJSON(e.out, all)
}
