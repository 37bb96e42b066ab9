package fetch

import (
	"context"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"davit/backend/api"
	"davit/backend/image/manifest"
	"davit/backend/image/name"
)

// Repository is a repository at a registry.
type Repository struct {
	s    *session
	name string
}

// Repository gives the repository of that name ("library/nginx") at a host.
func (c *Client) Repository(h Host, repository string) (*Repository, error) {
	s, err := c.session(h)
	return &Repository{s, repository}, err
}

// Found is a manifest at a registry.
type Found struct {
	Bytes     []byte // not for Head
	MediaType string
	Digest    string // computed from Bytes; for Head as the registry says
}

func (r *Repository) request(method, kind, ref string) request {
	return request{method: method, path: "/v2/" + r.name + "/" + kind + "/" + url.PathEscape(ref), scope: scope{repository: r.name}}
}

// Head asks which manifest a tag or digest stands for, without fetching it.
// Docker Hub does not count it as a pull.
func (r *Repository) Head(ctx context.Context, ref string) (Found, error) {
	q := r.request(http.MethodHead, "manifests", ref)
	q.header = http.Header{"Accept": {manifest.Accept}}
	resp, err := r.s.do(ctx, q)
	if err != nil {
		return Found{}, err
	}
	resp.Body.Close()
	return Found{MediaType: mediaType(resp), Digest: resp.Header.Get("Docker-Content-Digest")}, nil
}

// Manifest fetches the manifest or index at a tag or digest. By digest it is
// verified; for a tag the digest is computed, and one that the registry names
// has to be the same.
func (r *Repository) Manifest(ctx context.Context, ref string) (Found, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	q := r.request(http.MethodGet, "manifests", ref)
	q.header = http.Header{"Accept": {manifest.Accept}}
	b, resp, err := r.read(ctx, q, manifest.MaxManifest)
	if err != nil {
		return Found{}, err
	}
	f := Found{b, mediaType(resp), manifest.Digest(b)}
	if strings.HasPrefix(f.MediaType, "text/html") {
		return Found{}, api.Errorf(api.KindUnavailable, "%s answered with a web page, not with an image", r.s.host.Name).
			WithHint("Is there a log-in page of the network in the way?")
	}
	said := resp.Header.Get("Docker-Content-Digest")
	if name.IsDigest(ref) && f.Digest != ref || name.IsDigest(said) && said != f.Digest {
		return Found{}, api.Errorf(api.KindCorrupt, "%s sent another manifest than the one it names", r.s.host.Name)
	}
	return f, nil
}

// read fetches a small body; one that breaks off is fetched once more.
func (r *Repository) read(ctx context.Context, q request, limit int64) ([]byte, *http.Response, error) {
	for again := true; ; again = false {
		resp, err := r.s.do(ctx, q)
		if err != nil {
			return nil, nil, err
		}
		b, err := readPlain(resp, limit)
		resp.Body.Close()
		if err == nil {
			return b, resp, nil
		}
		if !again || api.KindOf(err) == api.KindCorrupt || ctx.Err() != nil {
			return nil, nil, r.s.fail(err)
		}
	}
}

// readPlain reads a small body that nobody asked to have packed: who packs it
// all the same has a bomb, or does not speak HTTP.
func readPlain(r *http.Response, limit int64) ([]byte, error) {
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return nil, api.Errorf(api.KindCorrupt, "the answer is packed with %q, which nobody asked for", short(e))
	}
	return readBody(r.Body, limit)
}

// Small fetches a blob into memory and verifies it; for configs.
func (r *Repository) Small(ctx context.Context, d manifest.Descriptor) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	b, _, err := r.read(ctx, r.request(http.MethodGet, "blobs", d.Digest), d.Size)
	if err != nil {
		return nil, err
	}
	if manifest.Digest(b) != d.Digest {
		return nil, api.Errorf(api.KindCorrupt, "%s sent something else than %s", r.s.host.Name, d.Digest)
	}
	return b, nil
}

func mediaType(r *http.Response) string {
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return t
}

// maxPages bounds how often we go on to a next page.
const maxPages = 20

// Tags lists the tags, at most limit of them; more tells that there are more.
func (r *Repository) Tags(ctx context.Context, limit int) (tags []string, more bool, err error) {
	path := "/v2/" + r.name + "/tags/list?n=1000"
	err = r.s.pages(ctx, path, scope{repository: r.name}, func(b []byte) (bool, error) {
		var page struct {
			Tags []*string `json:"tags"` // Nexus sends null, also for single ones
		}
		if err := json.Unmarshal(b, &page); err != nil {
			return false, notJSON(r.s.host.Name)
		}
		for _, t := range page.Tags {
			if t != nil && name.IsTag(*t) {
				tags = append(tags, *t)
			}
		}
		more = len(tags) >= limit
		return !more, nil
	})
	if len(tags) > limit {
		tags = tags[:limit]
	}
	return tags, more, err
}

// Catalog lists the repositories of a registry that lets one list them.
func (c *Client) Catalog(ctx context.Context, h Host, each func(repository string) bool) error {
	s, err := c.session(h)
	if err != nil {
		return err
	}
	return s.pages(ctx, "/v2/_catalog?n=1000", scope{catalog: true}, func(b []byte) (bool, error) {
		var page struct {
			Repositories []string `json:"repositories"`
		}
		if err := json.Unmarshal(b, &page); err != nil {
			return false, notJSON(h.Name)
		}
		for _, r := range page.Repositories {
			if !each(r) {
				return false, nil
			}
		}
		return true, nil
	})
}

