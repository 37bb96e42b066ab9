package main

import (
	"context"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"davit/backend/api"
)

// TopOptions are top's.
type TopOptions struct{ ListOptions }

func newTopCommand() *command {
	var o TopOptions
	c := &command{
		name: "top", args: "[OPTIONS] CONTAINER [PS OPTION...]", group: "Containers",
		short: "List the processes of a container", least: 1, most: anyNumber,
		long: "Process ids are the host's; INSIDE is the id in the container. Of ps, -ef, -l, aux and\n-o with a list of columns are known. --format has the fields UID, PID, PPID, Inside, C, STime, TTY, Time, RSS, State, Cmd.",
	}
	f := c.set()
	f.SetInterspersed(false)
	o.addFormat(f)
	c.run = func(ctx context.Context, e *env, args []string) error {
		ref, rest := args[0], args[1:]
		if len(rest) > 0 && strings.HasPrefix(rest[0], "--") { // ours may stand after the container, too
			if err := f.Parse(rest); err != nil {
				return err
			}
			rest = f.Args()
		}
		return runTop(ctx, e, o, ref, rest)
	}
	return c
}

// topRow has the columns of `ps -ef`, and what else ps may be asked for.
type topRow struct {
	UID, PID, PPID, Inside, C, STime, TTY, Time, RSS, State, Cmd string

	UIDNumber, Comm, Elapsed, LStart, KiB, PCPU string
}

var topTable = table[topRow]{
	titles: topRow{
		UID: "UID", PID: "PID", PPID: "PPID", Inside: "INSIDE", C: "C", STime: "STIME", TTY: "TTY",
		Time: "TIME", RSS: "RSS", State: "S", Cmd: "CMD",
	},
	layout: `{{.UID}}\t{{.PID}}\t{{.PPID}}\t{{.Inside}}\t{{.C}}\t{{.STime}}\t{{.TTY}}\t{{.Time}}\t{{.Cmd}}`,
}

func runTop(ctx context.Context, e *env, o TopOptions, ref string, psOptions []string) error {
	show := topTable
	if len(psOptions) > 0 {
		var err error
		if show, err = topAsked(psOptions); err != nil {
			return err
		}
	}
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	list, err := s.Top(ctx, ref)
	if err != nil {
		return err
	}
	if o.JSON {
		return writeJSON(e.out, listOf(list))
	}
	text, now := o.cleaner(e), e.now()
	rows := make([]topRow, len(list))
	for i, p := range list {
		rows[i] = topRow{
			UID: userName(p.UID), PID: strconv.Itoa(p.PID), PPID: strconv.Itoa(p.Parent), Inside: strconv.Itoa(p.Inside),
			C: strconv.Itoa(share(p, now)), STime: startTime(now, p.Started), TTY: p.TTY, Time: clock(p.CPUTime),
			RSS: memorySize(p.Memory), State: p.State, Cmd: text(p.Command),
			UIDNumber: strconv.Itoa(p.UID), Comm: text(comm(p.Command)), Elapsed: elapsed(now.Sub(p.Started)),
			LStart: p.Started.Local().Format(time.ANSIC), KiB: strconv.FormatInt(p.Memory>>10, 10), PCPU: strconv.Itoa(share(p, now)) + ".0",
		}
	}
	return show.write(e.out, o.ListOptions, rows)
}

// userName names the one user that every container has.
func userName(uid int) string {
	if uid == 0 {
		return "root"
	}
	return strconv.Itoa(uid)
}

// share is ps's C: processor time over life, in percent.
func share(p api.Process, now time.Time) int {
	life := now.Sub(p.Started)
	if life <= 0 {
		return 0
	}
	return int(100 * p.CPUTime / life)
}

// startTime is ps's STIME: the time of today, else the day.
func startTime(now, t time.Time) string {
	if now.Sub(t) < 24*time.Hour {
		return t.Local().Format("15:04")
	}
	return t.Local().Format("Jan02")
}

func clock(d time.Duration) string {
	s := int(d.Seconds())
	return fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
}

// comm is the name of a command's program.
func comm(command string) string {
	program, _, _ := strings.Cut(command, " ")
	if strings.HasPrefix(program, "[") {
		return program
	}
	return path.Base(program)
}

// elapsed is ps's ETIME: [[days-]hours:]minutes:seconds.
func elapsed(d time.Duration) string {
	s := int(max(0, d).Seconds())
	text := fmt.Sprintf("%02d:%02d", s/60%60, s%60)
	if hours := s / 3600; hours > 0 {
		text = fmt.Sprintf("%02d:%s", hours%24, text)
		if days := hours / 24; days > 0 {
			text = fmt.Sprintf("%d-%s", days, text)
		}
	}
	return text
}
