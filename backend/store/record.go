package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"davit/backend/api"
	"davit/backend/userns/idmap"
)

// The versions of the files that this Davit writes and reads. A change that an
// older Davit would misread raises them.
const (
	RecordVersion = 1
	StateVersion  = 1
)

// Record is container.json: what a container is. Only its name, restart
// policy, limits and what it took the place of ever change, by an engine that holds NamesLock.
type Record struct {
	Version int       `json:"version"`
	ID      string    `json:"id"`   // 64 hex digits
	Name    string    `json:"name"` // unique
	Created time.Time `json:"created"`
	Image   string    `json:"image"`   // as shown
	ImageID string    `json:"imageID"` // sha256:…
	Layers  []string  `json:"layers"`  // diffIDs' hex digits, bottom first

	Spec       api.RunSpec       `json:"spec"` // as asked for
	Args       []string          `json:"args"`
	Env        []string          `json:"env"`
	WorkingDir string            `json:"workingDir"`
	User       string            `json:"user"`
	Hostname   string            `json:"hostname"`
	Labels     map[string]string `json:"labels"` // the image's and the spec's
	Mounts     []api.Mount       `json:"mounts"` // the spec's and the image's volumes
	Ports      []api.Port        `json:"ports"`  // to publish; HostPort 0: chosen at each start
	// Network is the first network's name, or "none", "host", "container:" and
	// an id. Networks are those that it belongs to; null in records of the first
	// form, which meant Network alone. See [Record.Joins].
	Network  string            `json:"network"`
	Networks []api.NetworkJoin `json:"networks"`
	Offline  bool              `json:"offline,omitempty"` // cut off, until it is let back

	StopSignal  string `json:"stopSignal"`
	StopTimeout int    `json:"stopTimeout"` // seconds
	TTY         bool   `json:"tty"`
	Interactive bool   `json:"interactive"`
	AutoRemove  bool   `json:"autoRemove"`
	Restart     string `json:"restart"` // no, always, unless-stopped, on-failure[:n]

	Limits      api.Limits       `json:"limits,omitzero"`
	HealthCheck *api.HealthCheck `json:"healthCheck,omitempty"` // complete; nil: none

	// IDs are the container's own; without any it has those of Davit's user
	// namespace. Files of its own that nobody else has belong to these.
	IDs idmap.Maps `json:"ids,omitzero"`

	// Replaces is the id of the container that this one took the place of.
	// While that is kept it has ReplacedBy, and Kept with what it was.
	Replaces   string `json:"replaces,omitempty"`
	ReplacedBy string `json:"replacedBy,omitempty"`
	Kept       *Kept  `json:"kept,omitempty"`
}

// Kept is what a container was that another one took the place of.
type Kept struct {
	Name    string `json:"name"`
	Restart string `json:"restart"`
	Running bool   `json:"running"`
	// Replaces is what it had itself taken the place of.
	Replaces string `json:"replaces,omitempty"`
}

// State is state.json: what a container does.
type State struct {
	Version int       `json:"version"`
	State   api.State `json:"state"`
	// PID is the container's first process while it runs, the guard while the
	// state is starting or restarting and there is none; 0 else.
	PID       int        `json:"pid,omitempty"`
	PIDStart  uint64     `json:"pidStart,omitempty"` // see [ProcessStart]
	BootID    string     `json:"bootID,omitempty"`   // see [BootID]
	Started   time.Time  `json:"started,omitzero"`
	Finished  time.Time  `json:"finished,omitzero"`
	ExitCode  int        `json:"exitCode"`
	Reason    string     `json:"reason,omitempty"`
	OOMKilled bool       `json:"oomKilled,omitempty"`
	Restarts  int        `json:"restarts,omitempty"`
	IP        string     `json:"ip,omitempty"`
	Gateway   string     `json:"gateway,omitempty"`
	Ports     []api.Port `json:"ports,omitempty"` // as published
	Networks  []Place    `json:"networks,omitempty"`

	Cgroup string `json:"cgroup,omitempty"` // directory of its control group, while it runs
	Health string `json:"health,omitempty"` // as in [api.Container], while it runs

	// Confinement and Limited are as in [api.ContainerDetail].
	Confinement []string `json:"confinement,omitempty"`
	Limited     string   `json:"limited,omitempty"`
}

// Place is a running container's place in a network, with what the guard has
// to know of it.
type Place struct {
	api.Attachment
	Internal bool     `json:"internal,omitempty"` // no way outside
	Host     string   `json:"host,omitempty"`     // this computer's address, for who may reach it
	Search   []string `json:"search,omitempty"`   // domains, as the host had them
}

// Published are the networks in which the container has published ports.
func (s State) Published() []string {
	var names []string
	for _, p := range s.Networks {
		if len(s.Ports) > 0 {
			names = append(names, p.Network)
		}
	}
	return names
}

// exitUnseen is the exit code of a container whose end nobody saw: as if it
// had been killed, which is what most often happened.
const exitUnseen = 137

