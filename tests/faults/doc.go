// Package faults breaks Davit on purpose and verifies that nothing that
// matters is lost: processes are killed, files damaged, disks filled, and
// containers misbehave as badly as they can.
//
// The tests run the binaries in $DAVIT_BIN as an unprivileged user, each in a
// home of its own, with an image made of Debian's busybox-static. They wait on
// conditions, never for a time. DAVIT_FAULTS, a number, has the random ones go
// on that many times as long (1).
package faults
