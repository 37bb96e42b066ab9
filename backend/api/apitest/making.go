package apitest

import (
	"context"
	"fmt"
	"path"

	"davit/backend/api"
	"davit/backend/runspec"
)

// CheckSpec implements api.Service.
func (f *Fake) CheckSpec(ctx context.Context, spec api.RunSpec) (api.SpecCheck, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return api.SpecCheck{}, err
	}
	c := api.SpecCheck{Problems: runspec.Check(spec), Warnings: []string{}}
	if c.Problems == nil {
		c.Problems = []*api.Error{}
	}
	for _, p := range spec.Ports {
		if p.HostIP == "0.0.0.0" || p.HostIP == "::" {
			c.Warnings = append(c.Warnings, fmt.Sprintf("port %d can be reached from your network, not from this computer alone", p.HostPort))
		}
	}
	return c, nil
}

// Suggest implements api.Service.
func (f *Fake) Suggest(ctx context.Context, ref string) (api.Suggestion, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return api.Suggestion{}, err
	}
	img, err := f.findImage(ref)
	if err != nil {
		return api.Suggestion{}, err
	}
	c := img.detail.Config
	ports, err := f.choosePorts(img, api.RunSpec{PublishAll: true})
	if err != nil {
		return api.Suggestion{}, err
	}
	s := api.Suggestion{
		Image: img.name(), Ports: ports, Mounts: []api.Mount{}, User: c.User, HealthCheck: c.HealthCheck,
		Entrypoint: list(c.Entrypoint), Command: list(c.Cmd), WorkingDir: c.WorkingDir, Env: list(c.Env), Ask: runspec.Asked(img.name()),
	}
	for _, v := range c.Volumes {
		s.Mounts = append(s.Mounts, api.Mount{Type: api.MountVolume, Source: runspec.VolumeName(img.name(), v), Target: v})
	}
	return s, nil
}

func list[T any](l []T) []T { return append([]T{}, l...) }

// ParseRun implements api.Service.
func (f *Fake) ParseRun(ctx context.Context, text string) (api.ParsedRun, error) {
	if err := f.open(ctx); err != nil {
		return api.ParsedRun{}, err
	}
	p, err := runspec.Parse(text)
	return p, failed(err)
}

// RenderSpec implements api.Service.
func (f *Fake) RenderSpec(ctx context.Context, spec api.RunSpec, form api.SpecForm) (api.Rendered, error) {
	if err := f.open(ctx); err != nil {
		return api.Rendered{}, err
	}
	r, err := runspec.Render(spec, form)
	return r, failed(err)
}

// WhoseFiles implements api.Service: containers of the fake write as root,
// which is ada, unless they are given another user.
func (f *Fake) WhoseFiles(ctx context.Context, spec api.RunSpec) ([]api.FileOwnership, error) {
	if err := f.open(ctx); err != nil {
		return nil, err
	}
	out := []api.FileOwnership{}
	for i, m := range spec.Mounts {
		if m.Type != api.MountBind {
			continue
		}
		o := api.FileOwnership{
			Mount: i, Source: m.Source, Target: m.Target, Owner: "ada", Inside: "0:0", WritesAs: "ada", You: true, CanWrite: !m.ReadOnly,
			Says: "The container writes there as you.", Offers: []api.OwnershipOffer{},
		}
		if u := spec.User; u != "" && u != "0" && u != "root" && spec.UserNS == "" {
			keep, root := spec, spec
			keep.UserNS, root.User = "keep-id", "0"
			o.Inside, o.WritesAs, o.You, o.CanWrite = u, "subordinate id 100998", false, false
			o.Says = "The container runs as user " + u + ", which is none of yours: it cannot write there."
			o.Offers = []api.OwnershipOffer{
				{Kind: "keep-id", Title: "Make that user you", Says: "User " + u + " inside is you; what it writes is yours.", Spec: keep},
				{Kind: "root", Title: "Run as root inside", Says: "Root inside is you, and nobody more.", Spec: root},
			}
		}
		out = append(out, o)
	}
	return out, nil
}

// ForeignFiles implements api.Service: below a directory called "data" there
// are some.
func (f *Fake) ForeignFiles(ctx context.Context, p string) (api.ForeignFiles, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(ctx); err != nil {
		return api.ForeignFiles{}, err
	}
	if !path.IsAbs(p) {
		return api.ForeignFiles{}, api.Errorf(api.KindInvalid, "%q is not an absolute path on this computer", p).WithRef(p)
	}
	out := api.ForeignFiles{Path: p, Owners: []api.ForeignOwner{}}
	if path.Base(p) == "data" && !f.given[p] {
		out.Files, out.Bytes, out.Owners = 12, 48_230, []api.ForeignOwner{{UID: 999, Files: 12}}
	}
	return out, nil
}

// GiveBack implements api.Service.
func (f *Fake) GiveBack(ctx context.Context, p string) (api.ForeignFiles, error) {
	out, err := f.ForeignFiles(ctx, p)
	if err == nil {
		f.mu.Lock()
		f.given[p] = true
		f.mu.Unlock()
	}
	return out, err
}

// open is enter for verbs that need nothing of what the lock guards.
func (f *Fake) open(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.enter(ctx)
}
