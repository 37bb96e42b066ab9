package apitest

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"davit/backend/api"
)

// operation is a pull of the fake; Fake.mu guards it.
type operation struct {
	api.Operation
	cancel context.CancelFunc
}

func (o *operation) snapshot() api.Operation {
	s := o.Operation
	s.Steps = slices.Clone(s.Steps)
	if s.Error != nil {
		e := *s.Error
		s.Error = &e
	}
	return s
}

// Pull implements api.Service.
func (f *Fake) Pull(ctx context.Context, spec api.PullSpec) (api.Operation, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return api.Operation{}, err
	}
	full, err := fullName(spec.Ref)
	if err != nil {
		return api.Operation{}, api.Errorf(api.KindInvalid, "%q is no name of an image", spec.Ref).WithRef(spec.Ref)
	}
	for _, o := range f.ops {
		if o.Kind == "pull" && o.Subject == full && !o.State.Ended() {
			return o.snapshot(), nil
		}
	}
	o := &operation{Operation: api.Operation{
		ID: f.hex(16), Kind: "pull", Title: "Pull " + full, Subject: full,
		State: api.OperationRunning, Started: f.now(), Steps: []api.Step{},
	}}
	var life context.Context
	life, o.cancel = context.WithCancel(f.life)
	f.lineUp(o)
	f.ops = append(f.ops, o)
	f.event("operation", "start", o.ID, o.Title)
	f.work.Go(func() {
		err := f.turn(life, o)
		if err == nil {
			err = f.pull(life, o, spec)
		}
		f.finish(o, err)
	})
	return o.snapshot(), nil
}

// pull downloads what the catalogue offers, layer by layer, three at a time.
func (f *Fake) pull(ctx context.Context, o *operation, spec api.PullSpec) error {
	if err := f.pause(ctx, 400*time.Millisecond); err != nil {
		return err
	}
	f.mu.Lock()
	it, err := f.offered(o.Subject)
	have, _ := f.findImage(o.Subject)
	if err == nil && have != nil {
		o.ImageID, o.Image, o.UpToDate = have.detail.ID, o.Subject, true
	}
	if err == nil && have == nil {
		f.plan(o, it)
	}
	f.mu.Unlock()
	if err != nil || have != nil {
		return err
	}
	for {
		if err := f.pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
		f.mu.Lock()
		if o.State == api.OperationPaused {
			f.mu.Unlock()
			continue
		}
		done := f.download(o, it.size/40)
		f.notify()
		f.mu.Unlock()
		if done {
			break
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	i := f.addImage(it, o.Subject)
	o.ImageID, o.Image = i.detail.ID, o.Subject
	f.event("image", "pull", i.detail.ID, o.Subject)
	return nil
}

// offered is what a registry has under a name; f.mu is held.
func (f *Fake) offered(full string) (offer, error) {
	host, _, _ := strings.Cut(full, "/")
	repo, _, _ := strings.Cut(full, ":")
	if strings.HasPrefix(host, "localhost:") {
		repo = full[:strings.LastIndex(full, ":")]
	}
	switch {
	case strings.Contains(full, "ratelimit"):
		return offer{}, api.Errorf(api.KindRateLimited, "%s lets nobody pull more for now", host).WithRef(full).
			WithHint("Try again in six hours, or log in to have a limit of your own.")
	case strings.Contains(full, "private"):
		return offer{}, api.Errorf(api.KindDenied, "%s does not show %s without a login", host, full).WithRef(full).
			WithHint("davit login %s", host)
	case strings.HasPrefix(host, "offline."):
		return offer{}, api.Errorf(api.KindUnavailable, "%s does not answer", host).WithRef(full)
	}
	for _, o := range f.catalogue {
		if o.name == repo {
			return o, nil
		}
	}
	return offer{}, api.Errorf(api.KindNotFound, "%s has no image %s", host, full).WithRef(full).
		WithHint("Look at the spelling, or search for it.")
}

// plan lays out the layers of a download; f.mu is held.
func (f *Fake) plan(o *operation, it offer) {
	rest := it.size
	for n := range it.layers {
		size := rest
		if n < it.layers-1 {
			size = rest * int64(30+f.rand.IntN(40)) / 100
		}
		rest -= size
		d := f.digest()
		o.Steps = append(o.Steps, api.Step{ID: d, Title: d[7:19], State: "waiting", Total: max(size, 1)})
		o.Total += max(size, 1)
	}
	if it.layers > 3 {
		s := &o.Steps[1]
		s.State, s.Done = "exists", s.Total
		o.Done += s.Total
	}
	f.notify()
}

// download goes on by some bytes and tells whether all is there; f.mu is held.
func (f *Fake) download(o *operation, n int64) bool {
	busy, all := 0, true
	for i := range o.Steps {
		s := &o.Steps[i]
		switch s.State {
		case "unpacking":
			s.State = "done"
		case "waiting", "downloading":
			all = false
			if busy++; busy > 3 {
				continue
			}
			d := min(s.Total-s.Done, 1+n*int64(50+f.rand.IntN(100))/100)
			s.Done, o.Done, s.State = s.Done+d, o.Done+d, "downloading"
			if s.Done == s.Total {
				s.State = "unpacking"
			}
		}
	}
	return all
}

// finish notes how an operation ended.
func (f *Fake) finish(o *operation, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	defer o.cancel()
	defer f.places()
	o.Place, o.Ended, o.State = 0, f.now(), api.OperationDone
	action := "done"
	if err != nil {
		o.Error, o.State, action = api.AsError(err), api.OperationFailed, "failed"
		if o.Error.Kind == api.KindCancelled {
			o.State, action = api.OperationCancelled, "cancelled"
		}
	}
	f.event("operation", action, o.ID, o.Title)
}

func (f *Fake) findOperation(ctx context.Context, id string) (*operation, error) {
	if err := f.enter(ctx); err != nil {
		return nil, err
	}
	for _, o := range f.ops {
		if o.ID == id {
			return o, nil
		}
	}
	return nil, api.Errorf(api.KindNotFound, "there is no operation %q", id).WithRef(id)
}

// Operations implements api.Service.
func (f *Fake) Operations(ctx context.Context) ([]api.Operation, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return nil, err
	}
	out := []api.Operation{}
	for _, o := range slices.Backward(f.ops) {
		out = append(out, o.snapshot())
	}
	return out, nil
}

// Operation implements api.Service.
func (f *Fake) Operation(ctx context.Context, id string) (api.Operation, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	o, err := f.findOperation(ctx, id)
	if err != nil {
		return api.Operation{}, err
	}
	return o.snapshot(), nil
}

// WatchOperation implements api.Service.
func (f *Fake) WatchOperation(ctx context.Context, id string, sink func(api.Operation) error) error {
	f.mu.Lock()
	o, err := f.findOperation(ctx, id)
	f.mu.Unlock()
	if err != nil {
		return err
	}
	var told api.Operation
	for first := true; ; first = false {
		var now api.Operation
		err := f.until(ctx, func() bool {
			now = o.snapshot()
			return first || now.Done != told.Done || now.State != told.State || len(now.Steps) != len(told.Steps)
		})
		if err != nil {
			return err
		}
		told = now
		if err := sink(now); err != nil {
			return failed(err)
		}
		if now.State.Ended() {
			return nil
		}
		t := time.NewTimer(100 * time.Millisecond) // at most ten a second
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return api.AsError(ctx.Err())
		}
	}
}

