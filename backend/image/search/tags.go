package search

import (
	"context"
	"net/url"
	"sort"
	"strings"
	"time"
	"unicode"

	"davit/backend/api"
	"davit/backend/image/fetch"
	"davit/backend/image/manifest"
	"davit/backend/image/name"
)

// maxTags is how many tags are listed.
const maxTags = 1000

// HubTags lists tags by Docker Hub's API, newest first, with the size for p;
// it takes nothing from the pull quota.
func (s Searcher) HubTags(ctx context.Context, repository string, p manifest.Platform) ([]api.Tag, bool, error) {
	space, repo, _ := strings.Cut(repository, "/")
	var page struct {
		Next    string `json:"next"`
		Results []struct {
			Name    string    `json:"name"`
			Size    int64     `json:"full_size"`
			Updated time.Time `json:"last_updated"`
			Digest  string    `json:"digest"`
			Images  []struct {
				Architecture string `json:"architecture"`
				OS           string `json:"os"`
				Variant      string `json:"variant"`
				Digest       string `json:"digest"`
				Size         int64  `json:"size"`
			} `json:"images"`
		} `json:"results"`
	}
	address := s.base("hub.docker.com") + "/v2/namespaces/" + url.PathEscape(space) + "/repositories/" + url.PathEscape(repo) + "/tags?page_size=100&ordering=last_updated"
	if err := s.Client.JSON(ctx, fetch.Host{Name: "hub.docker.com"}, address, &page); err != nil {
		return nil, false, err
	}
	out := []api.Tag{}
	for _, r := range page.Results {
		if !name.IsTag(r.Name) {
			continue
		}
		t := api.Tag{Name: r.Name, Digest: digest(r.Digest), Updated: r.Updated}
		for _, i := range r.Images {
			has := manifest.Platform{OS: i.OS, Architecture: i.Architecture, Variant: i.Variant}
			if has.Fits(p) {
				t.Size = i.Size
			}
			if i.Architecture != "unknown" {
				t.Platforms = append(t.Platforms, api.TagPlatform{Platform: fetch.Text(has.String(), 60), Digest: digest(i.Digest), Size: i.Size})
			}
		}
		out = append(out, t)
	}
	return out, page.Next != "", nil
}

// QuayTags lists tags by Quay's API, newest first.
func (s Searcher) QuayTags(ctx context.Context, repository string) ([]api.Tag, bool, error) {
	var page struct {
		Tags []struct {
			Name     string `json:"name"`
			Digest   string `json:"manifest_digest"`
			Size     *int64 `json:"size"`
			Modified string `json:"last_modified"`
		} `json:"tags"`
		More bool `json:"has_additional"`
	}
	address := s.base("quay.io") + "/api/v1/repository/" + repository + "/tag/?limit=100&onlyActiveTags=true"
	if err := s.Client.JSON(ctx, fetch.Host{Name: "quay.io"}, address, &page); err != nil {
		return nil, false, err
	}
	out := []api.Tag{}
	for _, r := range page.Tags {
		if !name.IsTag(r.Name) {
			continue
		}
		t := api.Tag{Name: r.Name, Digest: digest(r.Digest)}
		if r.Size != nil {
			t.Size = *r.Size
		}
		if at, err := time.Parse(time.RFC1123Z, r.Modified); err == nil {
			t.Updated = at.UTC()
		}
		out = append(out, t)
	}
	return out, page.More, nil
}

// ListTags lists tags by the registry's own list, which tells names alone:
// latest first, then the highest versions.
func ListTags(ctx context.Context, r *fetch.Repository) ([]api.Tag, bool, error) {
	names, more, err := r.Tags(ctx, maxTags)
	if err != nil {
		return nil, false, err
	}
	sort.SliceStable(names, func(i, j int) bool {
		a, b := names[i], names[j]
		if (a == "latest") != (b == "latest") {
			return a == "latest"
		}
		return natural(b, a)
	})
	out := []api.Tag{}
	for _, n := range names {
		out = append(out, api.Tag{Name: n})
	}
	return out, more, nil
}

func digest(s string) string {
	if name.IsDigest(s) {
		return s
	}
	return ""
}

// natural tells whether a is before b, numbers in them compared as numbers.
func natural(a, b string) bool {
	for a != "" && b != "" {
		x, restA := run(a)
		y, restB := run(b)
		if x != y {
			if isDigit(x) && isDigit(y) {
				x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
				if len(x) != len(y) {
					return len(x) < len(y)
				}
			}
			return x < y
		}
		a, b = restA, restB
	}
	return a == "" && b != ""
}

func isDigit(s string) bool { return s != "" && unicode.IsDigit(rune(s[0])) }

// run takes the digits, or what are none, from the front.
func run(s string) (head, rest string) {
	d := isDigit(s)
	i := 0
	for i < len(s) && unicode.IsDigit(rune(s[i])) == d {
		i++
	}
	return s[:i], s[i:]
}
