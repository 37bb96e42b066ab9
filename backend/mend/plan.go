package mend

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
)

// Kind is how a text gets into a file.
type Kind string

// The kinds of a change.
const (
	File  Kind = "file"  // the whole file is ours
	Line  Kind = "line"  // a line at the end of a file that others write, too
	Value Kind = "value" // what the kernel has now, by /proc/sys
)

// Change is one text that is written.
type Change struct {
	Kind Kind   `json:"kind"`
	Path string `json:"path"` // absolute
	Text string `json:"text"`
}

// Plan is all that an action does. An empty one has nothing to do.
type Plan struct {
	Action  Action     `json:"action"`
	Changes []Change   `json:"changes"`
	After   [][]string `json:"after,omitempty"`   // commands, once all is written
	Undone  [][]string `json:"undone,omitempty"`  // commands, before it is taken back
	Removed [][]string `json:"removed,omitempty"` // commands, once it is taken back
}

// String is what a person reads before they give their password: each file
// with the exact text, and each command.
func (p Plan) String() string {
	var b strings.Builder
	for _, c := range p.Changes {
		switch c.Kind {
		case Line:
			b.WriteString("# added at the end of " + c.Path + "\n" + c.Text)
		case Value:
			b.WriteString("# now, to " + c.Path + "\n" + c.Text)
		case File:
			b.WriteString("# " + c.Path)
			if c.Text == "" {
				b.WriteString(" (empty)")
			}
			b.WriteString("\n" + c.Text)
		}
	}
	for _, args := range p.After {
		b.WriteString("# then\n" + strings.Join(args, " ") + "\n")
	}
	return b.String()
}

// Digest names exactly this plan: the helper carries out no other.
func (p Plan) Digest() string {
	b, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings only
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
