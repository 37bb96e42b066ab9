package arch

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const pages = root + "/frontend/src"

var (
	imports    = regexp.MustCompile(`(?:from|import)\s*\(?\s*['"]([^'"]+)['"]`)
	wailsInUse = regexp.MustCompile(`wailsjs/|window\.(?:go|runtime)\b|\bfetch\(`)
	colours    = regexp.MustCompile(`(?:#[0-9a-fA-F]{3,8}\b|\brgba?\(|\bhsla?\(|\boklch\()`)
	styles     = regexp.MustCompile(`(?s)<style[^>]*>(.*?)</style>`)
	sides      = regexp.MustCompile(`\b(?:margin|padding|border)-(?:left|right)\b|text-align:\s*(?:left|right)|float:`)
	rawHTML    = regexp.MustCompile(`\{@html|\.(?:inner|outer)HTML\b|insertAdjacentHTML|document\.write\(`)
)

// page is one source file of the front, by its path below frontend/src.
type page struct{ path, text string }

func eachPage(t *testing.T, f func(t *testing.T, p page)) {
	t.Helper()
	found := 0
	err := filepath.WalkDir(pages, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		switch filepath.Ext(path) {
		case ".ts", ".svelte", ".css":
		default:
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(pages, path)
		found++
		f(t, page{rel, string(text)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if found == 0 {
		t.Fatal("no pages found")
	}
}

// TestFeaturesDoNotKnowEachOther: a feature that reaches into another cannot
// be changed alone; what two need belongs into lib or the shell.
func TestFeaturesDoNotKnowEachOther(t *testing.T) {
	eachPage(t, func(t *testing.T, p page) {
		own := feature(p.path)
		for _, to := range importsOf(p) {
			switch other := feature(to); {
			case own != "" && other != "" && own != other:
				t.Errorf("%s imports %s: features/%s must not know features/%s; share through lib or the shell", p.path, to, own, other)
			case strings.HasPrefix(p.path, "lib/") && other != "":
				t.Errorf("%s imports %s: lib is below the features", p.path, to)
			case strings.HasPrefix(p.path, "lib/ui/") && strings.HasPrefix(to, "lib/api"):
				t.Errorf("%s imports %s: lib/ui knows no container; hand the data in as properties", p.path, to)
			}
		}
	})
}

// importsOf resolves a page's own imports to paths below src.
func importsOf(p page) []string {
	var all []string
	for _, m := range imports.FindAllStringSubmatch(p.text, -1) {
		switch to := m[1]; {
		case strings.HasPrefix(to, "."):
			all = append(all, filepath.Join(filepath.Dir(p.path), to))
		case strings.HasPrefix(to, "$lib/"):
			all = append(all, "lib/"+strings.TrimPrefix(to, "$lib/"))
		case strings.HasPrefix(to, "$"):
			all = append(all, strings.TrimPrefix(to, "$"))
		}
	}
	return all
}

func feature(path string) string {
	rest, ok := strings.CutPrefix(path, "features/")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, "/")
	return name
}

// TestOnlyTheTransportKnowsWails: the same pages run in the window and in a
// browser, and in tests over a fake.
func TestOnlyTheTransportKnowsWails(t *testing.T) {
	eachPage(t, func(t *testing.T, p page) {
		if strings.HasPrefix(p.path, "lib/api/") || strings.Contains(p.path, ".test.") {
			return
		}
		if m := wailsInUse.FindString(p.text); m != "" {
			t.Errorf("%s uses %q: lib/api is the only place that knows Wails or fetch", p.path, m)
		}
	})
}

// TestColoursAreTokens: contrast is computed for the tokens, on every surface.
func TestColoursAreTokens(t *testing.T) {
	eachPage(t, func(t *testing.T, p page) {
		if filepath.Base(p.path) == "tokens.css" {
			return
		}
		css := ""
		if filepath.Ext(p.path) == ".css" {
			css = p.text
		}
		for _, m := range styles.FindAllStringSubmatch(p.text, -1) {
			css += m[1]
		}
		for _, m := range colours.FindAllString(css, -1) {
			t.Errorf("%s has the colour %s: no colour outside tokens.css, whose contrast is known", p.path, m)
		}
	})
}

// TestTextIsText: names, logs and descriptions come from strangers.
func TestTextIsText(t *testing.T) {
	eachPage(t, func(t *testing.T, p page) {
		if m := rawHTML.FindString(p.text); m != "" {
			t.Errorf("%s uses %s: what strangers wrote is shown as text, never as markup", p.path, m)
		}
	})
}

// TestNothingKnowsLeftAndRight: a page that is written from right to left is
// laid out so by the same rules, if they say start and end.
func TestNothingKnowsLeftAndRight(t *testing.T) {
	eachPage(t, func(t *testing.T, p page) {
		for _, m := range styles.FindAllStringSubmatch(p.text, -1) {
			if side := sides.FindString(m[1]); side != "" {
				t.Errorf("%s says %q: say -inline-start, -inline-end, start or end", p.path, side)
			}
		}
	})
}
