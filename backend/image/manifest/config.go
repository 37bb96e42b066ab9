package manifest

import (
	"sort"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"davit/backend/api"
	"davit/backend/image/name"
)

// Config is an image's config document.
type Config struct {
	Created      string    `json:"created"` // RFC 3339, or anything
	Author       string    `json:"author"`
	OS           string    `json:"os"`
	Architecture string    `json:"architecture"`
	Variant      string    `json:"variant"`
	Config       *Run      `json:"config"`
	RootFS       RootFS    `json:"rootfs"`
	History      []History `json:"history"`
}

// RootFS lists the layers by the digest of their tars.
type RootFS struct {
	Type    string   `json:"type"`
	DiffIDs []string `json:"diff_ids"`
}

// History is a step of how the image was made.
type History struct {
	Created    string `json:"created"`
	CreatedBy  string `json:"created_by"`
	Comment    string `json:"comment"`
	EmptyLayer bool   `json:"empty_layer"`
}

// Run is how to run the image.
type Run = v1.Config

// ParseConfig reads a config and checks that it fits the manifest m.
func ParseConfig(b []byte, m *Manifest) (*Config, error) {
	c, err := readConfig(b)
	if err != nil {
		return nil, err
	}
	if len(c.RootFS.DiffIDs) != len(m.Layers) {
		return nil, corrupt("the config names %d layers, the manifest %d", len(c.RootFS.DiffIDs), len(m.Layers))
	}
	return c, nil
}

// ReadConfig reads a config of which no manifest is known yet.
func ReadConfig(b []byte) (*Config, error) { return readConfig(b) }

func readConfig(b []byte) (*Config, error) {
	if len(b) > MaxConfig {
		return nil, corrupt("the config has %d bytes, more than the %d that are allowed", len(b), MaxConfig)
	}
	var c *Config
	if err := decode(b, &c); err != nil {
		return nil, corrupt("the config cannot be read: %w", cut(err))
	}
	if c == nil || c.OS == "" && c.Architecture == "" {
		return nil, corrupt("the config says neither operating system nor architecture")
	}
	if c.OS != "linux" {
		return nil, corrupt("the image is for %q; only linux images run here", shorten(c.OS+"/"+c.Architecture))
	}
	if len(c.RootFS.DiffIDs) > MaxLayers {
		return nil, corrupt("the config names %d layers, more than the %d that the kernel can stack", len(c.RootFS.DiffIDs), MaxLayers)
	}
	for _, d := range c.RootFS.DiffIDs {
		if !name.IsDigest(d) {
			return nil, corrupt("a layer's diff id is not sha256: and 64 hex digits: %q", shorten(d))
		}
	}
	if c.Config == nil {
		c.Config = &Run{}
	}
	return c, checkRun(c.Config)
}

// checkRun refuses what execve(2) would cut short.
func checkRun(r *Run) error {
	for what, list := range map[string][]string{
		"Env": r.Env, "Entrypoint": r.Entrypoint, "Cmd": r.Cmd,
		"WorkingDir": {r.WorkingDir}, "User": {r.User},
	} {
		for _, s := range list {
			if strings.ContainsRune(s, 0) {
				return corrupt("the config has a zero byte in %s: %q", what, shorten(s))
			}
		}
	}
	return nil
}

// Platform is what the image says it runs on.
func (c *Config) Platform() Platform {
	return Platform{OS: c.OS, Architecture: c.Architecture, Variant: c.Variant}.normal()
}

// API gives the config in Davit's vocabulary; slices are never nil.
func (c *Config) API() api.ImageConfig {
	r := c.Config
	out := api.ImageConfig{
		User: r.User, Env: list(r.Env), Entrypoint: list(r.Entrypoint), Cmd: list(r.Cmd),
		WorkingDir: r.WorkingDir, StopSignal: r.StopSignal, Labels: r.Labels,
		ExposedPorts: keys(r.ExposedPorts), Volumes: keys(r.Volumes), HealthCheck: health(r),
	}
	if out.Labels == nil {
		out.Labels = map[string]string{}
	}
	for i, p := range out.ExposedPorts {
		if !strings.Contains(p, "/") {
			out.ExposedPorts[i] = p + "/tcp"
		}
	}
	return out
}

func list(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

func keys(m map[string]struct{}) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

// Time reads a time of a config; what is none is the zero time.
func Time(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}
	}
	return t
}
