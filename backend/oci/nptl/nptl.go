// Package nptl tells the C library who its first thread is, in the process
// that becomes a container's.
//
// nsexec makes that process by clone(2) without the C library's knowledge: the
// descriptor of its first thread still names the process that it was copied
// from, in another pid namespace. setuid(2) and its like signal all threads by
// these ids until each has answered. Where the old number is by chance that of
// another thread of the new process, that one answers in the first one's place,
// for ever, and the process never becomes its program. Numbers inside and
// outside meet easily once a container has been entered some thousand times;
// a container that may write /proc/sys/kernel/ns_last_pid has them meet.
package nptl

// void davit_nptl_refresh(void);
import "C"

// Refresh writes the present id of the process's first thread to its
// descriptor. It is called before anything that concerns all threads.
func Refresh() { C.davit_nptl_refresh() }
