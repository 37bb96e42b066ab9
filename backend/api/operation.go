package api

import "time"

// Operation is long work.
type Operation struct {
	ID       string         `json:"id"`
	Kind     string         `json:"kind"`    // "pull", "push", "load", "save", "layer", "import"
	Title    string         `json:"title"`   // "Pull docker.io/library/nginx:latest"
	Subject  string         `json:"subject"` // the full image name
	State    OperationState `json:"state"`
	Started  time.Time      `json:"started"`
	Ended    time.Time      `json:"ended,omitzero"`
	Done     int64          `json:"done"`  // bytes
	Total    int64          `json:"total"` // bytes; 0: not known yet
	Steps    []Step         `json:"steps"`
	Error    *Error         `json:"error,omitempty"`
	ImageID  string         `json:"imageID,omitempty"` // result of a pull
	Image    string         `json:"image,omitempty"`   // full name of the result
	UpToDate bool           `json:"upToDate,omitempty"`
	Result   string         `json:"result,omitempty"` // in words, where there is more to say: "digest: sha256:… size: 527"
	// Place is that in the queue, from 1, the next; 0: it does not wait.
	Place int `json:"place,omitempty"`
	// Elsewhere tells that another engine does it. It can be paused, resumed
	// and cancelled all the same.
	Elsewhere bool   `json:"elsewhere,omitempty"`
	Reason    string `json:"reason,omitempty"` // why it is paused, in words; "": it was asked to
}

// OperationState is where an operation stands.
type OperationState string

// The states of an operation.
const (
	OperationWaiting   OperationState = "waiting" // for others to end
	OperationRunning   OperationState = "running"
	OperationPaused    OperationState = "paused" // stopped, to go on where it was
	OperationDone      OperationState = "done"
	OperationFailed    OperationState = "failed"
	OperationCancelled OperationState = "cancelled"
)

// Ended tells states after which nothing more comes.
func (s OperationState) Ended() bool {
	return s != OperationWaiting && s != OperationRunning && s != OperationPaused
}

// Step is a part of an operation, such as one layer.
type Step struct {
	ID    string `json:"id"`    // layer digest
	Title string `json:"title"` // first 12 digits
	State string `json:"state"` // "waiting", "downloading", "unpacking", "done", "exists"
	Done  int64  `json:"done"`  // bytes
	Total int64  `json:"total"` // bytes
}

// Event says that something changed; who wants to know what it became asks.
type Event struct {
	Cursor uint64    `json:"cursor"`
	Time   time.Time `json:"time"`
	Type   string    `json:"type"`   // "hello", "container", "image", "network", "volume", "secret", "trash", "operation", "registry"
	Action string    `json:"action"` // docker's: create, start, die, destroy, pull, tag, untag, delete …; "": something is different
	ID     string    `json:"id"`
	Name   string    `json:"name,omitempty"`
	// ExitCode is that of a "die"; Image what the container was made of. Both
	// are known for past and present events of containers.
	ExitCode *int   `json:"exitCode,omitempty"`
	Image    string `json:"image,omitempty"`
}

// Info is about the machine and the engine.
type Info struct {
	Version         string   `json:"version"`
	OS              string   `json:"os"` // PRETTY_NAME of the distribution
	Kernel          string   `json:"kernel"`
	Architecture    string   `json:"architecture"` // amd64
	CPUs            int      `json:"cpus"`
	Memory          int64    `json:"memory"` // bytes
	StoreDir        string   `json:"storeDir"`
	RuntimeDir      string   `json:"runtimeDir"`
	Containers      int      `json:"containers"`
	Running         int      `json:"running"`
	Images          int      `json:"images"`
	UserNS          string   `json:"userNS"`        // "full", "single-uid"
	Limited         []string `json:"limited"`       // what does not work here, in words
	CgroupVersion   string   `json:"cgroupVersion"` // "v2", "v1", "hybrid"
	CgroupDelegated bool     `json:"cgroupDelegated"`
	Runtime         string   `json:"runtime"`  // "libcontainer 1.5.2"
	Network         string   `json:"network"`  // "gvisor-tap-vsock 0.8.9"
	Security        []string `json:"security"` // "seccomp", "apparmor", …
	Subnet          string   `json:"subnet"`
}

// CheckState is the outcome of a host check.
type CheckState string

// The outcomes of a check.
const (
	CheckOK      CheckState = "ok"
	CheckWarning CheckState = "warning" // works, with limits
	CheckFailed  CheckState = "failed"  // containers cannot run
	CheckUnknown CheckState = "unknown"
)

// Check is one thing that Davit wants from the host, tried for real.
type Check struct {
	ID     string     `json:"id"`    // "userns", "subuid", "newuidmap", …
	Title  string     `json:"title"` // "User namespaces"
	State  CheckState `json:"state"`
	Found  string     `json:"found"`            // what was seen
	Means  string     `json:"means"`            // what it means for the person
	Fix    string     `json:"fix,omitempty"`    // commands to copy, one a line
	FixWhy string     `json:"fixWhy,omitempty"` // what the commands do
	Mend   *Mend      `json:"mend,omitempty"`   // nil: Davit's helper cannot do it
}
