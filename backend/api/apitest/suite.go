package apitest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"davit/backend/api"
)

// Setup is a Service to be tested and what it can be tested with.
type Setup struct {
	Service api.Service
	// Image is a ref of an image that is present and has busybox's sh, echo,
	// cat, sleep, seq, hostname, stty and no entrypoint. Tests do not remove it.
	Image string
	// PullRef is a ref of an image that is absent and can be pulled; the suite
	// removes it afterwards.
	PullRef string
	// PushTo is a name that Image can be pushed under.
	PushTo string
	// SearchTerm is a word that a registry finds something for, and
	// TagsOf a repository that has tags.
	SearchTerm, TagsOf string
	// Registry accepts Username and Password and no other password.
	Registry, Username, Password string
	// Without names parts of the suite (a test's name: "Pull", "Search",
	// "Login", "TTY") that cannot be tried here, each with the reason, which
	// is shown. All else that is missing fails.
	Without map[string]string
}

// Suite tests that the Service of New keeps what api.Service promises. New is
// called for each test and may give the same Service again; tests remove
// what they make.
func Suite(t *testing.T, New func(t *testing.T) Setup) {
	for _, c := range []struct {
		name string
		test func(*suite)
	}{
		{"CreateAndInspect", testCreate},
		{"CreateRefuses", testCreateRefuses},
		{"PortOfARange", testPortOfARange},
		{"NotFound", testNotFound},
		{"ShortIDs", testShortIDs},
		{"List", testList},
		{"ExitCode", testExitCode},
		{"StartRefuses", testStartRefuses},
		{"StartTwice", testStartTwice},
		{"Stop", testStop},
		{"StopKills", testStopKills},
		{"Restart", testRestart},
		{"Kill", testKill},
		{"Remove", testRemove},
		{"AutoRemove", testAutoRemove},
		{"WaitCancelled", testWaitCancelled},
		{"Logs", testLogs},
		{"LogsTogether", testLogsTogether},
		{"LogsBytes", testLogsBytes},
		{"LogsFollow", testLogsFollow},
		{"LogsFollowCancelled", testLogsCancelled},
		{"LogsSinkFails", testLogsSink},
		{"Pause", testPause},
		{"PausedEnds", testPausedEnds},
		{"Rename", testRename},
		{"Update", testUpdate},
		{"Top", testTop},
		{"Stats", testStats},
		{"Health", testHealth},
		{"WaitUntil", testWaitUntil},
		{"PastEvents", testPastEvents},
		{"Autostart", testAutostart},
		{"Attach", testAttach},
		{"AttachRefuses", testAttachRefuses},
		{"Exec", testExec},
		{"ExecRefuses", testExecRefuses},
		{"TTY", testTTY},
		{"Files", testFiles},
		{"FilesWrite", testFilesWrite},
		{"Archives", testArchives},
		{"BrowsedAndRemoved", testBrowsedAndRemoved},
		{"Networks", testNetworks},
		{"NetworkRefuses", testNetworkRefuses},
		{"Connect", testConnect},
		{"ConnectLive", testConnectLive},
		{"Publish", testPublish},
		{"Images", testImages},
		{"ImageRefuses", testImageRefuses},
		{"Tag", testTag},
		{"ImageInUse", testImageInUse},
		{"Sample", testSample},
		{"SaveAndLoad", testSaveLoad},
		{"LoadRefuses", testLoadRefuses},
		{"Pull", testPull},
		{"PullFails", testPullFails},
		{"Operations", testOperations},
		{"Push", testPush},
		{"Import", testImport},
		{"Commit", testCommit},
		{"Prune", testPrune},
		{"CheckImages", testCheckImages},
		{"Inside", testInside},
		{"Compare", testCompare},
		{"Repository", testRepository},
		{"SetRegistry", testSetRegistry},
		{"PauseOperation", testPauseOperation},
		{"MoveOperation", testMoveOperation},
		{"Trash", testTrash},
		{"SaveTo", testSaveTo},
		{"OtherStores", testOtherStores},
		{"Preview", testPreview},
		{"ImageTree", testImageTree},
		{"RegistrySettings", testRegistrySettings},
		{"Registries", testRegistries},
		{"Search", testSearch},
		{"Login", testLogin},
		{"Events", testEvents},
		{"EventsOnce", testEventsOnce},
		{"EventsResume", testEventsResume},
		{"Info", testInfo},
		{"Doctor", testDoctor},
		{"Volumes", testVolumes},
		{"Secrets", testSecrets},
		{"CheckSpec", testCheckSpec},
		{"Edit", testEdit},
		{"Snapshots", testSnapshots},
		{"SnapshotFiles", testSnapshotFiles},
		{"Cancelled", testCancelled},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &suite{T: t, Setup: New(t)}
			if why, ok := s.Without[c.name]; ok {
				t.Skip(why)
			}
			c.test(s)
		})
	}
}

