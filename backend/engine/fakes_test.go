package engine

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"davit/backend/api"
	"davit/backend/image"
	"davit/backend/logfile"
	"davit/backend/store"
)

// fakeGuard writes the files that the real one writes; this process stands
// for every container's.
type fakeGuard struct {
	dirs store.Dirs
	t    testing.TB

	mu       sync.Mutex
	ended    map[string]chan struct{}
	released []string
	fail     error
}

func (g *fakeGuard) Start(_ context.Context, id string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.fail != nil {
		return g.fail
	}
	rec, err := store.ReadRecord(g.dirs.Container(id))
	if err != nil {
		return err
	}
	start, err := store.ProcessStart(os.Getpid())
	if err != nil {
		return err
	}
	w, err := logfile.Create(g.dirs.Container(id).Log())
	if err != nil {
		return err
	}
	defer w.Close()
	if err := w.Write("stdout", time.Now(), []byte(strings.Join(rec.Args, " ")+"\n")); err != nil {
		return err
	}
	g.ended[id] = make(chan struct{})
	defer g.note(rec, "start")
	return g.write(id, store.State{
		State: api.StateRunning, PID: os.Getpid(), PIDStart: start, BootID: store.BootID(),
		Started: time.Now().UTC(), IP: "10.88.0.2", Gateway: "10.88.0.1", Ports: rec.Ports,
	})
}

func (g *fakeGuard) note(rec store.Record, action string) {
	if err := store.Note(g.dirs, api.Event{Time: time.Now().UTC(), Type: "container", Action: action, ID: rec.ID, Name: rec.Name}); err != nil {
		g.t.Error(err)
	}
}

func (g *fakeGuard) write(id string, s store.State) error {
	s.Version = store.StateVersion
	return store.WriteJSON(g.dirs.Container(id).State(), s)
}

func (g *fakeGuard) end(id string, code int) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	st, err := store.ReadState(g.dirs.Container(id))
	if err != nil {
		return err
	}
	err = g.write(id, store.State{State: api.StateExited, Started: st.Started, Finished: time.Now().UTC(), ExitCode: code})
	if rec, rerr := store.ReadRecord(g.dirs.Container(id)); rerr == nil {
		g.note(rec, "die")
	}
	close(g.ended[id])
	return err
}

func (g *fakeGuard) Stop(_ context.Context, id string, _ api.StopOptions) error {
	return g.end(id, 143)
}
func (g *fakeGuard) Kill(_ context.Context, id, _ string) error { return g.end(id, 137) }

func (g *fakeGuard) Pause(_ context.Context, id string) error {
	return g.become(id, func(s *store.State) { s.State = api.StatePaused })
}

func (g *fakeGuard) Unpause(_ context.Context, id string) error {
	return g.become(id, func(s *store.State) { s.State = api.StateRunning })
}

func (g *fakeGuard) Update(context.Context, string, string, api.Update) error { return g.fail }

func (g *fakeGuard) Join(_ context.Context, id string, j api.NetworkJoin) error {
	return g.become(id, func(s *store.State) {
		s.Networks = append(s.Networks, store.Place{Attachment: api.Attachment{Network: j.Network, IP: "10.89.0.2"}})
	})
}

func (g *fakeGuard) Leave(context.Context, string, string) error { return g.fail }

func (g *fakeGuard) Ports(_ context.Context, id string, change api.PortChange) (ports []api.Port, err error) {
	err = g.become(id, func(s *store.State) {
		ports = append(s.Ports, change.Add...)
		s.Ports = ports
	})
	return ports, err
}

func (g *fakeGuard) Offline(context.Context, string, bool) error { return g.fail }

func (g *fakeGuard) CheckHealth(_ context.Context, id string) (api.HealthResult, error) {
	err := g.become(id, func(s *store.State) { s.Health = api.HealthHealthy })
	return api.HealthResult{Status: api.HealthHealthy}, err
}

func (g *fakeGuard) Resume(context.Context) error { return g.fail }

func (g *fakeGuard) become(id string, change func(*store.State)) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	st, err := store.ReadState(g.dirs.Container(id))
	if err != nil {
		return err
	}
	change(&st)
	return g.write(id, st)
}

func (g *fakeGuard) Wait(ctx context.Context, id string) (api.Exit, error) {
	g.mu.Lock()
	ended := g.ended[id]
	g.mu.Unlock()
	select {
	case <-ended:
	case <-ctx.Done():
		return api.Exit{}, ctx.Err()
	}
	st, err := store.ReadState(g.dirs.Container(id))
	return api.Exit{Code: st.ExitCode}, err
}

func (g *fakeGuard) Attach(ctx context.Context, id string, a api.AttachOptions) (net.Conn, error) {
	if a.Start {
		if err := g.Start(ctx, id); err != nil {
			return nil, err
		}
	}
	return g.Exec(ctx, id, api.ExecSpec{Args: []string{"attached"}})
}

func (g *fakeGuard) Exec(_ context.Context, _ string, s api.ExecSpec) (net.Conn, error) {
	near, far := net.Pipe()
	go func() {
		session := api.NewSession(far)
		fmt.Fprint(session.Stdout(), strings.Join(s.Args, " "))
		_ = session.End(api.Exit{Code: 3})
		_ = session.Close()
	}()
	return near, nil
}

func (g *fakeGuard) Hold(context.Context, string) (io.Closer, error) { return io.NopCloser(nil), nil }

func (g *fakeGuard) Settle(context.Context) error { return nil }

