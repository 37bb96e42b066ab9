package wire_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"davit/backend/api"
	"davit/backend/api/apitest"
	"davit/backend/wire"
)

// relay is a front's Service: the engine's, and the way to it.
type relay struct {
	api.Service
	wire http.RoundTripper
}

func (r relay) Wire() http.RoundTripper { return r.wire }

// Containers would be called were the answer taken apart.
func (r relay) Containers(context.Context, api.ContainerFilter) ([]api.Container, error) {
	return nil, api.Errorf(api.KindInternal, "the answer was not passed on")
}

type trip func(*http.Request) (*http.Response, error)

func (t trip) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

// relayed asks a page whose engine is at the other end of rt.
func relayed(t *testing.T, rt http.RoundTripper, method, args string) (int, string, error) {
	t.Helper()
	server := httptest.NewServer(wire.Page(relay{wire.Client(rt), rt}, nil))
	t.Cleanup(server.Close)
	resp, err := http.Post(server.URL+"/v1/"+method, "application/json", strings.NewReader(args))
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

func TestLongAnswersArePassedOnAsTheyCame(t *testing.T) {
	f := apitest.New(apitest.Options{})
	defer f.Close()
	engine := trip(func(r *http.Request) (*http.Response, error) {
		w := httptest.NewRecorder()
		wire.Handler(f, nil).ServeHTTP(w, r)
		return w.Result(), nil
	})
	for _, c := range []struct {
		method, args string
		status       int
		text         string
	}{
		{"Containers", `[{"all":true}]`, 200, "["},
		{"Containers", `[{"al":true}]`, 400, "unknown field"},
		{"Containers", `nonsense`, 400, "no JSON array"},
		{"Containers", `["` + strings.Repeat("x", 2<<20) + `"]`, 400, "over the bound"},
		{"Files", `[{"at":{"container":"none","path":"/"}}]`, 404, `"kind":"not-found"`},
		{"Networks", `[]`, 200, "["}, // not passed on, and answered all the same
	} {
		status, text, err := relayed(t, engine, c.method, c.args)
		if err != nil || status != c.status || !strings.Contains(text, c.text) {
			t.Errorf("%s %.60s: %d %.200s %v", c.method, c.args, status, text, err)
		}
	}
}

func TestAnswersThatBreakOffAreNotWhole(t *testing.T) {
	broken := trip(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, ContentLength: 100, Body: io.NopCloser(io.MultiReader(strings.NewReader(`[{"id":`), brokenReader{}))}, nil
	})
	if status, text, err := relayed(t, broken, "Containers", "[{}]"); err == nil {
		t.Errorf("%d %s", status, text)
	}
	gone := trip(func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF })
	if status, text, err := relayed(t, gone, "Containers", "[{}]"); err != nil || status != 503 || !strings.Contains(text, `"kind":"unavailable"`) {
		t.Errorf("%d %s %v", status, text, err)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
