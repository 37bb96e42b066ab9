package main

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"davit/backend/api"

	"github.com/godbus/dbus/v5"
)

// explorer is a file manager, or a portal that knows one.
type explorer struct{ asked chan []string }

func (e explorer) ShowFolders(uris []string, _ string) *dbus.Error {
	e.asked <- append([]string{"folders"}, uris...)
	return nil
}

func (e explorer) ShowItems(uris []string, _ string) *dbus.Error {
	e.asked <- append([]string{"items"}, uris...)
	return nil
}

func (e explorer) OpenDirectory(_ string, fd dbus.UnixFD, _ map[string]dbus.Variant) (dbus.ObjectPath, *dbus.Error) {
	f := os.NewFile(uintptr(fd), "shown")
	defer f.Close()
	name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
	if err != nil {
		name = err.Error()
	}
	e.asked <- []string{"portal", name}
	return "/org/freedesktop/portal/desktop/request/2", nil
}

// held is a service with one volume, one container, and an archive that says
// what its test wants it to.
type held struct {
	api.Service
	mountpoint string
	archive    func(*tar.Writer)
	asked      *api.ArchiveQuery
}

func (h held) Volume(context.Context, string) (api.Volume, error) {
	return api.Volume{Name: "data", Mountpoint: h.mountpoint}, nil
}

func (h held) Container(_ context.Context, ref string) (d api.ContainerDetail, err error) {
	if ref != "web" {
		return d, api.Errorf(api.KindNotFound, "no container %q", ref)
	}
	d.Name = "web"
	return d, nil
}

func (h held) GetArchive(_ context.Context, q api.ArchiveQuery, w io.Writer) error {
	*h.asked = q
	t := tar.NewWriter(w)
	h.archive(t)
	return t.Close()
}

// verbsOf are the window's verbs over a service, with a cache of the test's own.
func verbsOf(t *testing.T, s api.Service) *Verbs {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	d := newDesktop(quiet())
	t.Cleanup(d.close)
	return &Verbs{s, d}
}

func put(t *tar.Writer, name, content string) {
	_ = t.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o6777, Size: int64(len(content))})
	_, _ = io.WriteString(t, content)
}

