package runspec

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"davit/backend/api"
)

// volume reads docker's -v: [host path or volume:]path inside[:options].
func (o *Flags) volume(value string) error {
	parts := strings.Split(value, ":")
	m := api.Mount{Type: api.MountVolume, Target: parts[0]}
	switch {
	case len(parts) > 3:
		return fmt.Errorf("%q: want path|name:path[:ro]; a path with a colon is for --mount", value)
	case len(parts) > 1:
		m.Source, m.Target = parts[0], parts[1]
		if m.Source == "" {
			return fmt.Errorf("%q: nothing stands before the colon; a volume without a name is the path inside alone", value)
		}
	}
	if isPath(m.Source) {
		m.Type, m.Create = api.MountBind, true
	}
	if len(parts) == 3 {
		if err := mountOptions(&m, strings.Split(parts[2], ",")); err != nil {
			return err
		}
	}
	return o.addMount(m)
}

// isPath tells a host path from a volume's name, as docker does.
func isPath(source string) bool {
	return strings.HasPrefix(source, "/") || strings.HasPrefix(source, ".") || strings.HasPrefix(source, "~") || strings.HasPrefix(source, "$") || strings.Contains(source, "/")
}

func (o *Flags) addMount(m api.Mount) error {
	if m.Type == api.MountBind && o.Here.Path != nil {
		path, err := o.Here.Path(m.Source)
		if err != nil {
			return err
		}
		m.Source = path
	}
	if !strings.HasPrefix(m.Target, "/") {
		return fmt.Errorf("the path inside the container begins with /, unlike %q", m.Target)
	}
	o.Spec.Mounts = append(o.Spec.Mounts, m)
	return nil
}

// errIDMap says why podman's idmap is none of ours: see
// build/decisions/0008-a-containers-own-ids.md.
var errIDMap = errors.New("idmap: the kernel maps the owners of a single directory of a disk for root of the computer only; --userns keep-id:uid=N,gid=N makes user N inside you for all of them")

var (
	propagations = []string{"rprivate", "private", "rslave", "slave", "rshared", "shared"}
	mountFlags   = []string{"exec", "noexec", "suid", "nosuid", "dev", "nodev"}
)

