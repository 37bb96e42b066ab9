package netd

import (
	"strings"

	"davit/backend/store"
)

// StateFile is where the process behind a socket notes what the next one has
// to know. It is there while the network runs.
func StateFile(socket string) string { return strings.TrimSuffix(socket, ".sock") + ".json" }

// Subnets are the ranges of a network that runs.
type Subnets struct {
	Subnet  string `json:"subnet"`
	Subnet6 string `json:"subnet6,omitempty"`
}

// ReadSubnets reads them from that file, without asking the process;
// fs.ErrNotExist where the network does not run.
func ReadSubnets(socket string) (s Subnets, err error) {
	return s, store.ReadJSON(StateFile(socket), &s)
}
