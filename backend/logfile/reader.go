package logfile

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"davit/backend/api"
	"davit/backend/loglevel"
)

// Read calls sink for the lines of the log at path that q asks for, oldest
// first. A log that is missing has no lines. With q.Follow it goes on while
// live answers true, and until what was written before that has been told.
// Text shares memory with its neighbours: who keeps a line for long clones it.
func Read(ctx context.Context, path string, q api.LogQuery, live func() bool, sink func(api.LogLine) error) error {
	return newReader(path, q, sink).run(ctx, live)
}

var (
	errUntil  = errors.New("the time asked for is over")
	errEnough = errors.New("as many lines as asked for")
)

type reader struct {
	query  api.LogQuery
	needle needle
	least  loglevel.Level
	levels levels
	sink   func(api.LogLine) error
	files  chain
	at     int64   // offset of the next line
	next   int64   // offset after the line that is told
	carry  [2]bool // of each stream: the next line is the rest of one that was told
	told   int
	clock  clock

	begun func()       // called, where it is set, once it is known where to begin
	idle  func() error // likewise, when all lines that are there were told
}

func newReader(path string, q api.LogQuery, sink func(api.LogLine) error) *reader {
	r := &reader{files: chain{path: path}, query: q, needle: newNeedle(q.Search), sink: sink}
	r.least, _ = loglevel.Parse(q.Level)
	r.levels.files = &r.files
	return r
}

func (r *reader) run(ctx context.Context, live func() bool) error {
	if !r.query.Until.IsZero() && !r.query.Until.After(time.Now()) || r.query.Before != "" {
		r.query.Follow = false // what is still to come is too late
	}
	if !r.query.Follow || live == nil {
		live = func() bool { return false }
	}
	if r.query.Follow && !r.query.Until.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, r.query.Until, errUntil)
		defer cancel()
	}
	err := r.read(ctx, live)
	if errors.Is(err, errEnough) || err != nil && context.Cause(ctx) == errUntil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

func (r *reader) read(ctx context.Context, live func() bool) error {
	var bell *bell
	if r.query.Follow {
		bell = newBell(r.files.path) // before reading: nothing falls between
		defer bell.close()
	}
	defer r.files.close()
	for first := true; ; first = false {
		alive := live() // before reading: what a dead one wrote is all there
		if err := r.more(ctx, first); err != nil {
			return err
		}
		if r.idle != nil {
			if err := r.idle(); err != nil {
				return err
			}
		}
		if !alive {
			return nil
		}
		if err := bell.wait(ctx); err != nil {
			return err
		}
	}
}

// more tells the lines that are there and not told yet.
func (r *reader) more(ctx context.Context, first bool) error {
	end, err := r.files.grow()
	if err != nil {
		return err
	}
	if r.at > end { // cut back after a disk was full
		r.at = end
	}
	if first {
		if end, err = r.bounds(end); err != nil {
			return err
		}
		if r.begun != nil {
			r.begun()
		}
	}
	count := 0
	r.at, err = linesBut(&r.files, r.at, end, r.skip(), func(at int64, s string) (bool, error) {
		if count++; count&255 == 0 && ctx.Err() != nil && context.Cause(ctx) != errUntil {
			return false, ctx.Err()
		}
		return true, r.tell(at, s)
	})
	return err
}

// bounds sets where to begin and gives where to end.
func (r *reader) bounds(end int64) (int64, error) {
	end, err := r.between(end)
	if err != nil {
		return 0, err
	}
	if !r.query.Until.IsZero() {
		if end, err = seek(&r.files, r.query.Until.Add(1), end); err != nil {
			return 0, err
		}
	}
	if !r.query.Since.IsZero() {
		from, err := seek(&r.files, r.query.Since, end)
		if err != nil {
			return 0, err
		}
		r.at = max(r.at, from)
	}
	if r.query.Tail != nil && *r.query.Tail >= 0 {
		r.at, err = tail(&r.files, r.at, end, *r.query.Tail, r.skip(), r.match)
	}
	return end, err
}

// skip tells of many lines at once that what is searched for is in none. Where
// there are colours it may be in what is seen of a line, and the rest of a long
// line comes with its beginning.
func (r *reader) skip() skip {
	if r.needle.lower == "" {
		return nil
	}
	return func(lines string) bool {
		return r.carry == [2]bool{} && strings.IndexByte(lines, 0x1b) < 0 && !r.needle.in(lines)
	}
}

