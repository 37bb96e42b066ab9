// Package shift keeps layers for containers that have ids of their own.
//
// The kernel maps the owners of files only for who is root of the computer
// (mount_setattr(2) on a disk's file system answers EPERM in a user namespace,
// and overlayfs takes no such mount), so a layer is there once more for each
// set of maps, with its files given to other owners. As husks where the kernel
// lets overlayfs take their content from the layer itself (Linux 6.16); as
// copies else, which share blocks where the file system can.
//
//	shifted/lock
//	shifted/<maps>/<layer>        a copy
//	shifted/<maps>/<layer>.husk   husks
//	shifted/<maps>/<layer>.used   its time is that of the last use
//
// It runs in the guard, which makes them, and the engine, which removes those
// that nobody needs: as root of Davit's user namespace.
package shift