// Active reports whether the state says that something runs.
func (s State) Active() bool {
	switch s.State {
	case api.StateStarting, api.StateRunning, api.StatePaused, api.StateRestarting, api.StateStopping:
		return true
	}
	return false
}

// Alive reports whether the process that the state names is there.
func (s State) Alive() bool {
	if s.PID <= 0 || s.BootID != BootID() {
		return false
	}
	start, err := ProcessStart(s.PID)
	return err == nil && start == s.PIDStart
}

// Effective is what to show: the state, or how it must have ended where it
// says that something runs and nothing does.
func (s State) Effective() State {
	if !s.Active() || s.Alive() {
		return s
	}
	if s.State != api.StateRestarting { // that one has ended, and how is written
		s.ExitCode, s.Reason = exitUnseen, "it ended while Davit was not watching"
		if s.BootID != BootID() {
			s.Reason = "it ended when the computer was restarted or switched off"
		}
	}
	s.State = api.StateExited
	s.PID, s.PIDStart, s.IP, s.Gateway, s.Ports, s.Networks = 0, 0, "", "", nil, nil
	s.Health = ""
	return s
}

// ending is what to show of a container whose process has gone and whose guard
// is about to write how.
func (s State) ending() State {
	s.State = api.StateStopping
	s.PID, s.PIDStart, s.IP, s.Gateway = 0, 0, "", ""
	return s
}

// ReadRecord reads a container's record.
func ReadRecord(c ContainerDir) (Record, error) {
	var r Record
	err := readVersioned(c.Record(), &r, func() int { return r.Version }, RecordVersion)
	if err == nil {
		err = r.check(c)
	}
	return r, err
}

// check refuses a record that would lead out of the store: id, layers and
// network become parts of paths. None of ours has such, but a container that
// was given the person's home may write here.
func (r Record) check(c ContainerDir) error {
	wrong := func(what, value string) error {
		return api.Errorf(api.KindCorrupt, "%s is damaged: %q is not the %s of this container", c.Record(), value, what).WithRef(c.Record())
	}
	if r.ID != filepath.Base(string(c)) || !IsID(r.ID) {
		return wrong("id", r.ID)
	}
	for _, l := range r.Layers {
		if !IsID(l) {
			return wrong("layer", l)
		}
	}
	for _, id := range []string{r.Replaces, r.ReplacedBy} {
		if id != "" && !IsID(id) {
			return wrong("replaced container", id)
		}
	}
	for _, m := range r.Mounts {
		if m.Type == api.MountVolume && !IsVolumeName(m.Source) {
			return wrong("volume", m.Source)
		}
	}
	if strings.ContainsAny(r.Network, "/\x00") || strings.HasPrefix(r.Network, ".") {
		return wrong("network", r.Network)
	}
	for _, j := range r.Networks {
		if !IsNetworkName(j.Network) {
			return wrong("network", j.Network)
		}
	}
	return nil
}

// Joins are the networks that the container belongs to, the first first.
func (r Record) Joins() []api.NetworkJoin {
	if r.Networks != nil || !IsNetworkName(r.Network) {
		return r.Networks
	}
	return []api.NetworkJoin{{Network: r.Network}}
}

// ReadState reads a container's state as it was written; see [State.Effective].
// A container that was never started has none: it is created.
func ReadState(c ContainerDir) (State, error) {
	var s State
	err := readVersioned(c.State(), &s, func() int { return s.Version }, StateVersion)
	if errors.Is(err, fs.ErrNotExist) {
		return State{Version: StateVersion, State: api.StateCreated}, nil
	}
	return s, err
}

// readVersioned reads v and refuses what a newer Davit wrote, also where v's
// shape does not fit any more.
func readVersioned(path string, v any, version func() int, known int) error {
	b, err := readBounded(path)
	if err != nil {
		return err
	}
	err = decode(path, b, v)
	found := version()
	if err != nil {
		var head struct {
			Version int `json:"version"`
		}
		if json.Unmarshal(b, &head) == nil {
			found = head.Version
		}
	}
	switch {
	case found > known:
		return api.Errorf(api.KindInvalid, "%s was written by a newer Davit (form %d, this one knows %d)", path, found, known).
			WithHint("Use the newer Davit, or remove the container.").WithRef(path)
	case err == nil && found < 1:
		return corrupt(path, b, errors.New("it has no version"))
	}
	return err
}

// headOf reads id and name from the beginning of a record, also of one that
// is cut off or was written by a newer Davit: they come first.
func headOf(b []byte) (id, name string) {
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || fmt.Sprint(t) != "{" {
		return "", ""
	}
	for {
		key, err := d.Token()
		if err != nil {
			return id, name
		}
		var raw json.RawMessage
		if d.Decode(&raw) != nil {
			return id, name
		}
		switch key {
		case "id":
			_ = json.Unmarshal(raw, &id)
		case "name":
			_ = json.Unmarshal(raw, &name)
			return id, name
		}
	}
}
