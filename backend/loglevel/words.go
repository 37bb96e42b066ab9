package loglevel

import "strings"

// ofWords looks for a level's word where loggers put it.
func ofWords(s string) Level {
	for i := 0; i < len(s); {
		if !letter(s[i]) {
			i++
			continue
		}
		from := i
		for i < len(s) && letter(s[i]) {
			i++
		}
		var before, after byte = ' ', ' '
		if from > 0 {
			before = s[from-1]
		}
		if i < len(s) {
			after = s[i]
		}
		if l := ofWord(s, from, i, before, after); l != None {
			return l
		}
	}
	return None
}

// ofWord judges the letters s[from:to] by what stands around them.
func ofWord(s string, from, to int, before, after byte) Level {
	w := s[from:to]
	if after == '=' || after == '"' && to+1 < len(s) && s[to+1] == '=' {
		if key(w) {
			return word(value(s[to+1:]))
		}
		return None
	}
	l := word(w)
	switch {
	case l == None:
		return ofFailure(s, from, to, after)
	case strings.IndexByte("[<(:|", before) >= 0 && strings.IndexByte("]>):|", after) >= 0:
		return l
	case before == '.' && after == ':' && upper(w): // Monolog's channel stands before it
		return l
	case strings.IndexByte(" \t[<(|:;,'\"=", before) < 0 || strings.IndexByte(" \t]>)|:;,!'\"", after) < 0:
		return None
	case upper(w):
		if l == Info && w[0] == 'L' && after != ':' { // LOG: of PostgreSQL, but not every LOG
			return None
		}
		return l
	case after == ':' && (before == ' ' || before == '\t'):
		return l
	case from == 0 && strings.HasPrefix(s, "npm ") || from == 4 && strings.HasPrefix(s, "npm "):
		return l
	}
	return None
}

// ofFailure knows the names of exceptions in front of a line.
func ofFailure(s string, from, to int, after byte) Level {
	w := s[from:to]
	switch {
	case from == 0 && w == "Traceback" && strings.HasPrefix(s, "Traceback (most recent call last)"):
		return Error
	case after == ':' && (strings.HasSuffix(w, "Error") || strings.HasSuffix(w, "Exception")) && !strings.ContainsAny(s[:from], " \t"):
		return Error
	}
	return None
}

func key(w string) bool {
	switch strings.ToLower(w) {
	case "level", "lvl", "severity", "loglevel":
		return true
	}
	return false
}

// value is the word at the beginning, in quotes or not.
func value(s string) string {
	s = strings.TrimLeft(s, "=\" ")
	i := 0
	for i < len(s) && letter(s[i]) {
		i++
	}
	return s[:i]
}

func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func upper(w string) bool {
	for i := range len(w) {
		if w[i] > 'Z' {
			return false
		}
	}
	return true
}

// ofMark knows loggers that write one character for the level.
func ofMark(s string) Level {
	switch {
	case len(s) > 6 && s[5] == ' ' && digits(s[1:5]): // klog: E0512 10:00:00.000000
		return ofLetter(s[0])
	case len(s) > 4 && s[1] == ',' && s[2] == ' ' && s[3] == '[': // Ruby: E, [2026-05-01T…
		return ofLetter(s[0])
	case len(s) > 3 && s[0] == '<':
		return ofPriority(s)
	}
	return ofRedis(s)
}

func ofLetter(c byte) Level {
	switch c {
	case 'D':
		return Debug
	case 'I':
		return Info
	case 'W':
		return Warn
	case 'E':
		return Error
	case 'F':
		return Fatal
	}
	return None
}

// ofPriority reads syslog's <priority>: the severity is in its last three bits.
func ofPriority(s string) Level {
	end := strings.IndexByte(s[:min(len(s), 5)], '>')
	if end < 2 || !digits(s[1:end]) {
		return None
	}
	n := 0
	for _, c := range []byte(s[1:end]) {
		n = n*10 + int(c-'0')
	}
	return ofSeverity(n % 8)
}

func ofSeverity(n int) Level {
	return [...]Level{Fatal, Fatal, Fatal, Error, Warn, Info, Info, Debug}[n]
}

// ofRedis reads "1:M 01 May 2026 10:00:00.000 # text": the mark after the time.
func ofRedis(s string) Level {
	pid := strings.IndexByte(s[:min(len(s), 12)], ':')
	const mark = len(":M 01 May 2026 10:00:00.000 ")
	if pid < 1 || !digits(s[:pid]) || len(s) < pid+mark+2 || s[pid+mark-1] != ' ' || s[pid+mark+1] != ' ' || s[pid+2] != ' ' {
		return None
	}
	switch s[pid+mark] {
	case '.':
		return Debug
	case '-', '*':
		return Info
	case '#':
		return Warn
	}
	return None
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}
