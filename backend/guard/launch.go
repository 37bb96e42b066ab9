package guard

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"davit/backend/api"
	"davit/backend/store"
	"davit/backend/userns"
)

// launch starts a run; op is held. What it made half is taken back.
func (c *container) launch(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			c.failed(err)
		}
	}()
	c.tidied()
	var spec specs.Spec
	if err := errors.Join(c.reread(), store.ReadJSON(c.dir.Config(), &spec)); err != nil {
		return api.Errorf(api.KindStart, "%w", err).WithExit(125)
	}
	if err := c.sourcesThere(); err != nil {
		return err
	}
	// The network namespace and the file system are made side by side.
	type answer struct {
		connected
		err error
	}
	network := make(chan answer, 1)
	go func() {
		n, err := c.connect(ctx)
		network <- answer{n, err}
	}()
	mountErr := mountRootfs(ctx, c.g.Dirs, c.rec)
	if mountErr == nil {
		mountErr = errors.Join(c.introduce(), c.become(&spec))
	}
	n := <-network
	if err := errors.Join(mountErr, n.err); err != nil {
		if n.err == nil {
			c.disconnect(n.connected)
		}
		return errors.Join(first(mountErr, n.err), c.unmountUnheld())
	}
	shown, err := c.showSubpaths(&spec)
	defer shown()
	if err == nil {
		shown, err = c.nestedNetwork(&spec, n.connected)
		defer shown()
	}
	if err == nil {
		err = c.prepare(&spec, n.connected)
	}
	if err != nil {
		c.disconnect(n.connected)
		return errors.Join(err, c.unmountUnheld())
	}
	r, err := c.create(&spec, n.connected)
	if err != nil {
		c.disconnect(n.connected)
		return errors.Join(err, c.unmountUnheld())
	}
	return c.begin(r, spec.Process)
}

// first keeps an *api.Error whole where errors.Join would hide its text.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// become fills in who the program runs as, which the rootfs tells.
func (c *container) become(spec *specs.Spec) error {
	u, home, err := c.user(c.rec.User, c.rec.Spec.Groups...)
	if err != nil {
		return err
	}
	u.Umask = spec.Process.User.Umask
	spec.Process.User = u
	spec.Process.Env = withHome(spec.Process.Env, home)
	if u.UID != 0 && spec.Process.Capabilities != nil {
		// As the kernel does when a program of root becomes another user.
		spec.Process.Capabilities.Effective, spec.Process.Capabilities.Permitted = nil, nil
	}
	return nil
}

