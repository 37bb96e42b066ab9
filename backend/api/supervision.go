package api

import "time"

// Limits bound what a container may use of the machine. The zero value of a
// field is no limit; in an [Update] it is "as it is", and -1 takes the limit
// away. What the host does not let Davit set is refused (KindHost), never
// ignored.
type Limits struct {
	Memory int64 `json:"memory,omitempty"` // bytes
	// MemoryReservation is what it is left of memory where that is short: bytes
	// that others give way for, at most Memory.
	MemoryReservation int64 `json:"memoryReservation,omitempty"`
	// MemorySwap bounds memory and swap together, in bytes; -1: swap without
	// bound. 0 with Memory set: as much swap as memory, which is docker's default.
	MemorySwap int64   `json:"memorySwap,omitempty"`
	CPUs       float64 `json:"cpus,omitempty"`     // processors' time: 1.5 is one and a half
	CPUSet     string  `json:"cpuSet,omitempty"`   // which processors: "0-2,4"; in an Update "-1" is all of them
	Pids       int64   `json:"pids,omitempty"`     // processes and threads
	IOWeight   int     `json:"ioWeight,omitempty"` // share of the disks, 10…1000 as docker's --blkio-weight
	// CPUShares is the share of the processors where they are short, 2…262144
	// as docker's; a container that says nothing has 1024.
	CPUShares int64 `json:"cpuShares,omitempty"`
}

// Update changes a container that exists, running or not.
type Update struct {
	Restart string `json:"restart,omitempty"` // a policy; "": as it is
	Limits  Limits `json:"limits,omitzero"`
}

// HealthCheck tells how to find out whether a container does its work.
// Durations are nanoseconds in JSON, as docker's; zero means the default.
type HealthCheck struct {
	// None switches off what the image says.
	None bool `json:"none,omitempty"`
	// Test is docker's: ["CMD", program, argument…] or ["CMD-SHELL", script];
	// empty: the image's.
	Test          []string      `json:"test,omitempty"`
	Interval      time.Duration `json:"interval,omitempty"`      // between two checks; 30 s
	Timeout       time.Duration `json:"timeout,omitempty"`       // of one check; 30 s
	StartPeriod   time.Duration `json:"startPeriod,omitempty"`   // failures in it do not count
	StartInterval time.Duration `json:"startInterval,omitempty"` // between checks in it; 5 s
	Retries       int           `json:"retries,omitempty"`       // failures in a row until unhealthy; 3
}

// The health of a container that has a check.
const (
	HealthStarting  = "starting"
	HealthHealthy   = "healthy"
	HealthUnhealthy = "unhealthy"
)

// Health is what the checks found.
type Health struct {
	Status  string         `json:"status"`  // "starting", "healthy", "unhealthy"
	Failing int            `json:"failing"` // failures in a row
	Log     []HealthResult `json:"log"`     // the last five, oldest first
}

// HealthResult is what one check found.
type HealthResult struct {
	Start  time.Time `json:"start"`
	End    time.Time `json:"end"`
	Code   int       `json:"code"`   // of the command; 0: healthy, -1: it could not be run or took too long
	Output string    `json:"output"` // its first 4 KiB
	Status string    `json:"status"` // of the container after it
}

// Condition is what WaitUntil waits for.
type Condition string

// The conditions. Of the states only those that last can be waited for.
const (
	WaitNotRunning Condition = "not-running" // it is created, exited, dead or broken
	WaitNextExit   Condition = "next-exit"   // it ends once more
	WaitRemoved    Condition = "removed"
	WaitRunning    Condition = "running"
	WaitPaused     Condition = "paused"
	WaitHealthy    Condition = "healthy"
	WaitUnhealthy  Condition = "unhealthy"
)

// Process is a process of a container.
type Process struct {
	PID     int           `json:"pid"`    // on the host
	Parent  int           `json:"parent"` // on the host
	Inside  int           `json:"inside"` // its pid in the container
	UID     int           `json:"uid"`    // in the container
	State   string        `json:"state"`  // proc(5)'s letter
	Started time.Time     `json:"started"`
	TTY     string        `json:"tty"` // "pts/0", or "?"
	CPUTime time.Duration `json:"cpuTime"`
	Memory  int64         `json:"memory"` // resident bytes
	Command string        `json:"command"`
}

// StatsQuery chooses whose statistics to tell, and how often.
type StatsQuery struct {
	Refs []string `json:"refs,omitempty"` // none: all that run
	All  bool     `json:"all,omitempty"`  // those that do not run, too
	Once bool     `json:"once,omitempty"` // one round; it needs a moment, to see the processors' use
	// Interval between two rounds; 0: one second.
	Interval time.Duration `json:"interval,omitempty"`
}

// StatsRound is the statistics of the containers asked for, at one time.
type StatsRound struct {
	Time       time.Time `json:"time"`
	Containers []Stats   `json:"containers"`
}

// Stats is what a container uses. Counters begin with its start.
type Stats struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Time    time.Time `json:"time"`
	Running bool      `json:"running"`
	// CPU is the use since the round before in percent of one processor.
	CPU         float64       `json:"cpu"`
	CPUTime     time.Duration `json:"cpuTime"`
	Memory      int64         `json:"memory"`      // bytes, caches that can be dropped left out
	MemoryLimit int64         `json:"memoryLimit"` // bytes; the machine's where it has none
	NetIn       int64         `json:"netIn"`       // bytes, those of published ports among them
	NetOut      int64         `json:"netOut"`
	NetInRate   float64       `json:"netInRate"` // bytes a second since the round before
	NetOutRate  float64       `json:"netOutRate"`
	DiskRead    int64         `json:"diskRead"` // bytes
	DiskWritten int64         `json:"diskWritten"`
	Pids        int           `json:"pids"`
	// Pressure is how much of the last ten seconds somebody in it waited, in
	// percent; nil where the kernel does not tell.
	Pressure *Pressure `json:"pressure,omitempty"`
	// Source is "cgroup", exact, or "proc": added up over the processes that
	// are there, so that what ended ones used is missing in part.
	Source string `json:"source"`
}

// Pressure is how long processes waited for what they needed.
type Pressure struct {
	CPU    float64 `json:"cpu"`
	Memory float64 `json:"memory"`
	IO     float64 `json:"io"`
}

// EventQuery chooses events that are past.
type EventQuery struct {
	Since time.Time `json:"since,omitzero"`
	Until time.Time `json:"until,omitzero"` // zero: now
}

// Autostart tells what becomes of containers when nobody is logged in.
type Autostart struct {
	Enabled bool   `json:"enabled"` // containers that were running, or always should, start at login
	Method  string `json:"method"`  // "systemd", "xdg"; what is used, or would be
	File    string `json:"file"`    // the unit or desktop file
	Linger  bool   `json:"linger"`  // they start with the machine and go on after logout
	// Logout says in a sentence what happens to running containers at logout.
	Logout string `json:"logout"`
	// Verified lists what was looked at for this answer, in words.
	Verified []string `json:"verified"`
	Fix      string   `json:"fix,omitempty"` // a command for what is missing
	FixWhy   string   `json:"fixWhy,omitempty"`
}
