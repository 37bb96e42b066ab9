// Package keyring gives the guard a session keyring of its own, with nothing
// in it.
//
// It is linked into davit-guard only, and works before Go's runtime starts: a
// session keyring is a thread's, and those that are made later have it from
// the one there is then. Containers that can neither use keys nor see them
// stay in it, as do those that are executed in them. So they do not have that
// of the person's log-in, and each of them does not take one of the 200 keys
// that the kernel lets a person have (kernel.keys.maxkeys).
package keyring

/*
extern int davit_keyring_own;
*/
import "C"

// Own tells whether this process has a session keyring that it made itself:
// it is the guard's, and the kernel gave it one.
func Own() bool { return C.davit_keyring_own != 0 }
