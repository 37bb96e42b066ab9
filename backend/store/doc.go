// Package store is Davit's files: where they are, who writes each of them,
// how they are written so that a kill at any moment leaves the old or the new
// one, and how others hear of a change. Files are the truth; whoever reads
// them needs no other process to answer.
//
// The package runs in every process, in the host's namespaces and in the user
// namespace. It may assume a local file system with rename, flock and fsync;
// it does not assume that what it reads was written by this version of Davit,
// or completely. Paths may hold any byte but NUL.
package store
