// Package window tests the real davit-desktop on a display without a monitor:
// what a newcomer does first, by clicks, and that containers outlive windows
// and engines, however those end.
//
// It needs the built binaries (DAVIT_BIN), Xvfb, xdotool, a session bus and an
// unprivileged user who may make user namespaces: build/test runs it. Pictures
// go to DAVIT_OUT.
package window
