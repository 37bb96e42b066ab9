package search

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"davit/backend/api"
	"davit/backend/image/fetch"
	"davit/backend/image/name"
)

// extra is how long what only adds to an answer may take.
const extra = 4 * time.Second

// hub asks the search that docker asks, and beside it Hub's own, which also
// knows pulls and dates. Either one alone is an answer.
func (s Searcher) hub(ctx context.Context, a *Answer, t Target, term string, limit int) error {
	var more Answer
	done := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(ctx, extra)
		defer cancel()
		done <- s.hubCatalogue(ctx, &more, t, term, limit)
	}()
	err := s.v1(ctx, a, t, fetch.Host{Name: "index.docker.io"}, s.base("index.docker.io"), term, limit)
	if rich := <-done; rich != nil {
		return err
	}
	if err != nil {
		a.Results, a.More = more.Results, more.More
		return nil
	}
	known := map[string]api.SearchResult{}
	for _, r := range more.Results {
		known[r.Name] = r
	}
	for i, r := range a.Results {
		if k, ok := known[r.Name]; ok {
			a.Results[i].Pulls, a.Results[i].Updated, a.Results[i].Verified = k.Pulls, k.Updated, k.Verified
		}
	}
	return nil
}

// hubCatalogue is Hub's search of version 3.
func (s Searcher) hubCatalogue(ctx context.Context, a *Answer, t Target, term string, limit int) error {
	var page struct {
		Total   int `json:"total"`
		Results []struct {
			Slug    string    `json:"slug"`
			Short   string    `json:"short_description"`
			Badge   string    `json:"badge"`
			Stars   int       `json:"star_count"`
			Updated time.Time `json:"updated_at"`
			Plans   []struct {
				Repositories []struct {
					Name      string `json:"name"`
					Namespace string `json:"namespace"`
					Pulls     string `json:"pull_count"`
				} `json:"repositories"`
			} `json:"rate_plans"`
		} `json:"results"`
	}
	q := url.Values{"query": {term}, "from": {"0"}, "size": {strconv.Itoa(min(limit, 100))}, "type": {"image"}}
	address := s.base("hub.docker.com") + "/api/search/v3/catalog/search?" + q.Encode()
	if err := s.Client.JSON(ctx, fetch.Host{Name: "hub.docker.com"}, address, &page, "Search-Version", "v3"); err != nil {
		return err
	}
	for _, r := range page.Results {
		row := api.SearchResult{Description: r.Short, Stars: r.Stars, Official: r.Badge == "official", Verified: r.Badge == "verified_publisher", Updated: r.Updated}
		repository := r.Slug
		if len(r.Plans) > 0 && len(r.Plans[0].Repositories) > 0 {
			p := r.Plans[0].Repositories[0]
			row.Pulls = fetch.Text(p.Pulls, 20)
			if p.Name != "" {
				repository = strings.TrimPrefix(p.Namespace+"/"+p.Name, "/")
			}
		}
		a.add(t, repository, row)
	}
	a.More = page.Total > len(page.Results)
	return nil
}

// redhat asks Pyxis, Red Hat's catalogue; where it does not answer, the search
// that registry v1 has left. What can be pulled without a log-in is offered.
func (s Searcher) redhat(ctx context.Context, a *Answer, t Target, term string, limit int) error {
	open := "registry.access.redhat.com"
	if err := s.pyxis(ctx, a, t, term, limit); err == nil {
		return nil
	}
	a.Results = nil
	return s.v1(ctx, a, t, fetch.Host{Name: open}, s.base(open), term, limit)
}

func (s Searcher) pyxis(ctx context.Context, a *Answer, t Target, term string, limit int) error {
	var page struct {
		Total int `json:"total"`
		Data  []struct {
			Registry   string `json:"registry"`
			Repository string `json:"repository"`
			Display    struct {
				Name  string `json:"name"`
				Short string `json:"short_description"`
			} `json:"display_data"`
			EOL     string `json:"eol_date"`
			Updated string `json:"last_update_date"`
		} `json:"data"`
	}
	word := strings.Map(func(r rune) rune { // RSQL's own characters cannot be part of a name
		if strings.ContainsRune(`"'();,=<>!~ `, r) {
			return -1
		}
		return r
	}, term)
	q := url.Values{"filter": {"repository=like=" + word}, "page_size": {strconv.Itoa(min(limit, 100))}, "page": {"0"}}
	address := s.base("catalog.redhat.com") + "/api/containers/v1/repositories?" + q.Encode()
	if err := s.Client.JSON(ctx, fetch.Host{Name: "catalog.redhat.com"}, address, &page); err != nil {
		return err
	}
	for _, r := range page.Data {
		if r.Registry != "" && r.Registry != t.Registry {
			continue
		}
		row := api.SearchResult{Description: strings.TrimPrefix(r.Display.Name+": "+r.Display.Short, ": "), Official: true}
		if at, err := time.Parse(time.RFC3339Nano, r.Updated); err == nil {
			row.Updated = at
		}
		if r.EOL != "" {
			row.Description += " (no longer maintained)"
		}
		a.add(t, r.Repository, row)
	}
	a.More = page.Total > len(page.Data)
	return nil
}

