package image

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"davit/backend/api"
	"davit/tests/images"
)

func TestUsageIsWhatRemovingGivesBack(t *testing.T) {
	t.Parallel()
	reg := images.Registry(t)
	base := images.Layer(t, images.File("base", strings.Repeat("b", 5000)))
	images.Push(t, reg+"/a:1", images.Image(t, v1.Config{}, base, images.Layer(t, images.File("a", strings.Repeat("a", 700)))))
	images.Push(t, reg+"/b:1", images.Image(t, v1.Config{}, base, images.Layer(t, images.File("b", strings.Repeat("c", 900)))))
	s := open(t)
	for _, r := range []string{"/a:1", "/b:1"} {
		if _, err := s.Pull(bg, api.PullSpec{Ref: reg + r}, nil); err != nil {
			t.Fatal(err)
		}
	}
	a := must[api.ImageDetail](t)(s.Get(bg, reg+"/a:1"))
	u := must[api.DiskUsage](t)(s.Usage(bg, map[string][]string{a.ID: {"c"}}))
	if len(u.Images) != 2 || u.Stray != 0 || u.Free == 0 || u.Images[0].Shared != u.Images[1].Shared || u.Images[0].Shared < 5000 {
		t.Fatalf("%+v", u)
	}
	var one, two api.ImageUsage
	for _, i := range u.Images {
		if i.ID == a.ID {
			one = i
		} else {
			two = i
		}
	}
	if u.ImagesSize != one.Unique+two.Unique+one.Shared || u.Reclaimable != two.Unique {
		t.Errorf("%+v", u)
	}
	dry := must[api.Pruned](t)(s.Prune(bg, api.PruneSpec{All: true, DryRun: true}, map[string][]string{a.ID: {"c"}}))
	if dry.Freed != two.Unique || len(dry.Images) != 1 || dry.Images[0].Gone {
		t.Errorf("%+v, unique %d", dry, two.Unique)
	}
	if list := must[[]api.Image](t)(s.List(bg)); len(list) != 2 {
		t.Errorf("a dry run removed: %+v", list)
	}
	if got := must[api.Pruned](t)(s.Prune(bg, api.PruneSpec{All: true}, map[string][]string{a.ID: {"c"}})); got.Freed != dry.Freed || len(got.Deleted) != 1 {
		t.Errorf("%+v, promised %+v", got, dry)
	}
	gone := must[api.RemovedImage](t)(s.Remove(bg, reg+"/a:1", RemoveOptions{}))
	if gone.Freed != one.Size {
		t.Errorf("freed %d of %d", gone.Freed, one.Size)
	}
}

func TestPruneFilters(t *testing.T) {
	t.Parallel()
	s, reg, _ := pulled(t)
	named := api.PruneSpec{DryRun: true}
	if got := must[api.Pruned](t)(s.Prune(bg, named, nil)); len(got.Images) != 0 {
		t.Errorf("an image with a name is not dangling: %+v", got)
	}
	for filter, want := range map[string]int{"until=24h": 1, "until=2020-01-01": 0, "label=x": 0, "label!=x": 1} {
		k, v, _ := strings.Cut(filter, "=")
		if k, v, ok := strings.Cut(filter, "!="); ok {
			if got := must[api.Pruned](t)(s.Prune(bg, api.PruneSpec{All: true, DryRun: true, Filters: map[string][]string{k + "!": {v}}}, nil)); len(got.Images) != want {
				t.Errorf("%s: %+v", filter, got)
			}
			continue
		}
		if got := must[api.Pruned](t)(s.Prune(bg, api.PruneSpec{All: true, DryRun: true, Filters: map[string][]string{k: {v}}}, nil)); len(got.Images) != want {
			t.Errorf("%s: %+v", filter, got)
		}
	}
	for _, f := range []map[string][]string{{"color": {"red"}}, {"until": {"soon"}}} {
		if _, err := s.Prune(bg, api.PruneSpec{Filters: f}, nil); api.KindOf(err) != api.KindInvalid {
			t.Errorf("%v: %v", f, err)
		}
	}
	_ = reg
}

