package api

import (
	"context"
	"io"
	"time"
)

// Service is everything a front can ask for. backend/engine implements it for
// real, backend/wire.Client over HTTP, backend/api/apitest.Fake in memory; all
// three pass the suite in apitest.
//
// Every error that a Service returns is an *Error (see [AsError]). A method
// that takes a ref answers KindNotFound where nothing has it and KindConflict
// where a shortened id fits more than one.
type Service interface {
	Containers
	Making
	Editing
	Volumes
	Secrets
	Files
	Images
	Library
	Trash
	Stores
	Inside
	Registries
	Catalogue
	Networks
	Operations
	System
}

// Containers are the verbs on containers.
type Containers interface {
	// Containers lists the containers that pass f, newest first. A container
	// whose record cannot be read is listed with State "broken" and its Reason.
	Containers(ctx context.Context, f ContainerFilter) ([]Container, error)
	// Container tells everything about one container.
	Container(ctx context.Context, ref string) (ContainerDetail, error)
	// Create makes a container from spec without starting it. The image has to
	// be present (KindNotFound with Ref set to the full image name otherwise).
	Create(ctx context.Context, spec RunSpec) (Created, error)
	// Start starts a created or exited container. Starting a running one does
	// nothing. A container that cannot be started answers KindStart with
	// ExitCode 125, 126 or 127 as docker's.
	Start(ctx context.Context, ref string) error
	// Stop sends the stop signal, waits for the grace period, then kills.
	// It returns when the container is not running. Stopping a stopped one does nothing.
	Stop(ctx context.Context, ref string, o StopOptions) error
	// Restart stops (if running) and starts.
	Restart(ctx context.Context, ref string, o StopOptions) error
	// Kill sends a signal ("KILL", "SIGTERM", "15") to a running container;
	// KindConflict where it does not run.
	Kill(ctx context.Context, ref, signal string) error
	// Remove deletes a container with its log and writable layer. A running
	// one answers KindConflict unless o.Force.
	Remove(ctx context.Context, ref string, o RemoveOptions) error
	// Pause holds all processes of a running container where they are;
	// KindConflict where it does not run or is paused already. Where the host
	// delegates no cgroup, the processes are sent SIGSTOP, which their parents
	// inside can see.
	Pause(ctx context.Context, ref string) error
	// Unpause lets a paused container go on.
	Unpause(ctx context.Context, ref string) error
	// Rename gives a container another name; KindConflict where it is taken.
	Rename(ctx context.Context, ref, name string) error
	// Update changes limits and restart policy, at once where it runs.
	Update(ctx context.Context, ref string, u Update) error
	// Top lists the processes of a running container.
	Top(ctx context.Context, ref string) ([]Process, error)
	// SignalProcess sends a signal to one process of a running container, by
	// its pid on the host as Top tells it; KindNotFound where the container has
	// no such process.
	SignalProcess(ctx context.Context, ref string, pid int, signal string) error
	// Stats calls sink with the statistics of containers, round by round. With
	// q.Refs it ends when none of them runs, unless q.All.
	Stats(ctx context.Context, q StatsQuery, sink func(StatsRound) error) error
	// StatsHistory tells what was sampled of a container while nobody looked,
	// oldest first: about every ten seconds, of the last day at most.
	StatsHistory(ctx context.Context, ref string, since time.Time) ([]Stats, error)
	// CheckHealth runs a container's health check now and notes the result.
	// KindInvalid where it has none, KindConflict where it does not run.
	CheckHealth(ctx context.Context, ref string) (HealthResult, error)
	// Wait blocks until the container is not running and tells its exit code.
	Wait(ctx context.Context, ref string) (Exit, error)
	// WaitUntil blocks until the first of the conditions is true; the exit code
	// is that of the last end, 0 where there was none. A container that is
	// removed answers WaitRemoved, and KindNotFound where that was not asked for.
	WaitUntil(ctx context.Context, ref string, conditions []Condition) (Exit, error)
	// Logs calls sink for every line that q asks for, oldest first; with
	// q.Follow it goes on until the container ends or ctx does. An error of sink
	// ends it and is returned.
	Logs(ctx context.Context, ref string, q LogQuery, sink func(LogLine) error) error
	// Attach joins the running (or, with a.Start, just created) container's
	// standard streams.
	Attach(ctx context.Context, ref string, a AttachOptions) (*Session, error)
	// Exec runs a further process in a running container and joins its streams.
	Exec(ctx context.Context, ref string, spec ExecSpec) (*Session, error)
}

