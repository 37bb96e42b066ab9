package main

import "errors"

const dmabuf = "WEBKIT_DISABLE_DMABUF_RENDERER"

// usable says why no window can be opened, before GTK says it less clearly.
func usable(uid int, getenv func(string) string) error {
	if generating {
		return nil
	}
	if uid == 0 {
		return errors.New("this is root's session; Davit runs containers without root, so start it as yourself")
	}
	if getenv("DISPLAY") == "" && getenv("WAYLAND_DISPLAY") == "" {
		return errors.New(`there is no display; "davit serve" shows the same in your browser`)
	}
	return nil
}
