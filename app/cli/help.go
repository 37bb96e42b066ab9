package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// groups are the headings in the list of commands, in order.
var groups = []string{"Containers", "Images", "Registries", "Davit", "Nouns"}

func (c *command) help(w io.Writer, path string) {
	fmt.Fprintf(w, "Usage:  %s\n", strings.TrimSpace(path+" "+c.args))
	for _, text := range []string{c.short, c.long} {
		if text != "" {
			fmt.Fprintf(w, "\n%s\n", text)
		}
	}
	if len(c.aliases) > 0 {
		fmt.Fprintf(w, "\nAliases:\n  %s\n", strings.Join(append([]string{c.name}, c.aliases...), ", "))
	}
	c.helpCommands(w, path)
	if c.flags.HasAvailableFlags() {
		fmt.Fprintf(w, "\nOptions:\n%s", c.flags.FlagUsagesWrapped(100))
	}
	exits := c.exits
	if exits == "" {
		exits = usualExits
	}
	fmt.Fprintf(w, "\nExit codes:\n%s", exits)
}

const usualExits = `  0    success
  1    failure
  125  an option that does not exist, or has a wrong value
  130  interrupted
`

func (c *command) helpCommands(w io.Writer, path string) {
	for _, g := range groups {
		tw := tabwriter.NewWriter(w, 14, 1, 2, ' ', 0)
		titled := false
		for _, s := range c.commands() {
			if s.group != g {
				continue
			}
			if !titled {
				fmt.Fprintf(tw, "\n%s:\n", g)
				titled = true
			}
			fmt.Fprintf(tw, "  %s\t%s\n", s.name, s.short)
		}
		tw.Flush()
	}
	if len(c.commands()) > 0 {
		fmt.Fprintf(w, "\nRun '%s COMMAND --help' for more about a command.\n", path)
	}
}

func newHelpCommand(root *command) *command {
	c := &command{
		name: "help", args: "[COMMAND...]", group: "Davit",
		short: "Explain a command", most: anyNumber,
	}
	c.run = func(_ context.Context, e *env, args []string) error {
		return runHelp(e, root, args)
	}
	return c
}

func runHelp(e *env, root *command, args []string) error {
	c, path := root, root.name
	for _, a := range args {
		c = c.find(a)
		if c == nil {
			return misuse(exitFailure, path, fmt.Sprintf("'%s' is not a %s command", a, path))
		}
		path += " " + c.name
	}
	c.set()
	c.help(e.out, path)
	return nil
}
