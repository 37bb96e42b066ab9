package image

import (
	"bytes"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	ggcr "github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"davit/backend/api"
	"davit/backend/image/layout"
	"davit/tests/images"
)

// imported makes an image that no registry has.
func imported(t *testing.T, s *Store, name, content string) api.Image {
	t.Helper()
	tar := images.Tar(t, images.File("file", content))
	return must[api.Image](t)(s.Import(bg, api.ImportSpec{Name: name}, bytes.NewReader(tar)))
}

func TestTrashKeepsWhatNobodyCanPull(t *testing.T) {
	t.Parallel()
	s := open(t)
	i := imported(t, s, "localhost/a:1", strings.Repeat("a", 3000))
	if err := s.Tag(bg, i.ID, "localhost/b:1"); err != nil {
		t.Fatal(err)
	}
	for n, want := range []bool{false, true} { // the first name goes, then the image
		gone := must[api.RemovedImage](t)(s.Remove(bg, []string{"localhost/a:1", "localhost/b:1"}[n], RemoveOptions{}))
		if gone.InTrash != want || gone.Freed != 0 || want && gone.Trashed < 3000 {
			t.Errorf("%d: %+v", n, gone)
		}
	}
	if _, freed, err := s.Collect(bg); err != nil || freed != 0 {
		t.Errorf("collected %d bytes out of the trash, %v", freed, err)
	}
	u := must[api.DiskUsage](t)(s.Usage(bg, nil))
	dry := must[api.Pruned](t)(s.EmptyTrash(bg, api.EmptyTrashSpec{DryRun: true}))
	if u.Trash != dry.Freed || u.Stray != 0 || dry.Freed < 3000 {
		t.Errorf("usage %+v, would free %+v", u, dry)
	}
	back := must[api.Image](t)(s.Restore(bg, "localhost/b:1"))
	if back.ID != i.ID || !slices.Equal(back.Names, []string{"localhost/b:1"}) {
		t.Errorf("restored %+v", back)
	}
	must[api.RemovedImage](t)(s.Remove(bg, i.ID, RemoveOptions{}))
	before := bytesIn(t, s)
	did := must[api.Pruned](t)(s.EmptyTrash(bg, api.EmptyTrashSpec{IDs: []string{i.ID}}))
	if did.Freed != dry.Freed || len(did.Images) != 1 || before-bytesIn(t, s) < did.Freed {
		t.Errorf("emptied %+v, promised %+v, %d bytes are left of %d", did, dry, bytesIn(t, s), before)
	}
	nothingLeft(t, s)
}

