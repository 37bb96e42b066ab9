package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"davit/backend/api"
	"davit/backend/logfile"
	"davit/backend/loglevel"
)

// LogsOptions are logs's.
type LogsOptions struct {
	Follow     bool
	Tail       string
	Timestamps bool
	Details    bool
	Since      string
	Until      string
	Level      string
	Search     string
	NoPrefix   bool
	JSON       bool
}

func (o *LogsOptions) addFlags(f *pflag.FlagSet) {
	f.BoolVarP(&o.Follow, "follow", "f", false, "Go on with what comes, until the container ends")
	f.StringVarP(&o.Tail, "tail", "n", "all", "Only the last lines: a number or all")
	f.BoolVarP(&o.Timestamps, "timestamps", "t", false, "Put the time before each line")
	f.BoolVar(&o.Details, "details", false, "Put what the log driver knows of each line before it: a space, for ours knows nothing")
	f.StringVar(&o.Since, "since", "", "Only lines since a time (2026-01-02T15:04:05Z) or for some time back (10m)")
	f.StringVar(&o.Until, "until", "", "Only lines before a time or some time back")
	f.StringVar(&o.Level, "level", "", "Only lines of this level and graver ones: trace, debug, info, warn, error or fatal")
	f.StringVar(&o.Search, "search", "", "Only lines that contain this text, whatever its case")
	f.BoolVar(&o.NoPrefix, "no-log-prefix", false, "Do not put its container before each line of several")
	f.BoolVar(&o.JSON, "json", false, "Print each line as a JSON object")
}

func newLogsCommand() *command {
	var o LogsOptions
	c := &command{
		name: "logs", args: "[OPTIONS] CONTAINER [CONTAINER...]", group: "Containers",
		short: "Print what containers wrote, several by time", least: 1, most: anyNumber,
	}
	o.addFlags(c.set())
	c.run = func(ctx context.Context, e *env, args []string) error { return runLogs(ctx, e, o, args) }
	return c
}

func runLogs(ctx context.Context, e *env, o LogsOptions, refs []string) error {
	q, err := o.query(e)
	if err != nil {
		return err
	}
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	// Each line is garbage once it is printed: little is left to look through, and
	// a heap of some megabytes would be looked through all the time.
	debug.SetGCPercent(logGrowth)
	p := newLogPrinter(e, o)
	q.With = refs[1:]
	if len(refs) > 1 && !o.NoPrefix {
		p.prefix = widestName(ctx, s, refs)
	}
	if sources := ownLogs(ctx, s, refs, q); len(sources) == 1 {
		err = logfile.Read(ctx, sources[0].Path, q, nil, p.print)
	} else if sources != nil {
		err = logfile.Merge(ctx, sources, q, p.print)
	} else {
		err = readLogs(ctx, s, refs[0], q, p.print)
	}
	if e := p.flush(); err == nil {
		err = e
	}
	return err
}

// widestName is how much room the longest of the containers' names takes.
func widestName(ctx context.Context, s api.Service, refs []string) int {
	widest := 1
	for _, ref := range refs {
		if d, err := s.Container(ctx, ref); err == nil {
			widest = max(widest, len(d.Name))
		}
	}
	return widest
}

// logGrowth is how much the heap may grow between collections, in percent.
const logGrowth = 800

// ownLogs are the files of logs that are not followed, or nil. They are the
// person's own: read here, a million lines take a third of the time that they
// take through an engine. When a container ends, which a follower has to know, is
// seen from inside the user namespace on every host, and from here on most.
func ownLogs(ctx context.Context, s api.Service, refs []string, q api.LogQuery) []logfile.Source {
	if q.Follow {
		return nil
	}
	var sources []logfile.Source
	for _, ref := range refs {
		d, err := s.Container(ctx, ref)
		if err != nil || d.Spec.Log.None {
			return nil // Logs says it
		}
		if info, err := os.Lstat(d.LogPath); err != nil || !info.Mode().IsRegular() {
			return nil
		}
		if !slices.ContainsFunc(sources, func(s logfile.Source) bool { return s.Path == d.LogPath }) {
			sources = append(sources, logfile.Source{Name: d.Name, Path: d.LogPath})
		}
	}
	return sources
}

// readLogs goes on where it was when the engine dies under it: the log is a
// file and does not need one.
func readLogs(ctx context.Context, s api.Service, ref string, q api.LogQuery, print func(api.LogLine) error) error {
	var last time.Time // of the last line
	same := 0          // lines of that very time that were printed
	for tries := 0; ; tries++ {
		skip := same
		err := s.Logs(ctx, ref, q, func(l api.LogLine) error {
			if skip > 0 && l.Time.Equal(last) {
				skip--
				return nil
			}
			if !l.Time.Equal(last) {
				last, same = l.Time, 0
			}
			same, skip, tries = same+1, 0, 0
			return print(l)
		})
		if last.IsZero() || !reconnect(ctx, err, tries) {
			return err
		}
		q.Since, q.Tail = last, nil
	}
}

