package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// coalesce is how long changes are gathered before they are told.
	coalesce = 10 * time.Millisecond
	// pollEvery is how often directories are looked at where the kernel has no
	// inotify left for this user (fs.inotify.max_user_instances is 128).
	pollEvery = 500 * time.Millisecond

	// watchMask leaves writes out: files of ours change by rename, and a log
	// grows without anybody wanting to hear of each line.
	watchMask = unix.IN_CREATE | unix.IN_MOVED_TO | unix.IN_MOVED_FROM |
		unix.IN_DELETE | unix.IN_ONLYDIR | unix.IN_EXCL_UNLINK
)

// Watch tells the paths of files that appear in dirs, are replaced or go away,
// each once for any number of changes within a few milliseconds. Where changes
// may have been missed, it tells the directory's path. Names that begin with
// "." are left out. The channel is closed when ctx ends.
func Watch(ctx context.Context, dirs ...string) (<-chan string, error) {
	return watchAll(ctx, dirs, "")
}

// WatchStore tells of images, of networks, and by its path of what was added
// to the journal, as [Watch] does.
func WatchStore(ctx context.Context, d Dirs) (<-chan string, error) {
	return watchAll(ctx, []string{d.Images(), d.Networks()}, d.Journal())
}

// watchAll watches directories, and a file that grows; "": none.
func watchAll(ctx context.Context, dirs []string, file string) (<-chan string, error) {
	w, err := newWatcher(nil)
	if err == nil {
		if err = w.addAll(dirs, file); err == nil {
			return w.run(ctx), nil
		}
		w.f.Close()
		if !exhausted(err) {
			return nil, err
		}
	}
	if file != "" {
		dirs = append(dirs, file)
	}
	return poll(ctx, func() []string { return dirs }), nil
}

func (w *watcher) addAll(dirs []string, file string) error {
	for _, dir := range dirs {
		if err := w.add(dir, watchMask); err != nil {
			return err
		}
	}
	if file == "" {
		return nil
	}
	// Its directory is watched: another file may get its name.
	return w.add(filepath.Dir(file), watchMask|unix.IN_MODIFY)
}

// exhausted tells that the kernel has no watch left for this user
// (fs.inotify.max_user_watches), or no memory for one.
func exhausted(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.ENOMEM)
}

// WatchContainers tells the ids of containers that appear, change their state
// or go away, as [Watch] does; "" means: any of them may have changed.
func WatchContainers(ctx context.Context, d Dirs) (<-chan string, error) {
	root := d.Containers()
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, fmt.Errorf("watch containers: %w", err)
	}
	paths, err := watchTree(ctx, d)
	if err != nil {
		return nil, err
	}
	ids := make(chan string)
	go func() {
		defer close(ids)
		for path := range paths {
			id, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(path, root), "/"), "/")
			select {
			case ids <- id:
			case <-ctx.Done():
			}
		}
	}()
	return ids, nil
}

// watchTree watches the containers' directory and each container's own.
func watchTree(ctx context.Context, d Dirs) (<-chan string, error) {
	root := d.Containers()
	list := func() []string {
		ids, _ := containerIDs(d)
		dirs := []string{root}
		for _, id := range ids {
			dirs = append(dirs, string(d.Container(id)))
		}
		return dirs
	}
	w, err := newWatcher(func(path string) bool {
		return filepath.Dir(path) == root && IsID(filepath.Base(path))
	})
	if err != nil {
		return poll(ctx, list), nil
	}
	if err := w.add(root, watchMask); err != nil { // before listing: nothing falls between
		w.f.Close()
		if exhausted(err) {
			return poll(ctx, list), nil
		}
		return nil, err
	}
	for _, dir := range list()[1:] {
		_ = w.add(dir, watchMask) // gone already, or no watches left: its end is still seen
	}
	return w.run(ctx), nil
}

// watcher is one inotify descriptor.
type watcher struct {
	f       *os.File
	mu      sync.Mutex
	dirs    map[int32]string
	descend func(path string) bool // whether a new entry is watched, too
	pending map[string]struct{}
	order   []string
}

func newWatcher(descend func(string) bool) (*watcher, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("inotify: %w", err)
	}
	return &watcher{
		f: os.NewFile(uintptr(fd), "inotify"), dirs: map[int32]string{},
		descend: descend, pending: map[string]struct{}{},
	}, nil
}

