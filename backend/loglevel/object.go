package loglevel

import (
	"strconv"
	"strings"
)

// ofObject looks for a level among the members of a JSON object. It reads no
// more than it needs, and what is no JSON has none.
func ofObject(s string) Level {
	i := 1
	for i < len(s) {
		i = skip(s, i, " \t,")
		if i >= len(s) || s[i] != '"' {
			return None
		}
		end := quoted(s, i)
		if end < 0 {
			return None
		}
		name := s[i+1 : end-1]
		i = skip(s, end, " \t")
		if i >= len(s) || s[i] != ':' {
			return None
		}
		i = skip(s, i+1, " \t")
		if end = over(s, i); end < 0 {
			return None
		}
		if l := ofMember(name, s[i:end]); l != None {
			return l
		}
		i = end
	}
	return None
}

func skip(s string, i int, what string) int {
	for i < len(s) && strings.IndexByte(what, s[i]) >= 0 {
		i++
	}
	return i
}

// quoted is where the string that begins at i ends, or -1.
func quoted(s string, i int) int {
	for i++; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

// over is where the value that begins at i ends, or -1.
func over(s string, i int) int {
	depth := 0
	for i < len(s) {
		switch c := s[i]; {
		case c == '"':
			if i = quoted(s, i); i < 0 {
				return -1
			}
		case c == '{' || c == '[':
			depth++
			i++
		case (c == '}' || c == ']') && depth > 0:
			depth--
			i++
		case depth == 0:
			for i < len(s) && strings.IndexByte(",}", s[i]) < 0 {
				i++
			}
		default:
			i++
		}
		if depth == 0 {
			return i
		}
	}
	return -1
}

func ofMember(name, value string) Level {
	switch strings.ToLower(name) {
	case "level", "lvl", "severity", "loglevel", "log_level", "log.level", "@level", "levelname", "level_name", "s", "priority":
	default:
		return None
	}
	if n, err := strconv.Atoi(value); err == nil {
		return ofNumber(n)
	}
	value = strings.Trim(value, `"`)
	if len(value) == 1 && (name == "s" || name == "level") {
		return ofLetter(value[0])
	}
	for i := range len(value) {
		if !letter(value[i]) {
			return None
		}
	}
	return word(value)
}

// ofNumber reads the numbers of bunyan and pino, below ten those of syslog.
func ofNumber(n int) Level {
	switch {
	case n >= 60:
		return Fatal
	case n >= 50:
		return Error
	case n >= 40:
		return Warn
	case n >= 30:
		return Info
	case n >= 20:
		return Debug
	case n >= 10:
		return Trace
	case n >= 0 && n < 8:
		return ofSeverity(n)
	}
	return None
}
