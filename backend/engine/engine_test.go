package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"davit/backend/api"
	"davit/backend/image"
)

func TestLife(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	c := b.made(t, api.RunSpec{Name: "web", Ports: []api.Port{{HostPort: 18080, ContainerPort: 80}}})
	kind(t, b.Kill(ctx, "web", "KILL"), api.KindConflict, "not running")
	_, err := b.Exec(ctx, "web", api.ExecSpec{Args: []string{"ls"}})
	kind(t, err, api.KindConflict, "not running")
	kind(t, b.Stop(ctx, "web", api.StopOptions{}), "", "")
	if e, err := b.Wait(ctx, "web"); err != nil || e.Code != 0 {
		t.Error(e, err)
	}
	for range 2 { // starting a running one does nothing
		kind(t, b.Start(ctx, c.ID[:6]), "", "")
	}
	d, err := b.Container(ctx, "web")
	if err != nil || d.State != api.StateRunning || d.IP != "10.88.0.2" || d.PID != os.Getpid() || d.LogSize == 0 {
		t.Errorf("%+v, %v", d, err)
	}
	s, err := b.Exec(ctx, "web", api.ExecSpec{Args: []string{"echo", "hi"}})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if e, err := s.Stream(&out, &out); err != nil || e.Code != 3 || out.String() != "echo hi" {
		t.Error(e, err, out.String())
	}
	kind(t, b.Remove(ctx, "web", api.RemoveOptions{}), api.KindConflict, "is running")
	waited := make(chan api.Exit)
	go func() { e, _ := b.Wait(ctx, "web"); waited <- e }()
	kind(t, b.Kill(ctx, "web", "9"), "", "")
	if e := <-waited; e.Code != 137 {
		t.Error(e)
	}
	kind(t, b.Restart(ctx, "web", api.StopOptions{}), "", "")
	kind(t, b.Remove(ctx, "web", api.RemoveOptions{Force: true}), "", "")
	_, err = b.Container(ctx, "web")
	kind(t, err, api.KindNotFound, "no such container")
	if len(b.guard.released) != 1 {
		t.Error(b.guard.released)
	}
	if l, _ := os.ReadDir(b.dirs.Containers()); len(l) != 0 {
		t.Error(l)
	}
}

func TestStartErrorsPassThrough(t *testing.T) {
	b := newBench(t)
	b.made(t, api.RunSpec{Name: "web"})
	b.guard.fail = api.Errorf(api.KindStart, "no such file").WithExit(127)
	err := b.Start(t.Context(), "web")
	kind(t, err, api.KindStart, "no such file")
	if api.AsError(err).ExitCode != 127 {
		t.Error(err)
	}
	_, err = b.Attach(t.Context(), "web", api.AttachOptions{Start: true})
	kind(t, err, api.KindStart, "no such file")
}

func TestLogsFollowUntilTheContainerEnds(t *testing.T) {
	b := newBench(t)
	c := b.made(t, api.RunSpec{Name: "web", Command: []string{"hello"}})
	lines := func(q api.LogQuery) (got []string) {
		if err := b.Logs(t.Context(), "web", q, func(l api.LogLine) error { got = append(got, l.Text); return nil }); err != nil {
			t.Error(err)
		}
		return got
	}
	if got := lines(api.LogQuery{Follow: true}); got != nil { // was never started
		t.Error(got)
	}
	kind(t, b.Start(t.Context(), "web"), "", "")
	done := make(chan []string)
	go func() { done <- lines(api.LogQuery{Follow: true}) }()
	if err := b.guard.end(c.ID, 0); err != nil {
		t.Fatal(err)
	}
	if got := <-done; len(got) != 1 || got[0] != "/entry.sh hello" {
		t.Error(got)
	}
	kind(t, b.Logs(t.Context(), "web", api.LogQuery{Stream: "x"}, nil), api.KindInvalid, "no stream")
}