func notJSON(host string) error {
	return api.Errorf(api.KindUnavailable, "%s answered with something that is no list", host)
}

// pages follows Link headers. Of the link only path and query count: it stays
// at this host, whatever it says.
func (s *session) pages(ctx context.Context, path string, sc scope, each func([]byte) (bool, error)) error {
	seen := map[string]bool{}
	for range maxPages {
		seen[path] = true
		resp, err := s.do(ctx, request{method: http.MethodGet, path: path, scope: sc})
		if err != nil {
			return err
		}
		b, err := readPlain(resp, 8<<20)
		resp.Body.Close()
		if err != nil {
			return s.fail(err)
		}
		next, err := nextPage(resp.Header.Get("Link"), path)
		on, eerr := each(b)
		if eerr != nil {
			return eerr
		}
		if !on || err != nil || next == "" || seen[next] {
			return nil
		}
		path = next
	}
	return nil
}

// nextPage reads <URL>; rel="next", where the URL may be relative.
func nextPage(link, current string) (string, error) {
	if !strings.Contains(link, `rel="next"`) && !strings.Contains(link, "rel=next") {
		return "", nil
	}
	_, rest, ok := strings.Cut(link, "<")
	target, _, ok2 := strings.Cut(rest, ">")
	if !ok || !ok2 {
		return "", nil
	}
	base, err := url.Parse(current)
	if err != nil {
		return "", err
	}
	u, err := base.Parse(target)
	if err != nil {
		return "", err
	}
	return u.RequestURI(), nil
}

// Verify tries credentials with a registry. Open tells that they went, or
// would go, to somebody who did not prove to be that registry.
func (c *Client) Verify(ctx context.Context, h Host, cred Credential) (open bool, err error) {
	s, err := c.session(h)
	if err != nil {
		return false, err
	}
	s.mu.Lock()
	s.challenge, s.tokens = nil, map[string]token{}
	s.mu.Unlock()
	resp, err := s.do(ctx, request{method: http.MethodGet, path: "/v2/", scope: scope{login: &cred}})
	c.Forget(h.Name)
	if err != nil {
		return false, err
	}
	resp.Body.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.challenge == nil {
		return s.open(), nil // it lets everybody in; the credentials may be for some repositories
	}
	return s.open(), s.usedInClear(cred)
}

// usedInClear tells a login that could not send what it was to try.
func (s *session) usedInClear(cred Credential) error {
	u, err := url.Parse(s.base)
	if err != nil {
		return err
	}
	if s.challenge.scheme == "bearer" {
		if u, err = url.Parse(s.challenge.params["realm"]); err != nil {
			return err
		}
	}
	if !cred.Empty() && !s.secure(u, cred) {
		return s.inClear(u)
	}
	return nil
}

// JSON fetches a document from an API that is no registry's (search, tags).
// address is complete; the host's settings are h's. header is what the API
// wants besides: names and values in turn.
func (c *Client) JSON(ctx context.Context, h Host, address string, v any, header ...string) error {
	s, err := c.session(h)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	r.Header.Set("User-Agent", userAgent)
	r.Header.Set("Accept", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := s.http.Do(r)
	if err != nil {
		return s.fail(err)
	}
	defer resp.Body.Close()
	b, err := readBody(resp.Body, 8<<20)
	if err != nil {
		return s.fail(err)
	}
	if resp.StatusCode != http.StatusOK {
		return s.fail(s.status(resp, b))
	}
	if err := json.Unmarshal(b, v); err != nil {
		return notJSON(h.Name)
	}
	return nil
}

// Base gives the address at which the host's own APIs are: https://quay.io.
func (c *Client) Base(ctx context.Context, h Host) (string, error) {
	s, err := c.session(h)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	known := s.base
	s.mu.Unlock()
	if known != "" {
		return known, nil
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://host/", nil)
	if err != nil {
		return "", err
	}
	resp, err := s.try(r, "/v2/")
	if err != nil {
		return "", s.fail(err)
	}
	resp.Body.Close()
	return s.base, nil
}

// Quota asks, with a HEAD, what Docker Hub says of its limit on pulls.
func (r *Repository) Quota(ctx context.Context, ref string) (api.PullQuota, error) {
	q := r.request(http.MethodHead, "manifests", ref)
	q.header = http.Header{"Accept": {manifest.Accept}}
	resp, err := r.s.do(ctx, q)
	if err != nil {
		return api.PullQuota{}, err
	}
	resp.Body.Close()
	var out api.PullQuota
	out.Limit, out.Window = limitAndWindow(resp.Header.Get("RateLimit-Limit"))
	out.Remaining, _ = limitAndWindow(resp.Header.Get("RateLimit-Remaining"))
	out.Source = Text(resp.Header.Get("Docker-RateLimit-Source"), 100)
	return out, nil
}

// limitAndWindow reads 100;w=21600.
func limitAndWindow(s string) (n, window int) {
	count, rest, _ := strings.Cut(s, ";")
	n, err := strconv.Atoi(strings.TrimSpace(count))
	if err != nil || n < 0 {
		return 0, 0
	}
	if w, ok := strings.CutPrefix(strings.TrimSpace(rest), "w="); ok {
		if v, err := strconv.Atoi(w); err == nil && v > 0 {
			window = v
		}
	}
	return n, window
}
