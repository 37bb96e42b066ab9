package logfile

import (
	"strings"
	"time"
)

// MaxText is how many bytes of text a line of the file holds at most.
const MaxText = 16 << 10

const (
	stdout = "stdout"
	stderr = "stderr"

	// maxLine bounds what is taken for a line: text, time, stream and flag.
	maxLine = MaxText + 64
	// stampLen is the length of the times that the writer writes.
	stampLen = len("2006-01-02T15:04:05.000000000Z")
)

// line is one line of the file, taken apart but for its time.
type line struct {
	stamp   string
	stream  string
	partial bool
	text    string
}

// number is a stream's place in arrays.
func number(stream string) int {
	if stream == stderr {
		return 1
	}
	return 0
}

// split takes a line without its newline apart.
func split(s string) (line, bool) {
	i := strings.IndexByte(s[:min(len(s), 48)], ' ')
	if i < 20 || len(s) < i+10 || s[i+7] != ' ' || s[i+9] != ' ' {
		return line{}, false
	}
	l := line{stamp: s[:i], partial: s[i+8] == 'P', text: s[i+10:]}
	switch {
	case s[i+1:i+7] == stdout:
		l.stream = stdout
	case s[i+1:i+7] == stderr:
		l.stream = stderr
	default:
		return line{}, false
	}
	return l, s[i+8] == 'F' || l.partial
}

// clock reads and remembers the last stamp: lines of one chunk have the same.
type clock struct {
	stamp string
	at    time.Time
	ok    bool
}

func (c *clock) read(stamp string) (time.Time, bool) {
	if stamp != c.stamp {
		c.stamp = stamp
		c.at, c.ok = parseTime(stamp)
	}
	return c.at, c.ok
}

// parseTime reads an RFC 3339 time; the writer's form without package time's
// general parser, which costs as much as the rest of reading.
func parseTime(s string) (time.Time, bool) {
	if len(s) != stampLen || s[stampLen-1] != 'Z' {
		t, err := time.Parse(time.RFC3339Nano, s)
		return t, err == nil
	}
	const form = "dddd-dd-ddTdd:dd:dd.dddddddddZ"
	for i := range stampLen {
		if form[i] == 'd' && (s[i] < '0' || s[i] > '9') || form[i] != 'd' && s[i] != form[i] {
			return time.Time{}, false
		}
	}
	n := func(from, to int) (v int) {
		for _, c := range []byte(s[from:to]) {
			v = v*10 + int(c-'0')
		}
		return v
	}
	month, day, hour, minute, second := n(5, 7), n(8, 10), n(11, 13), n(14, 16), n(17, 19)
	if month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	return time.Date(n(0, 4), time.Month(month), day, hour, minute, second, n(20, 29), time.UTC), true
}

// stamper writes times; it does the calendar once a second.
type stamper struct {
	second int64
	b      [stampLen]byte
}

func (s *stamper) stamp(t time.Time) []byte {
	// The form has four digits for the year, whatever the clock says.
	if sec := t.Unix(); sec != s.second || s.b[0] == 0 {
		s.second = sec
		u := t.UTC()
		year, month, day := u.Date()
		digits(s.b[0:4], min(max(year, 0), 9999))
		digits(s.b[5:7], int(month))
		digits(s.b[8:10], day)
		digits(s.b[11:13], u.Hour())
		digits(s.b[14:16], u.Minute())
		digits(s.b[17:19], u.Second())
		s.b[4], s.b[7], s.b[10], s.b[13], s.b[16], s.b[19], s.b[29] = '-', '-', 'T', ':', ':', '.', 'Z'
	}
	digits(s.b[20:29], t.Nanosecond())
	return s.b[:]
}

func digits(b []byte, v int) {
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = byte('0' + v%10)
		v /= 10
	}
}
