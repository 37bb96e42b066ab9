package api

import (
	"fmt"
	"strconv"
	"time"
)

// State is what a container is doing.
type State string

// The states, named as docker's.
const (
	StateCreated    State = "created"
	StateStarting   State = "starting"
	StateRunning    State = "running"
	StatePaused     State = "paused"
	StateRestarting State = "restarting"
	StateStopping   State = "stopping"
	StateExited     State = "exited"
	StateDead       State = "dead"   // could not be removed completely
	StateBroken     State = "broken" // its record cannot be read
)

// Container is a row in a list of containers.
type Container struct {
	ID         string            `json:"id"`      // 64 hex digits
	Name       string            `json:"name"`    // unique, without "/"
	Image      string            `json:"image"`   // as shown: full name, or id where it has none
	ImageID    string            `json:"imageID"` // sha256:…
	Command    []string          `json:"command"` // entrypoint and arguments
	Created    time.Time         `json:"created"`
	State      State             `json:"state"`
	Started    time.Time         `json:"started,omitzero"`
	Finished   time.Time         `json:"finished,omitzero"`
	ExitCode   int               `json:"exitCode"`         // meaningful in StateExited
	Reason     string            `json:"reason,omitempty"` // a sentence: why it ended, or is broken
	Ports      []Port            `json:"ports"`
	Labels     map[string]string `json:"labels"`
	IP         string            `json:"ip,omitempty"` // in its network, while running
	PID        int               `json:"pid,omitempty"`
	AutoRemove bool              `json:"autoRemove,omitempty"`
	Restarts   int               `json:"restarts"`
	Health     string            `json:"health,omitempty"` // "starting", "healthy", "unhealthy"; "": no check
	Networks   []string          `json:"networks"`         // that it belongs to; "host", "none" and "container:…" stand alone
	Offline    bool              `json:"offline,omitempty"`
	Mounted    []string          `json:"mounted,omitempty"` // names of volumes and paths of this computer that it has
}

// ContainerDetail is all about one container.
type ContainerDetail struct {
	Container
	Spec       RunSpec  `json:"spec"` // as asked for, with what was changed and chosen since
	Args       []string `json:"args"` // what runs: image defaults applied
	Env        []string `json:"env"`  // KEY=value, image defaults applied
	WorkingDir string   `json:"workingDir"`
	User       string   `json:"user"`
	Network    string   `json:"network"` // the first, or "none", "host", "container:…"
	Gateway    string   `json:"gateway,omitempty"`
	// Attachments are its places in the networks that it belongs to.
	Attachments []Attachment `json:"attachments"`
	LogPath     string       `json:"logPath"`
	LogSize     int64        `json:"logSize"` // bytes
	Rootfs      string       `json:"rootfs"`
	OOMKilled   bool         `json:"oomKilled"`
	Restart     string       `json:"restart"`         // the policy now, updates applied
	Limits      Limits       `json:"limits,omitzero"` // now, updates applied
	Cgroup      string       `json:"cgroup,omitempty"`
	// HealthCheck is what is done, the image's and the spec's joined; nil: nothing.
	HealthCheck *HealthCheck `json:"healthCheck,omitempty"`
	HealthLog   *Health      `json:"healthLog,omitempty"`
	// Confinement names what holds the container: "seccomp", "apparmor:…",
	// "no-new-privileges", "masked-paths", …
	Confinement []string `json:"confinement"`
	Limited     string   `json:"limited,omitempty"` // what the host does not allow, in words

	// Mounts are what is there: the spec's and the image's volumes.
	Mounts []Mount `json:"mounts"`
	// Version changes whenever the container is changed: who edits it gives
	// back the one that was seen.
	Version string `json:"version"`
	// Replaces is the container that this one took the place of, while it is
	// kept to undo that; ReplacedBy is the other way round.
	Replaces   string `json:"replaces,omitempty"`   // id
	ReplacedBy string `json:"replacedBy,omitempty"` // id
}

// Port is a published port.
type Port struct {
	HostIP        string `json:"hostIP"`   // "" means 127.0.0.1
	HostPort      uint16 `json:"hostPort"` // 0 in a spec: choose a free one
	ContainerPort uint16 `json:"containerPort"`
	Protocol      string `json:"protocol"` // "tcp" (also "" in a spec)
	// HostFirst and HostLast limit the choice: a free one from the first to the
	// last is taken. Both 0: it is not limited.
	HostFirst uint16 `json:"hostFirst,omitempty"`
	HostLast  uint16 `json:"hostLast,omitempty"`
}

// Ranged tells whether the host's port is one of a range.
func (p Port) Ranged() bool { return p.HostLast != 0 }

// Asked is the port as it was asked for: without what was chosen of a range.
func (p Port) Asked() Port {
	if p.Ranged() {
		p.HostPort = 0
	}
	return p
}

