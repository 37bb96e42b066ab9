// Package view reads unpacked layers as overlayfs would stack them, without a
// mount: what a file system of several directories shows, what its topmost
// directory changes, and single files of it.
//
// It runs in the engine, as root of the user namespace, so that owners and
// modes are those that the container sees. The topmost directory may be the
// writable layer of a running container, whose processes rename and replace
// what is read here at any moment: every directory is opened relative to the
// descriptor of the one above it, never through a symbolic link, so that
// nothing outside the given directories can be reached. What changes while it
// is read may be seen as it was or as it is, each entry for itself.
package view