func (g *fakeGuard) Release(_ context.Context, id string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.released = append(g.released, id)
	return nil
}

// fakeImages has the images that it is given; a pull adds one.
type fakeImages struct {
	Images  // the verbs that no test uses
	mu      sync.Mutex
	have    []image.Runnable
	pull    func(ctx context.Context, progress func(image.Progress)) error
	begin   func(ref string) // nil: nothing
	pulls   int
	dropped []string // unfinished downloads that were removed
}

func fullName(ref string) string {
	if !strings.Contains(ref, "/") {
		ref = "docker.io/library/" + ref
	}
	if !strings.Contains(ref[strings.LastIndexByte(ref, '/'):], ":") {
		ref += ":latest"
	}
	return ref
}

func (f *fakeImages) Resolve(ref string) (api.ResolvedRef, error) {
	return api.ResolvedRef{Ref: ref, Name: fullName(ref)}, nil
}

func (f *fakeImages) Runnable(_ context.Context, ref string) (image.Runnable, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.have {
		if r.Name == fullName(ref) || r.ID == ref {
			return r, nil
		}
	}
	return image.Runnable{}, api.Errorf(api.KindNotFound, "no such image: %s", ref).WithRef(fullName(ref))
}

func (f *fakeImages) List(context.Context) ([]api.Image, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := []api.Image{}
	for _, r := range f.have {
		l = append(l, api.Image{ID: r.ID, Names: []string{r.Name}, Labels: r.Config.Labels})
	}
	return l, nil
}

func (f *fakeImages) Pull(ctx context.Context, spec api.PullSpec, progress func(image.Progress)) (image.Pulled, error) {
	f.mu.Lock()
	f.pulls++
	f.mu.Unlock()
	if f.begin != nil {
		f.begin(spec.Ref)
	}
	if err := f.pull(ctx, progress); err != nil {
		return image.Pulled{}, err
	}
	return image.Pulled{Image: api.Image{ID: "sha256:" + strings.Repeat("e", 64), Names: []string{fullName(spec.Ref)}}}, nil
}

func (f *fakeImages) Remove(_ context.Context, ref string, o image.RemoveOptions) (api.RemovedImage, error) {
	users, err := o.InUse()
	if err != nil {
		return api.RemovedImage{}, err
	}
	r, err := f.Runnable(context.Background(), ref)
	if err != nil {
		return api.RemovedImage{}, err
	}
	if names := users[r.ID]; len(names) > 0 && !o.Force {
		return api.RemovedImage{}, api.Errorf(api.KindConflict, "image %s is used by %s", ref, strings.Join(names, ", "))
	}
	f.have = slices.DeleteFunc(f.have, func(i image.Runnable) bool { return i.ID == r.ID })
	return api.RemovedImage{Untagged: []string{r.Name}, Deleted: []string{r.ID}}, nil
}

func (f *fakeImages) DropDownloads(digests []string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dropped = append(f.dropped, digests...)
	return nil
}

func (f *fakeImages) Load(_ context.Context, r io.Reader, _ string) ([]api.Image, error) {
	b, err := io.ReadAll(r)
	return []api.Image{{ID: "sha256:loaded", Names: []string{string(b)}}}, err
}

// bench is an engine over fakes with its own directories.
type bench struct {
	*Engine
	guard  *fakeGuard
	images *fakeImages
	dirs   store.Dirs
}

var nginx = image.Runnable{
	ID: "sha256:" + strings.Repeat("a", 64), Name: "docker.io/library/nginx:latest", Platform: "linux/amd64",
	Config: api.ImageConfig{
		Entrypoint: []string{"/entry.sh"}, Cmd: []string{"nginx", "-g", "daemon off;"},
		Env: []string{"PATH=/opt:/bin", "NGINX_VERSION=1.29"}, ExposedPorts: []string{"80/tcp", "443"},
		Labels: map[string]string{"maintainer": "nginx", "tier": "image"}, WorkingDir: "srv", StopSignal: "SIGQUIT",
	},
}

func newBench(t testing.TB) *bench {
	t.Helper()
	root := filepath.Join(t.TempDir(), "a b:c,d\n")
	d := store.Dirs{Data: filepath.Join(root, "data"), Runtime: filepath.Join(root, "run"), Config: filepath.Join(root, "config")}
	b := &bench{dirs: d, guard: &fakeGuard{dirs: d, t: t, ended: map[string]chan struct{}{}}, images: &fakeImages{}}
	b.images.have = []image.Runnable{nginx, {ID: "sha256:" + strings.Repeat("b", 64), Name: "docker.io/library/scratch:latest", Platform: "linux/amd64"}}
	b.Engine = New(Config{Dirs: d, Version: "test", Guard: b.guard, Images: b.images})
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// made creates a container.
func (b *bench) made(t testing.TB, s api.RunSpec) api.Created {
	t.Helper()
	if s.Image == "" {
		s.Image = "nginx"
	}
	c, err := b.Create(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// kind fails the test unless err is of that kind and says words.
func kind(t testing.TB, err error, want api.Kind, words string) {
	t.Helper()
	var e *api.Error
	if err != nil {
		e, _ = err.(*api.Error)
	}
	switch {
	case want == "" && err == nil:
	case want == "" || e == nil:
		t.Errorf("error %v (%T), want kind %q", err, err, want)
	case e.Kind != want || !strings.Contains(e.Msg, words):
		t.Errorf("error %q of kind %q, want %q of kind %q", e.Msg, e.Kind, words, want)
	}
}
