package fetch

import "context"

// Access is how one call reaches registries, in place of what is known of
// them. It has sessions of its own, which end with [Client.Leave]: neither its
// credential nor tokens that it brought serve other calls.
type Access struct {
	Registry   string     // the only one that the credential is for
	Credential Credential // empty: what is known
	Verify     *bool      // whether certificates have to be vouched for; nil: as registries.conf says
}

type accessKey struct{}

// With gives a context whose calls go by a; see [HostFor].
func With(ctx context.Context, a *Access) context.Context {
	return context.WithValue(ctx, accessKey{}, a)
}

// HostFor gives a registry's host as the context's call is to reach it.
func HostFor(ctx context.Context, name string, insecure bool) Host {
	a, _ := ctx.Value(accessKey{}).(*Access)
	if a != nil && a.Verify != nil {
		insecure = !*a.Verify
	}
	return Host{Name: name, Insecure: insecure, as: a}
}

// strict tells that the person wants TLS with a certificate that is vouched for.
func (h Host) strict() bool { return h.as != nil && h.as.Verify != nil && *h.as.Verify }

// given is the credential that came with the call.
func (h Host) given() (Credential, bool) {
	if h.as == nil || h.as.Credential.Empty() || h.as.Registry != h.Name {
		return Credential{}, false
	}
	return h.as.Credential, true
}

// Leave ends what the calls that went by a have left.
func (c *Client) Leave(a *Access) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for h, s := range c.sessions {
		if h.as == a {
			s.http.CloseIdleConnections()
			s.uploads.CloseIdleConnections()
			delete(c.sessions, h)
		}
	}
}
