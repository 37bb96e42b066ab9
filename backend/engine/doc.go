// Package engine is Davit's use cases: it implements api.Service over the
// store, the images and the guard, and is the only package that makes errors
// for people out of errors for programs.
//
// It runs in a process of its own for each front, as root of the user
// namespace in the host's network namespace, and may be killed at any time:
// it holds no truth but the operations that its front has started. It opens
// everything when it is first asked for, so that it stands within a few
// milliseconds. Other engines may work on the same files at the same time.
package engine
