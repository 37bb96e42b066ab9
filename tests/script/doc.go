// Package script runs the command line for real: every *.txtar file beside it
// is one story told in commands and what they answer, with real user
// namespaces, containers, ports and registries. Together they are the
// executable manual of davit.
//
// It runs in a test process, as an unprivileged person, against the binaries
// in $DAVIT_BIN. Each script has data, sockets and a keeper of its own, and
// all traffic stays on 127.0.0.1.
package script
