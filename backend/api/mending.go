package api

// Mend is what Davit's helper would change, as root, to put a check right, or
// has changed. It is a name from the helper's closed list.
type Mend struct {
	Action string `json:"action"`           // "subids", "ping", …
	Text   string `json:"text,omitempty"`   // to the letter: each file and what comes into it, each command
	Digest string `json:"digest,omitempty"` // of Text; "": there is nothing to do
	Done   bool   `json:"done,omitempty"`   // Davit has done it, and can undo it
}

// MendRequest asks for changes of the computer, all by one password.
type MendRequest struct {
	Apply []MendStep `json:"apply,omitempty"`
	Undo  []string   `json:"undo,omitempty"` // actions
}

// MendStep is one action, as it was shown.
type MendStep struct {
	Action string `json:"action"`
	Digest string `json:"digest"`
}