func TestFilters(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	a := b.made(t, api.RunSpec{Name: "alpha", Labels: map[string]string{"x": "1", "y": "2"}})
	z := b.made(t, api.RunSpec{Name: "zeta", Ports: []api.Port{{HostPort: 18081, ContainerPort: 80}}})
	kind(t, errors.Join(b.Start(ctx, "alpha"), b.Start(ctx, "zeta")), "", "")
	kind(t, b.Stop(ctx, "alpha", api.StopOptions{}), "", "")
	f := func(pairs ...string) map[string][]string {
		m := map[string][]string{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = append(m[pairs[i]], pairs[i+1])
		}
		return m
	}
	for i, c := range []struct {
		q    api.ContainerFilter
		want string
	}{
		{api.ContainerFilter{}, "zeta"},
		{api.ContainerFilter{All: true}, "zeta alpha"},
		{api.ContainerFilter{Last: 1}, "zeta"},
		{api.ContainerFilter{Last: 5}, "zeta alpha"},
		{api.ContainerFilter{Filters: f("status", "exited")}, "alpha"},
		{api.ContainerFilter{Filters: f("status", "exited", "status", "running")}, "zeta alpha"},
		{api.ContainerFilter{Filters: f("exited", "143")}, "alpha"},
		{api.ContainerFilter{Filters: f("exited", "0")}, ""},
		{api.ContainerFilter{All: true, Filters: f("name", "^alp")}, "alpha"},
		{api.ContainerFilter{All: true, Filters: f("name", "/zeta", "name", "pha")}, "zeta alpha"},
		{api.ContainerFilter{All: true, Filters: f("id", a.ID[:8])}, "alpha"},
		{api.ContainerFilter{All: true, Filters: f("label", "x=1", "label", "y")}, "alpha"},
		{api.ContainerFilter{All: true, Filters: f("label", "x=1", "label", "z")}, ""},
		{api.ContainerFilter{All: true, Filters: f("ancestor", "nginx")}, "zeta alpha"},
		{api.ContainerFilter{All: true, Filters: f("ancestor", "aaaaaaaaaaaa")}, "zeta alpha"},
		{api.ContainerFilter{All: true, Filters: f("ancestor", "redis")}, ""},
		{api.ContainerFilter{All: true, Filters: f("publish", "18081")}, "zeta"},
		{api.ContainerFilter{All: true, Filters: f("publish", "18000-18100/tcp")}, "zeta"},
		{api.ContainerFilter{All: true, Filters: f("publish", "80")}, ""},
		{api.ContainerFilter{All: true, Filters: f("expose", "80")}, "zeta"},
		{api.ContainerFilter{All: true, Filters: f("expose", "18081")}, ""},
		{api.ContainerFilter{All: true, Filters: f("label!", "y")}, "zeta"},
		{api.ContainerFilter{All: true, Filters: f("label!", "y", "label!", "z")}, "zeta"},
		{api.ContainerFilter{All: true, Filters: f("before", "zeta")}, "alpha"},
		{api.ContainerFilter{All: true, Filters: f("since", a.ID[:12])}, "zeta"},
		{api.ContainerFilter{All: true, Filters: f("since", "zeta")}, ""},
		{api.ContainerFilter{All: true, Filters: f("network", "bridge")}, "zeta alpha"},
		{api.ContainerFilter{All: true, Filters: f("network", "nowhere")}, ""},
	} {
		l, err := b.Containers(ctx, c.q)
		var names []string
		for _, c := range l {
			names = append(names, c.Name)
		}
		if err != nil || strings.Join(names, " ") != c.want {
			t.Errorf("%d: %+v: %v, %v", i, c.q, names, err)
		}
	}
	_, err := b.Containers(ctx, api.ContainerFilter{Filters: f("before", "x")})
	kind(t, err, api.KindNotFound, "no such container")
	for words, q := range map[string]map[string][]string{"no filter": f("size", "1"), "exit code": f("exited", "x"), "wants a port": f("publish", "x"), "no status": f("status", "x")} {
		_, err := b.Containers(ctx, api.ContainerFilter{Filters: q})
		kind(t, err, api.KindInvalid, words)
	}
	_ = z
}

func TestBrokenContainerCanBeRemoved(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	c := b.made(t, api.RunSpec{Name: "web"})
	if err := os.Truncate(b.dirs.Container(c.ID).Record(), 250); err != nil {
		t.Fatal(err)
	}
	l, err := b.Containers(ctx, api.ContainerFilter{All: true})
	if err != nil || len(l) != 1 || l[0].State != api.StateBroken || l[0].Name != "web" || l[0].Reason == "" {
		t.Fatalf("%+v, %v", l, err)
	}
	kind(t, b.Start(ctx, "web"), api.KindCorrupt, "damaged")
	if _, err := b.Container(ctx, "web"); err != nil {
		t.Error(err)
	}
	kind(t, b.Remove(ctx, "web", api.RemoveOptions{}), "", "")
}

func TestImagesInUse(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	b.made(t, api.RunSpec{Name: "web"})
	l, err := b.Images(ctx, api.ImageFilter{Reference: "ngin*"})
	if err != nil || len(l) != 1 || l[0].Containers != 1 {
		t.Errorf("%+v, %v", l, err)
	}
	_, err = b.RemoveImage(ctx, "nginx", api.RemoveImageOptions{})
	kind(t, err, api.KindConflict, "used by web")
	r, err := b.RemoveImage(ctx, "nginx", api.RemoveImageOptions{Force: true})
	if err != nil || len(r.Deleted) != 1 {
		t.Error(r, err)
	}
}

func TestIsCalled(t *testing.T) {
	i := api.Image{ID: "sha256:abcdef0123", Names: []string{"docker.io/library/nginx:1.29", "localhost:5000/a/b:x"}}
	for pattern, want := range map[string]bool{
		"nginx": true, "nginx:1.29": true, "nginx:*": true, "library/nginx": true, "docker.io/library/nginx": true, "ngin": false,
		"localhost:5000/a/b": true, "localhost:5000/*/*:x": true, "abcdef": true, "sha256:abcdef": true, "redis": false, "[": false,
	} {
		if isCalled(i, pattern) != want {
			t.Errorf("%s: %v", pattern, !want)
		}
	}
}