// artifactHub asks an index of images that lie in many registries.
func (s Searcher) artifactHub(ctx context.Context, a *Answer, term string, limit int) error {
	var page struct {
		Packages []struct {
			Description string `json:"description"`
			Stars       int    `json:"stars"`
			Official    bool   `json:"official"`
			At          int64  `json:"ts"`
			Repository  struct {
				URL      string `json:"url"`
				Verified bool   `json:"verified_publisher"`
			} `json:"repository"`
		} `json:"packages"`
	}
	q := url.Values{"kind": {"12"}, "ts_query_web": {term}, "limit": {strconv.Itoa(min(limit, 60))}}
	if err := s.Client.JSON(ctx, fetch.Host{Name: ArtifactHubHost}, s.base(ArtifactHubHost)+"/api/v1/packages/search?"+q.Encode(), &page); err != nil {
		return err
	}
	for _, p := range page.Packages {
		ref, found := strings.CutPrefix(p.Repository.URL, "oci://")
		n, err := name.Parse(ref)
		if !found || err != nil {
			continue
		}
		r := api.SearchResult{Name: n.Repo(), Description: fetch.Text(p.Description, 500), Stars: p.Stars, Official: p.Official, Verified: p.Repository.Verified}
		if p.At > 0 {
			r.Updated = time.Unix(p.At, 0).UTC()
		}
		a.Results = append(a.Results, r)
	}
	return nil
}

// harbor asks Harbor's search.
func (s Searcher) harbor(ctx context.Context, a *Answer, t Target, base, term string) error {
	var page struct {
		Repository *[]struct {
			Name      string `json:"repository_name"`
			Pulls     int64  `json:"pull_count"`
			Artifacts int    `json:"artifact_count"`
		} `json:"repository"`
	}
	if err := s.Client.JSON(ctx, t.Host, base+"/api/v2.0/search?"+url.Values{"q": {term}}.Encode(), &page); err != nil {
		return err
	}
	if page.Repository == nil {
		return noList(t.Host.Name)
	}
	for _, r := range *page.Repository {
		a.add(t, r.Name, api.SearchResult{Description: fmt.Sprintf("%d images", r.Artifacts), Pulls: strconv.FormatInt(r.Pulls, 10)})
	}
	return nil
}

// discovers tells whether a registry says that it has zot's search.
func (s Searcher) discovers(ctx context.Context, t Target, base string) bool {
	var page struct {
		Extensions []struct {
			Name string `json:"name"`
		} `json:"extensions"`
	}
	if s.Client.JSON(ctx, t.Host, base+"/v2/_oci/ext/discover", &page) != nil {
		return false
	}
	for _, e := range page.Extensions {
		if e.Name == "_zot" {
			return true
		}
	}
	return false
}

// zot asks zot's search, which is GraphQL.
func (s Searcher) zot(ctx context.Context, a *Answer, t Target, base, term string, limit int) error {
	var page struct {
		Data struct {
			Global *struct {
				Page struct {
					Total int `json:"TotalCount"`
				}
				Repos []struct {
					Name      string    `json:"Name"`
					Updated   time.Time `json:"LastUpdated"`
					Stars     int       `json:"StarCount"`
					Downloads int64     `json:"DownloadCount"`
					Newest    struct {
						Description string `json:"Description"`
					} `json:"NewestImage"`
				}
			} `json:"GlobalSearch"`
		} `json:"data"`
	}
	word, err := json.Marshal(term)
	if err != nil {
		return err
	}
	query := fmt.Sprintf(`{GlobalSearch(query:%s,requestedPage:{limit:%d,offset:0,sortBy:RELEVANCE}){Page{TotalCount ItemCount} Repos{Name LastUpdated StarCount DownloadCount NewestImage{Tag Description}}}}`, word, limit)
	if err := s.Client.JSON(ctx, t.Host, base+"/v2/_zot/ext/search?"+url.Values{"query": {query}}.Encode(), &page); err != nil {
		return err
	}
	if page.Data.Global == nil {
		return noList(t.Host.Name)
	}
	for _, r := range page.Data.Global.Repos {
		a.add(t, r.Name, api.SearchResult{Description: r.Newest.Description, Stars: r.Stars, Pulls: strconv.FormatInt(r.Downloads, 10), Updated: r.Updated})
	}
	a.More = page.Data.Global.Page.Total > len(page.Data.Global.Repos)
	return nil
}

