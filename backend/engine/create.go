package engine

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"davit/backend/api"
	"davit/backend/guard/cgroup"
	"davit/backend/image"
	"davit/backend/oci"
	"davit/backend/store"
)

const defaultStopTimeout = 10 // seconds, as docker's

// Create implements api.Service.
func (e *Engine) Create(ctx context.Context, spec api.RunSpec) (api.Created, error) {
	c, err := e.create(ctx, spec)
	return c, explain(err)
}

func (e *Engine) create(ctx context.Context, spec api.RunSpec) (api.Created, error) {
	r, err := e.ready(ctx, spec)
	if err != nil {
		return api.Created{}, err
	}
	e.sweep()
	rec, err := e.make(ctx, r, nil)
	if err != nil {
		return api.Created{}, err
	}
	e.note("create", rec)
	e.news.look(rec.ID)
	return api.Created{ID: rec.ID, Name: rec.Name, Ports: rec.Ports, Warnings: append(warnings(rec, r.img), r.shown...)}, nil
}

// readied is a container that can be made: nothing of it is on the disk.
type readied struct {
	rec   store.Record
	img   image.Runnable
	shown []string     // warnings about what is mounted
	from  *predecessor // that it takes the place of; nil: none
}

// predecessor is a container that another one takes the place of.
type predecessor struct {
	store.Record
	layer bool // its writable layer is taken along
}

// ready does what can be done before anything is written.
func (e *Engine) ready(ctx context.Context, spec api.RunSpec) (readied, error) {
	if err := validate(spec); err != nil {
		return readied{}, err
	}
	if err := cgroup.Here().Allows(spec.Limits); err != nil {
		return readied{}, err
	}
	shown, err := e.ownFilesShown(spec.Mounts)
	if err != nil {
		return readied{}, err
	}
	img, err := e.runnable(ctx, spec)
	if err != nil {
		return readied{}, err
	}
	read := spec
	if read.Env, err = withEnvFiles(spec); err != nil {
		return readied{}, err
	}
	read.Hostname = cmp.Or(spec.Hostname, e.sharedHostname(spec.Network))
	rec, err := newRecord(img, read)
	if err != nil {
		return readied{}, err
	}
	if rec.Network, rec.Networks, err = e.joins(spec); err != nil {
		return readied{}, err
	}
	if err := identify(&rec, spec); err != nil {
		return readied{}, err
	}
	rec.Spec = spec
	return readied{rec: rec, img: img, shown: shown}, nil
}

// make puts a container on the disk and lists it; with hold, its directory is
// locked by then.
func (e *Engine) make(ctx context.Context, r readied, hold func() error) (store.Record, error) {
	rec := r.rec
	draft, err := store.NewDraft(e.dirs, rec.ID)
	if err != nil {
		return rec, err
	}
	err = e.furnish(ctx, draft, &rec, r)
	if err == nil {
		err = e.christen(ctx, draft, &rec)
	}
	if err != nil {
		_ = draft.Drop() // what stays is swept
		return rec, err
	}
	if hold != nil {
		err = hold()
	}
	return rec, err
}

// successor makes the container that is to take another one's place, and locks
// it for as long as that takes.
func (e *Engine) successor(ctx context.Context, r readied) (rec store.Record, lock *store.Lock, err error) {
	r.rec.Name = bare(r.from.Name) + keptMark + r.rec.ID[:12]
	r.rec.Replaces = r.from.ID
	keepPorts(r.rec.Ports, *r.from)
	rec, err = e.make(ctx, r, func() (err error) {
		lock, err = store.AwaitDir(ctx, string(e.dirs.Container(r.rec.ID)))
		return err
	})
	return rec, lock, err
}

// sweep cleans up once in an engine's life, when it first writes.
func (e *Engine) sweep() {
	e.swept.Do(func() {
		if err := errors.Join(store.Sweep(e.dirs), store.SweepVolumes(e.dirs), e.resumeEdits(e.life), e.sweepShifted(e.life)); err != nil {
			e.log.Warn("sweep the store", "error", err)
		}
	})
}

