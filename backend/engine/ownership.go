package engine

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/backend/image"
	"davit/backend/tree"
	"davit/backend/userns/idmap"
)

// nobody is the id that files have here whose owner this user namespace does
// not know: they belong to somebody else on this computer.
const nobody = 65534

// WhoseFiles implements api.Service.
func (e *Engine) WhoseFiles(ctx context.Context, spec api.RunSpec) ([]api.FileOwnership, error) {
	if err := ctx.Err(); err != nil {
		return nil, explain(err)
	}
	out := []api.FileOwnership{}
	w := e.writer(ctx, spec)
	for i, m := range spec.Mounts {
		if m.Type == api.MountBind {
			out = append(out, foretell(i, m, spec, w))
		}
	}
	return out, nil
}

// ids are those that a container's program runs with, and the container's
// own; unknown where the image is not here, or has no such user.
type ids struct {
	uid, gid int
	known    bool
	maps     idmap.Maps
}

func (w ids) String() string { return fmt.Sprintf("%d:%d", w.uid, w.gid) }

// here is who that is outside.
func (w ids) here() (uid, gid int) { return w.maps.Owner(w.uid, w.gid) }

// writer finds the user that a spec's program runs as: the spec's, the one
// whom keep-id keeps, or the image's, by its passwd file where it is a name.
func (e *Engine) writer(ctx context.Context, spec api.RunSpec) ids {
	w := ids{}
	var err error
	if w.maps, err = idsOf(spec); err != nil {
		return w // the form says that elsewhere
	}
	if spec.UserNS != "" && spec.User == "" {
		w.uid, w.gid = w.maps.Inside(0, 0)
		w.known = true
		return w
	}
	w.uid, w.gid, w.known = e.programUser(ctx, spec)
	return w
}

func (e *Engine) programUser(ctx context.Context, spec api.RunSpec) (uid, gid int, known bool) {
	img, err := e.runnable(ctx, spec)
	asked := spec.User
	if err == nil && asked == "" {
		asked = img.Config.User
	}
	name, group, _ := strings.Cut(asked, ":")
	if name == "" || name == "root" {
		return 0, 0, err == nil || spec.User != ""
	}
	if uid, err := strconv.Atoi(name); err == nil {
		gid, _ := strconv.Atoi(group)
		return uid, gid, true
	}
	if err != nil {
		return 0, 0, false
	}
	return e.account(img, name)
}

// account looks a name up in the passwd file of an image, the topmost layer
// that has one.
func (e *Engine) account(img image.Runnable, name string) (uid, gid int, known bool) {
	for _, layer := range slices.Backward(img.Layers) {
		r, err := os.OpenRoot(filepath.Join(e.dirs.Layers(), layer))
		if err != nil {
			continue
		}
		f, err := r.OpenFile("etc/passwd", os.O_RDONLY|unix.O_NONBLOCK, 0)
		r.Close()
		if err != nil {
			continue
		}
		defer f.Close()
		for s := bufio.NewScanner(f); s.Scan(); {
			p := strings.Split(s.Text(), ":")
			if len(p) > 3 && p[0] == name {
				uid, err1 := strconv.Atoi(p[2])
				gid, err2 := strconv.Atoi(p[3])
				return uid, gid, err1 == nil && err2 == nil
			}
		}
		return 0, 0, false
	}
	return 0, 0, false
}

func foretell(i int, m api.Mount, spec api.RunSpec, w ids) api.FileOwnership {
	o := api.FileOwnership{Mount: i, Source: m.Source, Target: m.Target, Inside: w.String(), Offers: []api.OwnershipOffer{}}
	var st unix.Stat_t
	there := unix.Stat(m.Source, &st) == nil
	switch {
	case there:
		o.Owner = ownerName(int(st.Uid))
	case m.Create:
		o.Owner = ownerName(0)
	default:
		o.Owner = "nobody: it is not there"
	}
	if !w.known {
		o.Inside = ""
		o.Says = "As whom the container writes is told once its image is here."
		return o
	}
	uid, gid := w.here()
	o.You, o.WritesAs = uid == 0, ownerName(uid)
	reached := !there || st.Uid != nobody
	switch {
	case o.You:
		o.CanWrite = reached
	case w.uid == 0: // root has rights over the files of all whom it maps
		o.CanWrite = reached
	default:
		o.CanWrite = m.Chown || there && mayWrite(st, uid, gid)
	}
	o.CanWrite = o.CanWrite && !m.ReadOnly
	o.Says = says(o, w, m)
	if !o.You && !m.ReadOnly {
		o.Offers = offers(i, spec, w)
	}
	return o
}

// says puts a forecast into a sentence.
func says(o api.FileOwnership, w ids, m api.Mount) string {
	switch {
	case m.ReadOnly:
		return "The container can only read there."
	case o.You && w.uid == 0:
		return "Root inside is you: what the container writes there is yours, unless its program becomes another user."
	case o.You:
		return fmt.Sprintf("User %d inside is you: what the container writes there is yours.", w.uid)
	}
	who := fmt.Sprintf("The container writes as user %d, who is %s here: ", w.uid, o.WritesAs)
	if o.CanWrite {
		return who + "what it writes there is not yours."
	}
	return who + "it cannot write there."
}

