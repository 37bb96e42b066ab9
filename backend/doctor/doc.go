// Package doctor tries what Davit needs from the host, and says for each thing
// what was found, what it means for the person and which commands mend it.
//
// It runs in the front's process: as the person, in the host's namespaces,
// before any user namespace of Davit exists and without needing one. Things
// are tried for real where that is possible: a user namespace is made, ids are
// mapped, an overlay is mounted, by a child that plays [Main]. It leaves nothing
// behind and changes nothing.
package doctor
