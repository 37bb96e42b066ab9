package registries

import (
	"go.podman.io/image/v5/pkg/sysregistriesv2"
	"go.podman.io/image/v5/types"

	"davit/backend/api"
	"davit/backend/image/name"
)

// modes are the names of short-name modes in registries.conf.
var modes = map[string]types.ShortNameMode{
	"disabled":   types.ShortNameModeDisabled,
	"permissive": types.ShortNameModePermissive,
	"enforcing":  types.ShortNameModeEnforcing,
}

// Settings are how short names are completed, all files considered.
func (c Conf) Settings() (api.RegistrySettings, error) {
	out := api.RegistrySettings{Search: []string{}, OwnFile: c.OwnFile()}
	ctx := c.context()
	mode, err := sysregistriesv2.GetShortNameMode(ctx)
	if err != nil {
		return out, confError(err)
	}
	for n, m := range modes {
		if m == mode {
			out.ShortNameMode = n
		}
	}
	hosts, err := sysregistriesv2.UnqualifiedSearchRegistries(ctx)
	if err != nil {
		return out, confError(err)
	}
	out.Search = append(out.Search, hosts...)
	return out, nil
}

// SetSettings writes them into Davit's own file.
func (c Conf) SetSettings(s api.RegistrySettings) error {
	if _, ok := modes[s.ShortNameMode]; !ok {
		return api.Errorf(api.KindInvalid, "there is no short-name mode %q", s.ShortNameMode).
			WithRef(s.ShortNameMode).WithHint("Modes are enforcing, permissive and disabled.")
	}
	for _, h := range s.Search {
		if n, err := name.Parse(h + "/x"); err != nil || n.Registry != h {
			return api.Errorf(api.KindInvalid, "%q is not a registry", h).WithRef(h)
		}
	}
	return c.change(func(d *document) error {
		d.ShortNameMode, d.Search = s.ShortNameMode, s.Search
		return nil
	})
}

// Asks tells whether a person has to choose among several registries that a
// short name may stand for.
func (c Conf) Asks(r Resolution) (bool, error) {
	if len(r.Names) < 2 {
		return false, nil
	}
	mode, err := sysregistriesv2.GetShortNameMode(c.context())
	if err != nil {
		return false, confError(err)
	}
	return mode == types.ShortNameModeEnforcing, nil
}

// OwnHosts are the registries in Davit's own file.
func (c Conf) OwnHosts() (map[string]bool, error) {
	d, err := c.read()
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, r := range d.Registries {
		out[r.Prefix] = true
	}
	return out, nil
}
