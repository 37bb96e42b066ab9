// Package guard is the process that guards all of a person's containers, and
// its client.
//
// The guard (role "guard" of davit-guard) runs as root of the user namespace
// in the host's net namespace, as a kept child of the keeper. It starts
// containers, moves what they write into their logs and to those attached,
// records how they end, and restarts them as asked. It is the only writer of
// state.json, log and the identity files of a container.
//
//	engine ── unix socket ──▶ guard ──▶ netd (network namespace of the container)
//	                            ├─ pipes, pty ─ container inits
//	                            └─ keeper: deposits of their ends, exits of orphans
//
// When the guard dies, containers go on: the keeper starts it again with the
// descriptors that it deposited and tells the exits reaped meanwhile. When the
// keeper dies, the guard ends all containers and itself.
package guard

import (
	"davit/backend/api"
)

// request and reply are the guard's protocol: one of each for a connection of
// package fdmsg. Attach and exec bring a stream socket that speaks
// api.Session's frames from then on; hold brings one whose end is its end.
type request struct {
	Op     string            `json:"op"`
	ID     string            `json:"id"`
	Signal string            `json:"signal,omitempty"`
	Stop   api.StopOptions   `json:"stop,omitzero"`
	Attach api.AttachOptions `json:"attach,omitzero"`
	Exec   api.ExecSpec      `json:"exec,omitzero"`
	Name   string            `json:"name,omitempty"`
	Update api.Update        `json:"update,omitzero"`

	Join    api.NetworkJoin `json:"join,omitzero"`
	Ports   api.PortChange  `json:"ports,omitzero"`
	Offline bool            `json:"offline,omitempty"`
}

type reply struct {
	Error *api.Error `json:"error,omitempty"`
	Exit  api.Exit   `json:"exit,omitzero"`

	Health *api.HealthResult `json:"health,omitempty"`
	Ports  []api.Port        `json:"ports,omitempty"`
}

// The requests.
const (
	opStart   = "start"
	opStop    = "stop"
	opKill    = "kill"
	opWait    = "wait"
	opAttach  = "attach"
	opExec    = "exec"
	opRelease = "release"
	opPause   = "pause"
	opUnpause = "unpause"
	opUpdate  = "update" // and rename
	opHealth  = "health"
	opJoin    = "join"
	opLeave   = "leave"
	opPorts   = "ports"
	opOffline = "offline"
	opResume  = "resume"
	opSettle  = "settle"
	opHold    = "hold"
)