// HostPorts is the host's port as it was asked for, as -p has it: 8080,
// 8000-8010, "" for any.
func (p Port) HostPorts() string {
	switch {
	case p.Ranged():
		return fmt.Sprintf("%d-%d", p.HostFirst, p.HostLast)
	case p.HostPort != 0:
		return strconv.Itoa(int(p.HostPort))
	}
	return ""
}

// RunSpec is what a person asks for: the form, the run line and the API
// have the same fields. The zero value of each means "as the image says".
type RunSpec struct {
	Image      string   `json:"image"`
	Name       string   `json:"name,omitempty"` // "": one is made up
	Hostname   string   `json:"hostname,omitempty"`
	Domainname string   `json:"domainname,omitempty"` // what its host name is below, for those who ask the kernel
	Entrypoint []string `json:"entrypoint,omitempty"`
	// ClearEntrypoint tells an empty --entrypoint "" from one not given.
	ClearEntrypoint bool              `json:"clearEntrypoint,omitempty"`
	Command         []string          `json:"command,omitempty"`
	Env             []string          `json:"env,omitempty"` // KEY=value
	WorkingDir      string            `json:"workingDir,omitempty"`
	User            string            `json:"user,omitempty"` // name, uid, name:group, uid:gid
	Labels          map[string]string `json:"labels,omitempty"`
	Ports           []Port            `json:"ports,omitempty"`
	PublishAll      bool              `json:"publishAll,omitempty"` // -P: all EXPOSEd
	Mounts          []Mount           `json:"mounts,omitempty"`
	TTY             bool              `json:"tty,omitempty"`
	Interactive     bool              `json:"interactive,omitempty"` // keep stdin open
	AutoRemove      bool              `json:"autoRemove,omitempty"`
	ReadOnly        bool              `json:"readOnly,omitempty"`
	Init            bool              `json:"init,omitempty"` // pid 1 reaps and passes signals on
	StopSignal      string            `json:"stopSignal,omitempty"`
	StopTimeout     *int              `json:"stopTimeout,omitempty"` // seconds; nil: 10
	Restart         string            `json:"restart,omitempty"`     // no, always, unless-stopped, on-failure[:n]
	// Network is a network's name, "none", "host" or "container:" and whose;
	// "" is "default". Endpoint is how it is joined, Networks are further ones.
	Network  string        `json:"network,omitempty"`
	Endpoint EndpointSpec  `json:"endpoint,omitzero"`
	Networks []NetworkJoin `json:"networks,omitempty"`
	// DNS are resolvers to use instead of the network's; names of other
	// containers are not known to them.
	DNS        []string `json:"dns,omitempty"`
	DNSSearch  []string `json:"dnsSearch,omitempty"`  // instead of the host's; "." is none
	DNSOptions []string `json:"dnsOptions,omitempty"` // of resolv.conf(5)
	// ExtraHosts are lines for /etc/hosts: "name:address"; the address
	// "host-gateway" is this computer's and wants HostAccess, too.
	ExtraHosts []string `json:"extraHosts,omitempty"`
	// HostAccess lets it reach services that listen on this computer's own
	// loopback, under the name host.davit.internal.
	HostAccess  bool         `json:"hostAccess,omitempty"`
	CapAdd      []string     `json:"capAdd,omitempty"`
	CapDrop     []string     `json:"capDrop,omitempty"`
	SecurityOpt []string     `json:"securityOpt,omitempty"` // docker's: no-new-privileges=false, seccomp=unconfined
	Privileged  bool         `json:"privileged,omitempty"`
	Platform    string       `json:"platform,omitempty"` // os/arch[/variant]
	Limits      Limits       `json:"limits,omitzero"`
	Log         LogLimits    `json:"log,omitzero"`
	HealthCheck *HealthCheck `json:"healthCheck,omitempty"`

	// Groups are further groups of the user: names or numbers inside.
	Groups []string `json:"groups,omitempty"`
	// EnvFiles are files here of KEY=value lines, read when the container is
	// made; Env comes after them.
	EnvFiles []string `json:"envFiles,omitempty"`
	Expose   []string `json:"expose,omitempty"`  // as the image's: "80/tcp", "8000-8010/udp"
	ShmSize  int64    `json:"shmSize,omitempty"` // bytes of /dev/shm; 0: 64 MiB
	Devices  []Device `json:"devices,omitempty"`
	// UserNS tells as whom the container's ids count: "" is that its root is
	// you; "keep-id" or "keep-id:uid=1000,gid=1000" that a user of it is, with
	// your own ids unless it says others. UIDMaps and GIDMaps say it in full,
	// "inside:outside:count", where outside counts your ids: 0 is you, 1 the
	// first subordinate one.
	UserNS  string            `json:"userns,omitempty"`
	UIDMaps []string          `json:"uidMaps,omitempty"`
	GIDMaps []string          `json:"gidMaps,omitempty"`
	Sysctls map[string]string `json:"sysctls,omitempty"` // only those that a container has of its own
	Ulimits []Ulimit          `json:"ulimits,omitempty"`
	Secrets []SecretUse       `json:"secrets,omitempty"`
	// OOMScoreAdj makes it likelier (up to 1000) or less likely that the kernel
	// ends this container's processes first where memory runs out; less likely
	// than yours, below 0 as a rule, takes root and is refused (KindHost).
	OOMScoreAdj int        `json:"oomScoreAdj,omitempty"`
	Pull        PullPolicy `json:"pull,omitempty"` // for fronts, which pull: Create does not
	// Umask takes bits away from the modes of files that its processes make:
	// octal digits; "": 0022.
	Umask string `json:"umask,omitempty"`
	// Annotations are notes for the runtime and for tools, of no effect inside.
	Annotations map[string]string `json:"annotations,omitempty"`
	// Timezone is "local" or a name such as "Europe/Berlin"; "": the image's.
	Timezone string `json:"timezone,omitempty"`
}

