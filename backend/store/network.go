package store

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"time"

	"davit/backend/api"
	"davit/backend/form"
)

// NetworkVersion is the form of a network's record.
const NetworkVersion = 1

// Network is a network's record. The default network has none: it is what
// netd makes of a name alone.
type Network struct {
	Version  int               `json:"version"`
	ID       string            `json:"id"` // 64 hex digits
	Name     string            `json:"name"`
	Created  time.Time         `json:"created"`
	Subnet   string            `json:"subnet"`
	Gateway  string            `json:"gateway"`
	Subnet6  string            `json:"subnet6,omitempty"` // "": no IPv6
	Gateway6 string            `json:"gateway6,omitempty"`
	Internal bool              `json:"internal,omitempty"`
	Isolated bool              `json:"isolated,omitempty"`
	MTU      int               `json:"mtu,omitempty"`
	Labels   map[string]string `json:"labels"`
}

var networkName = form.Of(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$`)

// IsNetworkName tells whether name can be that of a network: it becomes part
// of paths and of DNS names. The names of modes are none.
func IsNetworkName(name string) bool {
	return networkName().MatchString(name) && name != api.NetworkNone && name != api.NetworkHost
}

// ReadNetwork reads a network's record; fs.ErrNotExist where there is none.
func ReadNetwork(d Dirs, name string) (Network, error) {
	var n Network
	if !IsNetworkName(name) {
		return n, fs.ErrNotExist
	}
	path := d.Network(name)
	err := readVersioned(path, &n, func() int { return n.Version }, NetworkVersion)
	if err == nil && (n.Name != name || !IsID(n.ID)) {
		err = api.Errorf(api.KindCorrupt, "%s is damaged: it is not the record of network %s", path, name).WithRef(path)
	}
	return n, err
}

// ListNetworks reads all records, by name. One that cannot be read is left
// out, and told of in the error beside the others.
func ListNetworks(d Dirs) ([]Network, error) {
	files, err := os.ReadDir(d.Networks()) // sorted
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all []Network
	var broken []error
	for _, f := range files {
		name, ok := strings.CutSuffix(f.Name(), ".json")
		if !ok || !IsNetworkName(name) {
			continue
		}
		n, err := ReadNetwork(d, name)
		switch {
		case err == nil:
			all = append(all, n)
		case !errors.Is(err, fs.ErrNotExist): // removed meanwhile
			broken = append(broken, err)
		}
	}
	return all, errors.Join(append(broken, err)...)
}

// WriteNetwork writes a network's record; the caller holds NamesLock.
func WriteNetwork(d Dirs, n Network) error {
	if err := os.MkdirAll(d.Networks(), 0o700); err != nil {
		return err
	}
	return WriteJSON(d.Network(n.Name), n)
}

// RemoveNetwork removes a network's record; the caller holds NamesLock.
func RemoveNetwork(d Dirs, name string) error {
	if !IsNetworkName(name) {
		return fs.ErrNotExist
	}
	return os.Remove(d.Network(name))
}