// prepare fills in what is known only now.
func (c *container) prepare(spec *specs.Spec, n connected) error {
	if err := writeIdentity(c, n); err != nil {
		return err
	}
	if err := c.giveMounts(spec.Process.User); err != nil {
		return err
	}
	if n.netns != nil {
		for i, ns := range spec.Linux.Namespaces {
			if ns.Type == specs.NetworkNamespace {
				spec.Linux.Namespaces[i].Path = fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), n.netns.Fd())
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.sessions {
		if s.rows > 0 && s.cols > 0 {
			spec.Process.ConsoleSize = &specs.Box{Height: uint(s.rows), Width: uint(s.cols)}
		}
	}
	return nil
}

// create makes pipes, log and the waiting process.
func (c *container) create(spec *specs.Spec, n connected) (*run, error) {
	r := &run{c: c, net: n, done: make(chan struct{}), begun: make(chan struct{}), spools: map[string]*os.File{}}
	theirs, err := r.pipes(c.rec)
	if err != nil {
		return nil, err
	}
	defer closeFiles(theirs.In, theirs.Out, theirs.Err)
	if r.log, err = c.openLog(false); err != nil {
		r.close()
		return nil, err
	}
	if r.group, err = c.enroll(); err != nil {
		r.close()
		return nil, err
	}
	if r.group != "" {
		spec.Linux.CgroupsPath = r.group.Path()
	}
	if err := r.make(spec, theirs); err != nil {
		return nil, err
	}
	if n.netns != nil {
		_ = n.netns.Close() // the container holds it from now on
		r.net.netns = nil
	}
	return r, nil
}

// make starts the waiting process, and has the keeper hold our ends meanwhile:
// what no keeper holds would not survive us, and is not started.
func (r *run) make(spec *specs.Spec, theirs Stdio) error {
	held := make(chan error, 1)
	go func() { held <- r.deposit() }()
	var err error
	r.proc, err = r.c.g.Runtime.Create(r.c.rec.ID, spec, theirs)
	herr := <-held
	if err != nil {
		r.withdraw()
		r.close()
		return errors.Join(err, r.group.Remove())
	}
	if r.console = r.proc.Console(); r.console != nil && herr == nil {
		herr = r.deposit() // it is the only one of ours
	}
	if herr == nil {
		herr = r.scored()
	}
	if herr != nil {
		return errors.Join(herr, r.abandon())
	}
	return nil
}

// scored reads back the score for when memory runs out.
func (r *run) scored() error {
	want := r.c.rec.Spec.OOMScoreAdj
	if want == 0 {
		return nil
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/oom_score_adj", r.proc.PID()))
	if got := strings.TrimSpace(string(b)); err != nil || got != strconv.Itoa(want) {
		return api.Errorf(api.KindHost, "the score for when memory runs out was set to %d, and the kernel made it %q", want, got).WithExit(125)
	}
	return nil
}

// abandon takes back a run whose process waits to be started.
func (r *run) abandon() error {
	err := r.proc.Signal(unix.SIGKILL)
	_, werr := r.proc.Wait()
	err = errors.Join(err, werr, r.proc.Reap(), r.c.g.Runtime.Delete(r.c.rec.ID), r.group.Remove())
	r.close()
	return err
}

// begin lets the program run and records it. The record comes first: a guard
// that dies right after finds the container that it has to adopt.
func (c *container) begin(r *run, p *specs.Process) error {
	pid := r.proc.PID()
	start, err := store.ProcessStart(pid)
	if err != nil {
		c.log.Error("start time", "err", err) // it ended at once: recorded by watch
	}
	c.g.enter()
	c.mu.Lock()
	c.run = r
	for _, s := range c.sessions {
		s.anew()
	}
	c.notify()
	c.mu.Unlock()
	err = c.record(func(s *store.State) {
		*s = store.State{
			State: api.StateRunning, PID: pid, PIDStart: start, BootID: store.BootID(), Started: time.Now(),
			Restarts: s.Restarts, Confinement: c.confinement(), Limited: limited(),
			Cgroup: string(r.group), Health: c.firstHealth(),
		}
		r.net.note(s)
	})
	r.pump()
	go c.watch(r)
	if err == nil { // what is not recorded would not be found by the next guard
		err = r.execute(p)
	}
	if err != nil {
		r.startErr = err
		close(r.begun)
		_ = r.proc.Signal(unix.SIGKILL)
		<-r.done
		return err
	}
	c.tell("start")
	close(r.begun)
	c.watchHealth(r, api.Health{})
	return nil
}

// execute lets the program run unless it is plain that it cannot.
func (r *run) execute(p *specs.Process) error {
	if inside, err := seen(r.proc.PID()); err == nil {
		defer inside.close()
		if err := inside.wontStart(p); err != nil {
			return err
		}
	}
	return r.proc.Start()
}

// failed records why a start came to nothing. A container that never ran
// stays created, as docker's does.
func (c *container) failed(err error) {
	e := api.AsError(err)
	c.record(func(s *store.State) {
		if s.Started.IsZero() {
			s.State = api.StateCreated
		} else {
			s.State = api.StateExited
		}
		s.PID, s.PIDStart = 0, 0
		noNetworks(s)
		s.ExitCode, s.Reason = e.ExitCode, e.Msg
		if s.ExitCode == 0 {
			s.ExitCode = 125
		}
	})
	c.mu.Lock()
	c.notify()
	c.mu.Unlock()
	if c.rec.AutoRemove {
		if err := c.remove(); err != nil {
			c.log.Error("remove", "err", err)
		} else {
			c.tell("destroy")
		}
	}
	c.failSessions(e)
}

// limited says what this host takes from every container.
func limited() string {
	if userns.SingleUID() {
		return "only one user id can be had here: images with files or users of others do not work"
	}
	return ""
}

func closeFiles(files ...*os.File) {
	for _, f := range files {
		if f != nil {
			_ = f.Close()
		}
	}
}