// PullPolicy says when to pull an image before a container is made of it.
type PullPolicy string

// The policies; "" is PullMissing.
const (
	PullAlways  PullPolicy = "always"
	PullMissing PullPolicy = "missing"
	PullNever   PullPolicy = "never"
	PullNewer   PullPolicy = "newer" // as always, and what is here does where the registry cannot be reached
)

// The types of a Mount.
const (
	MountBind   = "bind"
	MountVolume = "volume"
	MountTmpfs  = "tmpfs"
)

// Mount is a host path, a volume or a tmpfs inside the container.
type Mount struct {
	Type     string `json:"type"`             // "bind", "volume", "tmpfs"
	Source   string `json:"source,omitempty"` // absolute host path of a bind, name of a volume; "" is a volume without a name
	Target   string `json:"target"`           // absolute path inside
	ReadOnly bool   `json:"readOnly,omitempty"`
	// Options are exec, noexec, suid, nosuid, dev, nodev and, of a tmpfs, uid= and gid=.
	Options []string `json:"options,omitempty"`
	Size    int64    `json:"size,omitempty"` // of a tmpfs, bytes; 0: half of the memory
	Mode    string   `json:"mode,omitempty"` // of a tmpfs, octal; "": 1777
	// Relabel gives the source an SELinux label: "z" that of all containers,
	// "Z" that of this one alone. Elsewhere it does nothing.
	Relabel string `json:"relabel,omitempty"`
	Chown   bool   `json:"chown,omitempty"`  // give the source, and all below it, to the container's user
	NoCopy  bool   `json:"noCopy,omitempty"` // a new volume begins empty, whatever the image has at Target
	Subpath string `json:"subpath,omitempty"`
	// Propagation is rprivate (also ""), private, rslave, slave, rshared or
	// shared, of a bind.
	Propagation string `json:"propagation,omitempty"`
	Create      bool   `json:"create,omitempty"` // make a bind's source where it is missing, as -v does
}

// Device is a device node of the host inside the container. Its permissions on
// the host are what counts in the end: root inside is you.
type Device struct {
	Source      string `json:"source"`                // /dev/dri
	Target      string `json:"target,omitempty"`      // "": as Source
	Permissions string `json:"permissions,omitempty"` // of "rwm"; "": all
}

// Ulimit bounds what each process may use; -1 is no bound.
type Ulimit struct {
	Name string `json:"name"` // "nofile"
	Soft int64  `json:"soft"`
	Hard int64  `json:"hard"`
}

// SecretUse gives a container a secret.
type SecretUse struct {
	Source string `json:"source"`           // its name or id
	Target string `json:"target,omitempty"` // a file below /run/secrets, or an absolute path; the variable with Env. "": as Source
	Env    bool   `json:"env,omitempty"`    // as a variable instead of a file
	UID    int    `json:"uid,omitempty"`    // the file's owner inside
	GID    int    `json:"gid,omitempty"`
	Mode   string `json:"mode,omitempty"` // octal; "": 0444
}

// Created is the answer of Create.
type Created struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Ports    []Port   `json:"ports"`    // host ports chosen
	Warnings []string `json:"warnings"` // said to the person, nothing failed
}

// ContainerFilter chooses containers; the zero value means the running ones.
type ContainerFilter struct {
	All     bool                `json:"all,omitempty"`
	Filters map[string][]string `json:"filters,omitempty"` // docker's: status, name, id, label, ancestor, exited, publish, health, volume; and replaced
	Last    int                 `json:"last,omitempty"`    // only the n newest; implies All
}

