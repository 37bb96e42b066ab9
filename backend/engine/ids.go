package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"davit/backend/api"
	"davit/backend/guard/shift"
	"davit/backend/runspec"
	"davit/backend/store"
	"davit/backend/userns/idmap"
)

// idsOf are the ids that a spec's container has, as Davit's user namespace
// here can give them.
func idsOf(s api.RunSpec) (idmap.Maps, error) {
	kept, err := runspec.KeepID(s.UserNS)
	if err != nil || !kept.On && len(s.UIDMaps)+len(s.GIDMaps) == 0 {
		return idmap.Maps{}, nil // a wrong one is said already
	}
	own, err := idmap.Own()
	if err != nil {
		return idmap.Maps{}, err
	}
	if idmap.Total(own.UIDs) < 2 || idmap.Total(own.GIDs) < 2 {
		return idmap.Maps{}, api.Errorf(api.KindHost, "the ids of a container can be mapped otherwise only where you have subordinate ids").
			WithHint("`davit doctor` shows how to get them; or run it as root inside (--user 0), who is you.").WithExit(125)
	}
	if kept.On {
		return keep(kept, own), nil
	}
	var m idmap.Maps
	if m.UIDs, err = ranges("uidMaps", s.UIDMaps, own.UIDs); err != nil {
		return idmap.Maps{}, err
	}
	m.GIDs, err = ranges("gidMaps", s.GIDMaps, own.GIDs)
	return m, err
}

// keep makes the maps of --userns keep-id. The person is 0 here, and the first
// of each map outside.
func keep(k runspec.Kept, own idmap.Maps) idmap.Maps {
	uid, gid := own.UIDs[0].Outside, own.GIDs[0].Outside
	if k.UID >= 0 {
		uid = uint32(k.UID)
	}
	if k.GID >= 0 {
		gid = uint32(k.GID)
	}
	return idmap.Maps{
		UIDs: idmap.Split(idmap.Keep(uid, idmap.Total(own.UIDs)), own.UIDs),
		GIDs: idmap.Split(idmap.Keep(gid, idmap.Total(own.GIDs)), own.GIDs),
	}
}

// ranges reads the maps of --uidmap or --gidmap.
func ranges(field string, given []string, own []idmap.Range) ([]idmap.Range, error) {
	var all []idmap.Range
	for _, g := range given {
		r, err := runspec.ParseIDMap(g)
		if err != nil {
			return nil, nil // that is said already
		}
		all = append(all, r)
	}
	if len(all) == 0 {
		return nil, nil
	}
	if err := idmap.Fits(all, idmap.Total(own)); err != nil {
		return nil, api.Errorf(api.KindInvalid, "the ids cannot be mapped so: %w", err).WithField("%s[0]", field).WithExit(125).
			WithHint("Maps are inside:outside:count; --userns keep-id makes one that has you as yourself.")
	}
	if all = idmap.Split(all, own); len(all) > idmap.MaxRanges {
		return nil, api.Errorf(api.KindInvalid, "the kernel takes maps of %d ranges at most", idmap.MaxRanges).WithField("%s[0]", field).WithExit(125)
	}
	return all, nil
}

// sweepShifted removes layers that were made for containers with ids of their
// own and that none will want.
func (e *Engine) sweepShifted(ctx context.Context) error {
	// Each command that writes comes here, and most people have no such layers.
	if _, err := os.Lstat(e.dirs.Shifted()); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	entries, err := store.ListContainers(e.dirs)
	if err != nil {
		return err
	}
	used := map[string]bool{}
	for _, c := range entries {
		if c.Err != nil {
			return nil // what it has cannot be known
		}
		if c.Record.IDs.None() {
			continue
		}
		for _, l := range c.Record.Layers {
			used[shift.Use(c.Record.IDs, l)] = true
		}
	}
	return shift.Sweep(ctx, e.dirs, used)
}

// identify gives a record its ids. With --userns keep-id it runs as the person
// whom it keeps, as podman's do, where the spec names nobody.
func identify(rec *store.Record, s api.RunSpec) error {
	var err error
	if rec.IDs, err = idsOf(s); err != nil {
		return err
	}
	if kept, err := runspec.KeepID(s.UserNS); err == nil && kept.On && s.User == "" {
		uid, gid := rec.IDs.Inside(0, 0)
		rec.User = fmt.Sprintf("%d:%d", uid, gid)
	}
	return nil
}
