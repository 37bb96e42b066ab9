package wire

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"davit/backend/api"
)

const (
	// coalesce is how long items may wait for company while many come.
	coalesce = 10 * time.Millisecond
	// patience is how long the headers wait for a quick error, which can then
	// be told by its status.
	patience = 20 * time.Millisecond
	// chunk is how much is gathered at most.
	chunk = 128 << 10
)

// items writes a sink's calls as lines of JSON. An item that comes after a
// pause is sent at once, a burst in chunks.
type items struct {
	x *exchange

	mu      sync.Mutex // also of x, while the timer may run
	buf     []byte
	sent    time.Time // of the last flush
	timer   *time.Timer
	ended   bool
	failure error // of the first write that failed
	stamp   stamp // of the last log line
}

func newItems(x *exchange) *items {
	o := &items{x: x, buf: make([]byte, 0, 4<<10)}
	o.timer = time.AfterFunc(patience, o.late)
	return o
}

// item sends one; it blocks while the client reads slowly.
func (o *items) item(v any) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failure != nil {
		return o.failure
	}
	n := len(o.buf)
	b, err := o.append(o.buf, v)
	if err != nil {
		return fmt.Errorf("encode an item: %w", err)
	}
	o.buf = b
	if 0 < n && len(o.buf) < chunk {
		return nil // the timer is set
	}
	now := time.Now()
	if len(o.buf) >= chunk || now.Sub(o.sent) >= coalesce {
		return o.flush(now)
	}
	o.timer.Reset(coalesce)
	return nil
}

// end tells how the stream ended. Where nothing was sent yet, an error is
// returned to be told by its status instead.
func (o *items) end(err error) error {
	o.close()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failure != nil {
		return nil
	}
	last := []byte("{\"end\":true}\n")
	if err != nil {
		if !o.x.begun {
			return err
		}
		if last, err = json.Marshal(failure{Error: api.AsError(err)}); err != nil {
			return err
		}
		last = append(last, '\n')
	}
	o.buf = append(o.buf, last...)
	_ = o.flush(time.Now())
	return nil
}

// close keeps the timer from writing once the handler has returned, be it by
// a panic of the service.
func (o *items) close() {
	o.timer.Stop()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = true
}

// late sends what waited long enough: items, or just the headers.
func (o *items) late() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.ended && o.failure == nil {
		_ = o.flush(time.Now())
	}
}

func (o *items) flush(now time.Time) error {
	if !o.x.begun {
		o.x.begun = true
		o.x.w.Header().Set("Content-Type", "application/x-ndjson")
		o.x.w.WriteHeader(http.StatusOK)
	}
	o.sent = now
	if len(o.buf) > 0 {
		if _, err := o.x.w.Write(o.buf); err != nil {
			o.failure = fmt.Errorf("send to the client: %w", err)
			return o.failure
		}
	}
	o.buf = o.buf[:0]
	// A writer that cannot flush, such as the window's, sends as it is written.
	_ = http.NewResponseController(o.x.w).Flush()
	return nil
}

func (o *items) append(b []byte, v any) ([]byte, error) {
	if l, ok := v.(*api.LogLine); ok {
		return o.stamp.appendLogLine(b, l), nil
	}
	j, err := json.Marshal(v)
	if err != nil {
		return b, err
	}
	b = append(b, `{"item":`...)
	b = append(b, j...)
	return append(b, "}\n"...), nil
}

// raw sends a method's bytes. Until the first one an error can be told by its status.
type raw struct{ x *exchange }

// ErrorTrailer is the trailer that tells an error after the first byte of Save.
const ErrorTrailer = "Davit-Error"

func (o *raw) Write(p []byte) (int, error) {
	o.begin()
	return o.x.w.Write(p)
}

func (o *raw) begin() {
	if o.x.begun {
		return
	}
	o.x.begun = true
	h := o.x.w.Header()
	h.Set("Content-Type", "application/octet-stream")
	if o.trailers() {
		h.Set("Trailer", ErrorTrailer)
	}
	o.x.w.WriteHeader(http.StatusOK)
}

func (o *raw) trailers() bool { return o.x.r.Header.Get("TE") == "trailers" }

func (o *raw) end(err error) error {
	if err == nil || !o.x.begun {
		if err == nil {
			o.begin()
		}
		return err
	}
	b, jerr := json.Marshal(api.AsError(err))
	if jerr != nil || !o.trailers() {
		// A browser must not take half an archive for a whole one.
		panic(http.ErrAbortHandler)
	}
	o.x.w.Header().Set(ErrorTrailer, string(b))
	return nil
}
