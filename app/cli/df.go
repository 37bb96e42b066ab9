package main

import (
	"context"
	"fmt"
	"strconv"

	"davit/backend/api"
)

// DfOptions are system df's.
type DfOptions struct {
	ListOptions
	Verbose bool
}

func newSystemDfCommand() *command {
	var o DfOptions
	c := &command{name: "df", args: "[OPTIONS]", group: "Davit", short: "Show what images and containers take of the disk"}
	f := c.set()
	o.addFormat(f)
	f.BoolVarP(&o.Verbose, "verbose", "v", false, "Show each image and container")
	c.run = func(ctx context.Context, e *env, _ []string) error { return runSystemDf(ctx, e, o) }
	return c
}

// dfRow has docker's fields.
type dfRow struct{ Type, TotalCount, Active, Size, Reclaimable string }

var dfTable = table[dfRow]{
	titles: dfRow{Type: "TYPE", TotalCount: "TOTAL", Active: "ACTIVE", Size: "SIZE", Reclaimable: "RECLAIMABLE"},
	layout: `{{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}`,
}

func runSystemDf(ctx context.Context, e *env, o DfOptions) error {
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	u, err := s.DiskUsage(ctx)
	if err != nil {
		return err
	}
	if o.JSON {
		return writeJSON(e.out, u)
	}
	volumes, err := s.Volumes(ctx, api.VolumeFilter{Sizes: true})
	if err != nil {
		return err
	}
	if o.Verbose {
		return verboseDf(e, u, volumes)
	}
	return dfTable.write(e.out, o.ListOptions, []dfRow{imagesRow(u), containersRow(u), volumesRow(volumes), {
		Type: "Layers in other ids", Size: humanSize(u.Shifted), Reclaimable: humanSize(0), // they go by themselves
	}, {
		Type: "Trash", Size: humanSize(u.Trash), Reclaimable: humanSize(u.Trash),
	}, {
		Type: "Unfinished downloads", TotalCount: "", Size: humanSize(u.Unfinished + u.Stray), Reclaimable: humanSize(u.Unfinished + u.Stray),
	}})
}

func imagesRow(u api.DiskUsage) dfRow {
	active := 0
	for _, i := range u.Images {
		if i.Containers > 0 {
			active++
		}
	}
	return dfRow{"Images", strconv.Itoa(len(u.Images)), strconv.Itoa(active), humanSize(u.ImagesSize), shareOf(u.Reclaimable, u.ImagesSize)}
}

func containersRow(u api.DiskUsage) dfRow {
	var size, idle int64
	active := 0
	for _, c := range u.Containers {
		size += c.Size
		if c.State == api.StateRunning || c.State == api.StatePaused || c.State == api.StateRestarting {
			active++
		} else {
			idle += c.Size
		}
	}
	return dfRow{"Containers", strconv.Itoa(len(u.Containers)), strconv.Itoa(active), humanSize(size), shareOf(idle, size)}
}

func volumesRow(list []api.Volume) dfRow {
	var size, idle int64
	active := 0
	for _, v := range list {
		size += volumeSize(v)
		if len(v.UsedBy) > 0 {
			active++
		} else {
			idle += volumeSize(v)
		}
	}
	return dfRow{"Local Volumes", strconv.Itoa(len(list)), strconv.Itoa(active), humanSize(size), shareOf(idle, size)}
}

func volumeSize(v api.Volume) int64 {
	if v.Size == nil {
		return 0
	}
	return *v.Size
}

func shareOf(part, all int64) string {
	if all == 0 {
		return humanSize(part)
	}
	return fmt.Sprintf("%s (%d%%)", humanSize(part), part*100/all)
}

type dfImageRow struct{ Repository, Tag, ID, CreatedSince, Size, SharedSize, UniqueSize, Containers string }

var dfImageTable = table[dfImageRow]{
	titles: dfImageRow{"REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE", "SHARED SIZE", "UNIQUE SIZE", "CONTAINERS"},
	layout: `{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}\t{{.SharedSize}}\t{{.UniqueSize}}\t{{.Containers}}`,
}

type dfContainerRow struct{ ID, Image, State, Size, Log, Names string }

var dfContainerTable = table[dfContainerRow]{
	titles: dfContainerRow{"CONTAINER ID", "IMAGE", "STATUS", "SIZE", "LOG", "NAMES"},
	layout: `{{.ID}}\t{{.Image}}\t{{.State}}\t{{.Size}}\t{{.Log}}\t{{.Names}}`,
}

type dfVolumeRow struct{ Name, Links, Size string }

var dfVolumeTable = table[dfVolumeRow]{
	titles: dfVolumeRow{"VOLUME NAME", "LINKS", "SIZE"},
	layout: `{{.Name}}\t{{.Links}}\t{{.Size}}`,
}

func verboseDf(e *env, u api.DiskUsage, volumes []api.Volume) error {
	images := make([]dfImageRow, 0, len(u.Images))
	for _, i := range u.Images {
		r := dfImageRow{
			Repository: "<none>", Tag: "<none>", ID: shortID(i.ID), CreatedSince: ago(e.now(), i.Created), Size: humanSize(i.Size),
			SharedSize: humanSize(i.Shared), UniqueSize: humanSize(i.Unique), Containers: strconv.Itoa(i.Containers),
		}
		if len(i.Names) > 0 {
			r.Repository, r.Tag = splitName(cleanLine(i.Names[0]))
		}
		images = append(images, r)
	}
	containers := make([]dfContainerRow, 0, len(u.Containers))
	for _, c := range u.Containers {
		containers = append(containers, dfContainerRow{shortID(c.ID), cleanLine(c.Image), string(c.State), humanSize(c.Size), humanSize(c.Log), cleanLine(c.Name)})
	}
	fmt.Fprint(e.out, "Images space usage:\n\n")
	if err := dfImageTable.write(e.out, ListOptions{}, images); err != nil {
		return err
	}
	fmt.Fprint(e.out, "\nContainers space usage:\n\n")
	if err := dfContainerTable.write(e.out, ListOptions{}, containers); err != nil {
		return err
	}
	rows := make([]dfVolumeRow, 0, len(volumes))
	for _, v := range volumes {
		rows = append(rows, dfVolumeRow{cleanLine(v.Name), strconv.Itoa(len(v.UsedBy)), humanSize(volumeSize(v))})
	}
	fmt.Fprint(e.out, "\nLocal Volumes space usage:\n\n")
	return dfVolumeTable.write(e.out, ListOptions{}, rows)
}
