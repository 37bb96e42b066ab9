package arch

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const (
	module      = "davit"
	root        = "../.."
	desktopTags = "desktop,production,webkit2_41"
	guardTags   = "seccomp,netgo,osusergo"
)

// pkg is what go list tells of a package.
type pkg struct {
	ImportPath string
	Dir        string
	Name       string
	Doc        string
	Standard   bool
	Imports    []string
	GoFiles    []string
	CgoFiles   []string
	Deps       []string
	Error      *struct{ Err string }
}

// room is the package's path inside the module: "backend/api", "frontend".
func (p pkg) room() string { return strings.TrimPrefix(p.ImportPath, module+"/") }

// ours lists all packages of the module, with every build tag on.
var ours = sync.OnceValues(func() ([]pkg, error) {
	return list("-tags", desktopTags+","+guardTags, "./...")
})

func list(args ...string) ([]pkg, error) {
	args = append([]string{"list", "-e", "-json=ImportPath,Dir,Name,Doc,Standard,Imports,GoFiles,CgoFiles,Deps,Error"}, args...)
	cmd := exec.Command("go", args...)
	cmd.Dir = root
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		return nil, errors.Join(err, errors.New(problems.String()))
	}
	var all []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
}

func packages(t *testing.T) []pkg {
	t.Helper()
	all, err := ours()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("go list found no packages")
	}
	return all
}

// source is one parsed Go file of ours.
type source struct {
	path  string // from the module's root
	room  string
	test  bool
	lines int
	fset  *token.FileSet
	file  *ast.File
}

// sources parses every Go file below the module's root.
var sources = sync.OnceValues(func() ([]source, error) {
	var all []source
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && path != root) {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		s, err := parse(path)
		all = append(all, s)
		return err
	})
	return all, err
})

func parse(path string) (source, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return source{}, err
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return source{}, err
	}
	rel, err := filepath.Rel(root, path)
	if err != nil {
		return source{}, err
	}
	return source{
		path:  rel,
		room:  filepath.Dir(rel),
		test:  strings.HasSuffix(rel, "_test.go") || within(rel, "tests") || within(rel, "backend/api/apitest"),
		lines: bytes.Count(text, []byte("\n")),
		fset:  fset,
		file:  file,
	}, nil
}

func eachSource(t *testing.T, f func(t *testing.T, s source)) {
	t.Helper()
	all, err := sources()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		f(t, s)
	}
}

// within says whether a room is parent or lies below it.
func within(room, parent string) bool {
	return room == parent || strings.HasPrefix(room, parent+"/")
}