// Images are the verbs on local images.
type Images interface {
	// Images lists local images, newest first.
	Images(ctx context.Context, f ImageFilter) ([]Image, error)
	// Image tells everything about one image: layers, config, names, origin.
	Image(ctx context.Context, ref string) (ImageDetail, error)
	// ResolveImage tells which full name a ref stands for (aliases, short
	// names, default tag) without asking any registry.
	ResolveImage(ctx context.Context, ref string) (ResolvedRef, error)
	// Pull starts fetching an image; the operation's result is an Image.
	// Pulling an image whose pull is under way joins that operation.
	Pull(ctx context.Context, spec PullSpec) (Operation, error)
	// Load reads a docker-archive, OCI archive (both plain or compressed tar)
	// from r and adds its images.
	Load(ctx context.Context, r io.Reader) (LoadResult, error)
	// LoadPath does the same for a file or an OCI directory on the host.
	LoadPath(ctx context.Context, path string) (LoadResult, error)
	// LoadSample adds the image that is built into Davit and returns it.
	LoadSample(ctx context.Context) (Image, error)
	// Save writes the images that refs name to w as one archive.
	Save(ctx context.Context, refs []string, format SaveFormat, w io.Writer) error
	// Tag gives the image at ref one more name.
	Tag(ctx context.Context, ref, name string) error
	// RemoveImage takes a name away, and the image with its last name. An
	// image in use by a container answers KindConflict unless o.Force.
	RemoveImage(ctx context.Context, ref string, o RemoveImageOptions) (RemovedImage, error)
}

// Registries are the verbs on registries.
type Registries interface {
	// Registries lists the registries that are configured or logged in to.
	Registries(ctx context.Context) ([]Registry, error)
	// Search asks all registries (or q.Registry) at once and calls sink for
	// every answer as it arrives: one SearchPage for each registry, with its
	// own Error where that one did not answer.
	Search(ctx context.Context, q SearchQuery, sink func(SearchPage) error) error
	// Tags lists the tags of a repository ("docker.io/library/nginx").
	Tags(ctx context.Context, repository string, a RegistryAccess) (TagList, error)
	// Login checks the credentials with the registry and keeps them.
	Login(ctx context.Context, l Login) error
	// Logout forgets the credentials for a registry; KindNotFound where there are none.
	Logout(ctx context.Context, registry string) error
}

// Operations are the verbs on long work. An operation belongs to one engine
// and ends with it, but for pulls: those stay, paused, for any engine to go on
// with, and every engine lists those of all.
type Operations interface {
	// Operations lists operations, newest first, ended ones included.
	Operations(ctx context.Context) ([]Operation, error)
	// Operation tells one.
	Operation(ctx context.Context, id string) (Operation, error)
	// WatchOperation calls sink with the state now and after each change
	// (at most ten a second) until the operation ends; the last call has it ended.
	WatchOperation(ctx context.Context, id string, sink func(Operation) error) error
	// CancelOperation ends an operation; what it made half is removed.
	CancelOperation(ctx context.Context, id string) error
	// PauseOperation stops a pull where it is; ResumeOperation goes on from there.
	PauseOperation(ctx context.Context, id string) error
	ResumeOperation(ctx context.Context, id string) error
	// MoveOperation gives a waiting pull its place in the queue, from 1, the
	// next; KindConflict where it does not wait.
	MoveOperation(ctx context.Context, id string, place int) error
	// ResumeOperations goes on with the pulls that ended with their engine, and
	// that nobody paused.
	ResumeOperations(ctx context.Context) error
}

// System is what concerns the machine and the engine.
type System interface {
	// Events calls sink for each change after cursor (0: from now). The first
	// event is always {Type: "hello"} with the cursor to go on from. What any
	// process of this store does to containers, images, volumes, networks,
	// secrets and registries comes once and in the order in which it was done.
	// An event without an action says only that something of its type is
	// different. Who asks for [System.PastEvents] after the hello has all: what
	// comes both ways has the same time, id, name and action.
	Events(ctx context.Context, cursor uint64, sink func(Event) error) error
	// PastEvents tells what happened before now, oldest first, as far back as
	// the journal reaches.
	PastEvents(ctx context.Context, q EventQuery) ([]Event, error)
	// Resume starts the containers that were running when the machine or their
	// keeper ended and whose restart policy wants them back.
	Resume(ctx context.Context) error
	// Autostart tells whether containers start at login and outlive it.
	Autostart(ctx context.Context) (Autostart, error)
	// SetAutostart switches the start at login on or off.
	SetAutostart(ctx context.Context, on bool) (Autostart, error)
	// Info tells about host, store and versions.
	Info(ctx context.Context) (Info, error)
	// Doctor tries what Davit needs from the host and reports each check.
	Doctor(ctx context.Context) ([]Check, error)
	// Mend changes the computer as Doctor's checks say, after the person has given
	// their password to the desktop's own dialog. KindInvalid for what is no action,
	// KindConflict where it would not write what was shown, KindCancelled
	// where no password was given, KindHost where nobody can be asked.
	Mend(ctx context.Context, r MendRequest) error
}