// CancelOperation implements api.Service.
func (f *Fake) CancelOperation(ctx context.Context, id string) error {
	f.mu.Lock()
	o, err := f.findOperation(ctx, id)
	if err != nil {
		f.mu.Unlock()
		return err
	}
	if !o.State.Ended() {
		o.cancel()
	}
	f.mu.Unlock()
	return f.until(ctx, func() bool { return o.State.Ended() })
}

// addImage puts what an offer describes into the store under a name; f.mu is held.
func (f *Fake) addImage(it offer, name string) *image {
	i := &image{detail: api.ImageDetail{
		Image: api.Image{
			ID: f.digest(), Names: []string{}, Digest: f.digest(), RepoDigests: []string{}, Platform: "linux/amd64",
			Created: f.since(time.Duration(1+f.rand.IntN(2000)) * time.Hour), DownloadSize: it.size, Size: it.size * 27 / 10,
			Labels: map[string]string{}, Origin: "pulled from a registry",
		},
		Config: api.ImageConfig{
			User: it.user, ExposedPorts: orEmpty(it.ports), Env: orEmpty(it.env), Entrypoint: orEmpty(it.entrypoint),
			Cmd: orEmpty(it.cmd), Volumes: orEmpty(it.volumes), WorkingDir: cmp.Or(it.dir, "/"), Labels: map[string]string{},
			StopSignal: it.stop,
		},
	}}
	if name != "" {
		host, _, _ := strings.Cut(name, "/")
		repo := name[:strings.LastIndex(name, ":")]
		i.detail.Origin, i.detail.RepoDigests = "pulled from "+host, []string{repo + "@" + i.detail.Digest}
		f.give(i, name)
	}
	f.layers(i, it)
	f.images = append(f.images, i)
	return i
}

func (f *Fake) layers(i *image, it offer) {
	rest := it.size
	for n := range max(it.layers, 1) {
		size := rest * 6 / 10
		if n == it.layers-1 {
			size = rest
		}
		rest -= size
		by := "RUN /bin/sh -c apk add --no-cache tzdata && rm -rf /var/cache # step " + string(rune('a'+n%26))
		if n == 0 {
			by = "ADD alpine-minirootfs-3.22.2-x86_64.tar.gz / # buildkit"
		}
		i.detail.Layers = append(i.detail.Layers, api.Layer{
			Digest: f.digest(), DiffID: f.digest(), Size: size, Unpacked: size * 27 / 10,
			MediaType: "application/vnd.oci.image.layer.v1.tar+gzip", CreatedBy: by,
		})
		i.detail.History = append(i.detail.History, api.HistoryRow{Created: i.detail.Created, CreatedBy: by, Size: size})
	}
	i.detail.History = append(i.detail.History, api.HistoryRow{
		Created: i.detail.Created, CreatedBy: "CMD [\"" + strings.Join(it.cmd, "\" \"") + "\"]", EmptyLayer: true,
	})
}

func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return slices.Clone(s)
}
