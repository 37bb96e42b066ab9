package apitest

import (
	"strings"
)

// The fake's shell: as much of sh as the suite and the fronts' tests say.
//
//	list    = command { (";" | newline) command }
//	command = "while" list "do" list "done"
//	        | "for" name "in" words "do" list "done"
//	        | word { word } [ ">&2" ]        && and || between them
//
// with '…', "…", \x, $NAME, ${NAME}, $? in words.

// script runs text and gives the exit code of its last command.
func (p *process) script(text string) int {
	s := &shell{p: p, tokens: tokenize(text)}
	return s.list()
}

type token struct {
	text   string // with quotes as they were
	divide bool   // ; newline && ||
}

type shell struct {
	p      *process
	tokens []token
	at     int
	code   int
}

func tokenize(s string) []token {
	var out []token
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == ' ' || c == '\t':
			i++
		case c == ';' || c == '\n':
			out = append(out, token{";", true})
			i++
		case strings.HasPrefix(s[i:], "&&") || strings.HasPrefix(s[i:], "||"):
			out = append(out, token{s[i : i+2], true})
			i += 2
		default:
			n := wordLen(s[i:])
			out = append(out, token{s[i : i+n], false})
			i += n
		}
	}
	return out
}

// wordLen is the length of the word that s begins with, quotes included.
func wordLen(s string) int {
	var quote byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			} else if c == '\\' && quote == '"' {
				i++
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '\\':
			i++
		case c == '>' && strings.HasPrefix(s[i:], ">&2"):
			if i == 0 {
				return 3
			}
			return i
		case strings.IndexByte(" \t;\n", c) >= 0 || strings.HasPrefix(s[i:], "&&") || strings.HasPrefix(s[i:], "||"):
			return i
		}
	}
	return len(s)
}

func (s *shell) peek() string {
	if s.at < len(s.tokens) {
		return s.tokens[s.at].text
	}
	return ""
}

// list runs commands until its end or one of the words in stop.
func (s *shell) list(stop ...string) int {
	for s.at < len(s.tokens) {
		for _, w := range stop {
			if s.peek() == w {
				return s.code
			}
		}
		t := s.tokens[s.at]
		switch {
		case t.divide && (t.text == "&&" && s.code != 0 || t.text == "||" && s.code == 0):
			s.at++
			s.simple(false)
		case t.divide:
			s.at++
		case t.text == "while":
			s.while()
		case t.text == "for":
			s.loop()
		default:
			s.simple(true)
		}
	}
	return s.code
}

func (s *shell) while() {
	s.at++
	cond := s.at
	for {
		s.p.handle()
		s.at = cond
		if s.list("do") != 0 {
			break
		}
		s.at++
		s.list("done")
	}
	s.skipTo("done")
	s.code = 0
}

func (s *shell) loop() {
	s.at++
	name := s.peek()
	s.at += 2 // the name, "in"
	var words []string
	for ; s.at < len(s.tokens) && !s.tokens[s.at].divide; s.at++ {
		words = append(words, s.expand(s.tokens[s.at].text))
	}
	s.at++ // ;
	body := s.at + 1
	for _, w := range words {
		s.p.vars[name] = w
		s.at = body
		s.list("done")
	}
	s.at = body
	s.skipTo("done")
}

func (s *shell) skipTo(word string) {
	depth := 1
	for ; s.at < len(s.tokens); s.at++ {
		switch s.peek() {
		case "while", "for":
			depth++
		case word:
			if depth--; depth == 0 {
				s.at++
				return
			}
		}
	}
}

func (s *shell) simple(run bool) {
	var words []string
	toErr := false
	for ; s.at < len(s.tokens) && !s.tokens[s.at].divide; s.at++ {
		if t := s.tokens[s.at].text; t == ">&2" {
			toErr = true
		} else {
			words = append(words, s.expand(t))
		}
	}
	if !run || len(words) == 0 {
		return
	}
	if k, v, ok := strings.Cut(words[0], "="); ok && len(words) == 1 {
		s.p.vars[k] = v
		s.code = 0
		return
	}
	s.p.handle()
	s.p.vars["?"] = "0"
	s.code = s.p.command(words, toErr)
	s.p.handle()
}

// expand takes quotes away and puts variables in.
func (s *shell) expand(w string) string {
	var b strings.Builder
	var quote byte
	for i := 0; i < len(w); i++ {
		c := w[i]
		switch {
		case quote == '\'' && c != '\'':
			b.WriteByte(c)
		case c == '\\' && i+1 < len(w):
			i++
			b.WriteByte(w[i])
		case c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
		case c == '$':
			name, n := variable(w[i+1:])
			b.WriteString(s.p.vars[name])
			i += n
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// variable gives the name that follows a $ and how long it is written.
func variable(s string) (name string, n int) {
	if strings.HasPrefix(s, "{") {
		if e := strings.IndexByte(s, '}'); e > 0 {
			return s[1:e], e + 1
		}
	}
	if strings.HasPrefix(s, "?") {
		return "?", 1
	}
	for n < len(s) && (s[n] == '_' || s[n] >= '0' && s[n] <= '9' || s[n] >= 'A' && s[n] <= 'Z' || s[n] >= 'a' && s[n] <= 'z') {
		n++
	}
	return s[:n], n
}