func noList(host string) error {
	return api.Errorf(api.KindUnavailable, "%s answered with something that is no list", host)
}

// maxReadme bounds what is shown of a README.
const maxReadme = 256 << 10

// Describe fills in what the registry says of a repository besides its tags.
func (s Searcher) Describe(ctx context.Context, n name.Name, out *api.Repository) error {
	switch KindOf(n.Registry) {
	case Hub:
		return s.describeHub(ctx, n, out)
	case Quay:
		return s.describeQuay(ctx, n, out)
	case RedHat:
		return s.describeRedHat(ctx, n, out)
	}
	return nil
}

func (s Searcher) describeHub(ctx context.Context, n name.Name, out *api.Repository) error {
	var page struct {
		Description string    `json:"description"`
		Full        string    `json:"full_description"`
		Stars       int       `json:"star_count"`
		Pulls       int64     `json:"pull_count"`
		Updated     time.Time `json:"last_updated"`
	}
	err := s.Client.JSON(ctx, fetch.Host{Name: "hub.docker.com"}, s.base("hub.docker.com")+"/v2/repositories/"+n.Repository+"/", &page)
	if err != nil {
		return err
	}
	out.Description, out.Readme = fetch.Text(page.Description, 1000), markdown(page.Full)
	out.Stars, out.Updated = page.Stars, page.Updated
	if page.Pulls > 0 {
		out.Pulls = strconv.FormatInt(page.Pulls, 10)
	}
	out.Page = "https://hub.docker.com/r/" + n.Repository
	if official, ok := strings.CutPrefix(n.Repository, "library/"); ok {
		out.Page = "https://hub.docker.com/_/" + official
	}
	return nil
}

func (s Searcher) describeQuay(ctx context.Context, n name.Name, out *api.Repository) error {
	var page struct {
		Description string `json:"description"`
	}
	if err := s.Client.JSON(ctx, fetch.Host{Name: "quay.io"}, s.base("quay.io")+"/api/v1/repository/"+n.Repository+"?includeTags=false", &page); err != nil {
		return err
	}
	out.Readme = markdown(page.Description)
	first, _, _ := strings.Cut(page.Description, "\n")
	out.Description, out.Page = fetch.Text(first, 1000), "https://quay.io/repository/"+n.Repository
	return nil
}

func (s Searcher) describeRedHat(ctx context.Context, n name.Name, out *api.Repository) error {
	var page struct {
		Data []struct {
			Display struct {
				Short string `json:"short_description"`
				Long  string `json:"long_description_markdown"`
			} `json:"display_data"`
		} `json:"data"`
	}
	q := url.Values{"filter": {"registry==" + n.Registry + ";repository==" + n.Repository}, "page_size": {"1"}}
	if err := s.Client.JSON(ctx, fetch.Host{Name: "catalog.redhat.com"}, s.base("catalog.redhat.com")+"/api/containers/v1/repositories?"+q.Encode(), &page); err != nil {
		return err
	}
	if len(page.Data) > 0 {
		out.Description, out.Readme = fetch.Text(page.Data[0].Display.Short, 1000), markdown(page.Data[0].Display.Long)
	}
	return nil
}

// markdown is foreign text of many lines: control characters other than the
// lines' ends are taken out, and it is cut.
func markdown(s string) string {
	if len(s) > maxReadme {
		s = s[:maxReadme] + "\n…"
	}
	lines := strings.Split(strings.ToValidUTF8(s, "\uFFFD"), "\n")
	for i, l := range lines {
		indent := len(l) - len(strings.TrimLeft(l, " \t"))
		lines[i] = strings.ReplaceAll(l[:indent], "\t", "    ") + fetch.Text(l, len(l))
	}
	return strings.Join(lines, "\n")
}