func (w *watcher) add(dir string, mask uint32) error {
	raw, err := w.f.SyscallConn()
	if err != nil {
		return err
	}
	var wd int
	var werr error
	if err := raw.Control(func(fd uintptr) { wd, werr = unix.InotifyAddWatch(int(fd), dir, mask) }); err != nil {
		return err
	}
	if werr != nil {
		return fmt.Errorf("watch %s: %w", dir, werr)
	}
	w.dirs[int32(wd)] = dir
	return nil
}

// run reads until ctx ends. One goroutine gathers, one tells; both end with ctx.
func (w *watcher) run(ctx context.Context) <-chan string {
	out := make(chan string)
	wake := make(chan struct{}, 1)
	stop := context.AfterFunc(ctx, func() { w.f.Close() })
	go func() {
		defer stop()
		defer close(wake)
		w.gather(wake)
	}()
	go func() {
		defer close(out)
		for range wake {
			if !pause(ctx, coalesce) {
				continue // until gather has closed wake
			}
			for _, path := range w.take() {
				select {
				case out <- path:
				case <-ctx.Done():
				}
			}
		}
	}()
	return out
}

func (w *watcher) gather(wake chan<- struct{}) {
	buf := make([]byte, 64<<10)
	for {
		n, err := w.f.Read(buf)
		if err != nil {
			return // closed
		}
		for b := buf[:n]; len(b) >= unix.SizeofInotifyEvent; {
			e := (*unix.InotifyEvent)(unsafe.Pointer(&b[0]))
			end := unix.SizeofInotifyEvent + int(e.Len)
			name := string(b[unix.SizeofInotifyEvent:end])
			w.event(*e, strings.TrimRight(name, "\x00"))
			b = b[end:]
		}
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

func (w *watcher) event(e unix.InotifyEvent, name string) {
	if e.Mask&unix.IN_Q_OVERFLOW != 0 {
		for _, dir := range w.dirs {
			w.note(dir)
		}
		return
	}
	dir, ok := w.dirs[e.Wd]
	if e.Mask&unix.IN_IGNORED != 0 {
		delete(w.dirs, e.Wd)
	}
	if !ok || name == "" || name[0] == '.' {
		return
	}
	path := filepath.Join(dir, name)
	if e.Mask&(unix.IN_CREATE|unix.IN_MOVED_TO) != 0 && w.descend != nil && w.descend(path) {
		_ = w.add(path, watchMask) // gone already: its end is told by the directory above
	}
	w.note(path)
}

func (w *watcher) note(path string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.pending[path]; !ok {
		w.pending[path] = struct{}{}
		w.order = append(w.order, path)
	}
}

func (w *watcher) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	paths := w.order
	w.order = nil
	clear(w.pending)
	return paths
}

// poll tells a directory's path when its entries' names, sizes or times
// differ, and a file's when it is another one or has grown.
func poll(ctx context.Context, dirs func() []string) <-chan string {
	out := make(chan string)
	look := func() map[string]uint64 {
		now := map[string]uint64{}
		for _, dir := range dirs() {
			now[dir] = fingerprint(dir)
		}
		return now
	}
	seen := look() // before who asked reads them: nothing falls between
	go func() {
		defer close(out)
		for pause(ctx, pollEvery) {
			now := look()
			for dir, sum := range now {
				if old, ok := seen[dir]; ok && old == sum {
					continue
				}
				select {
				case out <- dir:
				case <-ctx.Done():
				}
			}
			seen = now
		}
	}()
	return out
}

// fingerprint sums up the files of a directory, the log and hidden ones left
// out, or a file.
func fingerprint(path string) uint64 {
	var at unix.Stat_t
	if unix.Stat(path, &at) == nil && at.Mode&unix.S_IFMT == unix.S_IFREG {
		return at.Ino<<32 ^ uint64(at.Size)
	}
	entries, err := os.ReadDir(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return 0
	}
	sum := uint64(14695981039346656037) // FNV-1a
	mix := func(b []byte) {
		for _, c := range b {
			sum = (sum ^ uint64(c)) * 1099511628211
		}
	}
	for _, e := range entries {
		if e.Name()[0] == '.' || filepath.Ext(e.Name()) != ".json" && !e.IsDir() {
			continue
		}
		mix([]byte(e.Name()))
		if info, err := e.Info(); err == nil && !e.IsDir() {
			mix(binary.LittleEndian.AppendUint64(nil, uint64(info.ModTime().UnixNano())))
		}
	}
	return sum
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
