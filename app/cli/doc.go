// Command davit is the command line: docker's verbs, flags, columns and exit
// codes over an [api.Service], and the way to the window ("davit" alone) and
// to the browser ("davit serve").
//
// It runs as the person, in the host's namespaces. Whatever touches
// containers happens behind the Service; this package parses, asks and
// prints. Each command has a file of its own with newXCommand, XOptions and
// runX. The hidden first argument "engine" is the other role of the same
// binary: it then runs in the user namespace and serves one front; with
// "doctor-probe" it is what the host's checks try things in.
package main
