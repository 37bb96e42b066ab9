package apitest

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"davit/backend/api"
)

// Scenario is what a Fake holds when it starts.
type Scenario string

// The scenarios.
const (
	// Full has containers in every state, images, operations and mixed checks.
	Full Scenario = "full"
	// Empty is a first start: no container, no image, a healthy host.
	Empty Scenario = "empty"
	// Many has five hundred containers and a hundred images.
	Many Scenario = "many"
	// Refused is a host that forbids user namespaces: Info and Doctor answer,
	// all else is KindHost.
	Refused Scenario = "refused"
)

// Options are how to make a Fake; the zero value is an empty one.
type Options struct {
	Scenario Scenario // "": Empty
	Seed     uint64   // of ids, sizes, delays; the same seed gives the same fake
	// Speed makes downloads, searches and the services' chatter faster; 0: 1,
	// which is a pace to watch. Grace periods and sleep keep real time.
	Speed float64
	// Now is the clock that stamps things; nil: time.Now.
	Now func() time.Time
}

// Fake is an api.Service in memory. Its containers' states, logs and
// operations change as time passes.
type Fake struct {
	speed float64
	now   func() time.Time
	end   context.CancelFunc // ends everything that goes on by itself
	life  context.Context
	work  sync.WaitGroup

	mu         sync.Mutex
	changed    chan struct{} // closed and replaced at every change
	rand       *rand.Rand
	refused    error
	boxes      []*box         // oldest first
	images     []*image       // oldest first
	shelf                     // what else there is of images
	networks   []*api.Network // the default one first
	ops        []*operation
	registries []api.Registry
	checks     []api.Check
	info       api.Info
	catalogue  []offer
	events     []api.Event
	cursor     uint64
	autostart  bool
	volumes    map[string]*volume
	secrets    []*secret
	given      map[string]bool // back to their owner
}

var _ api.Service = (*Fake)(nil)

// New makes a Fake; Close ends its goroutines.
func New(o Options) *Fake {
	f := &Fake{
		speed:   cmp.Or(o.Speed, 1),
		now:     o.Now,
		changed: make(chan struct{}),
		rand:    rand.New(rand.NewPCG(o.Seed, 0)),
		cursor:  1,
		volumes: map[string]*volume{},
		given:   map[string]bool{},
	}
	if f.now == nil {
		f.now = time.Now
	}
	f.settings = api.RegistrySettings{ShortNameMode: "permissive", Search: []string{"docker.io"}, OwnFile: "90-davit.conf"}
	f.life, f.end = context.WithCancel(context.Background())
	f.mu.Lock()
	defer f.mu.Unlock()
	f.networks = []*api.Network{{
		ID: strings.Repeat("d", 64), Name: api.NetworkDefault, Subnet: "10.88.0.0/24", Gateway: "10.88.0.1",
		Subnet6: "fd00:8844::/64", Gateway6: "fd00:8844::1", MTU: 1500, Labels: map[string]string{},
	}}
	f.fill(cmp.Or(o.Scenario, Empty))
	return f
}

// Close ends what goes on by itself: containers, operations.
func (f *Fake) Close() error {
	f.mu.Lock()
	f.end()
	for _, b := range f.boxes {
		if b.proc != nil {
			b.proc.signal("KILL")
		}
	}
	f.mu.Unlock()
	f.work.Wait()
	return nil
}

// notify wakes everyone who waits for a change; f.mu is held.
func (f *Fake) notify() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// event tells that something changed; f.mu is held.
func (f *Fake) event(kind, action, id, name string) {
	f.cursor++
	f.events = append(f.events, api.Event{
		Cursor: f.cursor, Time: f.now(), Type: kind, Action: action, ID: id, Name: name,
	})
	if len(f.events) > maxEvents {
		f.events = slices.Clone(f.events[len(f.events)-maxEvents/2:])
	}
	f.notify()
}

// maxEvents bounds what can be gone back to; half of it is dropped at once.
const maxEvents = 4096

// until waits for ready, called with f.mu held after each change.
func (f *Fake) until(ctx context.Context, ready func() bool) error {
	for {
		f.mu.Lock()
		ok, changed := ready(), f.changed
		f.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return api.AsError(ctx.Err())
		case <-f.life.Done():
			return api.Errorf(api.KindUnavailable, "the engine has ended")
		}
	}
}

// enter is how every verb begins: with a context that goes on and a host that lets us.
func (f *Fake) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return api.AsError(err)
	}
	return f.refused
}

// hex gives n random hex digits; f.mu is held.
func (f *Fake) hex(n int) string {
	b := make([]byte, (n+1)/2)
	for i := range b {
		b[i] = byte(f.rand.Uint32())
	}
	return hex.EncodeToString(b)[:n]
}

func (f *Fake) digest() string { return "sha256:" + f.hex(64) }

// pause waits as long as d takes at the fake's speed.
func (f *Fake) pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(time.Duration(float64(d) / f.speed))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return api.AsError(ctx.Err())
	case <-f.life.Done():
		return api.Errorf(api.KindUnavailable, "the engine has ended")
	}
}

// failed turns an error for the caller, keeping nil nil.
func failed(err error) error {
	if err == nil {
		return nil
	}
	return api.AsError(err)
}

var errNoName = errors.New("no name")

// repository is a name below a registry, with a tag or digest.
var repository = regexp.MustCompile(`^[a-z0-9]+(?:[._/-]+[a-z0-9]+)*(?::[A-Za-z0-9_][A-Za-z0-9_.-]*)?(?:@sha256:[0-9a-f]{64})?$`)

// fullName completes a ref: registry, repository, tag.
func fullName(ref string) (string, error) {
	first, rest, slash := strings.Cut(ref, "/")
	if !slash {
		first, rest = "docker.io", "library/"+ref
	} else if !strings.ContainsAny(first, ".:") && first != "localhost" {
		first, rest = "docker.io", ref
	}
	if !repository.MatchString(rest) || !host.MatchString(first) {
		return "", errNoName
	}
	if !strings.ContainsAny(rest, ":@") {
		rest += ":latest"
	}
	return first + "/" + rest, nil
}

var host = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]*(:[0-9]+)?$`)
