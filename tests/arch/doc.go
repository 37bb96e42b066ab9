// Package arch keeps the architecture true: which room of the house may
// import which, which libraries may be linked where, that every package says
// what it is, that files and functions stay readable, and that processes are
// started in one place only.
//
// It reads the sources and asks `go list`; it runs nothing of Davit and needs
// neither a display nor user namespaces.
package arch
