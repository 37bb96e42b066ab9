// Package tree copies, counts and gives away directory trees whose content is
// foreign: volumes, writable layers, directories that containers write to.
//
// It runs in the engine and the guard, as root of the user namespace. A
// container may change what it works on at the same time, so nothing is ever
// found by a path that leads through it: no link is followed out of a tree.
package tree
