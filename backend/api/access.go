package api

// RegistryAccess is how one call reaches registries, in place of what is known
// of them. It is for that call alone: nobody writes it down, so that what is
// gone on with after the end of its engine is without.
type RegistryAccess struct {
	// Username and Password are for the registry that the call names, and for
	// no mirror of it. "": those of the log-in.
	Username string `json:"username,omitempty"`
	Password string `json:"password,omitempty"`
	// TLSVerify false takes any certificate, and plain http where there is no
	// TLS; true wants TLS with a certificate that is vouched for, on this
	// machine, too. Nil: as registries.conf says.
	TLSVerify *bool `json:"tlsVerify,omitempty"`
}

// Equal tells that both reach registries in the same way.
func (a RegistryAccess) Equal(b RegistryAccess) bool {
	if (a.TLSVerify == nil) != (b.TLSVerify == nil) || a.TLSVerify != nil && *a.TLSVerify != *b.TLSVerify {
		return false
	}
	return a.Username == b.Username && a.Password == b.Password
}

// IsZero tells that nothing was asked for.
func (a RegistryAccess) IsZero() bool { return a == RegistryAccess{} }