// StopOptions are how to stop.
type StopOptions struct {
	Timeout *int   `json:"timeout,omitempty"` // seconds until KILL; nil: as the container says, 0: at once, -1: never
	Signal  string `json:"signal,omitempty"`
}

// RemoveOptions are how to remove.
type RemoveOptions struct {
	Force   bool `json:"force,omitempty"`
	Volumes bool `json:"volumes,omitempty"` // of a container: with its volumes that have no name
}

// Exit is how a container or process ended.
type Exit struct {
	Code   int    `json:"code"`             // 128+n where signal n ended it
	Reason string `json:"reason,omitempty"` // a sentence, "" for exit 0
}

// LogQuery chooses log lines.
type LogQuery struct {
	Follow bool      `json:"follow,omitempty"`
	Tail   *int      `json:"tail,omitempty"` // last n lines; nil: all
	Since  time.Time `json:"since,omitzero"`
	Until  time.Time `json:"until,omitzero"`
	Stream string    `json:"stream,omitempty"` // "", "stdout", "stderr"
	Search string    `json:"search,omitempty"` // only lines that contain it, case-insensitive
	// Level leaves out what is less grave: one of trace, debug, info, warn, error and
	// fatal, whatever spelling the line has; "" for all lines.
	// Lines that do not say how grave they are go with the one that they continue,
	// as in a stack trace; others are left out.
	Level string `json:"level,omitempty"`
	// With are further containers, whose lines come between these by their times.
	With []string `json:"with,omitempty"`
	// After and Before are cursors: only the lines that come after, or before,
	// that one. Tail counts back from Before. Before ends Follow.
	After  string `json:"after,omitempty"`
	Before string `json:"before,omitempty"`
	Limit  int    `json:"limit,omitempty"` // at most so many LogLines, the first ones; 0: all
	// Cursors asks for the lines' cursors, Levels for their levels.
	Cursors bool `json:"cursors,omitempty"`
	Levels  bool `json:"levels,omitempty"`
}

// LogLimits bound the log of a container: when it would get larger, its oldest
// lines go.
type LogLimits struct {
	MaxSize  int64 `json:"maxSize,omitempty"`  // of a file, in bytes; 0: 50 MiB
	MaxFiles int   `json:"maxFiles,omitempty"` // 0: 10
	// None keeps no log at all: what the container writes reaches only who is
	// attached, and waits for them.
	None bool `json:"none,omitempty"`
}

// LogLine is one line, or a part of one that was longer than 16 KiB.
type LogLine struct {
	Time    time.Time `json:"time"`
	Stream  string    `json:"stream"`            // "stdout", "stderr"
	Text    string    `json:"text"`              // without the newline; bytes that are not UTF-8 become U+FFFD in JSON
	Partial bool      `json:"partial,omitempty"` // the line goes on in the next LogLine
	// Cursor names the line for LogQuery.After and Before, for as long as the
	// log has it; of several containers together, for the same containers.
	Cursor string `json:"cursor,omitempty"`
	Level  string `json:"level,omitempty"` // as in LogQuery, "" where it tells none or was not asked for
	// Container is the name of the line's container where several were asked for.
	Container string `json:"container,omitempty"`
}

// AttachOptions are how to join a container.
type AttachOptions struct {
	Stdin bool `json:"stdin,omitempty"`
	// Start starts the container once attached, so that nothing is missed.
	Start bool `json:"start,omitempty"`
	// Logs replays what was written so far first.
	Logs bool `json:"logs,omitempty"`
	// Marks asks for marks in the session (see Session.Reached). One that broke
	// is taken up by From: nothing is missed, also where the container has ended
	// meanwhile. A Service may send no marks.
	Marks bool   `json:"marks,omitempty"`
	From  *Mark  `json:"from,omitempty"`
	Rows  uint16 `json:"rows,omitempty"`
	Cols  uint16 `json:"cols,omitempty"`
}

// ExecSpec is a further process in a container.
type ExecSpec struct {
	Args        []string `json:"args"`
	Env         []string `json:"env,omitempty"`
	WorkingDir  string   `json:"workingDir,omitempty"`
	User        string   `json:"user,omitempty"`
	TTY         bool     `json:"tty,omitempty"`
	Interactive bool     `json:"interactive,omitempty"`
	Detach      bool     `json:"detach,omitempty"` // the session ends at once with exit 0
	Privileged  bool     `json:"privileged,omitempty"`
	// Toolbox makes it a debug shell's process: Davit's own static programs (sh,
	// ls, ps, wget, …) are on its PATH before those of the container, which does
	// not see them. User "" is root of the container then.
	Toolbox bool `json:"toolbox,omitempty"`
	// HangUp sends the process HUP when the session ends before it does; else it goes on.
	HangUp bool   `json:"hangUp,omitempty"`
	Rows   uint16 `json:"rows,omitempty"`
	Cols   uint16 `json:"cols,omitempty"`
}
