package main

import (
	"fmt"
	"strconv"
	"time"
)

// humanDuration says about how long d is, in docker's words and steps.
func humanDuration(d time.Duration) string {
	hours := int(d.Hours() + 0.5)
	switch {
	case d < time.Second:
		return "Less than a second"
	case d < 2*time.Second:
		return "1 second"
	case d < time.Minute:
		return fmt.Sprintf("%d seconds", int(d.Seconds()))
	case d < 2*time.Minute:
		return "About a minute"
	case d < time.Hour:
		return fmt.Sprintf("%d minutes", int(d.Minutes()))
	case hours == 1:
		return "About an hour"
	case hours < 48:
		return fmt.Sprintf("%d hours", hours)
	case hours < 24*14:
		return fmt.Sprintf("%d days", hours/24)
	case hours < 24*60:
		return fmt.Sprintf("%d weeks", hours/24/7)
	case hours < 24*365*2:
		return fmt.Sprintf("%d months", hours/24/30)
	}
	return fmt.Sprintf("%d years", hours/24/365)
}

// ago says when t was; "" for no time.
func ago(now, t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return humanDuration(max(0, now.Sub(t))) + " ago"
}

// humanSize writes bytes with three digits in powers of 1000, as docker does.
func humanSize(n int64) string {
	units := []string{"B", "kB", "MB", "GB", "TB", "PB", "EB"}
	f, i := float64(n), 0
	for f >= 999.5 && i < len(units)-1 {
		f, i = f/1000, i+1
	}
	return strconv.FormatFloat(threeDigits(f), 'f', -1, 64) + units[i]
}

func threeDigits(f float64) float64 {
	s := strconv.FormatFloat(f, 'g', 3, 64)
	r, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return f
	}
	return r
}

// listTime is a time as docker's lists print it in full.
func listTime(t time.Time) string {
	if t.IsZero() {
		return "N/A"
	}
	return t.Local().Format("2006-01-02 15:04:05 -0700 MST")
}
