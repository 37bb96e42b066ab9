package wire

import (
	"cmp"
	"context"
	"crypto/rand"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"davit/backend/api"
)

// Page serves a page that has fetch() and nothing more: the methods of
// [Handler], and sessions that do not need a connection of their own. These
// belong to the handler, which is to say to the front that made it, and end
// with it; a page may go and come back to them. Who knows a session's id may
// use it, and only who passes the front's checks may ask for any.
//
//	OpenSession(SessionSpec) → HeldSession   starts one
//	HeldSessions() → []HeldSession           those that are there, oldest first
//	JoinSession(id, from) → SessionOutput…   its output from a position on, until it ends
//	SendInput(id, base64)                    input, in the order of the calls' answers
//	ResizeSession(id, rows, cols)
//	SignalSession(id, name)
//	CloseSession(id)                         hangs its process up and forgets it
func Page(s api.Service, log *slog.Logger) http.Handler {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	p := &sessions{held: map[string]*held{}}
	all := allMethods()
	maps.Copy(all, map[string]method{
		"OpenSession":   query1(p.open),
		"HeldSessions":  query0(p.list),
		"JoinSession":   stream2(p.join),
		"SendInput":     command2(p.input),
		"ResizeSession": command3(p.resize),
		"SignalSession": command2(p.signal),
		"CloseSession":  command1(p.close),
	})
	if r, ok := s.(Relay); ok {
		for _, name := range relayed() {
			all[name] = passed(r.Wire())
		}
	}
	return &handler{service: s, log: log, methods: all}
}

// SessionSpec is what to open: one of Exec and Attach.
type SessionSpec struct {
	Container string             `json:"container"`
	Title     string             `json:"title,omitempty"` // for the list
	Exec      *api.ExecSpec      `json:"exec,omitempty"`
	Attach    *api.AttachOptions `json:"attach,omitempty"`
}

// HeldSession is a session that is there.
type HeldSession struct {
	ID        string    `json:"id"`
	Container string    `json:"container"`
	Title     string    `json:"title"`
	Started   time.Time `json:"started"`
	At        int64     `json:"at"` // how much it has written, bytes
	Ended     bool      `json:"ended"`
	Exit      *api.Exit `json:"exit,omitempty"` // of one that ended by itself
}

// SessionOutput is a piece of a session's output. The last one has Exit or Error.
type SessionOutput struct {
	At    int64      `json:"at"`             // the position after Data: to join from
	Data  []byte     `json:"data,omitempty"` // base64 in JSON
	Lost  bool       `json:"lost,omitempty"` // what was between the position asked for and Data is no longer kept
	Exit  *api.Exit  `json:"exit,omitempty"`
	Error *api.Error `json:"error,omitempty"`
}

// maxHeld bounds how many sessions a front keeps.
const maxHeld = 64

// sessions are those of one front.
type sessions struct {
	mu   sync.Mutex
	held map[string]*held
}

func (p *sessions) open(s api.Service, ctx context.Context, spec SessionSpec) (HeldSession, error) {
	info := HeldSession{ID: rand.Text(), Container: spec.Container, Title: spec.Title, Started: time.Now()}
	if err := p.room(); err != nil {
		return info, err
	}
	ctx = context.WithoutCancel(ctx) // it outlives the request
	var session *api.Session
	var err error
	switch {
	case (spec.Exec == nil) == (spec.Attach == nil):
		return info, api.Errorf(api.KindInvalid, "a session is either an exec or an attach")
	case spec.Exec != nil:
		e := *spec.Exec
		e.HangUp = true
		session, err = s.Exec(ctx, spec.Container, e)
	default:
		session, err = s.Attach(ctx, spec.Container, *spec.Attach)
	}
	if err != nil {
		return info, err
	}
	h := newHeld(info, session)
	p.mu.Lock()
	p.held[info.ID] = h
	p.mu.Unlock()
	go h.run() // ends with the connection
	return info, nil
}

// room forgets the oldest session that has ended where there are too many.
func (p *sessions) room() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.held) < maxHeld {
		return nil
	}
	for _, i := range p.sorted() {
		if i.Ended {
			delete(p.held, i.ID)
			return nil
		}
	}
	return api.Errorf(api.KindConflict, "%d terminal sessions are open", maxHeld).WithHint("Close one first.")
}

func (p *sessions) sorted() []HeldSession {
	all := make([]HeldSession, 0, len(p.held))
	for _, h := range p.held {
		all = append(all, h.list())
	}
	slices.SortFunc(all, func(a, b HeldSession) int {
		return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.ID, b.ID))
	})
	return all
}

func (p *sessions) list(api.Service, context.Context) ([]HeldSession, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sorted(), nil
}

func (p *sessions) get(id string) (*held, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if h := p.held[id]; h != nil {
		return h, nil
	}
	return nil, api.Errorf(api.KindNotFound, "this terminal session is closed")
}

func (p *sessions) join(_ api.Service, ctx context.Context, id string, from int64, sink func(SessionOutput) error) error {
	h, err := p.get(id)
	if err != nil {
		return err
	}
	return h.join(ctx, max(from, 0), sink)
}

func (p *sessions) input(_ api.Service, _ context.Context, id string, data []byte) error {
	h, err := p.get(id)
	if err != nil {
		return err
	}
	_, err = h.session.Write(data)
	return ended(err)
}

func (p *sessions) resize(_ api.Service, _ context.Context, id string, rows, cols uint16) error {
	h, err := p.get(id)
	if err != nil {
		return err
	}
	return ended(h.session.Resize(rows, cols))
}

func (p *sessions) signal(_ api.Service, _ context.Context, id, name string) error {
	h, err := p.get(id)
	if err != nil {
		return err
	}
	return ended(h.session.Signal(name))
}

func (p *sessions) close(_ api.Service, _ context.Context, id string) error {
	h, err := p.get(id)
	if err != nil {
		return err
	}
	p.mu.Lock()
	delete(p.held, id)
	p.mu.Unlock()
	_ = h.session.Close() // the process has ended already, or hears of it
	return nil
}

// ended is the error of a write to a session: its process has gone.
func ended(err error) error {
	if err == nil {
		return nil
	}
	return api.Errorf(api.KindConflict, "this terminal session has ended: %w", err)
}
