package main

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"davit/backend/api"
)

// AccessOptions are podman's for how one call reaches a registry.
type AccessOptions struct {
	Creds string
	tls   tlsOption
}

func (o *AccessOptions) addFlags(f *pflag.FlagSet) {
	f.StringVar(&o.Creds, "creds", "", "Be `user[:password]` to the registry, for this call alone; the password is asked for where it is left out")
	o.tls.addFlags(f)
}

// tlsOption is --tls-verify, of which also counts whether it was given.
type tlsOption struct {
	verify bool
	flags  *pflag.FlagSet
}

func (o *tlsOption) addFlags(f *pflag.FlagSet) {
	o.flags = f
	f.BoolVar(&o.verify, "tls-verify", true, "Want https with a certificate that is vouched for; false: take any, and http (default: as registries.conf says)")
}

// asked is nil where nobody said anything.
func (o tlsOption) asked() *bool {
	if !o.flags.Changed("tls-verify") {
		return nil
	}
	return &o.verify
}

// access reads the options, and asks for a password that was left out.
func (o AccessOptions) access(e *env) (api.RegistryAccess, error) {
	a := api.RegistryAccess{TLSVerify: o.tls.asked()}
	if !o.tls.flags.Changed("creds") {
		return a, nil
	}
	user, password, given := strings.Cut(o.Creds, ":")
	a.Username, a.Password = user, password
	switch {
	case user == "" || given && password == "":
		return a, invalid("--creds wants USER:PASSWORD, or USER")
	case given:
		fmt.Fprintln(e.err, "davit: warning: others can see the password of --creds in the list of processes; with the user alone it is asked for")
		return a, nil
	}
	fd, ok := terminal(e.in)
	if !ok {
		return a, api.Errorf(api.KindInvalid, "there is no terminal to ask for the password").WithHint("Use --creds USER:PASSWORD, or log in.")
	}
	b, err := askPassword(e.err, fd)
	if err != nil {
		return a, fmt.Errorf("read password: %w", err)
	}
	if a.Password = string(b); a.Password == "" {
		return a, invalid("a password is needed")
	}
	return a, nil
}
