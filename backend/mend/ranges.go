package mend

import (
	"errors"
	"strconv"
	"strings"
)

// Where ranges begin where nobody has one (login.defs: SUB_UID_MIN), and the
// last id that they may reach: more is not a uid.
const (
	firstRange = 100_000
	lastID     = 1<<32 - 2
)

// freeRange finds the first id behind all ranges of a file of subordinate ids,
// and whether the person, by name or number, has enough already.
func freeRange(text, name, uid string) (first int, has bool, err error) {
	first = firstRange
	for l := range strings.Lines(text) {
		f := strings.Split(strings.TrimSpace(l), ":")
		if len(f) != 3 {
			continue
		}
		from, err1 := strconv.ParseUint(f[1], 10, 32)
		count, err2 := strconv.ParseUint(f[2], 10, 32)
		if err1 != nil || err2 != nil {
			continue
		}
		if (f[0] == name || f[0] == uid) && count >= idsWanted {
			has = true
		}
		first = max(first, int(from+count))
	}
	if !has && first+idsWanted-1 > lastID {
		return 0, false, errors.New("no range is free behind those that are given")
	}
	return first, has, nil
}
