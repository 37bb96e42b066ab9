package wire

import (
	"bytes"
	"strconv"
	"time"
	"unicode/utf8"

	"davit/backend/api"
)

// stamp remembers a time and its text: the lines that a container wrote at
// once have the same. One is for writing or for reading, never both.
type stamp struct {
	at   time.Time
	text []byte
}

// appendLogLine is append for log lines, which come by the million: it writes
// what encoding/json would, in a tenth of the time.
func (s *stamp) appendLogLine(b []byte, l *api.LogLine) []byte {
	if l.Time != s.at || s.text == nil { // the same instant may be meant by other bits
		s.at, s.text = l.Time, l.Time.AppendFormat(s.text[:0], time.RFC3339Nano)
	}
	b = append(b, `{"item":{"time":"`...)
	b = append(b, s.text...)
	b = append(b, `","stream":`...)
	b = appendString(b, l.Stream)
	b = append(b, `,"text":`...)
	b = appendString(b, l.Text)
	if l.Partial {
		b = append(b, `,"partial":true`...)
	}
	for _, o := range optional(l) {
		if *o.value != "" {
			b = append(b, o.key...)
			b = appendString(b, *o.value)
		}
	}
	return append(b, "}}\n"...)
}

// option is a part of a line that few have.
type option struct {
	key   string // with what stands before its value
	value *string
}

// optional are those of a line in their order.
func optional(l *api.LogLine) [3]option {
	return [...]option{{`,"cursor":`, &l.Cursor}, {`,"level":`, &l.Level}, {`,"container":`, &l.Container}}
}

// appendString quotes s for JSON; bytes that are not UTF-8 become U+FFFD.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	from := 0
	for i := plain(s); i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				b = append(b, s[from:i]...)
				b = append(b, "\ufffd"...)
				from = i + 1
			}
			i += n
			continue
		}
		b = append(b, s[from:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
		from = i
	}
	b = append(b, s[from:]...)
	return append(b, '"')
}

// plain counts bytes at the beginning of s that stand for themselves, eight at
// once: for most lines that is all of them but the last few.
func plain(s string) int {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(s); i += 8 {
		x := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
			uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
		quote, slash := x^ones*'"', x^ones*'\\'
		odd := (x-ones*' ')&^x | (quote-ones)&^quote | (slash-ones)&^slash | x
		if odd&high != 0 {
			break
		}
	}
	return i
}

// parseLogLine reads what appendLogLine wrote. Anything else is not understood
// and left to encoding/json.
func (s *stamp) parseLogLine(b []byte, l *api.LogLine) bool {
	rest, ok := cut(b, `{"item":{"time":"`)
	if !ok {
		return false
	}
	n := max(bytes.IndexByte(rest, '"'), 0)
	if s.text == nil || string(rest[:n]) != string(s.text) {
		t, err := time.Parse(time.RFC3339Nano, string(rest[:n]))
		if err != nil {
			return false
		}
		s.at, s.text = t, append(s.text[:0], rest[:n]...)
	}
	l.Time = s.at
	if rest, ok = cut(rest[n:], `","stream":`); !ok {
		return false
	}
	if l.Stream, rest, ok = parseString(rest); !ok {
		return false
	}
	if rest, ok = cut(rest, `,"text":`); !ok {
		return false
	}
	if l.Text, rest, ok = parseString(rest); !ok {
		return false
	}
	rest, l.Partial = cut(rest, `,"partial":true`)
	for _, o := range optional(l) {
		*o.value = ""
		if more, ok := cut(rest, o.key); ok {
			if *o.value, rest, ok = parseString(more); !ok {
				return false
			}
		}
	}
	return string(rest) == "}}"
}

func cut(b []byte, prefix string) ([]byte, bool) {
	if len(b) < len(prefix) || string(b[:len(prefix)]) != prefix {
		return b, false
	}
	return b[len(prefix):], true
}

// parseString reads a JSON string with the escapes of appendString.
func parseString(b []byte) (string, []byte, bool) {
	if len(b) == 0 || b[0] != '"' {
		return "", b, false
	}
	b = b[1:]
	end := bytes.IndexByte(b, '"')
	if end < 0 {
		return "", b, false
	}
	if i := bytes.IndexByte(b[:end], '\\'); i >= 0 {
		return unescape(b, i)
	}
	return intern(b[:end]), b[end+1:], true
}

func unescape(b []byte, i int) (string, []byte, bool) {
	out := append(make([]byte, 0, len(b)), b[:i]...)
	for i < len(b) {
		switch c := b[i]; {
		case c == '"':
			return string(out), b[i+1:], true
		case c != '\\':
			out = append(out, c)
			i++
		case i+1 >= len(b):
			return "", b, false
		case b[i+1] == 'u':
			if i+6 > len(b) {
				return "", b, false
			}
			r, err := strconv.ParseUint(string(b[i+2:i+6]), 16, 8)
			if err != nil || r >= utf8.RuneSelf {
				return "", b, false
			}
			out = append(out, byte(r))
			i += 6
		default:
			e, ok := map[byte]byte{'"': '"', '\\': '\\', 'n': '\n', 't': '\t'}[b[i+1]]
			if !ok {
				return "", b, false
			}
			out = append(out, e)
			i += 2
		}
	}
	return "", b, false
}

// intern spares an allocation for the two names that every line has.
func intern(b []byte) string {
	switch string(b) {
	case "stdout":
		return "stdout"
	case "stderr":
		return "stderr"
	}
	return string(b)
}
