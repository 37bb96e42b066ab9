package apitest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"davit/backend/api"
	"davit/backend/runspec"
)

// box is a container of the fake; Fake.mu guards it.
type box struct {
	detail  api.ContainerDetail
	image   *image
	lines   []api.LogLine
	proc    *process // nil unless running
	watch   []*api.Session
	tree    tree // nil until somebody looks
	removed bool

	changes   int  // made to it since it is there
	before    *box // it took the place of, kept to undo that
	snapshots []api.Snapshot
	past      map[string]tree // what they have, by their ids
}

func (b *box) running() bool { return b.proc != nil }

// find resolves a ref: id, name, or the beginning of one id.
func (f *Fake) find(ref string) (*box, error) {
	var got *box
	for _, b := range f.boxes {
		switch {
		case b.detail.ID == ref || b.detail.Name == strings.TrimPrefix(ref, "/"):
			return b, nil
		case ref != "" && strings.HasPrefix(b.detail.ID, ref):
			if got != nil {
				return nil, api.Errorf(api.KindConflict, "more than one container's id begins with %s", ref).
					WithRef(ref).WithHint("Give more digits of the id, or the name.")
			}
			got = b
		}
	}
	if got == nil {
		return nil, api.Errorf(api.KindNotFound, "there is no container %q", ref).
			WithRef(ref).WithHint("davit ps -a lists them all.")
	}
	return got, nil
}

// with finds ref's container and calls do with the lock held.
func (f *Fake) with(ctx context.Context, ref string, do func(*box) error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return err
	}
	b, err := f.find(ref)
	if err != nil {
		return err
	}
	return do(b)
}

// Containers implements api.Service.
func (f *Fake) Containers(ctx context.Context, q api.ContainerFilter) ([]api.Container, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return nil, err
	}
	out := []api.Container{}
	for _, b := range slices.Backward(f.boxes) {
		ok, err := chosen(b, q)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, b.snapshot().Container)
		}
	}
	if q.Last > 0 && len(out) > q.Last {
		out = out[:q.Last]
	}
	return out, nil
}

func chosen(b *box, q api.ContainerFilter) (bool, error) {
	c := b.detail.Container
	all := q.All || q.Last > 0 || len(q.Filters["status"]) > 0 || len(q.Filters["exited"]) > 0
	if !all && !b.running() {
		return false, nil
	}
	for key, values := range q.Filters {
		var fits func(v string) bool
		switch key {
		case "status":
			fits = func(v string) bool { return string(c.State) == v }
		case "name":
			fits = func(v string) bool { return strings.Contains(c.Name, v) }
		case "id":
			fits = func(v string) bool { return strings.HasPrefix(c.ID, v) }
		case "label":
			fits = func(v string) bool {
				k, want, valued := strings.Cut(v, "=")
				got, ok := c.Labels[k]
				return ok && (!valued || got == want)
			}
		case "ancestor":
			fits = func(v string) bool {
				name, _ := fullName(v)
				return c.Image == name || c.ImageID == v
			}
		case "exited":
			fits = func(v string) bool { return c.State == api.StateExited && strconv.Itoa(c.ExitCode) == v }
		case "publish":
			fits = func(v string) bool {
				return slices.ContainsFunc(c.Ports, func(p api.Port) bool { return strconv.Itoa(int(p.HostPort)) == v })
			}
		case "health":
			fits = func(v string) bool { return c.Health == v || c.Health == "" && v == "none" }
		default:
			return false, api.Errorf(api.KindInvalid, "there is no filter %q for containers", key).WithRef(key)
		}
		if !slices.ContainsFunc(values, fits) {
			return false, nil
		}
	}
	return true, nil
}

// Container implements api.Service.
func (f *Fake) Container(ctx context.Context, ref string) (d api.ContainerDetail, err error) {
	err = f.with(ctx, ref, func(b *box) error {
		d = b.snapshot()
		d.Attachments = slices.Clone(d.Attachments)
		for i, a := range d.Attachments {
			d.Attachments[i] = f.passed(b, a)
		}
		return nil
	})
	return d, err
}

// snapshot is a copy that the caller may keep.
func (b *box) snapshot() api.ContainerDetail {
	d := b.detail
	for _, m := range d.Mounts {
		if m.Source != "" {
			d.Mounted = append(d.Mounted, m.Source)
		}
	}
	d.Version, d.Mounts = b.version(), append([]api.Mount{}, d.Mounts...)
	d.Labels, d.Ports = maps.Clone(d.Labels), slices.Clone(d.Ports)
	d.Networks, d.Attachments = slices.Clone(d.Networks), slices.Clone(d.Attachments)
	d.Command, d.Args, d.Env = slices.Clone(d.Command), slices.Clone(d.Args), slices.Clone(d.Env)
	for _, l := range b.lines {
		d.LogSize += int64(len(l.Text)) + 48
	}
	return d
}

