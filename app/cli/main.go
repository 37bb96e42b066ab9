package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"davit/backend/doctor"
)

func main() {
	if code, ran := doctor.Main(os.Args); ran {
		os.Exit(code)
	}
	if len(os.Args) == 2 && os.Args[1] == engineArg {
		os.Exit(engineMain())
	}
	e := &env{
		in: os.Stdin, out: os.Stdout, err: os.Stderr,
		lookup: os.LookupEnv, now: time.Now,
		log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
	}
	e.open = openFront
	os.Exit(start(e, os.Args[1:]))
}

// start runs one command line. The first interrupt ends the command's
// context, the second one the process.
func start(e *env, args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	code := report(e, newRoot().execute(ctx, e, "", args))
	e.close()
	return code
}
