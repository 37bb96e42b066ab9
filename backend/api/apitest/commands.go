package apitest

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// command runs one command and gives its exit code.
func (p *process) command(args []string, toErr bool) int {
	name := args[0][strings.LastIndex(args[0], "/")+1:]
	out := "stdout"
	if toErr {
		out = "stderr"
	}
	if p.life.Err() != nil {
		return 137
	}
	if s, ok := services[name]; ok {
		return p.serve(s, out)
	}
	run := busybox()[name]
	if run == nil {
		p.print("stderr", "sh: %s: not found\n", args[0])
		return 127
	}
	return run(p, out, args[1:])
}

// busybox is what every fake image has.
func busybox() map[string]func(p *process, out string, args []string) int {
	return map[string]func(p *process, out string, args []string) int{
		"true":  func(*process, string, []string) int { return 0 },
		":":     func(*process, string, []string) int { return 0 },
		"false": func(*process, string, []string) int { return 1 },
		"exit": func(_ *process, _ string, args []string) int {
			n, _ := strconv.Atoi(strings.Join(args, ""))
			panic(quit{n})
		},
		"sh":     sh,
		"bash":   sh,
		"ash":    sh,
		"echo":   echo,
		"printf": printf,
		"sleep":  sleep,
		"cat":    cat,
		"seq":    seq,
		"trap":   trap,
		"read":   read,
		"stty":   stty,
		"env": func(p *process, out string, _ []string) int {
			p.print(out, "%s\n", strings.Join(p.env, "\n"))
			return 0
		},
		"hostname": func(p *process, out string, _ []string) int { p.print(out, "%s\n", p.hostname); return 0 },
		"pwd":      func(p *process, out string, _ []string) int { p.print(out, "%s\n", p.dir); return 0 },
		"uname":    func(p *process, out string, _ []string) int { p.print(out, "Linux\n"); return 0 },
		"whoami":   func(p *process, out string, _ []string) int { p.print(out, "root\n"); return 0 },
		"id":       func(p *process, out string, _ []string) int { p.print(out, "uid=0(root) gid=0(root)\n"); return 0 },
		"ls": func(p *process, out string, _ []string) int {
			p.print(out, "bin\ndev\netc\nhome\nproc\nroot\nsys\ntmp\nusr\nvar\n")
			return 0
		},
	}
}

func sh(p *process, _ string, args []string) int {
	if len(args) >= 2 && args[0] == "-c" {
		return p.script(args[1])
	}
	for { // an interactive shell, or a script on the standard input
		if p.tty {
			p.print("stdout", "/ # ")
		}
		line, err := p.read()
		if err != nil {
			return 0
		}
		if p.tty {
			p.print("stdout", "%s\n", line)
		}
		p.script(line)
	}
}

func echo(p *process, out string, args []string) int {
	end := "\n"
	if len(args) > 0 && args[0] == "-n" {
		args, end = args[1:], ""
	}
	p.print(out, "%s%s", strings.Join(args, " "), end)
	return 0
}

func printf(p *process, out string, args []string) int {
	if len(args) > 0 {
		text := strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\033`, "\033").Replace(args[0])
		for _, a := range args[1:] {
			text = strings.Replace(text, "%s", a, 1)
		}
		p.out(out, []byte(text))
	}
	return 0
}

func sleep(p *process, _ string, args []string) int {
	if len(args) != 1 {
		return 1
	}
	if args[0] == "infinity" {
		p.sleep(1 << 60)
	}
	s, err := strconv.ParseFloat(args[0], 64)
	if err != nil {
		return 1
	}
	p.sleep(time.Duration(s * float64(time.Second)))
	return 0
}

// cat copies the standard input.
func cat(p *process, out string, _ []string) int {
	b := make([]byte, 32<<10)
	for {
		n, err := p.stdin.Read(b)
		if n > 0 {
			p.out(out, b[:n])
		}
		if err != nil {
			return 0
		}
	}
}

func seq(p *process, out string, args []string) int {
	from, to := 1, 0
	var err error
	switch len(args) {
	case 1:
		to, err = strconv.Atoi(args[0])
	case 2:
		_, err = fmt.Sscan(strings.Join(args, " "), &from, &to)
	default:
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return 1
	}
	var b []byte
	for i := from; i <= to; i++ {
		b = append(strconv.AppendInt(b, int64(i), 10), '\n')
	}
	p.out(out, b)
	return 0
}

func trap(p *process, _ string, args []string) int {
	for _, s := range args[min(1, len(args)):] {
		if name, err := signalName(s); err == nil {
			p.traps[name] = args[0]
		}
	}
	return 0
}

func read(p *process, _ string, args []string) int {
	line, err := p.read()
	if err != nil {
		return 1
	}
	if len(args) > 0 {
		p.vars[args[0]] = line
	}
	return 0
}

func stty(p *process, out string, args []string) int {
	if !slices.Equal(args, []string{"size"}) || !p.tty {
		return 1
	}
	p.mu.Lock()
	rows, cols := p.rows, p.cols
	p.mu.Unlock()
	p.print(out, "%d %d\n", rows, cols)
	return 0
}
