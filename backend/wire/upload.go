package wire

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"

	"davit/backend/api"
)

// ArgsHeader carries the arguments of a call whose body is data: the same JSON
// array, in base64.
const ArgsHeader = "Davit-Args"

// send calls a method that wants arguments and a stream.
func send[R any](ctx context.Context, c *client, body io.Reader, name string, args ...any) (R, error) {
	var zero R
	b, err := json.Marshal(args)
	if err != nil {
		return zero, api.Errorf(api.KindInvalid, "encode the arguments of %s: %w", name, err)
	}
	// The transport closes a body that can be closed; this one is the caller's.
	r, err := c.request(ctx, name, nil, struct{ io.Reader }{body})
	if err != nil {
		return zero, err
	}
	r.Header.Set(ArgsHeader, base64.StdEncoding.EncodeToString(b))
	return answer[R](c, r)
}

func upload1[A, R any](f func(api.Service, context.Context, A, io.Reader) (R, error)) method {
	return func(x *exchange) error {
		var a A
		given, err := base64.StdEncoding.DecodeString(x.r.Header.Get(ArgsHeader))
		if err != nil {
			return x.refuseBody(api.Errorf(api.KindInvalid, "the header %s is not base64: %w", ArgsHeader, err))
		}
		if err := x.decode(given, &a); err != nil {
			return x.refuseBody(err)
		}
		r, err := f(x.service, x.r.Context(), a, x.r.Body)
		if err != nil {
			return x.refuseBody(err)
		}
		return x.result(r, nil)
	}
}

func download1[A any](f func(api.Service, context.Context, A, io.Writer) error) method {
	return func(x *exchange) error {
		var a A
		if err := x.args(&a); err != nil {
			return err
		}
		out := &raw{x: x}
		return out.end(f(x.service, x.r.Context(), a, out))
	}
}

// decode reads arguments: see args.
func (x *exchange) decode(body []byte, into ...any) error {
	var given []json.RawMessage
	if len(body) > 0 {
		if err := json.Unmarshal(body, &given); err != nil {
			return api.Errorf(api.KindInvalid, "the arguments are no JSON array: %w", err)
		}
	}
	if len(given) != len(into) {
		return api.Errorf(api.KindInvalid, "%s wants %d arguments, not %d", x.name(), len(into), len(given))
	}
	for i, v := range into {
		d := json.NewDecoder(bytes.NewReader(given[i]))
		d.DisallowUnknownFields()
		if err := d.Decode(v); err != nil {
			return api.Errorf(api.KindInvalid, "argument %d: %w", i+1, err)
		}
	}
	return nil
}
