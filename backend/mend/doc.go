// Package mend changes the few settings of a computer that keep containers from
// running there. What it can do is a closed list: an action is a name from that
// list, never a path, a value or a command of the asker's.
//
// Plan runs in a front's process, as the person, and tells to the letter what an
// action would write. Apply and Undo run in davit-mend, as root, started by
// pkexec or sudo for one request; they make the same plan again, and do nothing
// where it is another than the one that was shown. What was there before is kept
// in /var/lib/davit/mends for Undo.
package mend
