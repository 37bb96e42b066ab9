// Package confine attacks containers' walls from inside: every class of escape
// that container runtimes have had, as a test that tries it against ours and
// then looks whether anything outside has changed.
//
// It runs in a test process, as an unprivileged person on the host, against the
// binaries in $DAVIT_BIN. A canary stands for the person's files: a directory
// outside of every container whose contents, modes and links are compared after
// each attack, as are Davit's own binaries. The program in attacker plays the
// container's side. All traffic stays on 127.0.0.1.
package confine
