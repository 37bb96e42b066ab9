// Package unpack turns a layer (a tar, compressed or not, possibly hostile)
// into a directory that overlayfs can stack.
//
// It runs in the engine, as uid 0 of the user namespace (or, in single-uid
// mode, with that one id mapped): whiteouts become 0:0 character devices and
// opaque directories carry user.overlay.opaque, as a mount with userxattr
// reads them. Nothing that a layer says reaches outside its directory: every
// path is opened with openat2 below a descriptor of it, where "/" and ".."
// and symlinks end at that directory (RESOLVE_IN_ROOT) and /proc's magic links
// are refused. That only the caller changes the directory meanwhile is
// assumed; the caller holds a lock for it.
//
// A layer flows through five goroutines: who gives the bytes, the hash and
// copy of the blob, inflate, the hash of the tar, and the writer of files.
// Buffers are passed on by reference, so that the two hashes cost no copy.
package unpack
