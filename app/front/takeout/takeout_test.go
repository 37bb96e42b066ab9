package takeout

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var (
	copied = Options{}
	looked = Options{ToLook: true, MostFiles: 100, MostBytes: 1 << 20}
)

// both are the options of the two that take out.
var both = map[string]Options{"copied": copied, "looked at": looked}

// place is a folder to take into, beside which lies what must not be reached.
type place struct {
	folder, secret string
}

func newPlace(t *testing.T) place {
	t.Helper()
	top := t.TempDir()
	p := place{filepath.Join(top, "folder"), filepath.Join(top, "secret")}
	if err := errors.Join(os.Mkdir(p.folder, 0o700), os.Mkdir(p.secret, 0o700), os.WriteFile(filepath.Join(p.secret, "key"), []byte("mine"), 0o600)); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p place) receive(t *testing.T, o Options, pack func(context.Context, io.Writer) error) (Taken, error) {
	t.Helper()
	root, err := os.OpenRoot(p.folder)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	return Receive(t.Context(), root, o, pack)
}

// unhurt checks that nothing beside the folder was made, changed or removed.
func (p place) unhurt(t *testing.T) {
	t.Helper()
	if got, err := os.ReadFile(filepath.Join(p.secret, "key")); err != nil || string(got) != "mine" {
		t.Errorf("beside the folder: %q, %v", got, err)
	}
	for dir, names := range map[string]int{filepath.Dir(p.folder): 2, p.secret: 1} {
		if there, err := os.ReadDir(dir); err != nil || len(there) != names {
			t.Errorf("%s has %v, %v", dir, there, err)
		}
	}
}

// staysInside follows every link that was made.
func (p place) staysInside(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir(p.folder, func(at string, d fs.DirEntry, err error) error {
		if err != nil || d.Type()&fs.ModeSymlink == 0 {
			return err
		}
		to, err := os.Readlink(at)
		if leads := filepath.Join(filepath.Dir(at), to); filepath.IsAbs(to) || leads != p.folder && !strings.HasPrefix(leads, p.folder+"/") {
			t.Errorf("%s leads to %s", at, to)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func dir(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: 0o755} }

func file(name string) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o6777, Size: 4}
}

func link(name, to string) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: to}
}

func hard(name, to string) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeLink, Linkname: to}
}

// archive has these; files are "evil".
func archive(entries ...tar.Header) func(context.Context, io.Writer) error {
	return func(_ context.Context, w io.Writer) error {
		t := tar.NewWriter(w)
		for _, h := range entries {
			if err := t.WriteHeader(&h); err != nil {
				return err
			}
			if h.Typeflag == tar.TypeReg {
				if _, err := io.WriteString(t, "evil"); err != nil {
					return err
				}
			}
		}
		return t.Close()
	}
}

func TestAHostileArchiveReachesNothingOutside(t *testing.T) {
	for name, entries := range map[string][]tar.Header{
		"up":                           {file("../secret/key")},
		"up, in the middle":            {dir("a"), file("a/../../secret/key")},
		"up, as a directory":           {dir("../made")},
		"from the root":                {file("/secret/key")},
		"through a link":               {link("l", "../secret"), file("l/key")},
		"through a link to a link":     {link("a", "../secret"), link("l", "a"), file("l/key")},
		"a directory over a link":      {link("l", "../secret"), dir("l"), file("l/key")},
		"a link over a directory":      {dir("d"), link("d", "../secret"), file("d/key")},
		"a hard link from outside":     {hard("h", "../secret/key")},
		"a hard link through a link":   {link("l", "../secret"), hard("h", "l/key")},
		"a directory's mode by a link": {link("l", "../secret"), {Name: "l/", Typeflag: tar.TypeDir, Mode: 0}},
	} {
		for how, o := range both {
			t.Run(name+", "+how, func(t *testing.T) {
				p := newPlace(t)
				// Where links that lead out are left out, nothing may be wrong with the rest.
				if taken, err := p.receive(t, o, archive(entries...)); err == nil && taken.Left == 0 {
					t.Errorf("taken: %+v", taken)
				}
				p.unhurt(t)
			})
		}
	}
}

func TestAFileTakesALinksPlace(t *testing.T) {
	for how, o := range both {
		t.Run(how, func(t *testing.T) {
			p := newPlace(t)
			if err := os.Symlink("../secret/key", filepath.Join(p.folder, "f")); err != nil {
				t.Fatal(err)
			}
			if _, err := p.receive(t, o, archive(file("f"))); err != nil {
				t.Fatal(err)
			}
			if info, err := os.Lstat(filepath.Join(p.folder, "f")); err != nil || !info.Mode().IsRegular() {
				t.Errorf("%v, %v", info, err)
			}
			p.unhurt(t)
		})
	}
}

