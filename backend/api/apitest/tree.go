package apitest

import (
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"davit/backend/api"
)

// tree is a container's file system, by clean absolute path.
type tree map[string]*file

type file struct {
	perm     uint32
	uid, gid int
	data     []byte
	link     string
	dir      bool
	pristine bool // the image's
	modified time.Time
	version  int
}

const passwd = "root:x:0:0:root:/:/bin/sh\n"

// newTree has what every image of the fake has.
func newTree(now time.Time) tree {
	t := tree{"/": {perm: 0o755, dir: true, pristine: true, modified: now}}
	for _, f := range files {
		n := &file{perm: 0o644, dir: f.Dir, link: f.Link, pristine: true, modified: now}
		if strings.Contains(f.Mode, "x") {
			n.perm = 0o755
		}
		if f.Path == "/etc/passwd" {
			n.data = []byte(passwd)
		}
		t[f.Path] = n
	}
	return t
}

func (t tree) clone() tree {
	c := tree{}
	for p, f := range t {
		one := *f
		c[p] = &one
	}
	return c
}

func absent(p string) error {
	return api.Errorf(api.KindNotFound, "%q: no such file or directory", p).WithRef(p)
}

// resolve follows links; the last one only if last says so.
func (t tree) resolve(p string, last bool) (string, *file, error) {
	at, rest := "/", strings.Split(strings.Trim(p, "/"), "/")
	for hops := 0; len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		next := path.Join(at, name)
		f := t[next]
		switch {
		case f == nil || !t[at].dir:
			return "", nil, absent(p)
		case f.link != "" && (last || len(rest) > 0):
			if hops++; hops > 40 {
				return "", nil, api.Errorf(api.KindInvalid, "%q: a link that leads in circles", p).WithRef(p)
			}
			if strings.HasPrefix(f.link, "/") {
				at = "/"
			}
			rest = append(strings.Split(strings.Trim(f.link, "/"), "/"), rest...)
		default:
			at = next
		}
	}
	return at, t[at], nil
}

// place resolves the directory of a path: where a file of that name is, or would be.
func (t tree) place(p string) (string, error) {
	p = strings.TrimRight(p, "/")
	if name := path.Base(p); p == "" || name == "." || name == ".." {
		return "", api.Errorf(api.KindInvalid, "%q names no file of the tree", p)
	}
	dir, d, err := t.resolve(path.Dir("/"+p), true)
	if err != nil || !d.dir {
		return "", absent(p)
	}
	return path.Join(dir, path.Base(p)), nil
}

func (t tree) children(dir string) []string {
	var all []string
	for p := range t {
		if p != "/" && path.Dir(p) == dir {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b string) int {
		if t[a].dir != t[b].dir {
			if t[a].dir {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	return all
}

// below are the paths of a directory and all in it, the deepest first.
func (t tree) below(dir string) []string {
	var all []string
	for p := range t {
		if p == dir || strings.HasPrefix(p, strings.TrimSuffix(dir, "/")+"/") {
			all = append(all, p)
		}
	}
	slices.Sort(all)
	slices.Reverse(all)
	return all
}

func (t tree) info(p string) api.FileInfo {
	f := t[p]
	i := api.FileInfo{
		Name: path.Base(p), Path: p, Mode: modeOf(f), Perm: f.perm, UID: f.uid, GID: f.gid, Size: int64(len(f.data)),
		Modified: f.modified, Dir: f.dir, Link: f.link, Version: strconv.Itoa(f.version),
	}
	if f.uid == 0 {
		i.User = "root"
	}
	if !f.pristine {
		i.Mark = api.ChangeAdded
	}
	return i
}

func modeOf(f *file) string {
	b := []byte("-rwxrwxrwx")
	switch {
	case f.dir:
		b[0] = 'd'
	case f.link != "":
		b[0] = 'l'
	}
	for n := range 9 {
		if f.perm&(1<<(8-n)) == 0 {
			b[n+1] = '-'
		}
	}
	return string(b)
}
