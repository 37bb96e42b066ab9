package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"golang.org/x/term"

	"davit/backend/api"
)

// progress shows an operation while it goes on.
type progress interface {
	begin(names string)
	show(o api.Operation)
	end()
}

// progressTo draws on a terminal and writes plain lines elsewhere.
func progressTo(w io.Writer, quiet bool) progress {
	fd, ok := terminal(w)
	switch {
	case quiet:
		return noProgress{}
	case ok:
		return &drawnProgress{w: w, width: func() (int, int) {
			cols, rows, err := term.GetSize(fd)
			if err != nil {
				return 80, 24
			}
			return cols, rows
		}}
	}
	return &plainProgress{w: w, done: map[string]bool{}}
}

type noProgress struct{}

func (noProgress) begin(string)       {}
func (noProgress) show(api.Operation) {}
func (noProgress) end()               {}

// plainProgress writes a line when something is over.
type plainProgress struct {
	w    io.Writer
	done map[string]bool
}

func (p *plainProgress) begin(names string) { fmt.Fprintf(p.w, "Pulling %s\n", cleanLine(names)) }
func (p *plainProgress) end()               {}

func (p *plainProgress) show(o api.Operation) {
	for _, s := range o.Steps {
		if p.done[s.ID] || !over[s.State] {
			continue
		}
		p.done[s.ID] = true
		fmt.Fprintf(p.w, "%s: %s\n", cleanLine(s.Title), stepWords(s))
	}
}

// over are the states after which nothing more comes.
var over = map[string]bool{"done": true, "exists": true, "pushed": true, "mounted": true}

// stepWords are docker's words for a layer's state.
func stepWords(s api.Step) string {
	switch s.State {
	case "waiting":
		return "Waiting"
	case "downloading":
		return "Downloading"
	case "unpacking":
		return "Extracting"
	case "done":
		return "Pull complete"
	case "exists":
		return "Already exists"
	case "uploading":
		return "Pushing"
	case "pushed":
		return "Pushed"
	case "mounted":
		return "Mounted"
	}
	return cleanLine(s.State)
}

// drawnProgress draws one line a layer and draws over it.
type drawnProgress struct {
	w     io.Writer
	width func() (cols, rows int)
	lines int // drawn below the title
}

func (p *drawnProgress) begin(names string) { fmt.Fprintf(p.w, "Pulling %s\n", cleanLine(names)) }

func (p *drawnProgress) show(o api.Operation) {
	cols, rows := p.width()
	steps := o.Steps
	if most := max(1, rows-3); len(steps) > most {
		steps = busiest(steps, most)
	}
	var b bytes.Buffer
	if p.lines > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", p.lines)
	}
	for _, s := range steps {
		fmt.Fprintf(&b, "\r\x1b[2K%s\n", truncate(stepLine(s), cols-1))
	}
	fmt.Fprintf(&b, "\r\x1b[2K%s\n", truncate(totalLine(o), cols-1))
	// Fewer lines than last time: the rest goes.
	b.WriteString("\x1b[0J")
	p.lines = len(steps) + 1
	p.w.Write(b.Bytes())
}

func (p *drawnProgress) end() {}

// busiest are the n layers that are worth a line: those under way first.
func busiest(steps []api.Step, n int) []api.Step {
	var first, rest []api.Step
	for _, s := range steps {
		if s.State == "downloading" || s.State == "unpacking" || s.State == "uploading" {
			first = append(first, s)
		} else {
			rest = append(rest, s)
		}
	}
	return append(first, rest...)[:n]
}

func stepLine(s api.Step) string {
	line := fmt.Sprintf("%s: %-14s", cleanLine(s.Title), stepWords(s))
	if (s.State == "downloading" || s.State == "uploading") && s.Total > 0 {
		line += fmt.Sprintf(" %s %s/%s", bar(s.Done, s.Total), humanSize(s.Done), humanSize(s.Total))
	}
	return line
}

func totalLine(o api.Operation) string {
	if o.Total == 0 {
		return ""
	}
	return fmt.Sprintf("%s of %s", humanSize(o.Done), humanSize(o.Total))
}

const barWidth = 40

func bar(done, total int64) string {
	n := int(min(barWidth, barWidth*done/total))
	if n == barWidth {
		return "[" + strings.Repeat("=", n) + "]"
	}
	return "[" + strings.Repeat("=", n) + ">" + strings.Repeat(" ", barWidth-n-1) + "]"
}