// runnable finds the image, which has to be here and for the platform asked for.
func (e *Engine) runnable(ctx context.Context, spec api.RunSpec) (image.Runnable, error) {
	images, err := e.images.get(ctx)
	if err != nil {
		return image.Runnable{}, err
	}
	img, err := images.Runnable(ctx, spec.Image)
	if api.KindOf(err) == api.KindNotFound {
		return image.Runnable{}, api.AsError(err).WithField("image") // not a volume, network or secret
	}
	if err != nil {
		return image.Runnable{}, err
	}
	if p := spec.Platform; p != "" && p != img.Platform && !strings.HasPrefix(img.Platform, p+"/") {
		return image.Runnable{}, api.Errorf(api.KindNotFound, "the image %s that is here is for %s, not for %s", img.Name, img.Platform, p).
			WithRef(cmp.Or(img.Name, img.ID)).WithField("image").WithHint("Pull it for %s.", p)
	}
	return img, nil
}

// newRecord makes all of the record that does not depend on other containers.
func newRecord(img image.Runnable, spec api.RunSpec) (store.Record, error) {
	args, err := arguments(img.Config, spec)
	if err != nil {
		return store.Record{}, err
	}
	ports, err := wantedPorts(img.Config, spec)
	if err != nil {
		return store.Record{}, err
	}
	id := newID()
	hostname := cmp.Or(spec.Hostname, id[:12])
	rec := store.Record{
		Version: store.RecordVersion, ID: id, Name: strings.TrimPrefix(spec.Name, "/"), Created: time.Now().UTC(),
		Image: cmp.Or(img.Name, img.ID), ImageID: img.ID, Layers: img.Layers,
		Spec: spec, Args: args, Env: environment(img.Config, spec, hostname),
		WorkingDir: path.Clean(cmp.Or(spec.WorkingDir, img.Config.WorkingDir, "/")),
		User:       cmp.Or(spec.User, img.Config.User), Hostname: hostname,
		Labels: map[string]string{}, Mounts: slices.Clone(spec.Mounts), Ports: ports,
		StopSignal: cmp.Or(spec.StopSignal, img.Config.StopSignal, "SIGTERM"), StopTimeout: defaultStopTimeout,
		TTY: spec.TTY, Interactive: spec.Interactive, AutoRemove: spec.AutoRemove,
		Restart: cmp.Or(spec.Restart, "no"),
		Limits:  spec.Limits, HealthCheck: healthCheck(img.Config.HealthCheck, spec.HealthCheck),
	}
	maps.Copy(rec.Labels, img.Config.Labels)
	maps.Copy(rec.Labels, spec.Labels)
	if spec.StopTimeout != nil {
		rec.StopTimeout = *spec.StopTimeout
	}
	if validSignal(rec.StopSignal) != nil { // the image's: it must not make the container unstoppable
		rec.StopSignal = "SIGTERM"
	}
	if !path.IsAbs(rec.WorkingDir) { // the image's
		rec.WorkingDir = path.Join("/", rec.WorkingDir)
	}
	return rec, nil
}

// sharedHostname is that of this computer, or of another container, for who
// shares its network, as docker and podman have it: the name that the addresses
// there have. "": the container has one of its own.
func (e *Engine) sharedHostname(network string) string {
	if network == api.NetworkHost {
		name, _ := os.Hostname() // "": its own, then
		return name
	}
	holder, shared := strings.CutPrefix(network, api.NetworkOf)
	if !shared {
		return ""
	}
	id, err := store.FindContainer(e.dirs, holder)
	if err != nil {
		return "" // joins says so
	}
	rec, _ := store.ReadRecord(e.dirs.Container(id)) // broken: it has no name to give
	return rec.Hostname
}

// newID makes an id whose beginning is not a number, so that no short id is
// taken for one, as docker does.
func newID() string {
	for {
		var b [32]byte
		_, _ = rand.Read(b[:]) // never fails, says crypto/rand
		id := hex.EncodeToString(b[:])
		if _, err := strconv.ParseInt(id[:12], 10, 64); err != nil {
			return id
		}
	}
}

