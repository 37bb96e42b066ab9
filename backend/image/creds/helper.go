package creds

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"time"

	"davit/backend/api"
	"davit/backend/form"
	"davit/backend/image/fetch"
	"davit/backend/userns"
)

// helperName is what a credential helper may be called: the name becomes a
// program's, so nothing but a plain word passes.
var helperName = form.Of(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// helperTime bounds a helper, which may ask the person something.
const helperTime = time.Minute

// helper runs docker-credential-NAME (docker/docker-credential-helpers'
// protocol: the verb as argument, the rest over stdin and stdout).
func helper(ctx context.Context, helper, verb string, in []byte) ([]byte, error) {
	if !helperName().MatchString(helper) {
		return nil, api.Errorf(api.KindInvalid, "%q is no credential helper", helper)
	}
	ctx, cancel := context.WithTimeout(ctx, helperTime)
	defer cancel()
	cmd, err := userns.Command(ctx, userns.DiesWithParent, "docker-credential-"+helper, verb)
	if err != nil {
		return nil, err
	}
	asPerson(cmd)
	var out bytes.Buffer
	cmd.Stdin, cmd.Stdout = bytes.NewReader(in), limited{&out, 1 << 20}
	if err := cmd.Run(); err != nil {
		said := fetch.Text(out.String(), 200)
		if strings.Contains(said, "not found") || strings.Contains(said, "no credentials") {
			return nil, nil
		}
		return nil, api.Errorf(api.KindDenied, "credential helper %s %s: %s: %w", helper, verb, said, err)
	}
	return out.Bytes(), nil
}

// limited ends a program that writes without end.
type limited struct {
	b *bytes.Buffer
	n int
}

func (l limited) Write(p []byte) (int, error) {
	if l.b.Len()+len(p) > l.n {
		return 0, io.ErrShortWrite
	}
	return l.b.Write(p)
}

type secret struct {
	ServerURL, Username, Secret string
}

func helperGet(ctx context.Context, name, server string) (fetch.Credential, error) {
	out, err := helper(ctx, name, "get", []byte(server))
	if err != nil || out == nil {
		return fetch.Credential{}, err
	}
	var s secret
	if err := json.Unmarshal(out, &s); err != nil {
		return fetch.Credential{}, api.Errorf(api.KindCorrupt, "credential helper %s: %w", name, err)
	}
	if s.Username == "<token>" {
		return fetch.Credential{Token: s.Secret}, nil
	}
	return fetch.Credential{Username: s.Username, Password: s.Secret}, nil
}

func helperStore(ctx context.Context, name, server string, c fetch.Credential) error {
	b, err := json.Marshal(secret{server, c.Username, c.Password})
	if err != nil {
		return err
	}
	_, err = helper(ctx, name, "store", b)
	return err
}

func helperErase(ctx context.Context, name, server string) error {
	_, err := helper(ctx, name, "erase", []byte(server))
	return err
}
