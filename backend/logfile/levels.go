package logfile

import "davit/backend/loglevel"

// lookBack is how far above a line the one is looked for that it continues.
const lookBack = 64 << 10

// levels tells the levels of lines, also of those that continue others. It
// remembers of each stream which lines it knows to continue which level, so that
// none is looked at twice.
type levels struct {
	files *chain
	known [2]continued
}

// continued is the lines after one of a level that continue it.
type continued struct {
	from, to int64 // offsets: of that line, and of the last one that continues it
	level    loglevel.Level
}

// of tells the level of the line at an offset.
func (k *levels) of(at int64, l line) loglevel.Level {
	if own := loglevel.Of(l.text); own != loglevel.None || !loglevel.Continues(l.text) {
		return own
	}
	c := &k.known[number(l.stream)]
	if at <= c.from || at > c.to {
		*c = k.above(*c, at, l.stream)
	}
	return c.level
}

// above looks for the line that the one at an offset continues.
func (k *levels) above(known continued, at int64, stream string) continued {
	found := continued{from: max(0, at-lookBack), to: at}
	err := backwards(k.files, found.from, at, nil, func(o int64, s string) bool {
		l, ok := split(s)
		switch {
		case !ok || l.stream != stream:
			return true
		case known.from < o && o <= known.to:
			found.from, found.level = known.from, known.level
			return false
		}
		own := loglevel.Of(l.text)
		if own == loglevel.None && loglevel.Continues(l.text) {
			return true
		}
		found.from, found.level = o, own
		return false
	})
	if err != nil { // reading on says it
		return continued{from: at - 1, to: at}
	}
	return found
}
