package other

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"
)

// Docker is a docker daemon behind a unix socket.
type Docker struct{ Socket string }

// FindDocker gives the sockets where a docker may be: the one that the
// environment names, a rootless one, the machine's.
func FindDocker(getenv func(string) string) []Docker {
	if path, ok := strings.CutPrefix(getenv("DOCKER_HOST"), "unix://"); ok {
		return []Docker{{path}}
	}
	var out []Docker
	if run := getenv("XDG_RUNTIME_DIR"); run != "" {
		out = append(out, Docker{filepath.Join(run, "docker.sock")})
	}
	return append(out, Docker{"/var/run/docker.sock"})
}

// ErrAbsent is a socket that is not there.
var ErrAbsent = errors.New("there is no docker")

func (d Docker) get(ctx context.Context, path string) (*http.Response, error) {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "unix", d.Socket)
	}
	c := http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://docker"+path, nil)
	if err != nil {
		return nil, err
	}
	r, err := c.Do(req)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrAbsent
	}
	if err == nil && r.StatusCode != http.StatusOK {
		r.Body.Close()
		err = fmt.Errorf("docker answers %s", r.Status)
	}
	return r, err
}

// Images lists docker's images.
func (d Docker) Images(ctx context.Context) ([]Image, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	r, err := d.get(ctx, "/images/json")
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	var all []struct {
		ID       string   `json:"Id"`
		RepoTags []string `json:"RepoTags"`
		Size     int64    `json:"Size"`
		Created  int64    `json:"Created"`
	}
	if err := json.NewDecoder(io.LimitReader(r.Body, maxRecord)).Decode(&all); err != nil {
		return nil, fmt.Errorf("docker's list of images: %w", err)
	}
	var out []Image
	for _, i := range all {
		if !digest().MatchString(i.ID) {
			continue
		}
		one := Image{ID: i.ID, Names: []string{}, Size: i.Size, Created: time.Unix(i.Created, 0).UTC()}
		for _, n := range i.RepoTags {
			if !strings.Contains(n, "<none>") {
				one.Names = append(one.Names, n)
			}
		}
		out = append(out, one)
	}
	return out, nil
}

// Save gives an archive of an image, with the given names or, by id, none.
func (d Docker) Save(ctx context.Context, i Image) (io.ReadCloser, error) {
	names := i.Names
	if len(names) == 0 {
		names = []string{i.ID}
	}
	r, err := d.get(ctx, "/images/get?"+url.Values{"names": names}.Encode())
	if err != nil {
		return nil, err
	}
	return r.Body, nil
}
