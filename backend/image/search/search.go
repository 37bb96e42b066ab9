// Package search asks registries what they have, each in the way that it
// understands: Docker Hub, Quay, Red Hat and Artifact Hub by their own APIs,
// zot and Harbor by theirs wherever they are, others by the search of registry
// v1 where they still have it, or by listing their catalogue.
//
// It runs in the engine. What registries answer is foreign text: it is cleaned
// of control characters and cut before anybody sees it.
package search

import (
	"context"
	"errors"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"time"

	"davit/backend/api"
	"davit/backend/image/fetch"
	"davit/backend/image/name"
)

// Kind is how a registry is searched.
type Kind string

// The kinds.
const (
	Hub       Kind = "hub"
	Quay      Kind = "quay"
	RedHat    Kind = "redhat"
	Artifact  Kind = "artifacthub" // an index over many registries
	Harbor    Kind = "harbor"
	Zot       Kind = "zot"
	V1        Kind = "v1"
	Catalogue Kind = "catalogue"
	None      Kind = "none" // can only be asked for a name that one knows
)

// ArtifactHubHost is where the index of the CNCF is.
const ArtifactHubHost = "artifacthub.io"

// KindOf tells the kind of the registries that everybody knows; "" for
// others, which have to be probed.
func KindOf(host string) Kind {
	switch host {
	case name.Docker:
		return Hub
	case "quay.io":
		return Quay
	case ArtifactHubHost:
		return Artifact
	case "registry.access.redhat.com", "registry.redhat.io":
		return RedHat
	case "ghcr.io", "public.ecr.aws", "registry.gitlab.com", "gcr.io", "registry.k8s.io":
		return None
	case "mcr.microsoft.com", "registry.fedoraproject.org":
		return Catalogue
	}
	return ""
}

// Target is a registry to ask.
type Target struct {
	Registry string     // as in complete names
	Host     fetch.Host // to connect to
	Kind     Kind       // "": not known yet
}

// Searcher asks registries.
type Searcher struct {
	Client *fetch.Client
	// APIs maps the hosts of Docker Hub's and Quay's APIs to other addresses.
	APIs map[string]string
}

// Answer is what one registry has.
type Answer struct {
	Results []api.SearchResult
	More    bool
	Kind    Kind // as found out
}

// Search asks one registry for at most limit repositories that fit term.
func (s Searcher) Search(ctx context.Context, t Target, term string, limit int) (a Answer, err error) {
	a.Kind = t.Kind
	switch t.Kind {
	case Hub:
		err = s.hub(ctx, &a, t, term, limit)
	case Quay:
		err = s.quay(ctx, &a, t, term, limit)
	case RedHat:
		err = s.redhat(ctx, &a, t, term, limit)
	case Artifact:
		err = s.artifactHub(ctx, &a, term, limit)
	case None:
	case Catalogue:
		err = s.catalogue(ctx, &a, t, term, limit)
	default:
		err = s.probe(ctx, &a, t, term, limit)
	}
	a.Results = order(a.Results, term)
	if len(a.Results) > limit {
		a.Results, a.More = a.Results[:limit], true
	}
	return a, err
}

func (s Searcher) base(host string) string {
	if b := s.APIs[host]; b != "" {
		return b
	}
	return "https://" + host
}

// probe asks a registry of one's own in the way that it understands; one that
// is not known yet is tried in turn: zot says so by itself, Harbor and v1 have
// addresses of their own, and a catalogue all may have.
func (s Searcher) probe(ctx context.Context, a *Answer, t Target, term string, limit int) error {
	base, err := s.Client.Base(ctx, t.Host)
	if err != nil {
		return err
	}
	ways := []struct {
		kind Kind
		ask  func() error
	}{
		{Zot, func() error {
			if t.Kind == "" && !s.discovers(ctx, t, base) {
				return errOther
			}
			return s.zot(ctx, a, t, base, term, limit)
		}},
		{Harbor, func() error { return s.harbor(ctx, a, t, base, term) }},
		{V1, func() error { return s.v1(ctx, a, t, t.Host, base, term, limit) }},
	}
	for _, w := range ways {
		if t.Kind != "" && t.Kind != w.kind {
			continue
		}
		a.Kind, a.Results = w.kind, nil
		err := w.ask()
		if err == nil || t.Kind != "" || ctx.Err() != nil {
			return err
		}
		// Who asks to wait is not asked in other ways meanwhile.
		if api.AsError(err).Kind == api.KindRateLimited {
			return err
		}
	}
	a.Kind, a.Results = Catalogue, nil
	return s.catalogue(ctx, a, t, term, limit)
}

