// Command load makes traffic and answers it: one server for everything that
// is measured of a network, and the clients that measure. The same binary runs
// on the host and in every container, of Davit and of peers.
//
//	load serve PORT            answers on PORT, TCP and UDP, until it is killed
//	load up ADDRESS STREAMS    Gbit/s that reach the server
//	load down ADDRESS STREAMS  Gbit/s that come from it
//	load connect ADDRESS       HTTP requests a second, a connection for each
//	load ask ADDRESS           the same over connections that stay, and the 99th
//	                           percentile of how long one takes, in µs
//	load udp ADDRESS           datagrams of 1400 bytes a second that reach it
//	load dns NAME              answers a second from the resolver of
//	                           /etc/resolv.conf, which knows the name
//
// A client prints its numbers on one line.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

func main() {
	span := flag.Duration("time", time.Second, "how long to measure")
	flag.Parse()
	numbers, err := run(*span, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
	fmt.Println(strings.Trim(fmt.Sprint(numbers), "[]"))
}

func run(span time.Duration, args []string) ([]float64, error) {
	if len(args) < 2 {
		return nil, errors.New("what to do, and where?")
	}
	verb, at := args[0], args[1]
	extra := append(args[2:], "1")[0]
	switch verb {
	case "serve":
		return nil, serve(at)
	case "up", "down":
		streams, err := strconv.Atoi(extra)
		if err != nil {
			return nil, err
		}
		return bulk(span, at, verb, streams)
	case "connect":
		return connect(span, at)
	case "ask":
		return ask(span, at)
	case "udp":
		return datagrams(span, at)
	case "dns":
		return resolve(span, at)
	}
	return nil, fmt.Errorf("%s: no such measure", verb)
}
