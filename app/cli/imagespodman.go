package main

import (
	"strconv"
	"strings"

	"davit/backend/api"
)

// podmanImageRow has what podman's templates for images know and docker's do
// not. It is printed where a template asks for it.
type podmanImageRow struct {
	//lint:ignore ST1003 podman's name, which templates are written with
	Id                                            string
	Created, CreatedTime, VirtualSize             string
	Names, RepoTags, RepoDigests, History, Labels string
	Dangling, ReadOnly                            string
}

var podmanImageTitles = podmanImageRow{
	Id: "IMAGE ID", Created: "CREATED", CreatedTime: "CREATED AT", VirtualSize: "SIZE", Names: "NAMES", RepoTags: "REPO TAGS",
	RepoDigests: "REPO DIGESTS", History: "HISTORY", Labels: "LABELS", Dangling: "DANGLING", ReadOnly: "READ ONLY",
}

// newPodmanImageRow leaves out what imageRow has by another name.
func newPodmanImageRow(im api.Image, text func(string) string) podmanImageRow {
	all := func(names []string) string { return text("[" + strings.Join(names, " ") + "]") }
	return podmanImageRow{
		Id: strings.TrimPrefix(im.ID, "sha256:"), Names: all(im.Names), RepoTags: all(im.Names), RepoDigests: all(im.RepoDigests),
		History: text(strings.Join(im.Names, ", ")), Labels: text(labelList(im.Labels)),
		Dangling: strconv.FormatBool(len(im.Names) == 0), ReadOnly: "false",
	}
}
