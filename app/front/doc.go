// Package front is how window, command line and browser front get an
// api.Service: [Open] finds or starts the keeper, has it start an engine that
// belongs to this process alone, and speaks to it over the wire. [Handler]
// puts such a service behind a token for `davit serve`; [ServeEngine] is the
// engine's side of it.
//
// It runs as the person in the host's namespaces, except for ServeEngine,
// which runs as root in the user namespace. It assumes nothing of the host:
// what the host does not allow is told by an error of KindHost with each call,
// and Doctor and the host's half of Info always answer.
package front
