// Package api is Davit's vocabulary: the nouns (containers, images,
// registries, operations, events), the verbs on them and the errors they
// answer. Everything that shows or drives containers (window, browser front,
// command line, tests) speaks to one [Service]; everything that does the work
// is behind it.
//
// The package runs in every process and imports the standard library only.
// Nothing in here touches the system.
//
// # Glossary
//
//   - ref: what a person typed ("nginx", "web", "3fa9", "localhost:5000/a:1").
//   - id: what a ref resolved to. A container id is 64 hex digits, an image id
//     is the digest of its config ("sha256:…").
//   - name of an image: always complete (registry, repository, tag or digest).
//   - operation: long work with an id, progress, cancel and a result.
//   - event: a note that something changed, never what it became.
package api