// furnish makes the directories of a container, its volumes and its copies of
// secrets.
func (e *Engine) furnish(ctx context.Context, draft *store.Draft, rec *store.Record, r readied) error {
	// The upper directory's mode is that of the container's /.
	for dir, mode := range map[string]os.FileMode{draft.Upper(): 0o755, draft.Work(): 0o700, draft.Rootfs(): 0o755} {
		if err := os.Mkdir(dir, mode); err != nil {
			return fmt.Errorf("make container: %w", err)
		}
		if err := os.Chmod(dir, mode); err != nil { // whatever the umask
			return fmt.Errorf("make container: %w", err)
		}
	}
	uid, gid := rec.IDs.Root()
	if err := os.Lchown(draft.Upper(), uid, gid); err != nil {
		return fmt.Errorf("make container: %w", err)
	}
	rec.Mounts = withDeclared(rec.Mounts, r.img.Config.Volumes)
	if r.from != nil {
		if err := errors.Join(e.takeAlong(ctx, draft, *r.from, rec.IDs), e.keepVolumes(ctx, rec.Mounts, *r.from)); err != nil {
			return err
		}
	}
	if err := e.provideMounts(ctx, rec); err != nil {
		return err
	}
	if err := e.giveSecrets(draft, rec); err != nil {
		return err
	}
	return e.setClock(draft, rec)
}

// christen gives the container what no other may have, its name and ports,
// writes it down and lists it.
func (e *Engine) christen(ctx context.Context, draft *store.Draft, rec *store.Record) error {
	lock, err := store.LockFile(ctx, e.dirs.NamesLock())
	if err != nil {
		return err
	}
	defer lock.Unlock()
	if err := errors.Join(e.name(rec), e.checkAddresses(rec.Networks, rec.ID)); err != nil {
		return err
	}
	if slices.ContainsFunc(rec.Ports, func(p api.Port) bool { return p.HostPort == 0 }) {
		others, err := store.ListContainers(e.dirs)
		if err != nil {
			return err
		}
		if rec.Ports, err = choosePorts(rec.Ports, others); err != nil {
			return err
		}
	}
	if err := e.volumesThere(rec); err != nil {
		return err
	}
	config, err := e.bundle(*rec)
	if err != nil {
		return err
	}
	// They are made durable together, with the directory that they stand in.
	if err := store.WriteJSONVolatile(draft.Config(), config); err != nil {
		return err
	}
	if err := store.WriteJSONVolatile(draft.Record(), rec); err != nil {
		return err
	}
	return draft.Commit(durable(rec))
}

// durable: a container that is removed when it ends need not be there after a
// power cut.
func durable(rec *store.Record) bool { return !rec.AutoRemove }

// bundle is what runs of a record.
func (e *Engine) bundle(rec store.Record) (*specs.Spec, error) {
	o := oci.SpecOptions{
		Dir: e.dirs.Container(rec.ID), CgroupV2: oci.CgroupV2(), Security: oci.HostSecurity(),
		Volumes: func(name string) string { return e.dirs.Volume(name).Data() },
	}
	var err error
	if o.Env, err = e.secretVariables(rec.Spec); err != nil {
		return nil, err
	}
	if file := oci.SeccompFile(rec.Spec); file != "" {
		if o.Seccomp, err = readBounded(file, maxProfile); err != nil {
			return nil, invalid(file, "the seccomp profile %s cannot be read: %w", file, err).WithField("securityOpt")
		}
	}
	config, err := oci.Spec(rec, o)
	if err != nil {
		return nil, err
	}
	return config, relabel(rec.Mounts, config)
}

// name checks the name asked for, or makes one up.
func (e *Engine) name(rec *store.Record) error {
	if rec.Name == "" {
		var err error
		rec.Name, err = makeUpName(func(name string) (bool, error) {
			holder, err := store.NameHolder(e.dirs, name)
			return holder != "", err
		})
		return err
	}
	holder, err := store.NameHolder(e.dirs, rec.Name)
	if err != nil || holder == "" {
		return err
	}
	return api.Errorf(api.KindConflict, "the name %q is taken by container %s", rec.Name, holder[:12]).WithRef(rec.Name).
		WithHint("Choose another name, or remove that container.")
}

func warnings(rec store.Record, img image.Runnable) []string {
	w := append([]string{}, portWarnings(rec.Ports)...)
	if _, arch, _ := strings.Cut(img.Platform, "/"); arch != "" {
		if arch, _, _ = strings.Cut(arch, "/"); arch != runtime.GOARCH {
			w = append(w, fmt.Sprintf("the image is for %s and this computer is linux/%s: its programs may not start", img.Platform, runtime.GOARCH))
		}
	}
	return append(w, oci.GivenAway(rec.Spec, oci.HostSecurity())...)
}
