package main

import (
	"strings"
	"time"

	"davit/backend/api"
)

// imageJSON is an image in docker's shape, with what podman adds at the end.
type imageJSON struct {
	ID           string `json:"Id"`
	RepoTags     []string
	RepoDigests  []string
	Parent       string
	Comment      string
	Created      string
	Author       string
	Config       imageConfigJSON
	Architecture string
	Variant      string `json:",omitempty"`
	Os           string
	Size         int64
	VirtualSize  int64
	GraphDriver  graphDriverJSON
	RootFS       rootFSJSON
	Digest       string
	Labels       map[string]string
	User         string
	History      []imageStepJSON
	NamesHistory []string
	Davit        imageDavitJSON // what neither has a name for
}

// graphDriverJSON says how an image becomes a root file system.
type graphDriverJSON struct {
	Name string
	Data map[string]string
}

// imageStepJSON is a row of the history as the image's config has it.
type imageStepJSON struct {
	Created    time.Time `json:"created,omitzero"`
	CreatedBy  string    `json:"created_by,omitempty"`
	Comment    string    `json:"comment,omitempty"`
	EmptyLayer bool      `json:"empty_layer,omitempty"`
}

type imageConfigJSON struct {
	User         string
	ExposedPorts map[string]struct{} `json:",omitempty"`
	Env          []string
	Entrypoint   []string
	Cmd          []string
	Volumes      map[string]struct{}
	WorkingDir   string
	Labels       map[string]string
	StopSignal   string           `json:",omitempty"`
	OnBuild      []string         // Davit builds nothing
	Healthcheck  *healthCheckJSON `json:",omitempty"`
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
		Author: d.Author, Size: d.Size, VirtualSize: d.Size, GraphDriver: graphDriverJSON{"overlay", map[string]string{}},
		Digest: d.Digest, Labels: orNull(d.Config.Labels), User: d.Config.User, History: imageSteps(d.History),
		NamesHistory: listOf(d.Names), RootFS: rootFSJSON{Type: "layers", Layers: []string{}},
		Config: imageConfigJSON{
			User: d.Config.User, ExposedPorts: setOf(d.Config.ExposedPorts), Env: listOf(d.Config.Env),
			Entrypoint: orNone(d.Config.Entrypoint), Cmd: orNone(d.Config.Cmd), Healthcheck: healthCheckOf(d.Config.HealthCheck), Volumes: orNull(setOf(d.Config.Volumes)),
			WorkingDir: d.Config.WorkingDir, Labels: orNull(d.Config.Labels), StopSignal: d.Config.StopSignal,
		},
		Davit: imageDavitJSON{
			Digest: d.Digest, Origin: d.Origin, DownloadSize: d.DownloadSize,
			Layers: listOf(d.Layers), History: listOf(d.History), UsedBy: listOf(d.UsedBy),
		},
	}
	im.Os, im.Architecture, _ = strings.Cut(d.Platform, "/")
	im.Architecture, im.Variant, _ = strings.Cut(im.Architecture, "/")
	if n := len(d.History); n > 0 {
		im.Comment = d.History[n-1].Comment
	}
	for _, l := range d.Layers {
		im.RootFS.Layers = append(im.RootFS.Layers, l.DiffID)
	}
	return im
}

func imageSteps(rows []api.HistoryRow) []imageStepJSON {
	out := make([]imageStepJSON, len(rows))
	for i, r := range rows {
		out[i] = imageStepJSON{r.Created, r.CreatedBy, r.Comment, r.EmptyLayer}
	}
	return out
}

// orNone has docker's null for a command that the image does not say.
func orNone(words []string) []string {
	if len(words) == 0 {
		return nil
	}
	return words
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