var validName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]*$`)

// Create implements api.Service.
func (f *Fake) Create(ctx context.Context, spec api.RunSpec) (api.Created, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return api.Created{}, err
	}
	img, err := f.createFrom(spec)
	if err != nil {
		return api.Created{}, err
	}
	if spec.Name == "" {
		spec.Name = f.makeUpName()
	}
	b, err := f.newBox(img, spec)
	if err != nil {
		return api.Created{}, err
	}
	if err := f.furnish(b, img); err != nil {
		return api.Created{}, err
	}
	f.boxes = append(f.boxes, b)
	f.event("container", "create", b.detail.ID, b.detail.Name)
	return api.Created{
		ID: b.detail.ID, Name: spec.Name, Ports: slices.Clone(b.detail.Ports), Warnings: []string{},
	}, nil
}

// createFrom checks a spec and finds its image.
func (f *Fake) createFrom(spec api.RunSpec) (*image, error) {
	if wrong := runspec.Check(spec); len(wrong) > 0 {
		return nil, wrong[0]
	}
	for _, b := range f.boxes {
		if spec.Name != "" && b.detail.Name == spec.Name {
			return nil, api.Errorf(api.KindConflict, "the name %s is taken by container %s", spec.Name, b.detail.ID[:12]).
				WithRef(spec.Name).WithHint("Choose another name, or remove that container.")
		}
	}
	img, err := f.findImage(spec.Image)
	if api.KindOf(err) == api.KindNotFound {
		err = api.AsError(err).WithField("image")
	}
	return img, err
}

func (f *Fake) newBox(img *image, spec api.RunSpec) (*box, error) {
	c := img.detail.Config
	entry, cmd := c.Entrypoint, c.Cmd
	if len(spec.Entrypoint) > 0 || spec.ClearEntrypoint {
		entry, cmd = spec.Entrypoint, nil
	}
	if len(spec.Command) > 0 {
		cmd = spec.Command
	}
	args := slices.Concat(entry, cmd)
	if len(args) == 0 {
		return nil, api.Errorf(api.KindInvalid, "no command specified").WithRef(spec.Image).WithExit(125).
			WithHint("The image says no command; give one after its name.")
	}
	ports, err := f.choosePorts(img, spec)
	if err != nil {
		return nil, err
	}
	labels := map[string]string{}
	maps.Copy(labels, c.Labels)
	maps.Copy(labels, spec.Labels)
	id := f.hex(64)
	b := &box{image: img, detail: api.ContainerDetail{
		Container: api.Container{
			ID: id, Name: spec.Name, Image: img.name(), ImageID: img.detail.ID, Command: args,
			Created: f.now(), State: api.StateCreated, Ports: ports, Labels: labels, AutoRemove: spec.AutoRemove,
		},
		Spec: spec, Args: args, Env: mergeEnv(c.Env, spec.Env),
		WorkingDir: cmp.Or(spec.WorkingDir, c.WorkingDir, "/"), User: cmp.Or(spec.User, c.User),
		LogPath:     "/home/ada/.local/share/davit/containers/" + id + "/log",
		Rootfs:      "/home/ada/.local/share/davit/containers/" + id + "/rootfs",
		Confinement: []string{"seccomp", "no-new-privileges", "masked-paths", "user-namespace"},
		Restart:     cmp.Or(spec.Restart, "no"), Limits: spec.Limits, HealthCheck: healthOf(spec),
	}}
	return b, f.joinAll(b, spec)
}

// furnish makes the volumes that a container wants; f.mu is held.
func (f *Fake) furnish(b *box, img *image) error {
	mounts := slices.Clone(b.detail.Spec.Mounts)
	for _, target := range img.detail.Config.Volumes {
		if !slices.ContainsFunc(mounts, func(m api.Mount) bool { return m.Target == target }) {
			mounts = append(mounts, api.Mount{Type: api.MountVolume, Target: target})
		}
	}
	for i, m := range mounts {
		if m.Type != api.MountVolume {
			continue
		}
		v, err := f.addVolume(api.VolumeSpec{Name: m.Source})
		if err != nil {
			return err
		}
		mounts[i].Source = v.Name
	}
	for _, u := range b.detail.Spec.Secrets {
		if _, err := f.findSecret(u.Source); err != nil {
			return err
		}
	}
	b.detail.Mounts = mounts
	return nil
}

// taken tells whether a container has the host's port; f.mu is held.
func (f *Fake) taken(p api.Port) bool {
	return slices.ContainsFunc(f.boxes, func(b *box) bool {
		return slices.ContainsFunc(b.detail.Ports, func(q api.Port) bool { return q.HostPort == p.HostPort && q.Protocol == p.Protocol })
	})
}

// choosePorts gives the ports of a spec with free host ports where it has none.
func (f *Fake) choosePorts(img *image, spec api.RunSpec) ([]api.Port, error) {
	ports := slices.Clone(spec.Ports)
	if spec.PublishAll {
		for _, e := range img.detail.Config.ExposedPorts {
			number, proto, _ := strings.Cut(e, "/")
			n, err := strconv.ParseUint(number, 10, 16)
			if err != nil {
				return nil, api.Errorf(api.KindCorrupt, "image %s exposes %q, which is no port", img.name(), e)
			}
			ports = append(ports, api.Port{ContainerPort: uint16(n), Protocol: proto})
		}
	}
	for i := range ports {
		p := &ports[i]
		if p.ContainerPort == 0 {
			return nil, api.Errorf(api.KindInvalid, "a published port wants the container's port")
		}
		p.HostIP, p.Protocol = cmp.Or(p.HostIP, "127.0.0.1"), cmp.Or(p.Protocol, "tcp")
		for p.Ranged() && p.HostPort < p.HostLast && (p.HostPort == 0 || f.taken(*p)) {
			p.HostPort = max(p.HostFirst, p.HostPort+1)
		}
		for p.HostPort == 0 || slices.ContainsFunc(ports[:i], func(q api.Port) bool { return q.HostPort == p.HostPort }) {
			p.HostPort = uint16(32768 + f.rand.IntN(28000))
		}
	}
	if ports == nil {
		ports = []api.Port{}
	}
	return ports, nil
}

func mergeEnv(lists ...[]string) []string {
	out := []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	for _, l := range lists {
		for _, e := range l {
			k, _, _ := strings.Cut(e, "=")
			i := slices.IndexFunc(out, func(o string) bool { return strings.HasPrefix(o, k+"=") })
			if i >= 0 {
				out[i] = e
			} else {
				out = append(out, e)
			}
		}
	}
	return out
}

func (f *Fake) makeUpName() string {
	left := []string{"brave", "calm", "eager", "gentle", "keen", "lucid", "merry", "nimble", "quiet", "sunny"}
	right := []string{"barge", "crane", "davit", "ferry", "harbour", "jib", "keel", "mast", "pier", "tug"}
	for {
		name := left[f.rand.IntN(len(left))] + "_" + right[f.rand.IntN(len(right))]
		if f.rand.IntN(4) == 0 {
			name += strconv.Itoa(f.rand.IntN(1000))
		}
		if !slices.ContainsFunc(f.boxes, func(b *box) bool { return b.detail.Name == name }) {
			return name
		}
	}
}

// Remove implements api.Service.
func (f *Fake) Remove(ctx context.Context, ref string, o api.RemoveOptions) error {
	var it *box
	err := f.with(ctx, ref, func(b *box) error {
		it = b
		if b.running() && !o.Force {
			return api.Errorf(api.KindConflict, "container %s is running", b.detail.Name).
				WithRef(b.detail.Name).WithHint("Stop it first, or remove it by force.")
		}
		if b.running() {
			b.proc.signal("KILL")
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := f.until(ctx, func() bool { return !it.running() }); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drop(it)
	return nil
}

// drop takes a container out of the list; f.mu is held.
func (f *Fake) drop(b *box) {
	if b.removed {
		return
	}
	b.removed = true
	f.boxes = slices.DeleteFunc(f.boxes, func(o *box) bool { return o == b })
	f.event("container", "destroy", b.detail.ID, b.detail.Name)
}

// Wait implements api.Service.
func (f *Fake) Wait(ctx context.Context, ref string) (e api.Exit, err error) {
	var it *box
	if err := f.with(ctx, ref, func(b *box) error { it = b; return nil }); err != nil {
		return e, err
	}
	err = f.until(ctx, func() bool {
		e = api.Exit{Code: it.detail.ExitCode, Reason: it.detail.Reason}
		return !it.running()
	})
	return e, err
}

// exitReason says in a sentence how a container ended.
func exitReason(code int, oom bool) string {
	switch {
	case code == 0:
		return ""
	case oom:
		return "It used more memory than it may and the kernel ended it."
	case code == 137:
		return "It was ended by SIGKILL."
	case code == 143:
		return "It was ended by SIGTERM."
	case code > 128 && code < 160:
		return fmt.Sprintf("It was ended by signal %d.", code-128)
	}
	return fmt.Sprintf("Its command ended with exit code %d.", code)
}

func grace(b *box, o api.StopOptions) (d time.Duration, forever bool) {
	seconds := 10
	if b.detail.Spec.StopTimeout != nil {
		seconds = *b.detail.Spec.StopTimeout
	}
	if o.Timeout != nil {
		seconds = *o.Timeout
	}
	return time.Duration(seconds) * time.Second, seconds < 0
}
