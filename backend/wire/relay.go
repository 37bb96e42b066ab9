package wire

import (
	"bytes"
	"io"
	"net/http"
	"strconv"

	"davit/backend/api"
)

// Relay is a Service whose engine is at the other end of a wire. A page behind
// it gets long answers as the engine wrote them: to take them apart and write
// them again would cost more than to make them.
type Relay interface {
	api.Service
	// Wire leads to the engine.
	Wire() http.RoundTripper
}

// relayed are the methods whose answers may be long and to which no front adds
// anything.
func relayed() []string {
	return []string{"Changes", "Containers", "Files", "ImageFiles", "Images", "LayerChanges", "PastEvents", "StatsHistory"}
}

// passed answers a call with what the engine answers.
func passed(rt http.RoundTripper) method {
	c := &client{rt: rt}
	return func(x *exchange) error {
		args, err := x.body()
		if err != nil {
			return err
		}
		r, err := c.request(x.r.Context(), x.name(), nil, bytes.NewReader(args))
		if err != nil {
			return err
		}
		r.Header.Set("Content-Type", "application/json")
		resp, err := c.send(r, http.StatusOK)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.ContentLength < 0 || resp.ContentLength > maxResult {
			return api.Errorf(api.KindInternal, "the answer to %s is of %d bytes, where %d are the bound", x.name(), resp.ContentLength, maxResult)
		}
		return x.pass(resp)
	}
}

// pass sends an answer on. One that breaks off must not be taken for whole.
func (x *exchange) pass(resp *http.Response) error {
	x.begun = true
	x.w.Header().Set("Content-Type", "application/json")
	x.w.Header().Set("Content-Length", strconv.FormatInt(resp.ContentLength, 10))
	x.w.WriteHeader(http.StatusOK)
	if _, err := io.CopyBuffer(struct{ io.Writer }{x.w}, struct{ io.Reader }{resp.Body}, make([]byte, chunk)); err != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}
