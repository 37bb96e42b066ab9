// attacker is what tests/confine runs inside containers, as their root or as
// another user: each of its commands tries one way out, or tells what the
// process has been given. It is static, so that it runs in any image.
package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}

var commands = map[string]func(args []string) error{
	"report":    func([]string) error { return report() },
	"overwrite": func(args []string) error { return overwrite(deadline(args[0])) },
	"peek":      func(args []string) error { return peek(deadline(args[0])) },
	"swap":      func(args []string) error { return swap(args[0], args[1], deadline(args[2])) },
	"hinder":    func(args []string) error { return hinder(args[0], deadline(args[1])) },
	"agents":    func(args []string) error { return releaseAgents(args[0]) },
	"unshare":   func(args []string) error { return unshared(args) },
	"keys":      func([]string) error { return kernelKeys() },
	"knock":     func(args []string) error { return knock(args[0], args[1:]) },
	"write":     func(args []string) error { return write(args) },
	"list":      func(args []string) error { return list(args) },
	"serve":     func([]string) error { return serve() },
	"flood":     func(args []string) error { return flood(args[0], netip.MustParseAddrPort(args[1]), deadline(args[2])) },
}

func run(args []string) error {
	if len(args) == 0 || commands[args[0]] == nil {
		return fmt.Errorf("no command in %q", args)
	}
	return commands[args[0]](args[1:])
}

// deadline is in so many seconds.
func deadline(seconds string) time.Time {
	n, err := strconv.ParseFloat(seconds, 64)
	if err != nil {
		panic(err)
	}
	return time.Now().Add(time.Duration(n * float64(time.Second)))
}

func show(v any) error { return json.NewEncoder(os.Stdout).Encode(v) }