func TestAContainersFolderIsCopiedForTheFileManager(t *testing.T) {
	startBus(t)
	e := explorer{make(chan []string, 1)}
	peer(t, fileManagerName, fileManagerPath, fileManagerName, e)
	h := held{asked: new(api.ArchiveQuery), archive: func(w *tar.Writer) {
		_ = w.WriteHeader(&tar.Header{Name: "./", Typeflag: tar.TypeDir, Mode: 0})
		put(w, "nginx.conf", "worker_processes 1;")
		_ = w.WriteHeader(&tar.Header{Name: "conf.d/", Typeflag: tar.TypeDir, Mode: 0})
		put(w, "conf.d/a b%20.conf", "x")
		for name, to := range map[string]string{"conf.d/up": "../nginx.conf", "home": "/home", "out": "../../secret", "conf.d/round": "../conf.d/../../x"} {
			_ = w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: to})
		}
		_ = w.WriteHeader(&tar.Header{Name: "null", Typeflag: tar.TypeChar})
	}}
	v := verbsOf(t, h)
	shown, err := v.ShowFiles(api.FilePath{Container: "web", Path: "/etc/nginx"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !shown.Copied || shown.Files != 4 || shown.Left != 4 || filepath.Base(shown.Folder) != "nginx" {
		t.Errorf("shown: %+v", shown)
	}
	if asked := receive(t, e.asked); !slices.Equal(asked, []string{"folders", "file://" + shown.Folder}) {
		t.Errorf("the file manager was asked %q", asked)
	}
	if got, err := os.ReadFile(filepath.Join(shown.Folder, "conf.d", "up")); err != nil || string(got) != "worker_processes 1;" {
		t.Errorf("a link inside: %q, %v", got, err)
	}
	if i, err := os.Lstat(filepath.Join(shown.Folder, "nginx.conf")); err != nil || i.Mode() != 0o400 {
		t.Errorf("the copy's mode: %v, %v", i, err)
	}
	for _, name := range []string{"home", "out", "conf.d/round", "null"} {
		if _, err := os.Lstat(filepath.Join(shown.Folder, name)); err == nil {
			t.Errorf("%s leads out of the copy, and is in it", name)
		}
	}
	v.desktop.close()
	if _, err := os.Stat(shown.Folder); err == nil {
		t.Error("the copy is there after the window's end")
	}
}

func TestAVolumesFolderIsShownItself(t *testing.T) {
	startBus(t)
	e := explorer{make(chan []string, 1)}
	peer(t, fileManagerName, fileManagerPath, fileManagerName, e)
	top := filepath.Join(t.TempDir(), "a b")
	if err := os.MkdirAll(filepath.Join(top, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/", filepath.Join(top, "root")); err != nil {
		t.Fatal(err)
	}
	h := held{mountpoint: top, asked: new(api.ArchiveQuery), archive: func(w *tar.Writer) { put(w, "x", "1") }}
	v := verbsOf(t, h)
	shown, err := v.ShowFiles(api.FilePath{Volume: "data", Path: "/sub"}, []api.RawPath{"x y"})
	if err != nil || shown.Copied {
		t.Fatalf("%+v, %v", shown, err)
	}
	want := "file://" + strings.ReplaceAll(top, " ", "%20") + "/sub/x%20y"
	if asked := receive(t, e.asked); !slices.Equal(asked, []string{"items", want}) {
		t.Errorf("the file manager was asked %q, want %q", asked, want)
	}
	// A link that was put where the folder stood leads to no folder of the volume.
	shown, err = v.ShowFiles(api.FilePath{Volume: "data", Path: "/root/etc"}, nil)
	if err != nil || !shown.Copied || h.asked.At.Path != "/root/etc" {
		t.Errorf("through a link: %+v, %v", shown, err)
	}
	receive(t, e.asked)
}

func TestThePortalShowsWhereNoFileManagerHasAName(t *testing.T) {
	startBus(t)
	e := explorer{make(chan []string, 1)}
	peer(t, portalName, portalPath, openURI, e)
	dir := t.TempDir()
	if err := newDesktop(quiet()).files.show(dir, nil); err != nil {
		t.Fatal(err)
	}
	if asked := receive(t, e.asked); !slices.Equal(asked, []string{"portal", dir}) {
		t.Errorf("the portal was shown %q, want %s", asked, dir)
	}
}

func TestWithoutAFileManagerTheHintSaysWhere(t *testing.T) {
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
	err := newDesktop(quiet()).files.show("/some/folder", nil)
	if e := api.AsError(err); e.Kind != api.KindHost || !strings.Contains(e.Hint, "/some/folder") {
		t.Errorf("%+v", e)
	}
}

func TestWhatIsTooMuchIsNotCopied(t *testing.T) {
	for name, archive := range map[string]func(*tar.Writer){
		"bytes": func(w *tar.Writer) {
			_ = w.WriteHeader(&tar.Header{Name: "big", Typeflag: tar.TypeReg, Size: mostTaken + 1})
		},
		"files": func(w *tar.Writer) {
			for range mostTakenFiles + 1 {
				if w.WriteHeader(&tar.Header{Name: "d/", Typeflag: tar.TypeDir}) != nil {
					return
				}
			}
		},
		"out": func(w *tar.Writer) { put(w, "../evil", "x") },
	} {
		t.Run(name, func(t *testing.T) {
			v := verbsOf(t, held{asked: new(api.ArchiveQuery), archive: archive})
			if shown, err := v.ShowFiles(api.FilePath{Container: "web", Path: "/"}, nil); err == nil {
				t.Errorf("shown: %+v", shown)
			}
			left, err := filepath.Glob(filepath.Join(v.desktop.takeouts.home, "*", "*"))
			if err != nil || len(left) > 0 {
				t.Errorf("left behind: %q, %v", left, err)
			}
		})
	}
}

func TestAStrangeReferenceMakesNoFolder(t *testing.T) {
	v := verbsOf(t, held{asked: new(api.ArchiveQuery), archive: func(w *tar.Writer) { put(w, "a", "") }})
	strange := filepath.Join(t.TempDir(), "made")
	shown, err := v.ShowFiles(api.FilePath{Container: "../../../../../../../../../.." + strange}, nil)
	if api.KindOf(err) != api.KindNotFound {
		t.Errorf("shown %+v, %v", shown, err)
	}
	if _, err := os.Lstat(strange); err == nil {
		t.Error("a folder was made outside of the copies")
	}
}

func TestCopiesOfAKilledWindowAreSwept(t *testing.T) {
	v := verbsOf(t, held{})
	lives := v.desktop.takeouts
	mine, err := lives.dir()
	if err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(lives.home, "killed", "x")
	if err := os.MkdirAll(left, 0o700); err != nil {
		t.Fatal(err)
	}
	(&takeouts{home: lives.home}).sweep()
	if _, err := os.Stat(left); err == nil {
		t.Error("what a killed window left is there")
	}
	if _, err := os.Stat(mine); err != nil {
		t.Errorf("a living window's copy: %v", err)
	}
}

// taken is a service that keeps what it is sent.
type taken struct {
	api.Service
	names *[]string
}

func (k taken) PutArchive(_ context.Context, _ api.ArchiveSpec, r io.Reader) (api.Unpacked, error) {
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if err == io.EOF {
			return api.Unpacked{Files: len(*k.names)}, nil
		}
		if err != nil {
			return api.Unpacked{}, err
		}
		content, err := io.ReadAll(t)
		if err != nil {
			return api.Unpacked{}, err
		}
		*k.names = append(*k.names, h.Name+" "+string(content))
	}
}

func TestAFolderIsSent(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "site")
	if err := os.MkdirAll(filepath.Join(folder, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "a.html"), []byte("hello"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(folder, "link")); err != nil {
		t.Fatal(err)
	}
	var names []string
	got, err := verbsOf(t, taken{names: &names}).SendFolder(api.FilePath{Volume: "v", Path: "/"}, folder)
	if err != nil || got.Files != 3 || !slices.Equal(got.Skipped, []string{"site/link"}) {
		t.Errorf("%+v, %v", got, err)
	}
	if want := []string{"site/ ", "site/a.html hello", "site/empty/ "}; !slices.Equal(names, want) {
		t.Errorf("sent %q, want %q", names, want)
	}
	if _, err := verbsOf(t, taken{names: &names}).SendFolder(api.FilePath{Volume: "v", Path: "/"}, folder+"/nothing"); api.KindOf(err) != api.KindInvalid {
		t.Errorf("a folder that is not there: %v", err)
	}
}