// offers are the ways to have a container write as its person, or where it
// can. An idmapped mount is none: the kernel makes those of a disk for root alone.
func offers(i int, spec api.RunSpec, w ids) []api.OwnershipOffer {
	keep, root, chown := spec, spec, spec
	var all []api.OwnershipOffer
	keep.UIDMaps, keep.GIDMaps, keep.UserNS = nil, nil, fmt.Sprintf("keep-id:uid=%d,gid=%d", w.uid, w.gid)
	if _, err := idsOf(keep); err == nil {
		all = append(all, api.OwnershipOffer{
			Kind: "keep-id", Title: fmt.Sprintf("Make user %d inside you", w.uid), Spec: keep,
			Says: "What it writes is yours, and the container's root is a subordinate id of yours. The first start takes longer.",
		})
	}
	root.User, root.UserNS, root.UIDMaps, root.GIDMaps = "0:0", "", nil, nil
	all = append(all, api.OwnershipOffer{
		Kind: "root", Title: "Run it as root inside", Spec: root,
		Says: "Root inside is you and nobody more. Programs that insist on another user do not like it.",
	})
	if !spec.Mounts[i].Chown {
		chown.Mounts = slices.Clone(spec.Mounts)
		chown.Mounts[i].Chown = true
		all = append(all, api.OwnershipOffer{
			Kind: "chown", Title: "Give the directory to the container's user", Spec: chown,
			Says: "The container can write then, and you cannot until it is given back.",
		})
	}
	return all
}

// mayWrite tells by the mode of a directory.
func mayWrite(st unix.Stat_t, uid, gid int) bool {
	switch {
	case int(st.Uid) == uid:
		return st.Mode&0o200 != 0
	case int(st.Gid) == gid:
		return st.Mode&0o020 != 0
	}
	return st.Mode&0o002 != 0
}

// ownerName names a user of this namespace as the computer knows it: 0 is the
// person, others are subordinate ids.
func ownerName(uid int) string {
	host, ok := hostID(uid)
	switch {
	case uid == nobody || !ok:
		return "somebody else on this computer"
	case uid == 0:
		if u, err := user.LookupId(strconv.Itoa(host)); err == nil {
			return u.Username
		}
		return "you"
	}
	return "subordinate id " + strconv.Itoa(host)
}

// hostID is the id on the computer that one in this namespace stands for.
func hostID(uid int) (int, bool) {
	b, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return 0, false
	}
	for line := range bytes.Lines(b) {
		var inside, outside, count int
		if _, err := fmt.Sscan(string(line), &inside, &outside, &count); err == nil && uid >= inside && uid < inside+count {
			return outside + uid - inside, true
		}
	}
	return 0, false
}

// ForeignFiles implements api.Service.
func (e *Engine) ForeignFiles(ctx context.Context, path string) (api.ForeignFiles, error) {
	f, err := e.foreign(ctx, path)
	return f, explain(err)
}

func (e *Engine) foreign(ctx context.Context, path string) (api.ForeignFiles, error) {
	f := api.ForeignFiles{Path: path, Owners: []api.ForeignOwner{}}
	if err := e.mayGive(path); err != nil {
		return f, err
	}
	by := map[int]int{}
	err := tree.Owners(ctx, path, func(uid, gid int, bytes int64) {
		switch {
		case uid == nobody:
			f.Skipped++
		case uid != 0 || gid != 0 && gid != nobody:
			f.Files++
			f.Bytes += bytes
			by[uid]++
		}
	})
	for uid, n := range by {
		f.Owners = append(f.Owners, api.ForeignOwner{UID: uid, Files: n})
	}
	slices.SortFunc(f.Owners, func(a, b api.ForeignOwner) int { return b.Files - a.Files })
	return f, err
}

// mayGive refuses what is no directory of the person's, and Davit's own: the
// owners of what is in there mean something.
func (e *Engine) mayGive(path string) error {
	if !filepath.IsAbs(path) {
		return invalid(path, "%q is not an absolute path on this computer", path)
	}
	info, err := os.Stat(path)
	if err != nil {
		return invalid(path, "%s cannot be reached: %w", path, err)
	}
	if !info.IsDir() {
		return invalid(path, "%s is not a directory", path).WithHint("Give the directory that it is in.")
	}
	_, err = e.ownFilesShown([]api.Mount{{Type: api.MountBind, Source: path, Target: "/"}})
	if real, rerr := filepath.EvalSymlinks(path); err == nil && rerr == nil && inside(e.dirs.Data, real) {
		return invalid(path, "%s holds Davit's own files, whose owners are what they should be", path).WithHint("Give a directory that you share with a container.")
	}
	return err
}

// GiveBack implements api.Service.
func (e *Engine) GiveBack(ctx context.Context, path string) (api.ForeignFiles, error) {
	f, err := e.foreign(ctx, path)
	if err != nil || f.Files == 0 {
		return f, explain(err)
	}
	err = tree.Chown(ctx, path, func(uid, gid int) (int, int) {
		switch {
		case uid == nobody: // somebody else's, whom we know nothing of
			return uid, gid
		case gid == nobody: // a group of the person's own that is not mapped
			return 0, gid
		}
		return 0, 0
	})
	return f, explain(err)
}
