package api

import "context"

// Making are the verbs around a RunSpec before there is a container: what is
// wrong with it, what an image suggests, and its other ways of being written.
type Making interface {
	// CheckSpec tells all that is wrong with a spec, each with its Field and in
	// the words that Create would refuse it with. No image is wanted for it.
	CheckSpec(ctx context.Context, spec RunSpec) (SpecCheck, error)
	// Suggest tells what an image that is here says of how to run it.
	Suggest(ctx context.Context, image string) (Suggestion, error)
	// ParseRun reads a line that begins with `davit run`, `docker run` or
	// `podman run`, a compose file or a service of one, or an image's name.
	// Nothing in it is expanded or executed.
	ParseRun(ctx context.Context, text string) (ParsedRun, error)
	// RenderSpec writes a spec in another form.
	RenderSpec(ctx context.Context, spec RunSpec, form SpecForm) (Rendered, error)
	// WhoseFiles foretells as whom a container will write what spec binds.
	WhoseFiles(ctx context.Context, spec RunSpec) ([]FileOwnership, error)
	// ForeignFiles counts what below a path here belongs to your subordinate
	// ids: what containers wrote that is not yours.
	ForeignFiles(ctx context.Context, path string) (ForeignFiles, error)
	// GiveBack makes all that ForeignFiles counts yours. Links are not
	// followed, other file systems not entered.
	GiveBack(ctx context.Context, path string) (ForeignFiles, error)
}

// SpecCheck is what was found of a spec.
type SpecCheck struct {
	Problems []*Error `json:"problems"` // none: Create will not refuse it for what it says
	Warnings []string `json:"warnings"` // sentences
}

// Suggestion is what an image says of how it is to be run.
type Suggestion struct {
	Image       string       `json:"image"`  // full name
	Ports       []Port       `json:"ports"`  // exposed ones, on host ports that are free now
	Mounts      []Mount      `json:"mounts"` // its volumes, with names that are free now
	User        string       `json:"user"`
	HealthCheck *HealthCheck `json:"healthCheck,omitempty"`
	Entrypoint  []string     `json:"entrypoint"`
	Command     []string     `json:"command"`
	WorkingDir  string       `json:"workingDir"`
	Env         []string     `json:"env"`
	// Ask are variables that a well-known image wants.
	Ask []AskedVariable `json:"ask"`
}

// AskedVariable is a variable that an image does not work without, or that
// most people set.
type AskedVariable struct {
	Name     string `json:"name"`
	Why      string `json:"why"` // a sentence
	Required bool   `json:"required,omitempty"`
	Secret   bool   `json:"secret,omitempty"`
	Value    string `json:"value,omitempty"` // proposed; a password is made up anew at each call
	// Or are variables any of which does instead.
	Or []string `json:"or,omitempty"`
}

// ParsedRun is what was made of a text.
type ParsedRun struct {
	Kind  string       `json:"kind"` // "run", "compose", "image"
	Specs []ParsedSpec `json:"specs"`
}

// ParsedSpec is a container that the text asks for.
type ParsedSpec struct {
	Name   string  `json:"name,omitempty"` // the service's
	Spec   RunSpec `json:"spec"`
	Detach bool    `json:"detach,omitempty"`
	// Unknown are the words that were left out, with their values.
	Unknown []string `json:"unknown"`
	Notes   []string `json:"notes"` // sentences: what is done in another way
}

// SpecForm is a way to write a RunSpec.
type SpecForm string

// The forms.
const (
	FormRun     SpecForm = "run"     // a line for a POSIX shell
	FormCompose SpecForm = "compose" // a compose file with one service
	FormQuadlet SpecForm = "quadlet" // a .container unit for systemd, podman's
	FormKube    SpecForm = "kube"    // a Pod, and claims for its volumes
)

// Rendered is a spec in another form.
type Rendered struct {
	Text string   `json:"text"`
	File string   `json:"file"` // a name for it
	Lost []string `json:"lost"` // sentences: what the form cannot say
}

// FileOwnership foretells as whom a container writes a directory of yours.
type FileOwnership struct {
	Mount    int              `json:"mount"` // index in the spec's mounts
	Source   string           `json:"source"`
	Target   string           `json:"target"`
	Owner    string           `json:"owner"`    // of the source, by name here
	Inside   string           `json:"inside"`   // who writes, in the container's own ids: "999:999"
	WritesAs string           `json:"writesAs"` // who that is here: your name, or "subordinate id 100998"
	You      bool             `json:"you"`
	CanWrite bool             `json:"canWrite"`
	Says     string           `json:"says"`   // in a sentence
	Offers   []OwnershipOffer `json:"offers"` // how it could be otherwise; none where it is yours already
}

// OwnershipOffer is a way to have a container write as you.
type OwnershipOffer struct {
	Kind  string  `json:"kind"` // "root", "keep-id", "chown"
	Title string  `json:"title"`
	Says  string  `json:"says"`
	Spec  RunSpec `json:"spec"` // with the offer taken
}

// ForeignFiles are files here that belong to subordinate ids of yours.
type ForeignFiles struct {
	Path   string         `json:"path"`
	Files  int            `json:"files"` // directories and links as well
	Bytes  int64          `json:"bytes"`
	Owners []ForeignOwner `json:"owners"` // the most files first
	// Skipped are those that belong to somebody else on this computer.
	Skipped int `json:"skipped,omitempty"`
}

// ForeignOwner is an id that containers wrote files with.
type ForeignOwner struct {
	UID   int `json:"uid"` // as containers see it
	Files int `json:"files"`
}
