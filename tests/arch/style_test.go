package arch

import (
	"go/ast"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	maxFileLines     = 600
	maxFunctionLines = 80
)

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for _, p := range packages(t) {
		switch {
		case p.Doc == "" && p.Name == "main":
			t.Errorf("%s has no package comment: say which binary it is and in which namespaces it runs", p.room())
		case p.Doc == "" && len(p.GoFiles)+len(p.CgoFiles) > 0:
			t.Errorf("%s has no package comment: say what it is, in which process and namespace it runs, what it may assume", p.room())
		}
	}
}

// TestOnePackageComment: two of them drift apart.
func TestOnePackageComment(t *testing.T) {
	comments := map[string][]string{}
	eachSource(t, func(t *testing.T, s source) {
		if s.file.Doc != nil && !strings.HasSuffix(s.path, "_test.go") && !onlyDirectives(s.file.Doc) {
			comments[s.room] = append(comments[s.room], s.path)
		}
	})
	for room, paths := range comments {
		if len(paths) > 1 {
			t.Errorf("%s has %d package comments (%s): one place says what a package is", room, len(paths), strings.Join(paths, ", "))
		}
	}
}

func onlyDirectives(g *ast.CommentGroup) bool { return strings.TrimSpace(g.Text()) == "" }

var banned = []string{"util", "utils", "common", "helper", "helpers", "misc", "types", "manager", "shared", "base", "lib", "internal"}

func TestPackagesAreNamedAfterWhatTheyProvide(t *testing.T) {
	eachSource(t, func(t *testing.T, s source) {
		name := strings.TrimSuffix(s.file.Name.Name, "_test")
		for _, b := range banned {
			if name == b || len(b) > 4 && strings.HasSuffix(name, b) || strings.HasSuffix(name, "util") {
				t.Errorf("%s: package %s: the name says where code was left over, not what it is for", s.path, name)
				break
			}
		}
	})
}

func TestFilesAndFunctionsStayReadable(t *testing.T) {
	eachSource(t, func(t *testing.T, s source) {
		if s.test {
			return
		}
		if s.lines > maxFileLines {
			t.Errorf("%s has %d lines (at most %d): a file has one subject", s.path, s.lines, maxFileLines)
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			lines := s.fset.Position(f.End()).Line - s.fset.Position(f.Pos()).Line + 1
			if lines > maxFunctionLines {
				t.Errorf("%s: %s has %d lines (at most %d): a function is a screen", s.path, f.Name.Name, lines, maxFunctionLines)
			}
		}
	})
}

// TestNoInit: what runs before main is paid at every start of every process,
// and cannot be tested or left out.
func TestNoInit(t *testing.T) {
	eachSource(t, func(t *testing.T, s source) {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" && !s.test {
				t.Errorf("%s has an init function: dependencies come in a Config, effects when asked for", s.path)
			}
		}
	})
}

// starters are the functions that start a process past userns.Command.
var starters = map[string][]string{
	"os/exec":               {"Command", "CommandContext"},
	"os":                    {"StartProcess"},
	"syscall":               {"ForkExec", "StartProcess"},
	"golang.org/x/sys/unix": {"ForkExec"},
}

func TestProcessesAreStartedInOnePlace(t *testing.T) {
	eachSource(t, func(t *testing.T, s source) {
		if s.test || within(s.room, "backend/userns") {
			return
		}
		names := importNames(s.file)
		ast.Inspect(s.file, func(n ast.Node) bool {
			call, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := call.X.(*ast.Ident); ok && slices.Contains(starters[names[x.Name]], call.Sel.Name) {
				t.Errorf("%s: %s.%s: start processes with userns.Command, which sweeps descriptors (one of ours inside a container is a way out) and states what becomes of the process",
					s.fset.Position(n.Pos()), x.Name, call.Sel.Name)
			}
			return true
		})
	})
}

// importNames maps the names that a file uses to import paths.
func importNames(f *ast.File) map[string]string {
	names := map[string]string{}
	for _, i := range f.Imports {
		path := strings.Trim(i.Path.Value, `"`)
		name := filepath.Base(path)
		if i.Name != nil {
			name = i.Name.Name
		}
		names[name] = path
	}
	return names
}

func TestLogsGoThroughSlog(t *testing.T) {
	eachSource(t, func(t *testing.T, s source) {
		for _, i := range s.file.Imports {
			switch path := strings.Trim(i.Path.Value, `"`); path {
			case "log", "github.com/sirupsen/logrus":
				if !s.test {
					t.Errorf("%s imports %s: logs go through log/slog, handed down in a Config", s.path, path)
				}
			}
		}
	})
}

var topLevel = []string{"app", "backend", "build", "frontend", "netstack", "tests", "go.mod", "go.sum", "wails.json", "README.md", "LICENSE"}

func TestTheTopLevelHoldsTheHouseOnly(t *testing.T) {
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(topLevel, e.Name()) {
			t.Errorf("%s: nothing else stands at the top level; the architecture has a room for it", e.Name())
		}
	}
}
