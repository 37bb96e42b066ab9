package engine

import (
	"context"
	"slices"
	"strings"

	"davit/backend/api"
	"davit/backend/logfile"
	"davit/backend/loglevel"
)

// mostLogs bounds how many logs are read together: each costs files and a watch.
const mostLogs = 64

// Logs implements api.Service.
func (e *Engine) Logs(ctx context.Context, ref string, q api.LogQuery, sink func(api.LogLine) error) error {
	sources, err := e.logsOf(ctx, append([]string{ref}, q.With...))
	if err != nil {
		return explain(err)
	}
	if err := checkLogQuery(q, len(sources)); err != nil {
		return err
	}
	if len(sources) == 1 {
		return explain(logfile.Read(ctx, sources[0].Path, q, sources[0].Live, sink))
	}
	return explain(logfile.Merge(ctx, sources, q, sink))
}

// logsOf are the logs of containers, each once.
func (e *Engine) logsOf(ctx context.Context, refs []string) ([]logfile.Source, error) {
	if len(refs) > mostLogs {
		return nil, invalid(refs[0], "%d logs are too many to be read together", len(refs)).WithHint("At most %d can be.", mostLogs)
	}
	var sources []logfile.Source
	var seen []string
	for _, ref := range refs {
		entry, err := e.find(ctx, ref)
		if err != nil {
			return nil, err
		}
		if slices.Contains(seen, entry.Record.ID) {
			continue
		}
		seen = append(seen, entry.Record.ID)
		if entry.Record.Spec.Log.None {
			return nil, api.Errorf(api.KindConflict, "container %s keeps no log", entry.Record.Name).
				WithHint("It was made with --log-driver none; davit attach shows what it writes.").WithRef(entry.Record.Name)
		}
		dir := e.dirs.Container(entry.Record.ID)
		sources = append(sources, logfile.Source{Name: entry.Record.Name, Path: dir.Log(), Live: live(dir)})
	}
	return sources, nil
}

// checkLogQuery refuses what makes no sense for n logs.
func checkLogQuery(q api.LogQuery, n int) error {
	if q.Stream != "" && q.Stream != "stdout" && q.Stream != "stderr" {
		return invalid(q.Stream, "there is no stream %q", q.Stream).WithHint("Streams are stdout and stderr.")
	}
	if _, ok := loglevel.Parse(q.Level); !ok && q.Level != "" {
		return invalid(q.Level, "there is no level %q", q.Level).WithHint("Levels are %s.", strings.Join(loglevel.Names(), ", "))
	}
	for _, cursor := range []string{q.After, q.Before} {
		if cursor != "" && !logfile.ValidCursor(cursor, n) {
			return invalid(cursor, "%q is no cursor of a log", cursor)
		}
	}
	return nil
}