func TestWhatIsOnlyLookedAtLeadsNowhereElse(t *testing.T) {
	for name, test := range map[string]struct {
		entries []tar.Header
		left    int
	}{
		"inside":                             {[]tar.Header{dir("d"), file("f"), link("d/up", "../f"), link("here", "./d"), link("top", "d")}, 0},
		"to an absolute path":                {[]tar.Header{link("l", "/etc/passwd")}, 1},
		"up too far":                         {[]tar.Header{dir("d"), link("d/l", "../../secret/key")}, 1},
		"down and up again":                  {[]tar.Header{dir("d"), link("d/l", "../d/../../secret")}, 1},
		"behind a link that shortens":        {[]tar.Header{dir("d"), link("d/s", ".."), link("d/s/d/s/l", "../../../secret/key")}, 1},
		"a second name in a folder above":    {[]tar.Header{dir("d"), dir("d/e"), link("d/e/l", "../../x"), hard("l", "d/e/l")}, 1},
		"devices, pipes and what is unheard": {[]tar.Header{{Name: "c", Typeflag: tar.TypeChar}, {Name: "b", Typeflag: tar.TypeBlock}, {Name: "p", Typeflag: tar.TypeFifo}}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			taken, err := p.receive(t, looked, archive(test.entries...))
			if err != nil || taken.Left != test.left || taken.Files != len(test.entries)-test.left {
				t.Errorf("%+v, %v", taken, err)
			}
			p.staysInside(t)
			p.unhurt(t)
		})
	}
}

func TestModesAndTimes(t *testing.T) {
	then := time.Unix(1_000_000_000, 0)
	closed := tar.Header{Name: "d/", Typeflag: tar.TypeDir, Mode: 0o555, ModTime: then}
	inside := file("d/f")
	inside.ModTime = then
	for how, test := range map[string]struct {
		o         Options
		dir, file fs.FileMode
	}{
		"copied":     {copied, 0o555, 0o777},
		"with modes": {Options{Owners: true}, 0o555, 0o777 | fs.ModeSetuid | fs.ModeSetgid},
		"looked at":  {looked, 0o700, 0o400},
	} {
		t.Run(how, func(t *testing.T) {
			p := newPlace(t)
			if _, err := p.receive(t, test.o, archive(closed, inside)); err != nil {
				t.Fatal(err)
			}
			d, f := filepath.Join(p.folder, "d"), filepath.Join(p.folder, "d", "f")
			defer os.Chmod(d, 0o700) //nolint:errcheck // so that it can be removed
			for at, want := range map[string]fs.FileMode{d: test.dir | fs.ModeDir, f: test.file} {
				if info, err := os.Lstat(at); err != nil || info.Mode() != want || !info.ModTime().Equal(then) {
					t.Errorf("%s: %v, want %v of %v; %v", at, info, want, then, err)
				}
			}
		})
	}
}

func TestABoundEndsAnArchiveThatDoesNot(t *testing.T) {
	huge := func(_ context.Context, w io.Writer) error {
		return tar.NewWriter(w).WriteHeader(&tar.Header{Name: "f", Typeflag: tar.TypeReg, Size: 1 << 40})
	}
	for name, pack := range map[string]func(context.Context, io.Writer) error{
		"bytes":            huge,
		"the same folder":  endless(dir("d")),
		"nothing but left": endless(tar.Header{Name: "p", Typeflag: tar.TypeFifo}),
		"its own root":     endless(dir("./")),
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			if taken, err := p.receive(t, looked, pack); !errors.Is(err, ErrTooMuch) {
				t.Errorf("%+v, %v", taken, err)
			}
		})
	}
}

// endless says this until nobody listens.
func endless(h tar.Header) func(context.Context, io.Writer) error {
	return func(_ context.Context, w io.Writer) error {
		for t := tar.NewWriter(w); ; {
			if err := t.WriteHeader(&h); err != nil {
				return err
			}
		}
	}
}

func TestTheSendersErrorIsTold(t *testing.T) {
	broken := errors.New("the engine is gone")
	whole := archive(dir("d"), file("d/f"))
	for name, pack := range map[string]func(context.Context, io.Writer) error{
		"at once":      func(context.Context, io.Writer) error { return broken },
		"in a file":    func(ctx context.Context, w io.Writer) error { _, _ = w.Write(cut(t, whole)); return broken },
		"at the end":   func(ctx context.Context, w io.Writer) error { return errors.Join(whole(ctx, w), broken) },
		"after others": func(ctx context.Context, w io.Writer) error { return errors.Join(archive(file("a"))(ctx, w), broken) },
	} {
		for how, o := range both {
			t.Run(name+", "+how, func(t *testing.T) {
				if _, err := newPlace(t).receive(t, o, pack); !errors.Is(err, broken) || strings.Contains(err.Error(), "copy") {
					t.Errorf("told: %v", err)
				}
			})
		}
	}
	t.Run("cut short", func(t *testing.T) {
		_, err := newPlace(t).receive(t, copied, func(_ context.Context, w io.Writer) error { _, err := w.Write(cut(t, whole)); return err })
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("told: %v", err)
		}
	})
}

// cut is what an archive has up to the middle of its last file.
func cut(t *testing.T, pack func(context.Context, io.Writer) error) []byte {
	t.Helper()
	var b strings.Builder
	if err := pack(t.Context(), &b); err != nil {
		t.Error(err)
	}
	return []byte(b.String()[:2*512+2])
}
