package main

import (
	"log/slog"
	"os"
)

// desktop is what the window has of the session around it, each part of which
// may be missing: looks, notifications, file dialogs, a file manager, a tray, and a second
// start that shows its file here.
type desktop struct {
	bus      *bus
	look     *look
	notifier *notifier
	chooser  chooser
	files    fileManager
	takeouts *takeouts
	tray     *tray
	arrivals *arrivals
}

func newDesktop(log *slog.Logger) *desktop {
	b := &bus{log: log}
	return &desktop{
		bus:      b,
		look:     &look{log: log},
		notifier: &notifier{bus: b, shown: make(map[uint32]string)},
		chooser:  chooser{b},
		files:    fileManager{b},
		takeouts: &takeouts{home: shownPath(os.Getenv)},
		tray:     &tray{bus: b, chosen: func(string) {}},
		arrivals: &arrivals{},
	}
}

// close takes back what the session was given.
func (d *desktop) close() {
	d.tray.close()
	if err := d.takeouts.close(); err != nil {
		d.bus.log.Info("copies for the file manager stay", "error", err)
	}
}

// alone tells whether this is the session's only window. If not, the other one
// has been shown the addresses.
func (d *desktop) alone(addresses []string) (bool, error) {
	alone, err := claim(d.bus, addresses, d.arrivals.arrive)
	if alone {
		d.arrivals.arrive(openingOf(addresses))
	}
	return alone, err
}
