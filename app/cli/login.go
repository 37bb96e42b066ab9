package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"davit/backend/api"
)

// LoginOptions are login's.
type LoginOptions struct {
	Username      string
	Password      string
	PasswordStdin bool
	TLS           tlsOption
}

// hub is the registry of those who name none.
const hub = "docker.io"

func newLoginCommand() *command {
	var o LoginOptions
	c := &command{
		name: "login", args: "[OPTIONS] [REGISTRY]", group: "Registries",
		short: "Log in to a registry (default: docker.io)", most: 1,
	}
	f := c.set()
	f.StringVarP(&o.Username, "username", "u", "", "The user")
	f.StringVarP(&o.Password, "password", "p", "", "The password or token; others can see it in the list of processes")
	f.BoolVar(&o.PasswordStdin, "password-stdin", false, "Read the password from the standard input")
	o.TLS.addFlags(f)
	c.run = func(ctx context.Context, e *env, args []string) error {
		return runLogin(ctx, e, o, append(args, hub)[0])
	}
	return c
}

func runLogin(ctx context.Context, e *env, o LoginOptions, registry string) error {
	l := api.Login{Registry: registry, Username: o.Username, Password: o.Password, TLSVerify: o.TLS.asked()}
	if err := askLogin(e, o, &l); err != nil {
		return err
	}
	s, err := e.Service(ctx)
	if err != nil {
		return err
	}
	if err := s.Login(ctx, l); err != nil {
		return err
	}
	fmt.Fprintln(e.out, "Login Succeeded")
	return nil
}

// askLogin fills in what was not given.
func askLogin(e *env, o LoginOptions, l *api.Login) error {
	switch {
	case o.PasswordStdin && o.Password != "":
		return api.Errorf(api.KindInvalid, "--password and --password-stdin exclude each other")
	case o.PasswordStdin && o.Username == "":
		return api.Errorf(api.KindInvalid, "--password-stdin wants --username")
	case o.PasswordStdin:
		b, err := io.ReadAll(io.LimitReader(e.in, 1<<20))
		if err != nil {
			return fmt.Errorf("read password: %w", err)
		}
		l.Password = strings.TrimRight(string(b), "\r\n")
		if l.Password == "" {
			return api.Errorf(api.KindInvalid, "the password on the standard input is empty")
		}
		return nil
	case o.Username != "" && o.Password != "":
		fmt.Fprintln(e.err, "davit: warning: others can see --password in the list of processes; --password-stdin is safer")
		return nil
	}
	return askPerson(e, l)
}

func askPerson(e *env, l *api.Login) error {
	fd, ok := terminal(e.in)
	if !ok {
		return api.Errorf(api.KindInvalid, "there is no terminal to ask for the password").
			WithHint("use --username and --password-stdin")
	}
	if l.Username == "" {
		fmt.Fprintf(e.err, "Username for %s: ", l.Registry)
		name, err := bufio.NewReader(e.in).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read user name: %w", err)
		}
		l.Username = strings.TrimSpace(name)
	}
	if l.Username == "" {
		return api.Errorf(api.KindInvalid, "a user name is needed")
	}
	b, err := askPassword(e.err, fd)
	if err != nil {
		return fmt.Errorf("read password: %w", err)
	}
	if l.Password = string(b); l.Password == "" {
		return api.Errorf(api.KindInvalid, "a password is needed")
	}
	return nil
}

// askPassword turns the echo off before it asks: who types at once is not
// seen either. term.ReadPassword does it after the prompt, and gives back what
// it found.
func askPassword(w io.Writer, fd int) ([]byte, error) {
	before, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, err
	}
	quiet := *before
	quiet.Lflag &^= unix.ECHO
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, &quiet); err != nil {
		return nil, err
	}
	defer func() { _ = unix.IoctlSetTermios(fd, unix.TCSETS, before) }()
	fmt.Fprint(w, "Password: ")
	b, err := term.ReadPassword(fd)
	fmt.Fprintln(w)
	return b, err
}
