package main

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"davit/backend/api"
)

// psColumns are what people ask of ps, by the names that ps has for them, and
// what each is titled. None are Davit's own list.
var psColumns = map[string]struct{ field, title string }{
	"pid": {"PID", "PID"}, "ppid": {"PPID", "PPID"}, "tgid": {"PID", "TGID"},
	"uid": {"UIDNumber", "UID"}, "euid": {"UIDNumber", "EUID"}, "ruid": {"UIDNumber", "RUID"},
	"user": {"UID", "USER"}, "euser": {"UID", "EUSER"}, "ruser": {"UID", "RUSER"}, "uname": {"UID", "USER"},
	"comm": {"Comm", "COMMAND"}, "ucmd": {"Comm", "CMD"}, "ucomm": {"Comm", "COMMAND"},
	"cmd": {"Cmd", "CMD"}, "args": {"Cmd", "COMMAND"}, "command": {"Cmd", "COMMAND"},
	"time": {"Time", "TIME"}, "cputime": {"Time", "TIME"}, "etime": {"Elapsed", "ELAPSED"},
	"stime": {"STime", "STIME"}, "start": {"STime", "STARTED"}, "start_time": {"STime", "START"}, "bsdstart": {"STime", "START"},
	"lstart": {"LStart", "STARTED"},
	"tty":    {"TTY", "TT"}, "tt": {"TTY", "TT"}, "tname": {"TTY", "TTY"},
	"stat": {"State", "STAT"}, "state": {"State", "S"}, "s": {"State", "S"},
	"rss": {"KiB", "RSS"}, "rssize": {"KiB", "RSS"}, "rsz": {"KiB", "RSZ"},
	"c": {"C", "C"}, "pcpu": {"PCPU", "%CPU"}, "%cpu": {"PCPU", "%CPU"},
	"inside": {"Inside", "INSIDE"},
}

// The columns of ps's usual forms, of those that are known of a process.
const (
	psFull  = "user=UID,pid,ppid,c,stime,tty=TTY,time,cmd"
	psLong  = "state,uid,pid,ppid,c,rss,tty=TTY,time,comm=CMD"
	psUser  = "user,pid,%cpu,rss,tty=TTY,stat,start_time,time,command"
	psPlain = "pid,tty=TTY,time,comm=CMD"
)

// topAsked makes top's table of ps's options: "-ef", "aux",
// "-o pid,cmd", "-eo", "pid=,user=WHO", and podman's "pid", "user". Which processes are chosen is the
// container's matter: options that select are taken, and change nothing.
func topAsked(options []string) (table[topRow], error) {
	if !slices.ContainsFunc(options, func(o string) bool { _, known := psColumns[strings.ToLower(o)]; return !known }) {
		return psList(strings.Join(options, ",")) // podman's list of columns
	}
	asked, form := []string{}, psPlain
	for i := 0; i < len(options); i++ {
		letters, dashed := strings.CutPrefix(options[i], "-")
		for j, letter := range letters {
			switch {
			case letter == 'o' || letter == 'O':
				list := letters[j+1:]
				if list == "" && i+1 < len(options) {
					i++
					list = options[i]
				}
				asked = append(asked, list)
			case letter == 'f' && dashed || letter == 'F':
				form = psFull
			case letter == 'l' || letter == 'j':
				form = psLong
			case letter == 'u' && !dashed:
				form = psUser
			case !strings.ContainsRune("eAadTxwHfr", letter):
				return table[topRow]{}, api.Errorf(api.KindInvalid, "ps option %q is not known here", options[i]).
					WithHint("Known are -e, -f, -l, aux and -o with a list of columns: %s.", psNames())
			}
			if letter == 'o' || letter == 'O' {
				break
			}
		}
	}
	if len(asked) == 0 {
		asked = []string{form}
	}
	return psList(strings.Join(asked, ","))
}

// psList is the table of a list of columns, each a name or name=title.
func psList(list string) (t table[topRow], err error) {
	var fields []string
	titles := reflect.ValueOf(&t.titles).Elem()
	for _, column := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' }) {
		name, title, named := strings.Cut(column, "=")
		c, known := psColumns[strings.ToLower(name)]
		if !known {
			return t, api.Errorf(api.KindInvalid, "ps column %q is not known here", name).WithHint("Known are %s.", psNames())
		}
		if !named {
			title = c.title
		}
		fields = append(fields, "{{."+c.field+"}}")
		titles.FieldByName(c.field).SetString(title)
	}
	if len(fields) == 0 {
		return t, api.Errorf(api.KindInvalid, "ps option -o wants a list of columns").WithHint("Known are %s.", psNames())
	}
	t.layout = strings.Join(fields, `\t`)
	return t, nil
}

func psNames() string { return strings.Join(slices.Sorted(maps.Keys(psColumns)), ", ") }
