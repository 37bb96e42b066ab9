package main

import (
	"net/url"
	"os"
	"path/filepath"

	"davit/backend/api"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"
)

// https://www.freedesktop.org/wiki/Specifications/file-manager-interface/ and
// https://flatpak.github.io/xdg-desktop-portal/docs/doc-org.freedesktop.portal.OpenURI.html
const (
	fileManagerName = "org.freedesktop.FileManager1"
	fileManagerPath = "/org/freedesktop/FileManager1"
	openURI         = "org.freedesktop.portal.OpenURI"
)

// fileManager shows folders of this computer in the desktop's file manager.
type fileManager struct{ bus *bus }

// show opens a folder, with some of what is in it selected. The file manager
// is asked itself; where it does not answer to its name, the portal knows one.
// It is never xdg-open: that starts whatever the folder's type is tied to.
func (m fileManager) show(folder string, selected []string) error {
	method, places := "ShowFolders", []string{folder}
	if len(selected) > 0 {
		method, places = "ShowItems", nil
		for _, name := range selected {
			places = append(places, filepath.Join(folder, name))
		}
	}
	conn, err := m.bus.join()
	if err != nil {
		return noFileManager(folder, err)
	}
	uris := make([]string, len(places))
	for i, p := range places {
		uris[i] = (&url.URL{Scheme: "file", Path: p}).String()
	}
	err = conn.Object(fileManagerName, fileManagerPath).Call(fileManagerName+"."+method, 0, uris, "").Err
	if err == nil {
		return nil
	}
	if err := portalShows(conn, places[0]); err != nil {
		return noFileManager(folder, err)
	}
	return nil
}

// portalShows has the portal open the folder that a file or folder is in.
func portalShows(conn *dbus.Conn, place string) error {
	fd, err := unix.Open(place, unix.O_PATH|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: place, Err: err}
	}
	defer unix.Close(fd)
	none := map[string]dbus.Variant{}
	return conn.Object(portalName, portalPath).Call(openURI+".OpenDirectory", 0, "", dbus.UnixFD(fd), none).Err
}

func noFileManager(folder string, err error) error {
	return api.Errorf(api.KindHost, "no file manager answers: %w", err).WithHint("The files are in %s.", folder)
}
