package engine

import (
	"context"
	"io"
	"net"
	"sync"

	"davit/backend/api"
	"davit/backend/image"
)

// Guard is what the engine wants of the process that guards the containers;
// guard.Client is one. All ids are complete.
type Guard interface {
	// Start starts the container from its files; a running one is left alone.
	Start(ctx context.Context, id string) error
	// Stop returns when the container is not running.
	Stop(ctx context.Context, id string, o api.StopOptions) error
	Kill(ctx context.Context, id, signal string) error
	// Pause and Unpause hold all processes of a running container, and let them go on.
	Pause(ctx context.Context, id string) error
	Unpause(ctx context.Context, id string) error
	// Update changes limits and policy of an active container at once; name is
	// its new name, "" as it is.
	Update(ctx context.Context, id, name string, u api.Update) error
	// Join, Leave, Ports and Offline change networks and ports of an active
	// container at once; see guard.Client.
	Join(ctx context.Context, id string, j api.NetworkJoin) error
	Leave(ctx context.Context, id, network string) error
	Ports(ctx context.Context, id string, change api.PortChange) ([]api.Port, error)
	Offline(ctx context.Context, id string, offline bool) error
	// CheckHealth runs the health check now.
	CheckHealth(ctx context.Context, id string) (api.HealthResult, error)
	// Resume returns when what should run again after a reboot does.
	Resume(ctx context.Context) error
	// Wait returns when the container is not running.
	Wait(ctx context.Context, id string) (api.Exit, error)
	// Attach and Exec answer a connection that speaks api.Session's frames.
	Attach(ctx context.Context, id string, a api.AttachOptions) (net.Conn, error)
	Exec(ctx context.Context, id string, s api.ExecSpec) (net.Conn, error)
	// Hold keeps the container's rootfs mounted until what it answers is closed.
	Hold(ctx context.Context, id string) (io.Closer, error)
	// Settle returns when what ended while no guard was there is written down.
	Settle(ctx context.Context) error
	// Release unmounts the container's rootfs, so that its files can be deleted.
	Release(ctx context.Context, id string) error
}

// Images is what the engine wants of the local images and the registries;
// image.Store is one.
type Images interface {
	List(ctx context.Context) ([]api.Image, error)
	Get(ctx context.Context, ref string) (api.ImageDetail, error)
	Resolve(ref string) (api.ResolvedRef, error)
	Runnable(ctx context.Context, ref string) (image.Runnable, error)
	Pull(ctx context.Context, spec api.PullSpec, progress func(image.Progress)) (image.Pulled, error)
	Load(ctx context.Context, r io.Reader, origin string) ([]api.Image, error)
	LoadPath(ctx context.Context, path string) ([]api.Image, error)
	LoadSample(ctx context.Context) (api.Image, error)
	Save(ctx context.Context, refs []string, format api.SaveFormat, w io.Writer) error
	Tag(ctx context.Context, ref, name string) error
	Remove(ctx context.Context, ref string, o image.RemoveOptions) (api.RemovedImage, error)
	ImageLibrary
	ImageStores
	Registries(ctx context.Context) ([]api.Registry, error)
	Search(ctx context.Context, q api.SearchQuery, sink func(api.SearchPage) error) error
	Tags(ctx context.Context, repository string, a api.RegistryAccess) (api.TagList, error)
	Login(ctx context.Context, l api.Login) error
	Logout(ctx context.Context, registry string) error
}

// lazyImages opens the images when they are first wanted, and again after it
// did not work.
type lazyImages struct {
	open func() (Images, error)
	mu   sync.Mutex
	got  Images
}

// get answers nothing to a call whose time is over before it begins.
func (l *lazyImages) get(ctx context.Context) (Images, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.got == nil {
		got, err := l.open()
		if err != nil {
			return nil, err
		}
		l.got = got
	}
	return l.got, nil
}