// match tells whether the line at an offset is one of those asked for.
func (r *reader) match(at int64, l line) bool {
	return (r.query.Stream == "" || r.query.Stream == l.stream) && r.needle.inVisible(l.text) &&
		(r.least == loglevel.None || r.levels.of(at, l) >= r.least)
}

func (r *reader) tell(offset int64, s string) error {
	l, ok := split(s)
	if !ok {
		return nil
	}
	carry := &r.carry[number(l.stream)]
	wanted := *carry || r.match(offset, l)
	*carry = wanted && l.partial // the rest of a long line comes with its beginning
	if !wanted {
		return nil
	}
	at, ok := r.clock.read(l.stamp)
	switch {
	case !ok:
		return nil
	case !r.query.Since.IsZero() && at.Before(r.query.Since):
		return nil
	case !r.query.Until.IsZero() && at.After(r.query.Until):
		return nil
	}
	if r.query.Limit > 0 && r.told == r.query.Limit {
		return errEnough
	}
	r.told++
	r.next = offset + int64(len(s)) + 1
	told := api.LogLine{Time: at, Stream: l.stream, Text: l.text, Partial: l.partial}
	if r.query.Cursors {
		told.Cursor = r.files.cursor(offset)
	}
	if r.query.Levels {
		told.Level = r.levels.of(offset, l).String()
	}
	return r.sink(told)
}

// needle is text to look for, whatever its case.
type needle struct {
	lower string
	ascii bool
	rare  int // the place of the byte in it that is the least common
}

func newNeedle(s string) needle {
	n := needle{lower: strings.ToLower(s), ascii: true}
	for i := range len(s) {
		n.ascii = n.ascii && s[i] < utf8.RuneSelf
	}
	if !n.ascii {
		return n
	}
	for i := range len(n.lower) {
		if commonness(n.lower[i]) < commonness(n.lower[n.rare]) {
			n.rare = i
		}
	}
	return n
}

// commonness orders bytes by how often logs have them: digits of times and
// spaces are everywhere, the letters as in English.
func commonness(c byte) int {
	const letters = "zqxjkvbpygfwmuclhrdsnioate"
	switch i := strings.IndexByte(letters, c); {
	case i >= 0:
		return i
	case c == ' ' || '0' <= c && c <= '9':
		return len(letters)
	}
	return len(letters) / 2
}

func (n needle) in(s string) bool {
	switch {
	case n.lower == "":
		return true
	case !n.ascii:
		return strings.Contains(strings.ToLower(s), n.lower)
	}
	c := n.lower[n.rare]
	if n.around(s, c) {
		return true
	}
	return 'a' <= c && c <= 'z' && n.around(s, c-('a'-'A'))
}

// around looks where the rare byte stands as c.
func (n needle) around(s string, c byte) bool {
	for i := n.rare; ; i++ {
		if len(s)-(len(n.lower)-n.rare) < i {
			return false
		}
		at := strings.IndexByte(s[i:], c)
		if at < 0 {
			return false
		}
		i += at
		from := i - n.rare
		if from+len(n.lower) > len(s) {
			return false
		}
		if foldASCII(s[from:from+len(n.lower)], n.lower) {
			return true
		}
	}
}

// inVisible looks in what is seen of a line, too: colours change within words.
func (n needle) inVisible(s string) bool {
	return n.in(s) || strings.IndexByte(s, 0x1b) >= 0 && n.in(visible(s))
}

// visible is a line without its escape sequences: CSI, and OSC with its like,
// which end with BEL or ST.
func visible(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != 0x1b {
			b = append(b, s[i])
			continue
		}
		if i++; i == len(s) {
			break
		}
		switch s[i] {
		case '[':
			for i++; i < len(s) && (s[i] < '@' || s[i] > '~'); i++ {
			}
		case ']', 'P', 'X', '^', '_':
			for i++; i < len(s) && s[i] != 0x07 && s[i] != 0x1b; i++ {
			}
			if i+1 < len(s) && s[i] == 0x1b && s[i+1] == '\\' {
				i++
			}
		}
	}
	return string(b)
}

// foldASCII compares s with lower, which is of the same length.
func foldASCII(s, lower string) bool {
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// pollEvery is how often live is asked where no file tells that it changed.
const pollEvery = 200 * time.Millisecond