func TestImport(t *testing.T) {
	t.Parallel()
	plain := images.Tar(t, images.Dir("etc"), images.File("etc/motd", "imported"))
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(plain)
	_ = z.Close()
	s := open(t)
	spec := api.ImportSpec{Name: "localhost/fs:1", Origin: "rootfs.tar", Message: "mine", Changes: []string{
		`CMD ["/bin/sh", "-l"]`, "ENV A=1 B=\"two words\"", "ENV OLD way", "EXPOSE 80 53/udp", "LABEL a=b", "USER 1000", "WORKDIR /etc", "VOLUME /data", "STOPSIGNAL TERM",
	}}
	for _, b := range [][]byte{plain, packed.Bytes()} {
		i, err := s.Import(bg, spec, bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		d := must[api.ImageDetail](t)(s.Get(bg, "localhost/fs:1"))
		c := d.Config
		if d.ID != i.ID || d.Origin == "" || strings.Join(c.Cmd, " ") != "/bin/sh -l" || strings.Join(c.Env, ",") != "A=1,B=two words,OLD=way" ||
			strings.Join(c.ExposedPorts, " ") != "53/udp 80/tcp" || c.Labels["a"] != "b" || c.User != "1000" || c.WorkingDir != "/etc" || len(c.Volumes) != 1 || c.StopSignal != "TERM" {
			t.Errorf("%+v", d)
		}
		r := must[Runnable](t)(s.Runnable(bg, "localhost/fs:1"))
		if b, err := os.ReadFile(filepath.Join(s.c.LayersDir, r.Layers[0], "etc/motd")); err != nil || string(b) != "imported" {
			t.Errorf("%q, %v", b, err)
		}
	}
	for _, junk := range []string{"", "junk", strings.Repeat("junk", 1000), "BZh91AY&SY"} {
		if _, err := s.Import(bg, api.ImportSpec{}, strings.NewReader(junk)); api.KindOf(err) != api.KindCorrupt {
			t.Errorf("%.10q: %v", junk, err)
		}
	}
	for _, c := range []string{"RUN rm -rf /", "CMD", `ENV A="open`} {
		if _, err := s.Import(bg, api.ImportSpec{Changes: []string{c}}, bytes.NewReader(plain)); api.KindOf(err) != api.KindInvalid {
			t.Errorf("%s: %v", c, err)
		}
	}
}

func TestCheckAndRepair(t *testing.T) {
	t.Parallel()
	reg := images.Registry(t)
	ref := reg + "/team/app:1"
	// The first layer keeps its blob, because its files do not make its tar again; the other lets it go.
	images.Push(t, ref, images.Image(t, v1.Config{}, images.Layer(t, images.File("etc/motd", "first"), images.File("etc/motd", noise(3000)), images.File("etc/other", "x")),
		images.Layer(t, images.File("opt/app", noise(5000)), images.File("opt/more", noise(5000)))))
	s := open(t)
	must[Pulled](t)(s.Pull(bg, api.PullSpec{Ref: ref}, nil))
	check := func(repair bool) api.CheckedImage {
		t.Helper()
		var all []api.CheckedImage
		if err := s.Check(bg, api.CheckSpec{Ref: ref, Repair: repair}, nil, func(c api.CheckedImage) error { all = append(all, c); return nil }); err != nil {
			t.Fatal(err)
		}
		if len(all) != 1 {
			t.Fatalf("%+v", all)
		}
		return all[0]
	}
	if c := check(false); len(c.Damaged) != 0 || c.Bytes == 0 {
		t.Fatalf("%+v", c)
	}
	d := must[api.ImageDetail](t)(s.Get(bg, ref))
	r := must[Runnable](t)(s.Runnable(bg, ref))
	damage := map[string]func() error{
		"blob/has other bytes": func() error { return flip(s.layout.Blob(d.Layers[0].Digest)) },
		"blob/is missing":      func() error { return os.Remove(s.layout.Blob(d.Layers[0].Digest)) },
		"layer/is missing":     func() error { return os.RemoveAll(filepath.Join(s.c.LayersDir, r.Layers[0])) },
		"layer/other content":  func() error { return flip(filepath.Join(s.c.LayersDir, r.Layers[0], "etc/motd")) },
		"layer/file missing":   func() error { return os.Remove(filepath.Join(s.c.LayersDir, r.Layers[0], "etc/motd")) },
		"layer/let go":         func() error { return os.RemoveAll(filepath.Join(s.c.LayersDir, r.Layers[1])) },
		"layer/let go, other":  func() error { return flip(filepath.Join(s.c.LayersDir, r.Layers[1], "opt/app")) },
		"layer/let go, file":   func() error { return os.Remove(filepath.Join(s.c.LayersDir, r.Layers[1], "opt/app")) },
		"layer/let go, recipe": func() error { return flip(filepath.Join(s.c.LayersDir, ".info", r.Layers[1]+".recipe")) },
		"config/gone":          func() error { return os.Remove(s.layout.Blob(d.ID)) },
		"manifest/gone":        func() error { return os.Remove(s.layout.Blob(d.Digest)) },
	}
	for what, do := range damage {
		if err := do(); err != nil {
			t.Fatal(err)
		}
		part, _, _ := strings.Cut(what, "/")
		if c := check(false); len(c.Damaged) == 0 || c.Damaged[0].Part != part || c.Repaired {
			t.Errorf("%s: %+v", what, c)
		}
		c := check(true)
		want := int64(0)
		if strings.Contains(what, "let go") {
			want = d.Layers[1].Size
		}
		if !c.Repaired || c.Error != nil || part == "layer" && c.Fetched != want || part == "blob" && c.Fetched >= d.DownloadSize {
			t.Errorf("%s: fetched %d, want %d: %+v", what, c.Fetched, want, c)
		}
		if c := check(false); len(c.Damaged) != 0 {
			t.Errorf("%s: after repair %+v", what, c)
		}
	}
}

// flip changes one byte of a file.
func flip(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	b[len(b)-1] ^= 1
	return os.WriteFile(path, b, 0o600)
}

func TestCheckSaysWhatCannotBeRepaired(t *testing.T) {
	t.Parallel()
	s := open(t)
	imported(t, s, "localhost/fs:1", "1")
	r := must[Runnable](t)(s.Runnable(bg, "localhost/fs:1"))
	if err := os.RemoveAll(filepath.Join(s.c.LayersDir, r.Layers[0])); err != nil {
		t.Fatal(err)
	}
	err := s.Check(bg, api.CheckSpec{Repair: true}, nil, func(c api.CheckedImage) error {
		if c.Repaired || c.Error == nil || c.Error.Kind != api.KindUnavailable {
			t.Errorf("%+v", c)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
