// Package logfile is the log of a container: lines with time and stream in
// one file, written by one process and read by any number, while it grows or
// after.
//
// A line is "<RFC 3339 time> <stdout|stderr> <F|P> <text>\n", the form that
// Kubernetes' container runtimes use. P says that the text goes on in the next
// line of the same stream: it was longer than [MaxText], or nothing followed
// for a while. Text is the container's bytes as they were, newlines aside.
//
// The guard writes, in the user namespace; engines read. Readers assume
// nothing about the file: lines that are torn or not of this form are left
// out, and no line can make a reader hold more than a block.
package logfile
