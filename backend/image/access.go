package image

import (
	"context"
	"slices"

	"davit/backend/api"
	"davit/backend/image/fetch"
	"davit/backend/image/name"
)

// reach has the calls of a context reach registries as a says. The credential
// is for one registry: what might be at several is refused, lest a password
// goes to all of them. leave ends what that took.
func (s *Store) reach(ctx context.Context, a api.RegistryAccess, registries ...string) (_ context.Context, leave func(), err error) {
	if a.IsZero() {
		return ctx, func() {}, nil
	}
	f := &fetch.Access{Verify: a.TLSVerify}
	if a.Username != "" || a.Password != "" {
		registries = slices.Compact(slices.Sorted(slices.Values(registries)))
		if len(registries) != 1 || registries[0] == "" {
			return ctx, nil, api.Errorf(api.KindInvalid, "the user name and password are for one registry, and none is named").
				WithHint("Name the image with its registry, such as docker.io/library/busybox.")
		}
		f.Registry = registries[0]
		// Who gives it knows where it goes, as with a log-in.
		f.Credential = fetch.Credential{Username: a.Username, Password: a.Password, Local: true}
	}
	return fetch.With(ctx, f), func() { s.client.Leave(f) }, nil
}

// registriesOf are those in names.
func registriesOf(names []name.Name) []string {
	var all []string
	for _, n := range names {
		all = append(all, n.Registry)
	}
	return all
}
