package main

import (
	"context"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"davit/backend/api"
)

// ShowFiles opens a folder of a container or volume in the desktop's file
// manager, or selects some of what is in it. at.Path has no links.
//
// A volume's folder is shown as it is. A container's file system is only in
// its own mounts: what leads there from outside (/proc/PID/root) would have a
// file manager follow the container's absolute links into this computer's
// files, and one that has stopped has no process. So that of a container is
// copied out, and so are folders of a volume that are closed to the person.
func (v *Verbs) ShowFiles(at api.FilePath, only []api.RawPath) (Shown, error) {
	return v.showFiles(context.Background(), at, plain(only))
}

func plain(names []api.RawPath) []string {
	var all []string
	for _, name := range names {
		all = append(all, string(name))
	}
	return all
}

func (v *Verbs) showFiles(ctx context.Context, at api.FilePath, only []string) (Shown, error) {
	q := api.ArchiveQuery{At: at, Name: ".", Only: only}
	if err := q.CheckOnly(); err != nil {
		return Shown{}, err
	}
	shown, err := v.folderOf(ctx, at)
	if err == nil && shown.Folder == "" {
		var name string
		if name, err = v.folderName(ctx, at); err == nil {
			shown, err = v.desktop.takeouts.takeOut(ctx, v.service, q, name)
		}
	}
	if err != nil {
		return Shown{}, err
	}
	return shown, v.desktop.files.show(shown.Folder, only)
}

// folderOf is the folder of this computer that a path is, where there is one
// that the person may look into.
func (v *Verbs) folderOf(ctx context.Context, at api.FilePath) (Shown, error) {
	if at.Volume == "" {
		return Shown{}, nil
	}
	volume, err := v.service.Volume(ctx, at.Volume)
	if err != nil {
		return Shown{}, err
	}
	top, err := unix.Open(volume.Mountpoint, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return Shown{}, nil // closed to the person
	}
	defer unix.Close(top)
	below := strings.TrimLeft(path.Clean("/"+at.Path), "/")
	// What writes to the volume may have put a link in the way.
	fd, err := unix.Openat2(top, path.Join(".", below), &unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS,
	})
	if err != nil {
		return Shown{}, nil
	}
	_ = unix.Close(fd)
	return Shown{Folder: path.Join(volume.Mountpoint, below)}, nil
}

// folderName is what a copy is called: the folder's name, or its tree's, which
// is the engine's word: what was asked for may be anything.
func (v *Verbs) folderName(ctx context.Context, at api.FilePath) (string, error) {
	if name := path.Base(path.Join("/", at.Path)); name != "/" {
		return name, nil
	}
	if at.Volume != "" {
		volume, err := v.service.Volume(ctx, at.Volume)
		return volume.Name, err
	}
	c, err := v.service.Container(ctx, at.Container)
	return c.Name, err
}
