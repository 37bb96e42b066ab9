package main

import (
	"strings"
	"unicode"
)

// cleanLine takes out of foreign text what could drive a terminal or break a
// row: control characters, line breaks, and the marks that turn the direction
// of writing. Invalid UTF-8 becomes U+FFFD.
func cleanLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r == '\r' {
			return ' '
		}
		return printable(r)
	}, s)
}

// cleanText does the same and leaves lines as they are.
func cleanText(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		return printable(r)
	}, s)
}

func printable(r rune) rune {
	switch {
	case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\u2028', r == '\u2029':
		return -1
	}
	return r
}
