// Package files reaches into the file systems of containers and volumes:
// listing, reading, changing, packing and unpacking.
//
// It runs in the engine, as root of the user namespace. What it reaches into
// is hostile: a process of the container may rename, replace and link what is
// read or written here at any moment. So every path is resolved by the kernel
// in one step (openat2 with RESOLVE_IN_ROOT and RESOLVE_NO_MAGICLINKS) from a
// descriptor of the tree's root, and what follows is done on the descriptor
// that came of it, or with a single name below one. Nothing is opened before
// it is known to be a plain file or directory, so that no pipe blocks and no
// device acts. Nothing of the tree is executed, loaded or parsed by a library
// that would look for its own files there.
package files