// bytesIn adds up all files of the store.
func bytesIn(t *testing.T, s *Store) (sum int64) {
	t.Helper()
	for _, dir := range []string{s.c.LayersDir, s.c.ImagesDir} {
		err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			sum += info.Size()
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return sum
}

// TestTrashAfterAKill has an image in the index and in the trash at once, as a
// process leaves it that is killed between writing the one and the other.
func TestTrashAfterAKill(t *testing.T) {
	t.Parallel()
	s := open(t)
	i := imported(t, s, "localhost/a:1", "x")
	entries := must[[]layout.Entry](t)(s.layout.Entries())
	if err := s.layout.WriteTrash([]layout.Trashed{{Entry: entries[0]}}); err != nil {
		t.Fatal(err)
	}
	if all := must[[]api.TrashedImage](t)(s.Trash(bg)); len(all) != 0 {
		t.Errorf("an image that is there is in the trash: %+v", all)
	}
	if got := must[api.Pruned](t)(s.EmptyTrash(bg, api.EmptyTrashSpec{})); got.Freed != 0 {
		t.Errorf("emptying took %+v", got)
	}
	must[api.ImageDetail](t)(s.Get(bg, i.ID))
}

func TestRestoreLeavesNamesToTheirOwners(t *testing.T) {
	t.Parallel()
	s := open(t)
	old := imported(t, s, "localhost/a:1", "old")
	must[api.RemovedImage](t)(s.Remove(bg, "localhost/a:1", RemoveOptions{}))
	now := imported(t, s, "localhost/a:1", "new")
	if back := must[api.Image](t)(s.Restore(bg, old.ID)); len(back.Names) != 0 {
		t.Errorf("restored %+v", back)
	}
	if d := must[api.ImageDetail](t)(s.Get(bg, "localhost/a:1")); d.ID != now.ID {
		t.Errorf("the name went to %s", d.ID)
	}
}

// TestPrunePromisesWhatItDoes has images that share a layer: one can be pulled
// again, one goes to the trash, one stays.
func TestPrunePromisesWhatItDoes(t *testing.T) {
	t.Parallel()
	reg := images.Registry(t)
	base := images.Layer(t, images.File("base", strings.Repeat("b", 5000)))
	images.Push(t, reg+"/a:1", images.Image(t, v1.Config{}, base, images.Layer(t, images.File("a", strings.Repeat("a", 700)))))
	s := open(t)
	must[Pulled](t)(s.Pull(bg, api.PullSpec{Ref: reg + "/a:1"}, nil))
	imported(t, s, "localhost/mine:1", strings.Repeat("m", 2000))
	kept := imported(t, s, "localhost/kept:1", "k")
	users := map[string][]string{kept.ID: {"box"}}
	dry := must[api.Pruned](t)(s.Prune(bg, api.PruneSpec{All: true, DryRun: true}, users))
	did := must[api.Pruned](t)(s.Prune(bg, api.PruneSpec{All: true}, users))
	if dry.Freed != did.Freed || dry.Trashed != did.Trashed || dry.Freed < 5700 || dry.Trashed < 2000 || len(did.Images) != 2 || len(did.Deleted) != 2 {
		t.Errorf("promised %+v, did %+v", dry, did)
	}
	emptied := must[api.Pruned](t)(s.EmptyTrash(bg, api.EmptyTrashSpec{}))
	if emptied.Freed != did.Trashed {
		t.Errorf("the trash gave back %d, not the %d that it was told to hold", emptied.Freed, did.Trashed)
	}
	if list := must[[]api.Image](t)(s.List(bg)); len(list) != 1 || list[0].ID != kept.ID {
		t.Errorf("left %+v", list)
	}
}

// TestLoadedAgainWhileInTheTrash has an image in the trash come again in an
// archive: as it was, and with its layers packed in another way, which makes
// another manifest of it. Nothing is left that belongs to nobody.
func TestLoadedAgainWhileInTheTrash(t *testing.T) {
	t.Parallel()
	const name = "localhost/two:1"
	plain := saveOf(t, two(t), name, api.SaveDocker)
	packed := packedArchive(t, two(t), name)
	for label, order := range map[string][2][]byte{
		"as it was": {packed, packed}, "plain": {packed, plain}, "packed": {plain, packed},
	} {
		t.Run(label, func(t *testing.T) {
			s := open(t)
			first := must[[]api.Image](t)(s.Load(bg, bytes.NewReader(order[0]), "first.tar"))
			must[api.RemovedImage](t)(s.Remove(bg, name, RemoveOptions{}))
			again := must[[]api.Image](t)(s.Load(bg, bytes.NewReader(order[1]), "again.tar"))
			if again[0].ID != first[0].ID {
				t.Fatalf("another image: %s", again[0].ID)
			}
			if u := must[api.DiskUsage](t)(s.Usage(bg, nil)); u.Stray != 0 || u.Unfinished != 0 || u.Trash != 0 || len(u.Images) != 1 {
				t.Errorf("%+v", u)
			}
			all, err := s.layout.Thrown()
			if err != nil || len(all) != 0 {
				t.Errorf("in the trash: %+v, %v", all, err)
			}
			must[Runnable](t)(s.Runnable(bg, name))
			must[api.RemovedImage](t)(s.Remove(bg, name, RemoveOptions{}))
			must[api.Image](t)(s.Restore(bg, name))
			must[api.RemovedImage](t)(s.Remove(bg, name, RemoveOptions{Permanent: true}))
			nothingLeft(t, s)
		})
	}
}

// packedArchive is a docker archive whose layers are packed, as crane makes it.
func packedArchive(t *testing.T, i v1.Image, name string) []byte {
	t.Helper()
	tag, err := ggcr.NewTag(name)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := tarball.Write(tag, i, &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
