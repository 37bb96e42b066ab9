package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"davit/backend/api"
)

// InfoOptions are info's.
type InfoOptions struct {
	Format string
	JSON   bool
}

func newInfoCommand() *command {
	var o InfoOptions
	c := &command{name: "info", args: "[OPTIONS]", group: "Davit", short: "Tell about the machine and Davit on it"}
	f := c.set()
	f.StringVarP(&o.Format, "format", "f", "", "Print by a Go template, or json")
	f.BoolVar(&o.JSON, "json", false, "Print a JSON object")
	c.run = func(ctx context.Context, e *env, _ []string) error { return runInfo(ctx, e, o) }
	return c
}

func runInfo(ctx context.Context, e *env, o InfoOptions) error {
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	i, err := s.Info(ctx)
	if err != nil {
		return err
	}
	switch {
	case o.JSON:
		return writeJSON(e.out, i)
	case o.Format != "":
		row := newInfoRow(i)
		if strings.Contains(o.Format, ".ContainersPaused") { // nobody else waits for them
			paused, err := s.Containers(ctx, api.ContainerFilter{Filters: map[string][]string{"status": {string(api.StatePaused)}}})
			if err != nil {
				return err
			}
			row.ContainersPaused = len(paused)
		}
		t := table[infoRow]{}
		return t.write(e.out, ListOptions{Format: o.Format}, []infoRow{row})
	}
	return printInfo(e, i)
}

// infoRow is Info with docker's names beside Davit's.
type infoRow struct {
	api.Info
	ContainersRunning, ContainersPaused, ContainersStopped, NCPU         int
	MemTotal                                                             int64
	ServerVersion, OperatingSystem, KernelVersion, OSType, DockerRootDir string
	Name, Driver, CgroupDriver, LoggingDriver, DefaultRuntime            string
	SecurityOptions, Warnings                                            []string
	Plugins                                                              pluginsJSON
	Runtimes                                                             map[string]struct{}
}

// pluginsJSON is what docker could be extended by.
type pluginsJSON struct{ Volume, Network, Log []string }

func newInfoRow(i api.Info) infoRow {
	r := infoRow{
		Info: i, ContainersRunning: i.Running, ContainersStopped: i.Containers - i.Running, NCPU: i.CPUs, MemTotal: i.Memory, ServerVersion: i.Version,
		OperatingSystem: i.OS, KernelVersion: i.Kernel, OSType: "linux", DockerRootDir: i.StoreDir, Driver: "overlay",
		CgroupDriver: "none", LoggingDriver: "json-file", DefaultRuntime: "runc", SecurityOptions: []string{"name=rootless"}, Warnings: i.Limited,
		Plugins: pluginsJSON{[]string{"local"}, []string{"bridge", "host", "none"}, []string{"json-file", "none"}}, Runtimes: map[string]struct{}{"runc": {}},
	}
	r.Name, _ = os.Hostname() // "": it has none
	if i.CgroupDelegated {
		r.CgroupDriver = "systemd"
	}
	for _, s := range i.Security {
		r.SecurityOptions = append(r.SecurityOptions, "name="+s)
	}
	return r
}

func printInfo(e *env, i api.Info) error {
	delegated := "not delegated"
	if i.CgroupDelegated {
		delegated = "delegated"
	}
	w := tabwriter.NewWriter(e.out, 0, 1, 2, ' ', 0)
	for _, row := range [][2]string{
		{"Version", i.Version},
		{"Containers", fmt.Sprintf("%d, %d running", i.Containers, i.Running)},
		{"Images", fmt.Sprint(i.Images)},
		{"Operating system", i.OS},
		{"Kernel", i.Kernel},
		{"Architecture", i.Architecture},
		{"CPUs", fmt.Sprint(i.CPUs)},
		{"Memory", humanSize(i.Memory)},
		{"User namespace", i.UserNS},
		{"Cgroups", i.CgroupVersion + ", " + delegated},
		{"Runtime", i.Runtime},
		{"Network", strings.TrimSpace(i.Network + " " + i.Subnet)},
		{"Security", strings.Join(i.Security, ", ")},
		{"Data", i.StoreDir},
		{"Sockets", i.RuntimeDir},
	} {
		fmt.Fprintf(w, "%s:\t%s\n", row[0], cleanLine(row[1]))
	}
	for _, l := range i.Limited {
		fmt.Fprintf(w, "Limited:\t%s\n", cleanLine(l))
	}
	return w.Flush()
}