func (o LogsOptions) query(e *env) (api.LogQuery, error) {
	q := api.LogQuery{Follow: o.Follow, Level: o.Level, Search: o.Search}
	if _, ok := loglevel.Parse(o.Level); !ok && o.Level != "" {
		return q, invalid("--level %q: want one of %s", o.Level, strings.Join(loglevel.Names(), ", "))
	}
	if o.Tail != "all" && o.Tail != "" {
		n, err := strconv.Atoi(o.Tail)
		if err != nil {
			return q, invalid("--tail %q: want a number or all", o.Tail)
		}
		if n >= 0 { // docker: a negative number is all
			q.Tail = &n
		}
	}
	var err error
	if q.Since, err = moment(e.now(), o.Since); err != nil {
		return q, invalid("--since %q: %v", o.Since, err)
	}
	if q.Until, err = moment(e.now(), o.Until); err != nil {
		return q, invalid("--until %q: %v", o.Until, err)
	}
	return q, nil
}

// moment reads a time as docker does: a duration back from now, seconds since
// 1970 with a fraction, or a date with as much as one cares to write.
func moment(now time.Time, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(s); err == nil {
		return now.Add(-d), nil
	}
	if sec, frac, _ := strings.Cut(s, "."); sec != "" {
		n, err1 := strconv.ParseInt(sec, 10, 64)
		nano, err2 := strconv.ParseInt((frac + "000000000")[:9], 10, 64)
		if err1 == nil && err2 == nil {
			return time.Unix(n, nano), nil
		}
	}
	for _, layout := range []string{
		time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04", "2006-01-02T15", "2006-01-02Z07:00", "2006-01-02",
	} {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("want a time such as 2026-01-02T15:04:05Z, or a duration such as 10m")
}

// logPrinter writes lines to the stream that they came from. Lines are
// gathered for a moment, so that a fast log costs no system call a line.
type logPrinter struct {
	o        LogsOptions
	mu       sync.Mutex
	out, err *bufio.Writer
	last     *bufio.Writer
	timer    *time.Timer
	parts    map[string]bool // of each container's stream: the next LogLine goes on with a line
	from     string          // the stream that the last LogLine came from
	prefix   int             // how wide a column for the containers' names; 0: none
	failed   error
}

// logDelay is how long a line may wait for others; nobody sees it.
const logDelay = 10 * time.Millisecond

func newLogPrinter(e *env, o LogsOptions) *logPrinter {
	buffer := func(w io.Writer) *bufio.Writer { return bufio.NewWriterSize(w, 64<<10) }
	return &logPrinter{o: o, parts: map[string]bool{}, out: buffer(e.out), err: buffer(e.err)}
}

func (p *logPrinter) print(l api.LogLine) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed != nil {
		return p.failed
	}
	w := p.out
	if l.Stream == "stderr" && !p.o.JSON {
		w = p.err
	}
	if p.last != nil && p.last != w {
		p.flushLocked()
	}
	p.last = w
	if err := p.line(w, l); err != nil {
		return err
	}
	if p.timer == nil && p.o.Follow {
		p.timer = time.AfterFunc(logDelay, func() { p.flush() })
	}
	return nil
}

func (p *logPrinter) line(w *bufio.Writer, l api.LogLine) error {
	if p.o.JSON {
		text, err := templateFuncs["json"].(func(any) (string, error))(l)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(w, text)
		return err
	}
	from := l.Stream
	if l.Container != "" {
		from = l.Container + "\x00" + l.Stream
	}
	goesOn := len(p.parts) > 0 && p.parts[from]
	if p.prefix > 0 && p.from != from {
		if p.parts[p.from] { // another one's line comes within a long one
			w.WriteByte('\n')
		}
		goesOn = false
	}
	if p.prefix > 0 && !goesOn {
		fmt.Fprintf(w, "%-*s | ", p.prefix, l.Container)
	}
	if p.o.Timestamps && !goesOn {
		w.WriteString(l.Time.UTC().Format("2006-01-02T15:04:05.000000000Z"))
		w.WriteByte(' ')
	}
	if p.o.Details && !goesOn {
		w.WriteByte(' ')
	}
	_, err := w.WriteString(l.Text)
	p.from = from
	if l.Partial {
		p.parts[from] = true
		return err
	}
	delete(p.parts, from)
	err = w.WriteByte('\n')
	return err
}

func (p *logPrinter) flush() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.flushLocked()
	return p.failed
}

func (p *logPrinter) flushLocked() {
	p.timer = nil
	for _, w := range []*bufio.Writer{p.out, p.err} {
		if err := w.Flush(); err != nil && p.failed == nil {
			p.failed = err
		}
	}
}
