package fetch

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"path"
	"sync"
	"time"

	ggcr "github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"davit/backend/api"
	"davit/backend/image/name"
)

// Uploader puts blobs and manifests into one repository. The protocol
// (existence checks, mounts, uploads) is go-containerregistry's; what goes
// over the wire, and to whom credentials go, is ours: see door.
type Uploader struct {
	s    *session
	repo ggcr.Repository
	ref  ggcr.Reference
	put  *remote.Pusher
	door *door
}

// commitTimeout is how long a registry may think about what it has got: large
// blobs are moved to their place, or to S3, before it answers.
const commitTimeout = 3 * time.Minute

// Uploader gives access to the repository of n at a host, where it is called
// repository. from are repositories there that blobs may be mounted from.
func (c *Client) Uploader(h Host, n name.Name, from []string) (*Uploader, error) {
	s, err := c.session(h)
	if err != nil {
		return nil, err
	}
	ref, err := n.Remote()
	if err != nil {
		return nil, err
	}
	d := &door{s: s, scope: scope{repository: n.Repository, push: true, from: from}, known: ref.Context().RegistryStr()}
	p, err := remote.NewPusher(remote.WithTransport(d), remote.WithRetryPredicate(worthAnother), remote.WithRetryStatusCodes(),
		remote.WithRetryBackoff(remote.Backoff{Duration: 5 * s.client.c.Backoff, Factor: 3, Jitter: 0.1, Steps: 3}))
	if err != nil {
		return nil, err
	}
	return &Uploader{s, ref.Context(), ref, p, d}, nil
}

// worthAnother tells failures after which the blob is sent once more; the
// library asks after successes as well.
func worthAnother(err error) bool {
	var busy *busyError
	var known *api.Error
	switch {
	case err == nil:
		return false
	case errors.As(err, &busy):
		return busy.wait <= 10*time.Second
	case errors.As(err, &known), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return false
	}
	return true
}

// Blob sees that the repository has the blob: it is there (had), is mounted
// from another repository of the registry ("" where none is known to have it),
// or is sent.
func (u *Uploader) Blob(ctx context.Context, l v1.Layer, from string) (had bool, err error) {
	if from != "" {
		l = &remote.MountableLayer{Layer: l, Reference: u.repo.Registry.Repo(from).Tag("latest")}
	}
	err = u.fail(ctx, u.put.Upload(ctx, u.repo, l))
	if h, herr := l.Digest(); herr == nil {
		_, had = u.door.seen.Load(h.String())
	}
	return had, err
}

// Manifest puts the manifest under the name. Its blobs have to be there.
func (u *Uploader) Manifest(ctx context.Context, m remote.Taggable) error {
	return u.fail(ctx, u.put.Put(ctx, u.ref, m))
}

// Untagged puts the manifest under its digest alone. Its blobs have to be there.
func (u *Uploader) Untagged(ctx context.Context, m remote.Taggable, digest string) error {
	return u.fail(ctx, u.put.Put(ctx, u.repo.Digest(digest), m))
}

func (u *Uploader) fail(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return u.s.fail(err)
}

// door is the http.RoundTripper through which go-containerregistry speaks. It
// answers challenges itself, so that the library meets a registry that lets
// everybody in and never sees a credential; scheme and address are the
// session's, not those that the library guesses from a host's name.
type door struct {
	s     *session
	scope scope
	known string   // the registry as the library calls it
	seen  sync.Map // digests of blobs that a HEAD found there
}

// RoundTrip sends a request to the registry, or, without credentials, to
// where the registry wants an upload to go.
func (d *door) RoundTrip(in *http.Request) (*http.Response, error) {
	if in.Body != nil {
		defer in.Body.Close()
	}
	if !d.own(in.URL) {
		return d.elsewhere(in)
	}
	q := request{method: in.Method, path: in.URL.RequestURI(), scope: d.scope, header: in.Header.Clone(), missing: true, body: in.GetBody, length: in.ContentLength}
	q.header.Del("Authorization")
	resp, err := d.s.authorized(in.Context(), q)
	if err != nil {
		return nil, err
	}
	resp.Request = in
	if in.Method == http.MethodHead && resp.StatusCode == http.StatusOK {
		d.seen.Store(path.Base(in.URL.Path), true)
	}
	return resp, nil
}

func (d *door) own(u *url.URL) bool {
	d.s.mu.Lock()
	defer d.s.mu.Unlock()
	base, err := url.Parse(d.s.base)
	return u.Host == d.known || err == nil && u.Host == base.Host
}

// elsewhere follows the address of an upload that leads away from the
// registry, under the rules for redirects.
func (d *door) elsewhere(in *http.Request) (*http.Response, error) {
	d.s.mu.Lock()
	base, err := url.Parse(d.s.base)
	d.s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	r := in.Clone(in.Context())
	if in.GetBody != nil {
		if r.Body, err = in.GetBody(); err != nil {
			return nil, err
		}
	}
	if err := d.s.redirect(r, []*http.Request{{URL: base}}); err != nil {
		return nil, err
	}
	return d.s.uploads.Do(r)
}

// Patience is how long an upload may stand still: longer than a download,
// because a registry may write to a slow disk.
func (c *Client) Patience() time.Duration { return 6 * c.c.StallTimeout }

// slowly is a client for requests after which a registry takes its time.
func slowly(t *http.Transport) *http.Transport {
	t = t.Clone()
	t.ResponseHeaderTimeout = commitTimeout
	return t
}

// by gives the client for a method.
func (s *session) by(method string) *http.Client {
	if method == http.MethodGet || method == http.MethodHead {
		return s.http
	}
	return s.uploads
}

// withBody gives r a body of its own, from its beginning.
func withBody(r *http.Request, body func() (io.ReadCloser, error), length int64) error {
	if body == nil {
		return nil
	}
	b, err := body()
	if err != nil {
		return err
	}
	r.Body, r.GetBody, r.ContentLength = b, body, length
	return nil
}
