package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// command is a verb, or a noun with verbs below it.
type command struct {
	name    string
	aliases []string
	args    string      // what follows the name in the usage line
	short   string      // one line, for the list of commands
	long    string      // more, for its own help
	exits   string      // its exit codes, where they are not the usual ones
	group   string      // heading in the list of commands; "" is not listed
	least   int         // arguments
	most    int         // arguments; -1: any number
	chosen  func() bool // options say what arguments would; nil: never
	flags   *pflag.FlagSet
	subs    []*command
	verbs   []verb         // those that are made when they are asked for
	dress   func(*command) // what is done to each of them then; nil: nothing
	before  func(e *env)   // the flags are parsed
	run     func(ctx context.Context, e *env, args []string) error
}

// verb is a command that is not made yet: the flags of all of them take
// longer than what most of them do. Its name is the command's.
type verb struct {
	name string
	make func() *command
}

// any number of arguments.
const anyNumber = -1

// set makes the command's flag set; errors and usage are printed by execute.
func (c *command) set() *pflag.FlagSet {
	if c.flags == nil {
		c.flags = pflag.NewFlagSet(c.name, pflag.ContinueOnError)
		c.flags.SetOutput(io.Discard)
		c.flags.Usage = func() {}
	}
	return c.flags
}

// as gives the same verb under other names, for a noun's list.
func (c *command) as(name string, aliases ...string) *command {
	c.name, c.aliases = name, aliases
	return c
}

// commands are those below c, all of them made.
func (c *command) commands() []*command {
	for _, v := range c.verbs {
		c.subs = append(c.subs, c.made(v))
	}
	c.verbs = nil
	return c.subs
}

func (c *command) made(v verb) *command {
	s := v.make()
	if c.dress != nil {
		c.dress(s)
	}
	return s
}

func (c *command) find(name string) *command {
	for _, v := range c.verbs {
		if v.name == name {
			return c.made(v)
		}
	}
	for _, s := range c.commands() {
		if s.name == name || slices.Contains(s.aliases, name) {
			return s
		}
	}
	return nil
}

// execute parses args and runs c; above is the words before its name.
func (c *command) execute(ctx context.Context, e *env, above string, args []string) error {
	path := strings.TrimSpace(above + " " + c.name)
	flags := c.set()
	below := len(c.subs)+len(c.verbs) > 0
	if below {
		flags.SetInterspersed(false)
	}
	if c.before != nil {
		c.before(e)
	}
	err := flags.Parse(args)
	if errors.Is(err, pflag.ErrHelp) {
		c.help(e.out, path)
		return nil
	}
	if err != nil {
		return misuse(exitDavit, path, err.Error())
	}
	args = flags.Args()
	if below && len(args) > 0 {
		sub := c.find(args[0])
		if sub == nil {
			return notHere(path, args[0])
		}
		return sub.execute(ctx, e, path, args[1:])
	}
	if msg := c.count(path, len(args)); msg != "" {
		return misuse(exitFailure, path, msg)
	}
	return c.run(ctx, e, args)
}

// count says what is wrong with a number of arguments, in docker's words.
func (c *command) count(path string, n int) string {
	plural := func(n int) string {
		if n == 1 {
			return "1 argument"
		}
		return fmt.Sprintf("%d arguments", n)
	}
	switch {
	case c.most == 0 && n > 0:
		return fmt.Sprintf("'%s' accepts no arguments", path)
	case c.least == c.most && n != c.least:
		return fmt.Sprintf("'%s' requires %s", path, plural(c.least))
	case n == 0 && c.chosen != nil && c.chosen():
		return ""
	case n < c.least:
		return fmt.Sprintf("'%s' requires at least %s", path, plural(c.least))
	case c.most != anyNumber && n > c.most:
		return fmt.Sprintf("'%s' requires at most %s", path, plural(c.most))
	}
	return ""
}
