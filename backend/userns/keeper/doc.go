// Package keeper holds the user namespace: the one process that stays while
// anything runs, and the client that asks things of it.
//
// The keeper (role "keeper" of davit-guard) is root in the user namespace
// and in the host's net namespace. It spawns processes, keeps descriptors for
// those that asked for it and gives them back when it has to start them again,
// and reaps: it is the subreaper of everything below it, so that the exit of
// a container whose guard has died is not lost. It has no policy and knows
// neither containers nor images. It ends when it has no child and no client.
//
// The protocol is JSON messages over a SEQPACKET socket (package fdmsg), one
// reply to each request:
//
//	spawn     name, args, env + descriptors  ->  pid
//	deposit   tag + one descriptor           ->  ok      by a kept process
//	withdraw  tag                            ->  ok      by a kept process
//	exits                                    ->  ok, then an exit a message, past ones first
//
// It is small enough never to change: fronts of a newer build work with an
// older keeper.
package keeper

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"davit/backend/api"
)

// EnvDeposits names the deposits that a restarted process gets back, joined
// by depositSeparator, in the order of their descriptors.
const EnvDeposits = "DAVIT_DEPOSITS"

// envFiles counts the descriptors before the deposits.
const envFiles = "DAVIT_FILES"

const depositSeparator = "\x1f"

// Spawn is a process to start.
type Spawn struct {
	// Name tells single processes apart: where one of that name runs, its pid
	// is the answer. "" may run any number of times.
	Name string
	// Args are the arguments; Args[0] is the absolute path of the binary.
	Args []string
	// Env is the environment; nil: the keeper's own.
	Env []string
	// Files become descriptors 3, 4, … of the process.
	Files []*os.File
	// Keep starts the process again, with its deposits, whenever it ends with
	// another status than 0.
	Keep bool
	// DieWith kills the process when this client's connection closes.
	DieWith bool
}

// Exit is the end of a process that the keeper reaped.
type Exit struct {
	PID    int       `json:"pid"`
	Start  uint64    `json:"start"`  // clock ticks since boot, as store.ProcessStart tells
	Status int       `json:"status"` // as wait(2) tells it
	At     time.Time `json:"at"`
}

type request struct {
	Op      string   `json:"op"`
	Name    string   `json:"name,omitempty"`
	Args    []string `json:"args,omitempty"`
	Env     []string `json:"env,omitempty"`
	Keep    bool     `json:"keep,omitempty"`
	DieWith bool     `json:"dieWith,omitempty"`
	Tag     string   `json:"tag,omitempty"`
}

type reply struct {
	Error *api.Error `json:"error,omitempty"`
	PID   int        `json:"pid,omitempty"`
	Past  int        `json:"past,omitempty"` // how many exits come at once
}

// Deposits gives the descriptors that this process had deposited before it
// was started again, by tag; empty at a first start. The files are the
// caller's, and the same at every call.
var Deposits = sync.OnceValue(func() map[string]*os.File {
	files := map[string]*os.File{}
	tags := os.Getenv(EnvDeposits)
	if tags == "" {
		return files
	}
	first, err := strconv.Atoi(os.Getenv(envFiles))
	if err != nil {
		return files
	}
	for i, tag := range strings.Split(tags, depositSeparator) {
		files[tag] = os.NewFile(uintptr(3+first+i), tag)
	}
	return files
})
