package image

import (
	"bytes"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"davit/backend/api"
	"davit/tests/images"
)

// three has an image of three layers that replace and remove each other's files.
func three(t *testing.T) (*Store, string) {
	reg := images.Registry(t)
	img := images.Image(t, v1.Config{Env: []string{"A=1"}},
		images.Layer(t, images.Dir("etc"), images.File("etc/motd", "hello\n"), images.Dir("var"), images.File("var/big", strings.Repeat("x", 1000)), images.Symlink("lib", "usr/lib"), images.Dir("usr/lib"), images.File("usr/lib/a", "A")),
		images.Layer(t, images.Dir("etc"), images.File("etc/motd", "other"), images.File("var/.wh.big", "")),
		images.Layer(t, images.Dir("opt"), images.File("opt/.wh..wh..opq", ""), images.File("opt/app", "1"), images.Symlink("opt/out", "/../../etc/motd")))
	images.Push(t, reg+"/three:1", img)
	s := open(t)
	if _, err := s.Pull(bg, api.PullSpec{Ref: reg + "/three:1"}, nil); err != nil {
		t.Fatal(err)
	}
	return s, reg + "/three:1"
}

func paths(list []api.File) string {
	var out []string
	for _, f := range list {
		out = append(out, f.Path)
	}
	return strings.Join(out, " ")
}

func TestFilesOfAnImage(t *testing.T) {
	t.Parallel()
	s, ref := three(t)
	for _, c := range []struct {
		q    api.FileQuery
		want string
	}{
		{api.FileQuery{}, "/etc /lib /opt /usr /var"},
		{api.FileQuery{Deep: true}, "/etc /etc/motd /lib /opt /opt/app /opt/out /usr /usr/lib /usr/lib/a /var"},
		{api.FileQuery{Path: "/lib"}, "/usr/lib/a"},
		{api.FileQuery{Path: "/var"}, ""},
		{api.FileQuery{Path: "/var", Layer: 1}, "/var/big"},
		{api.FileQuery{Match: "MOTD"}, "/etc/motd"},
		{api.FileQuery{Match: "a*"}, "/opt/app /usr/lib/a"},
		{api.FileQuery{Deep: true, Limit: 2}, "/etc /etc/motd"},
	} {
		c.q.Ref = ref
		list, err := s.Files(bg, c.q)
		if err != nil || paths(list.Files) != c.want || list.More != (c.q.Limit == 2) {
			t.Errorf("%+v: %q, %v, %v", c.q, paths(list.Files), list.More, err)
		}
	}
	list := must[api.FileList](t)(s.Files(bg, api.FileQuery{Ref: ref, Path: "/etc/motd"}))
	if f := list.Files[0]; f.Layer != 2 || f.Size != 5 || f.Mode != "-rw-r--r--" {
		t.Errorf("%+v", f)
	}
	for p, want := range map[string]string{"/etc/motd": "other", "/opt/out": "other", "/lib/a": "A"} {
		var b bytes.Buffer
		if err := s.File(bg, api.FileRef{Ref: ref, Path: p}, &b); err != nil || b.String() != want {
			t.Errorf("%s: %q, %v", p, b.String(), err)
		}
	}
	for p, want := range map[string]api.Kind{"/var/big": api.KindNotFound, "/etc": api.KindInvalid, "/etc/motd/x": api.KindNotFound} {
		if err := s.File(bg, api.FileRef{Ref: ref, Path: p}, &bytes.Buffer{}); api.KindOf(err) != want {
			t.Errorf("%s: %v", p, err)
		}
	}
}

func TestLayersAndWaste(t *testing.T) {
	t.Parallel()
	s, ref := three(t)
	text := func(layer int) string {
		var out []string
		for _, c := range must[[]api.Change](t)(s.LayerChanges(bg, ref, layer)) {
			out = append(out, c.Kind[:1]+c.Path)
		}
		return strings.Join(out, " ")
	}
	if got := text(2); got != "m/etc/motd d/var/big" {
		t.Errorf("layer 2: %s", got)
	}
	if got := text(3); got != "a/opt a/opt/app a/opt/out" {
		t.Errorf("layer 3: %s", got)
	}
	w := must[api.Waste](t)(s.Waste(bg, ref))
	if w.Wasted != 1006 || w.Total != 1006+1+5+1 || len(w.Files) != 2 || w.Files[0].Path != "/var/big" || w.Files[0].Wasted != 1000 {
		t.Errorf("%+v", w)
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	s, ref := three(t)
	_, err := s.Import(bg, api.ImportSpec{Name: "localhost/other:1", Changes: []string{"ENV A=2", "CMD x"}}, bytes.NewReader(images.Tar(t, images.Dir("etc"), images.File("etc/motd", "other"), images.File("new", "1"))))
	if err != nil {
		t.Fatal(err)
	}
	c := must[api.Comparison](t)(s.Compare(bg, ref, "localhost/other:1"))
	fields, changed := "", ""
	for _, f := range c.Config {
		fields += f.Field + " "
	}
	for _, x := range c.Changes {
		changed += x.Kind[:1] + x.Path + " "
	}
	if fields != "cmd env A " || c.Shared != 0 || !strings.Contains(changed, "a/new ") || !strings.Contains(changed, "d/opt/app ") || strings.Contains(changed, "/etc/motd") {
		t.Errorf("%s; %s; %d", fields, changed, c.Shared)
	}
}
