package wire

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"davit/backend/api"
)

const (
	maxError  = 1 << 20  // bytes of an error's body
	maxResult = 64 << 20 // bytes of a result: a hundred thousand containers
	maxItem   = 16 << 20 // bytes of one item of a stream
)

// Client is the api.Service at the other end of rt. Errors of rt that are not
// an *api.Error become KindUnavailable.
func Client(rt http.RoundTripper) api.Service { return &client{rt: rt} }

// Transport makes a RoundTripper for [Client] that speaks HTTP/1.1 over what
// dial gives, whatever the address. Nothing is decompressed.
func Transport(dial func(context.Context) (net.Conn, error)) *http.Transport {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	return &http.Transport{
		DialContext:         func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
		Protocols:           p,
		DisableCompression:  true,
		MaxIdleConnsPerHost: 8,
		IdleConnTimeout:     time.Minute,
		WriteBufferSize:     32 << 10,
		ReadBufferSize:      32 << 10,
	}
}

type client struct{ rt http.RoundTripper }

// request makes a call's request; a nil body is the arguments.
func (c *client) request(ctx context.Context, name string, args []any, body io.Reader) (*http.Request, error) {
	kind := "application/octet-stream"
	if body == nil {
		if args == nil {
			args = []any{}
		}
		b, err := json.Marshal(args)
		if err != nil {
			return nil, api.Errorf(api.KindInvalid, "encode the arguments of %s: %w", name, err)
		}
		body, kind = bytes.NewReader(b), "application/json"
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://davit"+prefix+url.PathEscape(name), body)
	if err != nil {
		return nil, api.Errorf(api.KindInternal, "call %s: %w", name, err)
	}
	r.Header.Set("Content-Type", kind)
	return r, nil
}

// send gives the response, unless it is an error.
func (c *client) send(r *http.Request, want int) (*http.Response, error) {
	resp, err := c.rt.RoundTrip(r)
	if err != nil {
		return nil, broken(r.Context(), err)
	}
	if resp.StatusCode == want {
		return resp, nil
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxError))
	if err != nil {
		return nil, broken(r.Context(), err)
	}
	var f failure
	if json.Unmarshal(b, &f) != nil || f.Error == nil {
		return nil, api.Errorf(api.KindInternal, "the engine answered %q to %s, which is not Davit's protocol", resp.Status, r.URL.Path)
	}
	return nil, f.Error
}

// broken is a transport's error for people.
func broken(ctx context.Context, err error) error {
	if e := new(api.Error); errors.As(err, &e) {
		return api.AsError(err)
	}
	if cause := ctx.Err(); cause != nil {
		return &api.Error{Kind: api.KindCancelled, Msg: cause.Error(), Err: cause}
	}
	return api.Errorf(api.KindUnavailable, "the engine does not answer: %w", err).
		WithHint("Try again; a new engine is started for the next request. Containers go on meanwhile.")
}

func query[R any](ctx context.Context, c *client, name string, args ...any) (R, error) {
	var zero R
	r, err := c.request(ctx, name, args, nil)
	if err != nil {
		return zero, err
	}
	return answer[R](c, r)
}

func answer[R any](c *client, r *http.Request) (R, error) {
	var v, zero R
	resp, err := c.send(r, http.StatusOK)
	if err != nil {
		return zero, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxResult+1))
	if err != nil {
		return zero, broken(r.Context(), err)
	}
	if len(b) > maxResult {
		return zero, api.Errorf(api.KindInternal, "the answer to %s is over the bound of %d bytes", r.URL.Path, maxResult)
	}
	if err := json.Unmarshal(b, &v); err != nil {
		return zero, api.Errorf(api.KindInternal, "decode the answer to %s: %w", r.URL.Path, err)
	}
	return v, nil
}

func (c *client) command(ctx context.Context, name string, args ...any) error {
	_, err := query[any](ctx, c, name, args...)
	return err
}

// line is one line of a stream.
type line[T any] struct {
	Item  *T         `json:"item"`
	End   bool       `json:"end"`
	Error *api.Error `json:"error"`
}

func stream[T any](ctx context.Context, c *client, sink func(T) error, name string, args ...any) error {
	r, err := c.request(ctx, name, args, nil)
	if err != nil {
		return err
	}
	resp, err := c.send(r, http.StatusOK)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(make([]byte, 0, 2*chunk), maxItem)
	var p parser[T]
	for lines.Scan() {
		l, err := p.line(lines.Bytes())
		switch {
		case err != nil:
			return api.Errorf(api.KindInternal, "decode an item of %s: %w", name, err)
		case l.Error != nil:
			return l.Error
		case l.End:
			return nil
		}
		if err := sink(*l.Item); err != nil {
			return api.AsError(err)
		}
	}
	err = lines.Err()
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	return broken(ctx, err)
}

// parser takes lines apart. An item is valid until the next line.
type parser[T any] struct {
	item  T
	stamp stamp
}

func (p *parser[T]) line(b []byte) (line[T], error) {
	var l line[T]
	if item, ok := any(&p.item).(*api.LogLine); ok && p.stamp.parseLogLine(b, item) {
		l.Item = &p.item
		return l, nil
	}
	if err := json.Unmarshal(b, &l); err != nil {
		return l, err
	}
	if l.Item == nil && l.Error == nil && !l.End {
		return l, errors.New("a line without item, end or error")
	}
	return l, nil
}

func (c *client) session(ctx context.Context, name string, args ...any) (*api.Session, error) {
	r, err := c.request(ctx, name, args, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", protocol)
	resp, err := c.send(r, http.StatusSwitchingProtocols)
	if err != nil {
		return nil, err
	}
	conn, ok := resp.Body.(io.ReadWriteCloser)
	if !ok {
		resp.Body.Close()
		return nil, api.Errorf(api.KindInternal, "%s: the transport %T carries no sessions", name, c.rt)
	}
	return api.NewSession(conn), nil
}

func (c *client) download(ctx context.Context, w io.Writer, name string, args ...any) error {
	r, err := c.request(ctx, name, args, nil)
	if err != nil {
		return err
	}
	r.Header.Set("TE", "trailers")
	resp, err := c.send(r, http.StatusOK)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	from := &source{r: resp.Body}
	if _, err := io.CopyBuffer(struct{ io.Writer }{w}, from, make([]byte, 64<<10)); err != nil {
		if from.err != nil {
			return broken(ctx, err)
		}
		return api.AsError(fmt.Errorf("write the archive: %w", err))
	}
	if t := resp.Trailer.Get(ErrorTrailer); t != "" {
		var e api.Error
		if err := json.Unmarshal([]byte(t), &e); err != nil {
			return api.Errorf(api.KindInternal, "%s broke off: %s", name, t)
		}
		return &e
	}
	return nil
}

// source remembers that it was the reader that failed, not the writer.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}
