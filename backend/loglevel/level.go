// Package loglevel tells how grave a line of a log says that it is. It is pure:
// no process, no namespace, and nothing is assumed of the line, which a
// container wrote.
//
// Understood are JSON objects with a level, key=value pairs, the words that
// loggers put before their messages, and the marks of klog, Redis and syslog.
// A word within a sentence is none: "no error found" has no level.
package loglevel

import "strings"

// Level is how grave a line is; zero is a line that does not say.
type Level uint8

// The levels, the least grave first. Notices are Info; alerts, panics and
// critical errors are Fatal.
const (
	None Level = iota
	Trace
	Debug
	Info
	Warn
	Error
	Fatal
)

var names = [...]string{"", "trace", "debug", "info", "warn", "error", "fatal"}

// String is the level's name; "" for None.
func (l Level) String() string { return names[l] }

// Names are those that Parse takes, the least grave first.
func Names() []string { return names[1:] }

// Parse reads a level's name, in any of the spellings that logs have.
func Parse(s string) (Level, bool) {
	l := word(s)
	return l, l != None
}

// looked is how much of a line is looked at: what tells its level stands in
// front. JSON may have it anywhere, so more is looked at there.
const (
	looked     = 160
	lookedJSON = 4 << 10
)

// Of tells the level of a line.
func Of(line string) Level {
	var plain [looked]byte
	head := line[:min(len(line), looked)]
	if strings.IndexByte(head, 0x1b) >= 0 {
		head = withoutColours(plain[:0], line)
	}
	if body := strings.TrimLeft(head, " \t"); body != "" && body[0] == '{' {
		return ofObject(line[strings.IndexByte(line, '{'):min(len(line), lookedJSON)])
	}
	if l := ofMark(head); l != None {
		return l
	}
	return ofWords(head)
}

// Continues tells whether a line goes on with what the one before it said, as
// the lines of a stack trace do: it has then that one's level.
func Continues(line string) bool {
	if line == "" || line[0] == ' ' || line[0] == '\t' {
		return true
	}
	for _, b := range continuing {
		if strings.HasPrefix(line, b) {
			return true
		}
	}
	return goFrame(line)
}

// continuing is how lines begin that go on with a trace without being indented.
var continuing = [...]string{
	"Caused by: ",                              // Java
	"goroutine ", "created by ", "[signal SIG", // Go
	"stack backtrace:",                           // Rust
	"During handling of the above exception, an", // Python
	"The above exception was the direct cause of",
}

// goFrame tells a function in a trace of Go's, "main.(*T).f(0xc000012345, ...)".
func goFrame(line string) bool {
	if line[len(line)-1] != ')' {
		return false
	}
	open := strings.LastIndexByte(line, '(')
	name := line[:open+1]
	return open > 0 && strings.IndexByte(name, '.') > 0 && !strings.ContainsAny(name, " \t=:,\"'")
}

// withoutColours is the beginning of a line without its escape sequences.
func withoutColours(b []byte, line string) string {
	for i := 0; i < len(line) && i < 4*looked && len(b) < looked; i++ {
		if line[i] != 0x1b {
			b = append(b, line[i])
			continue
		}
		if i++; i < len(line) && line[i] == '[' {
			for i++; i < len(line) && (line[i] < '@' || line[i] > '~'); i++ {
			}
		}
	}
	return string(b)
}

// word is the level that a word means.
func word(s string) Level {
	if len(s) < 3 || len(s) > len("information") {
		return None
	}
	var b [len("information")]byte
	for i := range len(s) {
		b[i] = s[i] | 0x20 // letters only come here
	}
	switch string(b[:len(s)]) {
	case "trace", "trc", "verbose", "silly", "finest", "finer":
		return Trace
	case "debug", "dbg", "dbug", "fine":
		return Debug
	case "info", "inf", "information", "informational", "notice", "log", "note":
		return Info
	case "warn", "wrn", "warning":
		return Warn
	case "error", "err", "eror", "fail", "severe":
		return Error
	case "fatal", "ftl", "panic", "pnc", "critical", "crit", "alert", "emerg", "emergency":
		return Fatal
	}
	return None
}