var errOther = errors.New("it is of another kind")

func (s Searcher) v1(ctx context.Context, a *Answer, t Target, h fetch.Host, base, term string, limit int) error {
	var page struct {
		NumResults int `json:"num_results"`
		Results    *[]struct {
			Name        string `json:"name"`
			Description string `json:"description"`
			Stars       int    `json:"star_count"`
			Official    bool   `json:"is_official"`
			Trusted     bool   `json:"is_trusted"`
		} `json:"results"`
	}
	q := url.Values{"q": {term}, "n": {strconv.Itoa(min(limit, 100))}}
	if err := s.Client.JSON(ctx, h, base+"/v1/search?"+q.Encode(), &page); err != nil {
		return err
	}
	if page.Results == nil {
		return noList(h.Name)
	}
	for _, r := range *page.Results {
		a.add(t, r.Name, api.SearchResult{Description: r.Description, Stars: r.Stars, Official: r.Official})
	}
	a.More = page.NumResults > len(*page.Results)
	return nil
}

// add takes a row if its name can be one.
func (a *Answer) add(t Target, repository string, r api.SearchResult) {
	repository = strings.TrimPrefix(repository, t.Registry+"/")
	n, err := name.Parse(t.Registry + "/" + repository)
	if err != nil {
		return
	}
	r.Name, r.Description = n.Repo(), fetch.Text(r.Description, 500)
	a.Results = append(a.Results, r)
}

// quay asks in pages of ten, which is what it gives.
func (s Searcher) quay(ctx context.Context, a *Answer, t Target, term string, limit int) error {
	for p := 1; p <= (limit+9)/10; p++ {
		var page struct {
			Results []struct {
				Kind        string                `json:"kind"`
				Name        string                `json:"name"`
				Namespace   struct{ Name string } `json:"namespace"`
				Description string                `json:"description"`
				Stars       int                   `json:"stars"`
				Modified    int64                 `json:"last_modified"`
			} `json:"results"`
			More bool `json:"has_additional"`
		}
		q := url.Values{"query": {term}, "page": {strconv.Itoa(p)}, "includeUsage": {"true"}}
		if err := s.Client.JSON(ctx, t.Host, s.base("quay.io")+"/api/v1/find/repositories?"+q.Encode(), &page); err != nil {
			return err
		}
		for _, r := range page.Results {
			if r.Kind != "repository" {
				continue
			}
			row := api.SearchResult{Description: r.Description, Stars: r.Stars}
			if r.Modified > 0 {
				row.Updated = time.Unix(r.Modified, 0).UTC()
			}
			a.add(t, r.Namespace.Name+"/"+r.Name, row)
		}
		if a.More = page.More; !a.More {
			break
		}
	}
	return nil
}

// catalogue lists all names and keeps those that fit. A registry that does not
// let us list them has nothing to find, which is no error.
func (s Searcher) catalogue(ctx context.Context, a *Answer, t Target, term string, limit int) error {
	want := strings.ToLower(term)
	err := s.Client.Catalog(ctx, t.Host, func(r string) bool {
		if strings.Contains(strings.ToLower(r), want) {
			a.add(t, r, api.SearchResult{})
		}
		return len(a.Results) < 10*limit // so that exact names found later come first
	})
	switch api.KindOf(err) {
	case api.KindDenied, api.KindNotFound:
		a.Kind = None
		return nil
	}
	return err
}

// order puts official ones and exact names first and leaves the registry's
// own order otherwise.
func order(rs []api.SearchResult, term string) []api.SearchResult {
	if rs == nil {
		return []api.SearchResult{}
	}
	rank := func(r api.SearchResult) int {
		repo := r.Name[strings.IndexByte(r.Name, '/')+1:]
		exact := repo == term || strings.TrimPrefix(repo, "library/") == term
		last := repo[strings.LastIndexByte(repo, '/')+1:] == term
		switch {
		case exact && r.Official:
			return 0
		case exact:
			return 1
		case r.Official:
			return 2
		case last:
			return 3
		}
		return 4
	}
	sort.SliceStable(rs, func(i, j int) bool { return rank(rs[i]) < rank(rs[j]) })
	return rs
}
