// Package procs looks at the processes of containers through /proc, for where
// no cgroup tells: who they are, what they use, and how to hold them.
//
// It runs in guard and engine, as root of the user namespace in the host's pid
// namespace, so that it may look into every process of a container. A
// container's processes are those in the pid namespace of its first one and
// all that descend from them.
package procs

import (
	"bytes"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Process is a line of the table.
type Process struct {
	PID, Parent int
	State       byte // proc(5)'s letter
	TTY         int  // device number, 0: none
	Start       uint64
	CPU         time.Duration // its own and that of children it waited for
	Threads     int
	Resident    int64  // bytes
	Shared      int64  // bytes of Resident that belong to files or are shared memory
	Namespace   uint64 // inode of its pid namespace, 0: not ours to see
}

// Table is all processes at one time.
type Table struct {
	all      map[int]*Process
	children map[int][]*Process
}

// Scan reads the table. Processes that end meanwhile are left out.
func Scan() (*Table, error) {
	d, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer func() { _ = d.Close() }()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	t := &Table{all: map[int]*Process{}, children: map[int][]*Process{}}
	buf := make([]byte, 4096)
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if p := read(pid, buf); p != nil {
			t.all[pid] = p
			t.children[p.Parent] = append(t.children[p.Parent], p)
		}
	}
	return t, nil
}

// clockTick is the unit of the kernel's times: USER_HZ, 100 on all of Linux.
const clockTick = 10 * time.Millisecond

var pageSize = int64(os.Getpagesize())

func read(pid int, buf []byte) *Process {
	dir := "/proc/" + strconv.Itoa(pid)
	fields, state := stat(dir+"/stat", buf)
	if len(fields) < 22 {
		return nil
	}
	p := &Process{
		PID: pid, State: state, Parent: int(number(fields[1])), TTY: int(number(fields[4])),
		Start: uint64(number(fields[19])), Threads: int(number(fields[17])), Resident: number(fields[21]) * pageSize,
	}
	for _, f := range fields[11:15] { // utime, stime, cutime, cstime
		p.CPU += time.Duration(number(f)) * clockTick
	}
	p.Namespace = namespace(dir + "/ns/pid")
	return p
}

// stat gives the fields after the name, which may hold anything.
func stat(path string, buf []byte) (fields [][]byte, state byte) {
	b := slurp(path, buf)
	i := bytes.LastIndexByte(b, ')')
	if i < 0 {
		return nil, 0
	}
	fields = bytes.Fields(b[i+1:])
	if len(fields) == 0 {
		return nil, 0
	}
	return fields, fields[0][0]
}

// slurp reads a small file of /proc with bare system calls: a scan reads
// hundreds of them.
func slurp(path string, buf []byte) []byte {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer func() { _ = unix.Close(fd) }()
	n, err := unix.Read(fd, buf)
	if err != nil || n < 0 {
		return nil
	}
	return buf[:n]
}

func namespace(path string) uint64 {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil {
		return 0
	}
	return st.Ino
}

func number(b []byte) int64 {
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// Of lists the processes of the container whose first process is pid; none
// where that is not there.
func (t *Table) Of(pid int) []*Process {
	first := t.all[pid]
	if first == nil {
		return nil
	}
	// The inode of a namespace that goes while the table is made may be
	// another container's by its end.
	now := read(pid, make([]byte, 1024))
	if now == nil || now.Start != first.Start {
		return nil
	}
	var list []*Process
	seen := map[int]bool{}
	var add func(p *Process)
	add = func(p *Process) {
		if seen[p.PID] {
			return
		}
		seen[p.PID] = true
		list = append(list, p)
		for _, c := range t.children[p.PID] {
			add(c)
		}
	}
	add(first)
	for _, p := range t.all {
		if first.Namespace != 0 && p.Namespace == first.Namespace {
			add(p)
		}
	}
	return list
}

// Memory is about what the processes hold: what is theirs alone, and the most
// that one of them shares with others (mostly the program itself).
func Memory(list []*Process) int64 {
	var private, shared int64
	buf := make([]byte, 256)
	for _, p := range list {
		f := bytes.Fields(slurp("/proc/"+strconv.Itoa(p.PID)+"/statm", buf))
		if len(f) > 2 {
			p.Shared = number(f[2]) * pageSize
		}
		private += max(0, p.Resident-p.Shared)
		shared = max(shared, p.Shared)
	}
	return private + shared
}

// Disk adds up what the processes read from disks and wrote to them, in bytes.
func Disk(list []*Process) (read, written int64) {
	buf := make([]byte, 512)
	for _, p := range list {
		for line := range bytes.Lines(slurp("/proc/"+strconv.Itoa(p.PID)+"/io", buf)) {
			key, value, _ := bytes.Cut(bytes.TrimSpace(line), []byte(": "))
			switch string(key) {
			case "read_bytes":
				read += number(value)
			case "write_bytes":
				written += number(value)
			}
		}
	}
	return read, written
}

// Network adds up what went through the interfaces of pid's network
// namespace, the loopback left out, in bytes.
func Network(pid int) (in, out int64) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/net/dev")
	if err != nil {
		return 0, 0
	}
	for line := range bytes.Lines(b) {
		name, rest, ok := bytes.Cut(line, []byte(":"))
		f := bytes.Fields(rest)
		if !ok || len(f) < 16 || string(bytes.TrimSpace(name)) == "lo" {
			continue
		}
		in += number(f[0])
		out += number(f[8])
	}
	return in, out
}