// mountOptions reads what stands after the last colon of -v and --tmpfs.
func mountOptions(m *api.Mount, options []string) error {
	for _, opt := range options {
		key, value, _ := strings.Cut(opt, "=")
		var err error
		switch {
		case opt == "ro" || opt == "readonly":
			m.ReadOnly = true
		case opt == "" || opt == "rw" || slices.Contains([]string{"cached", "delegated", "consistent"}, opt):
			// The default here; consistency is a matter of virtual machines.
		case opt == "z" || opt == "Z":
			m.Relabel = opt
		case key == "idmap":
			err = errIDMap
		case opt == "U":
			m.Chown = true
		case opt == "nocopy":
			m.NoCopy = true
		case m.Type == api.MountTmpfs && key == "size" && !strings.HasSuffix(value, "%"):
			m.Size, err = Bytes("tmpfs size", value)
		case m.Type == api.MountTmpfs && key == "mode":
			m.Mode = value
		case m.Type == api.MountBind && slices.Contains(propagations, opt):
			m.Propagation = opt
		case slices.Contains(mountFlags, opt), m.Type == api.MountTmpfs && tmpfsOption(opt):
			m.Options = append(m.Options, opt)
		default:
			err = fmt.Errorf("the option %q is not known here", opt)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// tmpfs reads docker's --tmpfs: PATH[:options].
func (o *Flags) tmpfs(value string) error {
	target, options, _ := strings.Cut(value, ":")
	m := api.Mount{Type: api.MountTmpfs, Target: target}
	if err := mountOptions(&m, strings.Split(options, ",")); err != nil {
		return err
	}
	return o.addMount(m)
}

// mount reads docker's --mount: key=value pairs, separated as in CSV.
func (o *Flags) mount(value string) error {
	words, err := fields(value)
	if err != nil {
		return err
	}
	m := api.Mount{Type: api.MountVolume}
	for _, w := range words {
		key, v, found := strings.Cut(w, "=")
		if err := mountField(&m, strings.ToLower(strings.TrimSpace(key)), v, found); err != nil {
			return err
		}
	}
	switch {
	case m.Type != api.MountBind && m.Type != api.MountTmpfs && m.Type != api.MountVolume:
		return fmt.Errorf("there are no mounts of type %q: types are bind, volume and tmpfs", m.Type)
	case m.Type == api.MountBind && m.Source == "":
		return fmt.Errorf("source= is missing")
	}
	return o.addMount(m)
}

func mountField(m *api.Mount, key, v string, found bool) (err error) {
	on := func(to *bool) (err error) {
		if *to = true; found {
			if *to, err = strconv.ParseBool(v); err != nil {
				err = fmt.Errorf("%s=%s: want true or false", key, v)
			}
		}
		return err
	}
	switch key {
	case "type":
		m.Type = v
	case "source", "src":
		m.Source = v
	case "target", "dst", "destination":
		m.Target = v
	case "readonly", "ro":
		return on(&m.ReadOnly)
	case "volume-nocopy", "nocopy":
		return on(&m.NoCopy)
	case "volume-subpath", "subpath":
		m.Subpath = v
	case "bind-propagation":
		m.Propagation = v
	case "bind-create-src":
		return on(&m.Create)
	case "idmap":
		return errIDMap
	case "u", "chown":
		return on(&m.Chown)
	case "relabel":
		m.Relabel = map[string]string{"shared": "z", "private": "Z"}[v]
	case "z":
		m.Relabel = "z"
	case "consistency":
		// A matter of virtual machines.
	case "volume-driver":
		if v != "local" {
			err = fmt.Errorf("volume-driver=%s: volumes are directories of this computer (local)", v)
		}
	case "volume-label", "volume-opt":
		err = fmt.Errorf("%s: make the volume first (davit volume create), and give it what it is to have there", key)
	case "bind-nonrecursive", "bind-recursive":
		if v != "enabled" && v != "false" {
			err = fmt.Errorf("%s: what is mounted below a directory comes with it", key)
		}
	case "tmpfs-size":
		m.Size, err = Bytes(key, v)
	case "tmpfs-mode":
		m.Mode = v
	case "bind-option", "option":
		m.Options = append(m.Options, v)
	default:
		return fmt.Errorf("%q is not known (type, source, target, readonly, …)", key)
	}
	return err
}

// fields parts words at commas as CSV does: "a,b" in quotation marks is one,
// and a mark inside is doubled.
func fields(s string) ([]string, error) {
	var words []string
	for {
		if !strings.HasPrefix(s, `"`) {
			word, rest, more := strings.Cut(s, ",")
			words = append(words, word)
			if !more {
				return words, nil
			}
			s = rest
			continue
		}
		word, rest, ok := quotedField(s[1:])
		if !ok {
			return nil, fmt.Errorf("a quotation mark is opened and not closed")
		}
		words = append(words, word)
		if rest == "" {
			return words, nil
		}
		if !strings.HasPrefix(rest, ",") {
			return nil, fmt.Errorf("a comma is missing after a quotation mark")
		}
		s = rest[1:]
	}
}

func quotedField(s string) (word, rest string, ok bool) {
	var b strings.Builder
	for {
		part, after, found := strings.Cut(s, `"`)
		if !found {
			return "", "", false
		}
		b.WriteString(part)
		if !strings.HasPrefix(after, `"`) {
			return b.String(), after, true
		}
		b.WriteByte('"')
		s = after[1:]
	}
}

// field writes a word as fields reads it.
func field(word string) string {
	if strings.ContainsAny(word, ",\"\r\n") {
		return `"` + strings.ReplaceAll(word, `"`, `""`) + `"`
	}
	return word
}

// mountWords writes a mount: -v and --tmpfs where they say all of it.
func mountWords(m api.Mount) []string {
	if options, ok := shortMount(m); ok {
		suffix := ""
		if len(options) > 0 {
			suffix = ":" + strings.Join(options, ",")
		}
		switch {
		case m.Type == api.MountTmpfs:
			return []string{"--tmpfs", m.Target + suffix}
		case m.Source == "":
			return []string{"-v", m.Target}
		}
		return []string{"-v", m.Source + ":" + m.Target + suffix}
	}
	return []string{"--mount", longMount(m)}
}

// shortMount gives the options of -v or --tmpfs, where they can say all.
func shortMount(m api.Mount) (options []string, ok bool) {
	if strings.Contains(m.Source+m.Target, ":") || m.Subpath != "" {
		return nil, false
	}
	if m.Type == api.MountBind && (!m.Create || !strings.HasPrefix(m.Source, "/")) {
		return nil, false
	}
	add := func(yes bool, option string) {
		if yes {
			options = append(options, option)
		}
	}
	add(m.ReadOnly, "ro")
	add(m.Relabel != "", m.Relabel)
	add(m.Chown, "U")
	add(m.NoCopy, "nocopy")
	add(m.Propagation != "", m.Propagation)
	add(m.Size != 0, "size="+size(m.Size))
	add(m.Mode != "", "mode="+m.Mode)
	options = append(options, m.Options...)
	if m.Type == api.MountVolume {
		return options, m.Source != "" && !isPath(m.Source) || m.Source == "" && len(options) == 0
	}
	return options, true
}

func longMount(m api.Mount) string {
	words := []string{"type=" + m.Type}
	add := func(yes bool, word string) {
		if yes {
			words = append(words, field(word))
		}
	}
	add(m.Source != "", "source="+m.Source)
	add(true, "target="+m.Target)
	add(m.ReadOnly, "readonly")
	add(m.Relabel == "z", "relabel=shared")
	add(m.Relabel == "Z", "relabel=private")
	add(m.Chown, "chown")
	add(m.NoCopy, "volume-nocopy")
	add(m.Subpath != "", "volume-subpath="+m.Subpath)
	add(m.Propagation != "", "bind-propagation="+m.Propagation)
	add(m.Create, "bind-create-src")
	add(m.Size != 0, "tmpfs-size="+size(m.Size))
	add(m.Mode != "", "tmpfs-mode="+m.Mode)
	for _, o := range m.Options {
		add(true, "option="+o)
	}
	return strings.Join(words, ",")
}
