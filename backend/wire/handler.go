package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"reflect"
	"runtime/debug"
	"strings"
	"time"

	"davit/backend/api"
)

const (
	// prefix of every method's path.
	prefix = "/v1/"
	// maxBody bounds the arguments of a call; an archive for Load is not bounded.
	maxBody = 1 << 20
)

// Handler serves s. A nil log discards.
func Handler(s api.Service, log *slog.Logger) http.Handler {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &handler{service: s, log: log, methods: allMethods()}
}

// allMethods are those of [Handler] and of [Page].
func allMethods() map[string]method {
	all := methods()
	maps.Copy(all, makingMethods())
	maps.Copy(all, fileMethods())
	return all
}

type handler struct {
	service api.Service
	log     *slog.Logger
	methods map[string]method
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{service: h.service, w: w, r: r}
	defer h.recover(x)
	head := w.Header()
	head.Set("Cache-Control", "no-store")
	head.Set("X-Content-Type-Options", "nosniff")
	name, ok := strings.CutPrefix(r.URL.Path, prefix)
	m := h.methods[name]
	switch {
	case !ok || m == nil:
		x.fail(api.Errorf(api.KindNotFound, "the API has no method at %s", r.URL.Path))
	case r.Method != http.MethodPost:
		head.Set("Allow", http.MethodPost)
		x.failStatus(http.StatusMethodNotAllowed, api.Errorf(api.KindInvalid, "%s wants POST, not %s", r.URL.Path, r.Method))
	default:
		if err := m(x); err != nil {
			x.fail(err)
		}
	}
}

// recover answers a panic of the service as an internal error; one that is
// meant for the HTTP server goes on to it.
func (h *handler) recover(x *exchange) {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler {
		panic(p)
	}
	h.log.Error("a call panicked", "path", x.r.URL.Path, "panic", p, "stack", string(debug.Stack()))
	if x.begun {
		panic(http.ErrAbortHandler) // the client sees that it broke off
	}
	x.fail(api.Errorf(api.KindInternal, "%s failed inside Davit: %v", x.name(), p))
}

// exchange is one request being answered.
type exchange struct {
	service api.Service
	w       http.ResponseWriter
	r       *http.Request
	begun   bool // part of an answer is out: an error has no status any more
}

// name is the method that is asked for.
func (x *exchange) name() string { return strings.TrimPrefix(x.r.URL.Path, prefix) }

// args reads the body as a JSON array with one element for each of into.
// Fields that the API does not have are refused: a misspelt option must not be
// silently without effect.
func (x *exchange) args(into ...any) error {
	body, err := x.body()
	if err != nil {
		return err
	}
	return x.decode(body, into...)
}

// body is the request's, which is small.
func (x *exchange) body() ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(x.w, x.r.Body, maxBody))
	if e := new(http.MaxBytesError); errors.As(err, &e) {
		return nil, api.Errorf(api.KindInvalid, "the request is over the bound of %d bytes", e.Limit)
	}
	if err != nil {
		return nil, api.Errorf(api.KindInvalid, "read the request: %w", err)
	}
	return body, nil
}

// result answers v, unless err is one.
func (x *exchange) result(v any, err error) error {
	if err != nil {
		return err
	}
	b, err := marshal(v)
	if err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	x.json(http.StatusOK, b)
	return nil
}

// marshal writes a list without elements as [], so that clients in other
// languages need not tell null from empty.
func marshal(v any) ([]byte, error) {
	if p, ok := v.(api.DirPage); ok {
		return appendDirPage(make([]byte, 0, 256+320*len(p.Entries)), &p)
	}
	if r := reflect.ValueOf(v); r.Kind() == reflect.Slice && r.IsNil() {
		return []byte("[]"), nil
	}
	return json.Marshal(v)
}

func (x *exchange) fail(err error) {
	e := api.AsError(err)
	x.failStatus(status(e.Kind), e)
}

func (x *exchange) failStatus(code int, e *api.Error) {
	b, err := json.Marshal(failure{Error: e})
	if err != nil {
		b = []byte(`{"error":{"kind":"internal","msg":"an error that cannot be encoded"}}`)
	}
	x.json(code, b)
}

func (x *exchange) json(code int, b []byte) {
	x.w.Header().Set("Content-Type", "application/json")
	x.w.Header().Set("Content-Length", fmt.Sprint(len(b)))
	x.w.WriteHeader(code)
	// A client that has gone needs no answer; the server notices by itself.
	_, _ = x.w.Write(b)
}

// refuseBody tells an error while the client still sends. The rest is read for
// a while and thrown away: closing a socket with unread bytes in it would
// reset the connection, and the client might never see the error.
func (x *exchange) refuseBody(err error) error {
	c := http.NewResponseController(x.w)
	if c.EnableFullDuplex() != nil {
		return err
	}
	x.w.Header().Set("Connection", "close")
	x.fail(err)
	if c.Flush() != nil {
		return nil
	}
	_ = c.SetReadDeadline(time.Now().Add(2 * time.Second))
	_, _ = io.Copy(io.Discard, x.r.Body)
	return nil
}

// failure is an error on the wire.
type failure struct {
	Error *api.Error `json:"error"`
}

// status is the HTTP status of a kind; the kind itself is in the body.
// 401 is none of them: a browser would ask for a password.
func status(k api.Kind) int {
	switch k {
	case api.KindInvalid:
		return http.StatusBadRequest
	case api.KindDenied:
		return http.StatusForbidden
	case api.KindNotFound:
		return http.StatusNotFound
	case api.KindConflict:
		return http.StatusConflict
	case api.KindHost:
		return http.StatusPreconditionFailed
	case api.KindStart, api.KindCorrupt:
		return http.StatusUnprocessableEntity
	case api.KindRateLimited:
		return http.StatusTooManyRequests
	case api.KindCancelled:
		return 499 // as nginx's: the client closed the request
	case api.KindUnavailable:
		return http.StatusServiceUnavailable
	case api.KindNoSpace:
		return http.StatusInsufficientStorage
	}
	return http.StatusInternalServerError
}
