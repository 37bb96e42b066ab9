package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"davit/app/front/takeout"
	"davit/backend/api"
)

// CpOptions are cp's.
type CpOptions struct {
	Archive bool
	Follow  bool
	Quiet   bool
}

func newCpCommand() *command {
	var o CpOptions
	c := &command{
		name: "cp", args: "[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-  or  SRC_PATH|- CONTAINER:DEST_PATH", group: "Containers",
		short: "Copy files between a container and this machine", least: 2, most: 2,
		long: "The container may run or not. \"-\" is a tar archive on the standard input or output. A directory\n" +
			"that ends with /. means its content. Links in the container lead to files of the container only.",
	}
	f := c.set()
	f.BoolVarP(&o.Archive, "archive", "a", false, "Keep owners, too: you are the container's root")
	f.BoolVarP(&o.Follow, "follow-link", "L", false, "Copy what SRC_PATH leads to, where it is a link")
	f.BoolVarP(&o.Quiet, "quiet", "q", false, "Do not tell how much was copied")
	c.run = func(ctx context.Context, e *env, args []string) error { return runCp(ctx, e, o, args) }
	return c
}

// copyPath is one side of a copy.
type copyPath struct {
	container string // "": this machine
	path      string
}

func (p copyPath) String() string {
	if p.container == "" {
		return p.path
	}
	return p.container + ":" + p.path
}

// parseCopyPath tells CONTAINER:PATH from a path here: one that begins with
// "/" or "." is always one here.
func parseCopyPath(s string) copyPath {
	container, rest, ok := strings.Cut(s, ":")
	if !ok || filepath.IsAbs(s) || strings.HasPrefix(s, ".") {
		return copyPath{path: s}
	}
	return copyPath{container, rest}
}

// wantsDirectory: it ends with a slash, or means a directory's content.
func wantsDirectory(p string) bool { return strings.HasSuffix(p, "/") || wantsContent(p) }

func wantsContent(p string) bool { return p == "." || strings.HasSuffix(p, "/.") }

func runCp(ctx context.Context, e *env, o CpOptions, args []string) error {
	from, to := parseCopyPath(args[0]), parseCopyPath(args[1])
	switch {
	case from.container != "" && to.container != "":
		return refuse("copying between containers is not supported")
	case from.container == "" && to.container == "":
		return api.Errorf(api.KindInvalid, "must specify at least one container source").WithHint("Name a file of a container as CONTAINER:PATH.")
	case from.path == "":
		return refuse("the path of %s is missing", args[0])
	case to.path == "":
		return refuse("the path of %s is missing", args[1])
	}
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	c := &copying{s: s, o: o, e: e}
	if from.container != "" {
		err = c.out(ctx, from, to.path)
	} else {
		err = c.in(ctx, from.path, to)
	}
	if err == nil && !o.Quiet && to.path != "-" {
		fmt.Fprintf(e.err, "Successfully copied %s to %s\n", humanSize(c.bytes), to)
	}
	return err
}

type copying struct {
	s     api.Service
	o     CpOptions
	e     *env
	bytes int64 // of the archive that went across
}

// end is where a copy ends: a directory that exists, and what the copied file
// is called in it; ".": its content goes there.
type end struct{ dir, name string }

// target is what the person named as destination.
type target struct {
	path      string
	exists    bool
	directory bool
}

// place decides as docker does where src goes.
func place(src string, srcDir bool, base string, to target) (end, error) {
	parent, last := path.Split(strings.TrimRight(to.path, "/"))
	if parent == "" {
		parent = "."
	}
	switch {
	case wantsDirectory(src) && !srcDir:
		return end{}, refuse("%s: not a directory", src)
	case to.exists && to.directory && wantsContent(src):
		return end{to.path, "."}, nil
	case to.exists && to.directory:
		return end{to.path, base}, nil
	case to.exists && srcDir:
		return end{}, refuse("cannot copy a directory to the file %s", to.path)
	case to.exists && wantsDirectory(to.path):
		return end{}, refuse("%s: not a directory", to.path)
	case !to.exists && !srcDir && wantsDirectory(to.path):
		return end{}, api.Errorf(api.KindNotFound, "no such directory: %s", to.path)
	}
	return end{parent, last}, nil
}

