package cgroup

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"davit/backend/api"
)

// Usage is what the kernel counted for a group.
type Usage struct {
	CPU               time.Duration
	Memory            int64 // bytes, without file caches that can be dropped
	MemoryLimit       int64 // bytes, 0: none
	DiskRead          int64 // bytes
	DiskWritten       int64
	Pids              int
	Pressure          *api.Pressure
	HasCPU, HasMemory bool // whether these are counted at all
	HasDisk, HasPids  bool
}

// Usage reads the counters. What no controller counts stays zero.
func (g Group) Usage() Usage {
	var u Usage
	// cpu.stat's time is there without the cpu controller.
	if usec, ok := g.lookup("cpu.stat", "usage_usec"); ok {
		u.CPU, u.HasCPU = time.Duration(usec)*time.Microsecond, true
	}
	if s := g.read("memory.current"); s != "" {
		u.Memory, u.HasMemory = max(0, number(s)-g.Counter("memory.stat", "inactive_file")), true
		if limit := g.read("memory.max"); limit != unbound {
			u.MemoryLimit = number(limit)
		}
	}
	if s := g.read("pids.current"); s != "" {
		u.Pids, u.HasPids = int(number(s)), true
	}
	u.DiskRead, u.DiskWritten, u.HasDisk = g.disk()
	u.Pressure = g.pressure()
	return u
}

// disk adds up io.stat's lines: "8:0 rbytes=… wbytes=… …".
func (g Group) disk() (read, written int64, ok bool) {
	b, err := os.ReadFile(filepath.Join(string(g), "io.stat"))
	if err != nil {
		return 0, 0, false
	}
	for field := range strings.FieldsSeq(string(b)) {
		key, value, _ := strings.Cut(field, "=")
		switch key {
		case "rbytes":
			read += number(value)
		case "wbytes":
			written += number(value)
		}
	}
	return read, written, true
}

func (g Group) pressure() *api.Pressure {
	var p api.Pressure
	found := false
	for name, to := range map[string]*float64{"cpu": &p.CPU, "memory": &p.Memory, "io": &p.IO} {
		if v, ok := avg10(g.read(name + ".pressure")); ok {
			*to, found = v, true
		}
	}
	if !found {
		return nil
	}
	return &p
}

// avg10 reads "some avg10=0.12 avg60=…".
func avg10(s string) (float64, bool) {
	some, _, _ := strings.Cut(s, "\n")
	for field := range strings.FieldsSeq(some) {
		if value, ok := strings.CutPrefix(field, "avg10="); ok {
			v, err := strconv.ParseFloat(value, 64)
			return v, err == nil
		}
	}
	return 0, false
}

// OOMKills counts how many processes the kernel ended for want of memory.
func (g Group) OOMKills() int64 { return g.Counter("memory.events", "oom_kill") }

// Counter reads a line "key value" of a file of the group; 0 where it is not there.
func (g Group) Counter(file, key string) int64 {
	n, _ := g.lookup(file, key)
	return n
}

func (g Group) lookup(file, key string) (int64, bool) {
	b, err := os.ReadFile(filepath.Join(string(g), file))
	if err != nil {
		return 0, false
	}
	for line := range bytes.Lines(b) {
		k, v, _ := bytes.Cut(bytes.TrimSpace(line), []byte(" "))
		if string(k) == key {
			return number(string(v)), true
		}
	}
	return 0, false
}

func (g Group) read(file string) string { return read(filepath.Join(string(g), file)) }

func number(s string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
