package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"davit/backend/api"
)

// TopOptions are top's.
type TopOptions struct{ ListOptions }

func newTopCommand() *command {
	var o TopOptions
	c := &command{
		name: "top", args: "[OPTIONS] CONTAINER", group: "Containers",
		short: "List the processes of a container", least: 1, most: 1,
		long: "Process ids are the host's; INSIDE is the id in the container. Options of ps are not taken:\nuse --format with the fields UID, PID, PPID, Inside, C, STime, TTY, Time, RSS, State, Cmd.",
	}
	o.addFormat(c.set())
	c.run = func(ctx context.Context, e *env, args []string) error { return runTop(ctx, e, o, args[0]) }
	return c
}

// topRow has the columns of `ps -ef`.
type topRow struct{ UID, PID, PPID, Inside, C, STime, TTY, Time, RSS, State, Cmd string }

var topTable = table[topRow]{
	titles: topRow{
		UID: "UID", PID: "PID", PPID: "PPID", Inside: "INSIDE", C: "C", STime: "STIME", TTY: "TTY",
		Time: "TIME", RSS: "RSS", State: "S", Cmd: "CMD",
	},
	layout: `{{.UID}}\t{{.PID}}\t{{.PPID}}\t{{.Inside}}\t{{.C}}\t{{.STime}}\t{{.TTY}}\t{{.Time}}\t{{.Cmd}}`,
}

func runTop(ctx context.Context, e *env, o TopOptions, ref string) error {
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
		}
	}
	return topTable.write(e.out, o.ListOptions, rows)
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
