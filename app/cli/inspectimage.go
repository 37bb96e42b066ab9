package main

import (
	"strings"

	"davit/backend/api"
)

// imageJSON is an image in docker's shape.
type imageJSON struct {
	ID           string `json:"Id"`
	RepoTags     []string
	RepoDigests  []string
	Created      string
	Author       string
	Config       imageConfigJSON
	Architecture string
	Variant      string `json:",omitempty"`
	Os           string
	Size         int64
	RootFS       rootFSJSON
	Davit        imageDavitJSON // what docker has no name for
}

type imageConfigJSON struct {
	User         string
	ExposedPorts map[string]struct{}
	Env          []string
	Entrypoint   []string
	Cmd          []string
	Volumes      map[string]struct{}
	WorkingDir   string
	Labels       map[string]string
	StopSignal   string `json:",omitempty"`
}

type rootFSJSON struct {
	Type   string
	Layers []string
}

type imageDavitJSON struct {
	Digest       string
	Origin       string
	DownloadSize int64
	Layers       []api.Layer
	History      []api.HistoryRow
	UsedBy       []string
}

func dockerImage(d api.ImageDetail) imageJSON {
	im := imageJSON{
		ID: d.ID, RepoTags: listOf(d.Names), RepoDigests: listOf(d.RepoDigests), Created: dockerTime(d.Created),
		Author: d.Author, Size: d.Size, RootFS: rootFSJSON{Type: "layers", Layers: []string{}},
		Config: imageConfigJSON{
			User: d.Config.User, ExposedPorts: setOf(d.Config.ExposedPorts), Env: listOf(d.Config.Env),
			Entrypoint: d.Config.Entrypoint, Cmd: d.Config.Cmd, Volumes: orNull(setOf(d.Config.Volumes)),
			WorkingDir: d.Config.WorkingDir, Labels: orNull(d.Config.Labels), StopSignal: d.Config.StopSignal,
		},
		Davit: imageDavitJSON{
			Digest: d.Digest, Origin: d.Origin, DownloadSize: d.DownloadSize,
			Layers: listOf(d.Layers), History: listOf(d.History), UsedBy: listOf(d.UsedBy),
		},
	}
	im.Os, im.Architecture, _ = strings.Cut(d.Platform, "/")
	im.Architecture, im.Variant, _ = strings.Cut(im.Architecture, "/")
	for _, l := range d.Layers {
		im.RootFS.Layers = append(im.RootFS.Layers, l.DiffID)
	}
	return im
}

// orNull has docker's null for a map with nothing in it.
func orNull[V any](m map[string]V) map[string]V {
	if len(m) == 0 {
		return nil
	}
	return m
}

func setOf(list []string) map[string]struct{} {
	m := map[string]struct{}{}
	for _, s := range list {
		m[s] = struct{}{}
	}
	return m
}
