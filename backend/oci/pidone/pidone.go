// Package pidone is the first process of a container made with --init: it
// starts the program, passes signals on to it, reaps whatever becomes its
// child, and ends as the program does.
//
// It is C (pidone.c) and runs before Go's runtime starts, in davit-guard's
// binary executed inside the container as "pid1 program argument…": it takes
// no memory of Go's, no threads and no time. It is in no other process's way:
// nothing else has process id 1 and that first argument.
//
// The binary is given to the container as a descriptor of a read-only clone
// (see libct), never as a file that container root could write to, and the
// descriptor is closed before the program starts.
package pidone

import "C"

// Arg is the first argument by which davit-guard becomes a container's first
// process.
const Arg = "pid1"

// FD is the descriptor that the binary is executed through.
const FD = 3
