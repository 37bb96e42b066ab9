package store

import (
	"path/filepath"
	"strconv"
)

// Dirs are the directories that Davit keeps its files in; all are absolute.
type Dirs struct {
	Data    string // survives everything: images, layers, containers
	Runtime string // survives no reboot: sockets, locks of the running system
	Config  string // what the person chose
}

// Images is an OCI image layout. Writer: whoever holds image.Store's lock.
func (d Dirs) Images() string { return filepath.Join(d.Data, "images") }

// Layers holds the unpacked layers, one directory for each diffID, named by
// its 64 hex digits. Writer: whoever holds image.Store's lock.
func (d Dirs) Layers() string { return filepath.Join(d.Data, "layers") }

// Shifted holds copies of layers whose files belong to the ids of containers
// that have others, in the form of package guard/shift. Writer: whoever holds
// the lock in it.
func (d Dirs) Shifted() string { return filepath.Join(d.Data, "shifted") }

// Pulls holds a record of each pull that is under way, in the form of package
// image/pulls. Writer: the engine that does the pull.
func (d Dirs) Pulls() string { return filepath.Join(d.Data, "pulls") }

// Containers holds one directory for each container, and those that are being
// made, which begin with "." (see [ContainerDir]). It is locked by the guard:
// the next one waits until the one before has ended.
func (d Dirs) Containers() string { return filepath.Join(d.Data, "containers") }

// Networks holds a file for each network that was made. Writer: an engine,
// with NamesLock held.
func (d Dirs) Networks() string { return filepath.Join(d.Data, "networks") }

// Network is the record of one network, a [Network]; "default" has none.
func (d Dirs) Network(name string) string { return filepath.Join(d.Networks(), name+".json") }

// NamesLock is locked by an engine while it gives a container its name or
// changes its record.
func (d Dirs) NamesLock() string { return filepath.Join(d.Data, "names.lock") }

// Journal is what happened, an [api.Event] a line. Writers: whoever does
// something, with the file's lock held (see [Note]).
func (d Dirs) Journal() string { return filepath.Join(d.Data, "events") }

// OldJournal is the journal before it was begun anew.
func (d Dirs) OldJournal() string { return filepath.Join(d.Data, "events.1") }

// Container is the directory of the container with that complete id.
func (d Dirs) Container(id string) ContainerDir {
	return ContainerDir(filepath.Join(d.Containers(), id))
}

// KeeperSocket is where the keeper listens. Writer: the keeper.
func (d Dirs) KeeperSocket() string { return filepath.Join(d.Runtime, "keeper.sock") }

// GuardSocket is where the guard listens. Writer: the guard.
func (d Dirs) GuardSocket() string { return filepath.Join(d.Runtime, "guard.sock") }

// NetdSocket is where a network's netd listens. Writer: that netd.
func (d Dirs) NetdSocket(network string) string {
	return filepath.Join(d.Runtime, "netd-"+network+".sock")
}

// Keeper tells where the keeper of this data is. Writer: the keeper, which
// holds a lock on Data.
func (d Dirs) Keeper() string { return filepath.Join(d.Data, "keeper.json") }

// RuntimeStates holds libcontainer's states, one directory for each boot: what
// they tell of processes means nothing after the next. They are not in Runtime,
// which may be wiped while containers run. Writer: the guard.
func (d Dirs) RuntimeStates() string { return filepath.Join(d.Data, "running") }

// RuntimeState is that of this boot.
func (d Dirs) RuntimeState() string { return filepath.Join(d.RuntimeStates(), BootID()) }

// ContainerDir is the directory of one container. It appears under its final
// name by one rename, complete.
type ContainerDir string

// Record is container.json, a [Record]. Writer: the engine that makes the
// container, and those that rename or update it, with NamesLock held.
func (c ContainerDir) Record() string { return c.join("container.json") }

// Config is config.json, what runs, in the OCI runtime-spec's form. Writer:
// the engine that makes the container, once.
func (c ContainerDir) Config() string { return c.join("config.json") }

// State is state.json, a [State]; absent until the first start. Writer: the guard.
func (c ContainerDir) State() string { return c.join("state.json") }

// Health is health.json, the last results of the health check, an
// [api.Health]. Writer: the guard.
func (c ContainerDir) Health() string { return c.join("health.json") }

// Stats is a ring of statistics, in the form of package guard/ring. Writer:
// the guard.
func (c ContainerDir) Stats() string { return c.join("stats") }

// Log is what the container wrote, in the form of package logfile. Writer: the guard.
func (c ContainerDir) Log() string { return c.join("log") }

// Upper is the overlay's writable layer. Writer: the container.
func (c ContainerDir) Upper() string { return c.join("upper") }

// Work is the overlay's work directory. Writer: the kernel.
func (c ContainerDir) Work() string { return c.join("work") }

// Rootfs is where the overlay is mounted, in the mount namespace of the keeper.
func (c ContainerDir) Rootfs() string { return c.join("rootfs") }

// Secrets holds the secrets that the container was given, numbered from 0.
// Writer: the engine that makes the container.
func (c ContainerDir) Secrets() string { return c.join("secrets") }

// Secret is the file of the i-th.
func (c ContainerDir) Secret(i int) string { return filepath.Join(c.Secrets(), strconv.Itoa(i)) }

// Volumes holds the directories behind the volumes that the image declares, of
// containers that were made before such volumes were ones like others. Writer:
// the container.
func (c ContainerDir) Volumes() string { return c.join("volumes") }

func (c ContainerDir) join(name string) string { return filepath.Join(string(c), name) }