// out copies from a container.
func (c *copying) out(ctx context.Context, from copyPath, to string) error {
	at := api.FilePath{Container: from.container, Path: from.path}
	info, err := c.s.FileInfo(ctx, api.InfoQuery{At: at, Follow: c.o.Follow || wantsDirectory(from.path)})
	if err != nil {
		return err
	}
	q := api.ArchiveQuery{At: at, Follow: c.o.Follow || wantsDirectory(from.path)}
	if to == "-" {
		if _, ok := terminal(c.e.out); ok {
			return api.Errorf(api.KindInvalid, "an archive is not written to a terminal").WithHint("Send it to a file or a program.")
		}
		if wantsContent(from.path) {
			q.Name = "."
		}
		return c.s.GetArchive(ctx, q, c.e.out)
	}
	t := target{path: to}
	if st, err := os.Stat(to); err == nil {
		t.exists, t.directory = true, st.IsDir()
	} else if !errors.Is(err, os.ErrNotExist) {
		return api.Errorf(api.KindInvalid, "%w", err)
	}
	goal, err := place(from.path, info.Dir, path.Base(path.Join("/", from.path)), t)
	if err != nil {
		return err
	}
	if goal.name == "/" { // the container's root
		goal.name = "."
	}
	q.Name = goal.name
	return c.receive(ctx, goal.dir, q)
}

// receive unpacks what the container sends.
func (c *copying) receive(ctx context.Context, dir string, q api.ArchiveQuery) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return api.Errorf(api.KindNotFound, "destination: %w", err)
	}
	defer root.Close()
	taken, err := takeout.Receive(ctx, root, takeout.Options{Owners: c.o.Archive}, func(ctx context.Context, w io.Writer) error {
		return c.s.GetArchive(ctx, q, &counter{w, &c.bytes})
	})
	tellTaken(c.e.err, taken)
	return err
}

// in copies into a container.
func (c *copying) in(ctx context.Context, from string, to copyPath) error {
	t, err := c.destination(ctx, to)
	if err != nil {
		return err
	}
	if from == "-" {
		if !t.directory {
			return refuse("destination %q must be a directory", to.String())
		}
		return c.put(ctx, api.FilePath{Container: to.container, Path: t.path}, c.e.in)
	}
	stat := os.Lstat
	if c.o.Follow || wantsDirectory(from) {
		stat = os.Stat
	}
	st, err := stat(from)
	if err != nil {
		return api.Errorf(api.KindNotFound, "%w", err)
	}
	abs, err := filepath.Abs(from)
	if err != nil {
		return err
	}
	goal, err := place(from, st.IsDir(), filepath.Base(abs), t)
	if err != nil {
		return err
	}
	r, w := io.Pipe()
	p := &localPacker{follow: c.o.Follow || wantsDirectory(from), ctx: ctx}
	go func() { w.CloseWithError(p.pack(w, from, goal.name)) }()
	err = c.put(ctx, api.FilePath{Container: to.container, Path: path.Join("/", goal.dir)}, r)
	r.CloseWithError(io.ErrClosedPipe)
	return err
}

// destination looks at where a copy goes to; links are followed, also one to
// nothing, as docker does.
func (c *copying) destination(ctx context.Context, to copyPath) (target, error) {
	at := api.FilePath{Container: to.container, Path: to.path}
	info, err := c.s.FileInfo(ctx, api.InfoQuery{At: at, Follow: true})
	if err == nil {
		real := info.Real
		if wantsDirectory(to.path) && !info.Dir {
			real += "/"
		}
		return target{real, true, info.Dir}, nil
	}
	if e := api.AsError(err); e.Kind != api.KindNotFound || e.Ref == to.container {
		return target{}, err
	}
	link, err := c.s.FileInfo(ctx, api.InfoQuery{At: at})
	if err == nil && link.Link != "" {
		leads := link.Link
		if !path.IsAbs(leads) {
			leads = path.Join(path.Dir(path.Join("/", to.path)), leads)
		}
		return target{path: leads}, nil
	}
	return target{path: "/" + strings.TrimLeft(to.path, "/")}, nil
}

func (c *copying) put(ctx context.Context, at api.FilePath, r io.Reader) error {
	u, err := c.s.PutArchive(ctx, api.ArchiveSpec{At: at, Owner: c.o.Archive}, &counted{r, &c.bytes})
	for _, name := range u.Skipped {
		fmt.Fprintf(c.e.err, "davit: left out %s: devices cannot be made without root\n", cleanLine(name))
	}
	return err
}

// counter and counted add up what passes.
type counter struct {
	w io.Writer
	n *int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	*c.n += int64(n)
	return n, err
}

type counted struct {
	r io.Reader
	n *int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	*c.n += int64(n)
	return n, err
}

// refuse is for what cannot be copied; its exit code is 1, as docker's.
func refuse(format string, args ...any) error { return api.Errorf(api.KindInvalid, format, args...) }
