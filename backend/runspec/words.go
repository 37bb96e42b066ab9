package runspec

import (
	"strings"

	"davit/backend/form"
)

var plain = form.Of(`^[A-Za-z0-9_@%+=:,./-]+$`)

// Quote writes a word so that every POSIX shell reads it back as it is.
func Quote(word string) string {
	if plain().MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// Join writes words as a line.
func Join(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = Quote(w)
	}
	return strings.Join(quoted, " ")
}

// line is a line taken apart as a shell would, without doing anything.
type line struct {
	words []string
	// expand are the words that a shell would have put something else for.
	expand []string
	rest   string // what comes after the command: "| grep x", "&& …"
}

// Split takes a line apart into words as a shell would. Nothing is expanded.
func Split(text string) ([]string, error) {
	l, err := splitLine(text)
	return l.words, err
}

type splitter struct {
	text    string
	at      int
	word    strings.Builder
	begun   bool // there is a word, perhaps an empty one
	expands bool
	out     line
}

func splitLine(text string) (line, error) {
	s := &splitter{text: text}
	for s.at < len(s.text) {
		c := s.text[s.at]
		switch {
		case c == '\n' || c == ';' || c == '|' || c == '&' || c == '>' || c == '<':
			if s.operator(c) {
				s.end()
				return s.out, nil
			}
		case c == ' ' || c == '\t' || c == '\r':
			s.end()
			s.at++
		case c == '#' && !s.begun:
			s.skipComment()
		default:
			if err := s.part(c); err != nil {
				return s.out, err
			}
		}
	}
	s.end()
	return s.out, nil
}

// operator ends the command, unless it is a line's end before its beginning.
func (s *splitter) operator(c byte) bool {
	if c == '\n' && len(s.out.words) == 0 && !s.begun {
		s.at++
		return false
	}
	s.out.rest = strings.TrimSpace(s.text[s.at:])
	return true
}

func (s *splitter) skipComment() {
	if i := strings.IndexByte(s.text[s.at:], '\n'); i >= 0 {
		s.at += i
		return
	}
	s.at = len(s.text)
}

// part reads one piece of a word.
func (s *splitter) part(c byte) error {
	s.begun = true
	switch c {
	case '\'':
		return s.single()
	case '"':
		return s.double()
	case '\\':
		s.escape()
	case '$':
		s.dollar()
	case '`':
		s.expands = true
		s.until('`')
	default:
		s.word.WriteByte(c)
		s.at++
	}
	return nil
}

func (s *splitter) end() {
	if !s.begun {
		return
	}
	w := s.word.String()
	s.out.words = append(s.out.words, w)
	if s.expands {
		s.out.expand = append(s.out.expand, w)
	}
	s.word.Reset()
	s.begun, s.expands = false, false
}

func (s *splitter) single() error {
	end := strings.IndexByte(s.text[s.at+1:], '\'')
	if end < 0 {
		return openQuote("'")
	}
	s.word.WriteString(s.text[s.at+1 : s.at+1+end])
	s.at += end + 2
	return nil
}

func (s *splitter) double() error {
	for s.at++; s.at < len(s.text); {
		switch c := s.text[s.at]; c {
		case '"':
			s.at++
			return nil
		case '\\':
			if s.at+1 < len(s.text) && strings.IndexByte("\"\\$`\n", s.text[s.at+1]) >= 0 {
				s.at++
				if s.text[s.at] != '\n' {
					s.word.WriteByte(s.text[s.at])
				}
				s.at++
				continue
			}
			s.word.WriteByte(c)
			s.at++
		case '$':
			s.dollar()
		case '`':
			s.expands = true
			s.until('`')
		default:
			s.word.WriteByte(c)
			s.at++
		}
	}
	return openQuote(`"`)
}

func openQuote(mark string) error {
	return invalid("a quotation mark %s is opened and not closed", mark)
}

// escape reads a backslash and what follows; before a line's end it is none,
// also before Windows' line end.
func (s *splitter) escape() {
	rest := s.text[s.at+1:]
	switch {
	case strings.HasPrefix(rest, "\n"):
		s.at += 2
		s.begun = s.word.Len() > 0
	case strings.HasPrefix(rest, "\r\n"):
		s.at += 3
		s.begun = s.word.Len() > 0
	case rest == "":
		s.word.WriteByte('\\')
		s.at++
	default:
		s.word.WriteByte(rest[0])
		s.at += 2
	}
}

// dollar keeps $NAME, ${NAME} and $(command) as they are, in one piece.
func (s *splitter) dollar() {
	rest := s.text[s.at+1:]
	switch {
	case strings.HasPrefix(rest, "("):
		s.expands = true
		s.parentheses()
	case strings.HasPrefix(rest, "{"):
		s.expands = true
		s.until('}')
	default:
		s.expands = s.expands || rest != "" && (rest[0] == '_' || rest[0] >= 'A' && rest[0] <= 'Z' || rest[0] >= 'a' && rest[0] <= 'z')
		s.word.WriteByte('$')
		s.at++
	}
}

// parentheses reads $(…) to the one that closes it, or to the end.
func (s *splitter) parentheses() {
	depth := 0
	for ; s.at < len(s.text); s.at++ {
		c := s.text[s.at]
		s.word.WriteByte(c)
		if c == '(' {
			depth++
		}
		if c == ')' {
			if depth--; depth == 0 {
				s.at++
				return
			}
		}
	}
}

// until reads up to mark, the character it stands on included.
func (s *splitter) until(mark byte) {
	s.word.WriteByte(s.text[s.at])
	for s.at++; s.at < len(s.text); {
		c := s.text[s.at]
		s.word.WriteByte(c)
		s.at++
		if c == mark {
			return
		}
	}
}