// patience bounds what should happen at once; it is long for slow machines.
const patience = 20 * time.Second

// suite is one test of the suite.
type suite struct {
	*testing.T
	Setup
}

// ctx ends with the test's patience.
func (s *suite) ctx() context.Context {
	ctx, cancel := context.WithTimeout(s.Context(), patience)
	s.Cleanup(cancel)
	return ctx
}

func (s *suite) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// want checks that err is of a kind, says something and is an *api.Error.
func (s *suite) want(kind api.Kind, err error) *api.Error {
	s.Helper()
	var e *api.Error
	switch {
	case err == nil:
		s.Fatalf("no error, want %s", kind)
	case !errors.As(err, &e):
		s.Fatalf("%T %v, want an *api.Error", err, err)
	case e.Kind != kind:
		s.Fatalf("%s: %v, want %s", e.Kind, e, kind)
	case e.Msg == "":
		s.Fatalf("%s without words", e.Kind)
	}
	return e
}

// name makes a name that no other test has.
func name() string { return "suite-" + strings.ToLower(rand.Text()[:10]) }

// sh creates a container that runs a script.
func (s *suite) sh(script string, change ...func(*api.RunSpec)) api.Created {
	s.Helper()
	spec := api.RunSpec{Image: s.Image, Name: name(), Command: []string{"sh", "-c", script}}
	for _, c := range change {
		c(&spec)
	}
	made, err := s.Service.Create(s.ctx(), spec)
	s.ok(err)
	s.gone(made.ID)
	return made
}

// gone removes a container when the test ends.
func (s *suite) gone(id string) {
	s.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Service.Remove(ctx, id, api.RemoveOptions{Force: true}); err != nil && api.KindOf(err) != api.KindNotFound {
			s.Errorf("remove %s: %v", id, err)
		}
	})
}

func (s *suite) start(ref string) {
	s.Helper()
	s.ok(s.Service.Start(s.ctx(), ref))
}

func (s *suite) wait(ref string) api.Exit {
	s.Helper()
	e, err := s.Service.Wait(s.ctx(), ref)
	s.ok(err)
	return e
}

// run creates, starts and waits.
func (s *suite) run(script string, change ...func(*api.RunSpec)) (api.Created, api.Exit) {
	s.Helper()
	c := s.sh(script, change...)
	s.start(c.ID)
	return c, s.wait(c.ID)
}

func (s *suite) inspect(ref string) api.ContainerDetail {
	s.Helper()
	d, err := s.Service.Container(s.ctx(), ref)
	s.ok(err)
	return d
}

func (s *suite) state(ref string, want api.State) api.ContainerDetail {
	s.Helper()
	d := s.inspect(ref)
	if d.State != want {
		s.Fatalf("%s is %s, want %s", ref, d.State, want)
	}
	return d
}

// logs reads what a container said.
func (s *suite) logs(ref string, q api.LogQuery) []api.LogLine {
	s.Helper()
	var lines []api.LogLine
	s.ok(s.Service.Logs(s.ctx(), ref, q, func(l api.LogLine) error {
		lines = append(lines, l)
		return nil
	}))
	return lines
}

// said waits until a container has written a line that contains text.
func (s *suite) said(ref, text string) {
	s.Helper()
	found := errors.New("found")
	err := s.Service.Logs(s.ctx(), ref, api.LogQuery{Follow: true}, func(l api.LogLine) error {
		if strings.Contains(l.Text, text) {
			return found
		}
		return nil
	})
	if !errors.Is(err, found) {
		s.Fatalf("%s never said %q: %v", ref, text, err)
	}
}

func texts(lines []api.LogLine) string {
	var b strings.Builder
	for _, l := range lines {
		fmt.Fprintf(&b, "%s:%s\n", l.Stream, l.Text)
	}
	return b.String()
}

func number(n int) *int { return &n }

// output gathers what a session says; it may be read while it grows.
type output struct {
	mu sync.Mutex
	b  strings.Builder
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// until waits for what cannot be waited on otherwise.
func (s *suite) until(what string, ready func() bool) {
	s.Helper()
	for end := time.Now().Add(patience); !ready(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			s.Fatalf("never: %s", what)
		}
	}
}

// ended is how a session ended.
type ended struct {
	exit api.Exit
	err  error
}

// stream copies a session's output until it ends, in the background.
func (s *suite) stream(c *api.Session, stdout, stderr *output) func() api.Exit {
	done := make(chan ended, 1)
	go func() {
		e, err := c.Stream(stdout, stderr)
		done <- ended{e, err}
	}()
	s.Cleanup(func() { _ = c.Close() })
	return func() api.Exit {
		s.Helper()
		select {
		case e := <-done:
			s.ok(e.err)
			return e.exit
		case <-time.After(patience):
			s.Fatal("the session does not end")
		}
		return api.Exit{}
	}
}
