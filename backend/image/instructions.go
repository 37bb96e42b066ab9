package image

import (
	"encoding/json"
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"davit/backend/api"
)

// change applies instructions of a Dockerfile to a config, as docker's import
// and commit do with --change.
func change(c *v1.Config, instructions []string) error {
	for _, line := range instructions {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		rest = strings.TrimSpace(rest)
		do := instruction[strings.ToUpper(word)]
		if do == nil {
			return api.Errorf(api.KindInvalid, "%q is not an instruction that can be applied to an image", word).WithRef(line).
				WithHint("There are CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME and WORKDIR.")
		}
		if rest == "" || strings.ContainsRune(rest, 0) {
			return api.Errorf(api.KindInvalid, "%s wants a value", word).WithRef(line)
		}
		if err := do(c, rest); err != nil {
			return api.Errorf(api.KindInvalid, "%s: %w", line, err).WithRef(line)
		}
	}
	return nil
}

var instruction = map[string]func(*v1.Config, string) error{
	"CMD": func(c *v1.Config, v string) error { c.Cmd = command(v); return nil },
	"ENTRYPOINT": func(c *v1.Config, v string) error {
		c.Entrypoint, c.Cmd = command(v), nil // the old command was for the old entrypoint
		return nil
	},
	"ENV": func(c *v1.Config, v string) error {
		return pairs(v, func(k, v string) { c.Env = setEnv(c.Env, k, v) })
	},
	"LABEL": func(c *v1.Config, v string) error {
		return pairs(v, func(k, v string) {
			labels := map[string]string{k: v}
			for have, value := range c.Labels {
				if have != k {
					labels[have] = value
				}
			}
			c.Labels = labels
		})
	},
	"EXPOSE": func(c *v1.Config, v string) error {
		for _, p := range strings.Fields(v) {
			if !strings.Contains(p, "/") {
				p += "/tcp"
			}
			c.ExposedPorts = with(c.ExposedPorts, p)
		}
		return nil
	},
	"VOLUME": func(c *v1.Config, v string) error {
		list := strings.Fields(v)
		if strings.HasPrefix(v, "[") {
			list = command(v)
		}
		for _, p := range list {
			c.Volumes = with(c.Volumes, p)
		}
		return nil
	},
	"USER":       func(c *v1.Config, v string) error { c.User = v; return nil },
	"WORKDIR":    func(c *v1.Config, v string) error { c.WorkingDir = v; return nil },
	"STOPSIGNAL": func(c *v1.Config, v string) error { c.StopSignal = v; return nil },
}

// command reads the JSON form, or the shell's.
func command(v string) []string {
	var list []string
	if strings.HasPrefix(v, "[") && json.Unmarshal([]byte(v), &list) == nil {
		return list
	}
	return []string{"/bin/sh", "-c", v}
}

func with(set map[string]struct{}, v string) map[string]struct{} {
	out := map[string]struct{}{v: {}}
	for k := range set {
		out[k] = struct{}{}
	}
	return out
}

func setEnv(env []string, k, v string) []string {
	out := []string{}
	for _, e := range env {
		if !strings.HasPrefix(e, k+"=") {
			out = append(out, e)
		}
	}
	return append(out, k+"="+v)
}

// pairs reads k=v k="v with blanks", or docker's old "k v".
func pairs(s string, set func(k, v string)) error {
	if k, v, ok := strings.Cut(s, " "); ok && !strings.Contains(k, "=") {
		set(k, strings.TrimSpace(v))
		return nil
	}
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		k, rest, ok := strings.Cut(s, "=")
		if !ok || k == "" {
			return fmt.Errorf("%q is not name=value", s)
		}
		v, rest, err := word(rest)
		if err != nil {
			return err
		}
		set(strings.Trim(k, `"`), v)
		s = rest
	}
	return nil
}

// word takes a shell word from the front: quotes and backslashes are undone.
func word(s string) (v, rest string, err error) {
	var b strings.Builder
	var quote byte
	for i := 0; i < len(s); i++ {
		switch ch := s[i]; {
		case quote == 0 && ch == ' ':
			return b.String(), s[i:], nil
		case quote == 0 && (ch == '"' || ch == '\''):
			quote = ch
		case ch == quote:
			quote = 0
		case ch == '\\' && quote != '\'' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		default:
			b.WriteByte(ch)
		}
	}
	if quote != 0 {
		return "", "", fmt.Errorf("a quote is not closed")
	}
	return b.String(), "", nil
}