func TestPull(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	step, finish := make(chan struct{}), make(chan error)
	b.images.pull = func(ctx context.Context, progress func(image.Progress)) error {
		for i := range int64(1000) {
			progress(image.Progress{Name: "docker.io/library/redis:latest", Done: i, Total: 1000, Steps: []api.Step{{ID: "l", Done: i}}})
		}
		close(step)
		select {
		case err := <-finish:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	op, err := b.Pull(ctx, api.PullSpec{Ref: "redis"})
	if err != nil || op.Kind != "pull" || op.State != api.OperationRunning || op.Title != "Pull docker.io/library/redis:latest" {
		t.Fatalf("%+v, %v", op, err)
	}
	<-step
	again, err := b.Pull(ctx, api.PullSpec{Ref: "docker.io/library/redis:latest"})
	if err != nil || again.ID != op.ID || again.Done != 999 {
		t.Errorf("did not join: %+v, %v", again, err)
	}
	calls := 0
	err = b.WatchOperation(ctx, op.ID, func(o api.Operation) error {
		if calls++; calls == 1 {
			finish <- nil
		}
		op = o
		return nil
	})
	if err != nil || op.State != api.OperationDone || op.Image != "docker.io/library/redis:latest" || op.ImageID == "" || op.Ended.IsZero() || calls > 3 {
		t.Errorf("%d calls: %+v, %v", calls, op, err)
	}
	step = make(chan struct{})
	second, err := b.Pull(ctx, api.PullSpec{Ref: "redis"})
	if err != nil || second.ID == op.ID {
		t.Fatal(second, err)
	}
	<-step
	kind(t, b.CancelOperation(ctx, second.ID), "", "")
	_ = b.WatchOperation(ctx, second.ID, func(o api.Operation) error { second = o; return nil })
	if second.State != api.OperationCancelled || second.Error != nil {
		t.Errorf("%+v", second)
	}
	b.images.pull = func(context.Context, func(image.Progress)) error { return syscall.ENOSPC }
	third, err := b.Pull(ctx, api.PullSpec{Ref: "redis"})
	if err != nil {
		t.Fatal(err)
	}
	_ = b.WatchOperation(ctx, third.ID, func(o api.Operation) error { third = o; return nil })
	if third.State != api.OperationFailed || third.Error.Kind != api.KindNoSpace || third.Error.Hint == "" {
		t.Errorf("%+v", third)
	}
	if l, _ := b.Operations(ctx); len(l) != 3 || l[0].ID != third.ID {
		t.Errorf("%+v", l)
	}
	_, err = b.Operation(ctx, "x")
	kind(t, err, api.KindNotFound, "no operation")
}

func TestOnlySomeEndedOperationsAreKept(t *testing.T) {
	b := newBench(t)
	b.images.pull = func(context.Context, func(image.Progress)) error { return nil }
	for range maxEnded + 20 {
		op, err := b.Pull(t.Context(), api.PullSpec{Ref: "redis"})
		if err != nil {
			t.Fatal(err)
		}
		_ = b.WatchOperation(t.Context(), op.ID, func(api.Operation) error { return nil })
	}
	if l, _ := b.Operations(t.Context()); len(l) > maxEnded+1 {
		t.Error(len(l))
	}
}

func TestInfo(t *testing.T) {
	b := newBench(t)
	b.made(t, api.RunSpec{})
	i, err := b.Info(t.Context())
	if err != nil || i.Containers != 1 || i.Images != 2 || i.CPUs == 0 || i.Memory == 0 || i.Kernel == "" || i.Version != "test" {
		t.Errorf("%+v, %v", i, err)
	}
	mod, err := os.ReadFile(filepath.Join("..", "..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for path, version := range map[string]string{"opencontainers/runc": runtimeVersion, "containers/gvisor-tap-vsock": networkVersion} {
		_, number, _ := strings.Cut(version, " ")
		if !strings.Contains(string(mod), path+" v"+number+"\n") {
			t.Errorf("%s: %s is not what go.mod says", path, version)
		}
	}
	if c, err := b.Doctor(t.Context()); err != nil || c == nil {
		t.Error(c, err)
	}
}

func TestSingleUID(t *testing.T) {
	path := filepath.Join(t.TempDir(), "uid_map")
	for text, want := range map[string]bool{"0 1000 1\n": true, "0 1000 1\n1 100000 65536\n": false, "0 0 4294967295\n": false} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if singleUID(path) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
}

func TestExplain(t *testing.T) {
	wrap := func(err error) error { return fmt.Errorf("write x: %w", err) }
	for err, want := range map[error]api.Kind{
		syscall.ENOSPC: api.KindNoSpace, syscall.EROFS: api.KindHost, syscall.EACCES: api.KindDenied,
		syscall.EMFILE: api.KindHost, syscall.ECONNREFUSED: api.KindUnavailable, context.Canceled: api.KindCancelled,
		errors.New("x"): api.KindInternal, api.Errorf(api.KindStart, "x"): api.KindStart,
	} {
		kind(t, explain(wrap(err)), want, "write x")
	}
	if explain(nil) != nil {
		t.Error("nil became an error")
	}
}
