package main

import (
	"log/slog"
	"os"
)

// wailsLog carries what Wails says to our own log.
type wailsLog struct{ log *slog.Logger }

func (l wailsLog) Print(message string)   { l.log.Info(message) }
func (l wailsLog) Trace(message string)   { l.log.Debug(message) }
func (l wailsLog) Debug(message string)   { l.log.Debug(message) }
func (l wailsLog) Info(message string)    { l.log.Info(message) }
func (l wailsLog) Warning(message string) { l.log.Warn(message) }
func (l wailsLog) Error(message string)   { l.log.Error(message) }

// Fatal ends the process, as Wails expects of it.
func (l wailsLog) Fatal(message string) {
	l.log.Error(message)
	os.Exit(1)
}
