package runspec

import (
	"errors"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/pflag"

	"davit/backend/api"
	"davit/backend/form"
)

// maxText bounds what is parsed, in bytes.
const maxText = 1 << 20

// Parse reads a run line, a compose file or service, or an image's name.
func Parse(text string) (api.ParsedRun, error) {
	text = strings.TrimSpace(strings.TrimPrefix(text, "\ufeff"))
	switch {
	case text == "":
		return api.ParsedRun{}, invalid("there is nothing to read").
			WithHint("Paste a line such as docker run -p 8080:80 nginx, a compose service, or an image's name.")
	case len(text) > maxText || !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		return api.ParsedRun{}, invalid("this is not a line, a compose file or an image's name").WithHint("Paste text of at most 1 MiB.")
	case isRunLine(text):
		s, err := ParseLine(text)
		return api.ParsedRun{Kind: "run", Specs: []api.ParsedSpec{s}}, err
	case imageName().MatchString(text):
		return api.ParsedRun{Kind: "image", Specs: []api.ParsedSpec{{Spec: api.RunSpec{Image: text}, Unknown: []string{}, Notes: []string{}}}}, nil
	}
	specs, err := ParseCompose(text)
	return api.ParsedRun{Kind: "compose", Specs: specs}, err
}

var (
	imageName = form.Of(`^[a-zA-Z0-9][a-zA-Z0-9._:/@-]*$`)
	prompt    = form.Of(`^[$#>%]\s+`)
	variable  = form.Of(`^[A-Za-z_][A-Za-z0-9_]*=`)
)

// engines are the programs whose lines are read.
var engines = []string{"docker", "podman", "davit", "nerdctl"}

func isRunLine(text string) bool {
	l, _ := splitLine(prompt().ReplaceAllString(text, ""))
	_, ok := command(l.words)
	return ok
}

// command finds what follows `docker run` or `podman container create`;
// variables and sudo may stand before it.
func command(words []string) (rest []string, ok bool) {
	for len(words) > 0 && (words[0] == "sudo" || words[0] == "doas" || words[0] == "exec" || variable().MatchString(words[0])) {
		words = words[1:]
	}
	if len(words) < 2 || !slices.Contains(engines, path.Base(words[0])) {
		return nil, false
	}
	words = words[1:]
	for len(words) > 0 && strings.HasPrefix(words[0], "-") { // --log-level=debug and the like
		words = words[1:]
	}
	if len(words) > 0 && words[0] == "container" {
		words = words[1:]
	}
	if len(words) == 0 || words[0] != "run" && words[0] != "create" {
		return nil, false
	}
	return words[1:], true
}

// ParseLine reads a line that runs a container. What is not known is told and
// left out.
func ParseLine(text string) (api.ParsedSpec, error) {
	l, err := splitLine(prompt().ReplaceAllString(strings.TrimSpace(text), ""))
	if err != nil {
		return api.ParsedSpec{}, err
	}
	rest, ok := command(l.words)
	if !ok {
		return api.ParsedSpec{}, invalid("the line does not run a container").WithHint("It begins with docker run, podman run or davit run.")
	}
	r := reader{out: api.ParsedSpec{Unknown: []string{}, Notes: []string{}}}
	r.flags.Here.Note = func(format string, args ...any) { r.note(format, args...) }
	r.set = pflag.NewFlagSet("run", pflag.ContinueOnError)
	r.flags.Add(r.set)
	r.set.BoolVarP(&r.out.Detach, "detach", "d", false, "")
	for _, w := range l.expand {
		r.note("%s stands for something where the line is run: put that in its place.", w)
	}
	if l.rest != "" {
		r.note("What follows the command is left out: %s", firstLine(l.rest))
	}
	return r.read(rest)
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	if r := []rune(s); len(r) > 80 {
		return string(r[:80]) + "…"
	}
	return s
}

// reader goes through the words of a line.
type reader struct {
	flags Flags
	set   *pflag.FlagSet
	out   api.ParsedSpec
}

func (r *reader) read(words []string) (api.ParsedSpec, error) {
	for len(words) > 0 {
		w := words[0]
		if w == "--" {
			words = words[1:]
			break
		}
		if len(w) < 2 || w[0] != '-' {
			break
		}
		if strings.HasPrefix(w, "--") {
			words = r.long(words)
		} else {
			words = r.short(words)
		}
	}
	if len(words) == 0 {
		return r.out, invalid("the line names no image").WithHint("The image's name comes after the options.")
	}
	spec, err := r.flags.Finish(words[0], words[1:])
	r.out.Spec = spec
	return r.out, err
}

// long reads --name=value, --name value or --name.
func (r *reader) long(words []string) []string {
	name, value, has := strings.Cut(strings.TrimPrefix(words[0], "--"), "=")
	f := r.set.Lookup(name)
	switch {
	case f == nil:
		return r.skip("--"+name, name, words, has)
	case has:
		r.apply(f, words[0], value)
		return words[1:]
	case f.NoOptDefVal != "":
		r.apply(f, words[0], f.NoOptDefVal)
		return words[1:]
	case len(words) == 1:
		r.unknown(words[0], "its value is missing")
		return nil
	}
	r.apply(f, words[0]+" "+words[1], words[1])
	return words[2:]
}

// short reads -it, -p8080:80, -p 8080:80 and -p=8080:80.
func (r *reader) short(words []string) []string {
	letters := words[0][1:]
	for letters != "" {
		letter := letters[:1]
		f := r.set.ShorthandLookup(letter)
		value := strings.TrimPrefix(letters[1:], "=")
		switch {
		case f == nil:
			return r.skip("-"+letter, letter, words, len(letters) > 1)
		case f.NoOptDefVal != "" && strings.HasPrefix(letters[1:], "="):
			r.apply(f, words[0], value)
			return words[1:]
		case f.NoOptDefVal != "":
			r.apply(f, "-"+letter, f.NoOptDefVal)
			letters = letters[1:]
			continue
		case value != "":
			r.apply(f, words[0], value)
			return words[1:]
		case len(words) == 1:
			r.unknown(words[0], "its value is missing")
			return nil
		}
		r.apply(f, "-"+letter+" "+words[1], words[1])
		return words[2:]
	}
	return words[1:]
}

func (r *reader) apply(f *pflag.Flag, as, value string) {
	if err := f.Value.Set(value); err != nil {
		var e *api.Error
		if errors.As(err, &e) {
			err = e
		}
		r.unknown(as, err.Error())
		return
	}
	f.Changed = true
}

// skip leaves an option out, with its value where it is one that takes one.
func (r *reader) skip(as, name string, words []string, joined bool) []string {
	if joined {
		r.unknown(words[0], ignored[name].why)
		return words[1:]
	}
	if ignored[name].takes && len(words) > 1 {
		r.unknown(as+" "+words[1], ignored[name].why)
		return words[2:]
	}
	r.unknown(as, ignored[name].why)
	return words[1:]
}

func (r *reader) unknown(what, why string) {
	if why == quiet {
		return
	}
	r.out.Unknown = append(r.out.Unknown, what)
	if why != "" {
		r.note("%s: %s", what, why)
	}
}

func (r *reader) note(format string, args ...any) {
	r.out.Notes = append(r.out.Notes, invalid(format, args...).Msg)
}
