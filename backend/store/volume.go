package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"davit/backend/api"
	"davit/backend/form"
)

// Volumes holds one directory for each volume, and those that are being made
// or removed, which begin with ".".
func (d Dirs) Volumes() string { return filepath.Join(d.Data, "volumes") }

// Volume is the directory of the volume of that name.
func (d Dirs) Volume(name string) VolumeDir { return VolumeDir(filepath.Join(d.Volumes(), name)) }

// VolumeDir is the directory of one volume. It appears and goes by one rename.
type VolumeDir string

// Record is volume.json, a [Volume]. Writer: the engine that makes it, once.
func (v VolumeDir) Record() string { return filepath.Join(string(v), "volume.json") }

// Data is what containers see. Writers: containers, and engines that hold a
// lock on the volume's directory while they fill or empty it.
func (v VolumeDir) Data() string { return filepath.Join(string(v), "data") }

// VolumeVersion is the version of volume.json that this Davit knows.
const VolumeVersion = 1

// Volume is volume.json.
type Volume struct {
	Version   int               `json:"version"`
	Name      string            `json:"name"`
	Created   time.Time         `json:"created"`
	Labels    map[string]string `json:"labels"`
	Anonymous bool              `json:"anonymous,omitempty"` // nobody named it
}

var volumeName = form.Of(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$`)

// IsVolumeName tells whether something can be a volume's name, which is part
// of paths.
func IsVolumeName(name string) bool { return volumeName().MatchString(name) }

// NoVolume is the error where there is no volume of that name.
func NoVolume(name string) error {
	return api.Errorf(api.KindNotFound, "there is no volume %q", name).WithRef(name).WithHint("davit volume ls lists them all.")
}

// ReadVolume reads a volume's record.
func ReadVolume(d Dirs, name string) (Volume, error) {
	if !IsVolumeName(name) {
		return Volume{}, NoVolume(name)
	}
	var v Volume
	err := readVersioned(d.Volume(name).Record(), &v, func() int { return v.Version }, VolumeVersion)
	if errors.Is(err, fs.ErrNotExist) {
		return Volume{}, NoVolume(name)
	}
	if err == nil && v.Name != name {
		err = api.Errorf(api.KindCorrupt, "%s is damaged: it names the volume %q", d.Volume(name).Record(), v.Name).WithRef(name)
	}
	return v, err
}

// ListVolumes reads all volumes, by name. One whose record cannot be read is
// there with its name.
func ListVolumes(d Dirs) ([]Volume, error) {
	entries, err := os.ReadDir(d.Volumes())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all []Volume
	for _, e := range entries {
		if !IsVolumeName(e.Name()) {
			continue
		}
		v, err := ReadVolume(d, e.Name())
		if api.KindOf(err) == api.KindNotFound {
			continue
		}
		if err != nil {
			v = Volume{Name: e.Name()}
		}
		all = append(all, v)
	}
	return all, err
}

// MakeVolume makes an empty volume; fill, where it is not nil, puts something
// into its data before anybody sees it. One of that name that is there already
// is left alone: made is false.
func MakeVolume(d Dirs, v Volume, fill func(data string) error) (made bool, err error) {
	if !IsVolumeName(v.Name) {
		return false, api.Errorf(api.KindInvalid, "%q cannot be the name of a volume", v.Name).WithRef(v.Name)
	}
	if _, err := os.Lstat(string(d.Volume(v.Name))); err == nil {
		return false, nil
	}
	tmp, done, err := Scratch(d)
	if err != nil {
		return false, fmt.Errorf("make volume: %w", err)
	}
	defer func() { err = errors.Join(err, done()) }() // nothing is left there once it has its name
	draft := VolumeDir(tmp)
	if err := os.Mkdir(draft.Data(), 0o755); err != nil {
		return false, fmt.Errorf("make volume: %w", err)
	}
	if err := os.Chmod(draft.Data(), 0o755); err != nil { // whatever the umask
		return false, fmt.Errorf("make volume: %w", err)
	}
	if fill != nil {
		if err := fill(draft.Data()); err != nil {
			return false, err
		}
	}
	v.Version = VolumeVersion
	if err := WriteJSON(draft.Record(), v); err != nil {
		return false, err
	}
	err = os.Rename(tmp, string(d.Volume(v.Name)))
	if errors.Is(err, fs.ErrExist) { // somebody else was first; ENOTEMPTY
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("make volume: %w", err)
	}
	return true, SyncDir(d.Volumes())
}

// Scratch makes a directory beside the volumes for what is not one yet; done
// removes it. One that is left behind by a kill is swept away.
func Scratch(d Dirs) (dir string, done func() error, err error) {
	if err := os.MkdirAll(d.Volumes(), 0o700); err != nil {
		return "", nil, err
	}
	if dir, err = os.MkdirTemp(d.Volumes(), makingPrefix); err != nil {
		return "", nil, err
	}
	lock, _, err := LockDir(dir)
	if err != nil {
		return "", nil, errors.Join(err, os.Remove(dir))
	}
	return dir, func() error { return errors.Join(removeAll(dir), lock.Unlock()) }, nil
}

// LockVolume locks a volume while its content is put in or taken out.
func LockVolume(ctx context.Context, d Dirs, name string) (*Lock, error) {
	return AwaitDir(ctx, string(d.Volume(name)))
}

// RemoveVolume deletes a volume. Who calls holds NamesLock and has seen that
// no container has it. One that is not there is no error.
func RemoveVolume(d Dirs, name string) error {
	if !IsVolumeName(name) {
		return NoVolume(name)
	}
	if err := os.MkdirAll(d.Volumes(), 0o700); err != nil {
		return err
	}
	gone := filepath.Join(d.Volumes(), removingPrefix+name)
	err := os.Rename(string(d.Volume(name)), gone)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove volume: %w", err)
	}
	return removeAll(gone)
}

// SweepVolumes deletes what killed processes left half made or half removed.
func SweepVolumes(d Dirs) error {
	entries, err := os.ReadDir(d.Volumes())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	errs := []error{err}
	for _, e := range entries {
		path := filepath.Join(d.Volumes(), e.Name())
		if strings.HasPrefix(e.Name(), removingPrefix) || strings.HasPrefix(e.Name(), makingPrefix) && abandoned(e, path) {
			errs = append(errs, removeAll(path))
		}
	}
	return errors.Join(errs...)
}

// RemoveAnonymous deletes those of a removed container's volumes that nobody
// named and no other container has. It takes NamesLock.
func RemoveAnonymous(ctx context.Context, d Dirs, rec Record) error {
	var names []string
	for _, m := range rec.Mounts {
		if m.Type == api.MountVolume && m.Source != "" {
			if v, err := ReadVolume(d, m.Source); err == nil && v.Anonymous {
				names = append(names, m.Source)
			}
		}
	}
	if len(names) == 0 {
		return nil
	}
	lock, err := LockFile(ctx, d.NamesLock())
	if err != nil {
		return err
	}
	defer func() { _ = lock.Unlock() }()
	entries, err := ListContainers(d)
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range names {
		used := slices.ContainsFunc(entries, func(e Entry) bool { return e.Record.ID != rec.ID && e.Record.HasVolume(name) })
		if !used {
			errs = append(errs, RemoveVolume(d, name))
		}
	}
	return errors.Join(errs...)
}

// HasVolume tells whether a container has a volume.
func (r Record) HasVolume(name string) bool {
	return slices.ContainsFunc(r.Mounts, func(m api.Mount) bool { return m.Type == api.MountVolume && m.Source == name })
}
