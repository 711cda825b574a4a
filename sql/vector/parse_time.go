package vector

import (
	"strconv"
	"strings"
	"time"
)

// scanner reads digits and signs of a date or time, byte by byte.
type scanner struct {
	s  string
	at int
	bc bool // " BC" stood at the end: years count backwards
}

func (p *scanner) peek() byte {
	if p.at < len(p.s) {
		return p.s[p.at]
	}
	return 0
}

func (p *scanner) accept(c byte) bool {
	if p.peek() == c && p.at < len(p.s) {
		p.at++
		return true
	}
	return false
}

func (p *scanner) spaces() {
	for p.peek() == ' ' || p.peek() == '\t' {
		p.at++
	}
}

// number reads between low and high digits.
func (p *scanner) number(low, high int) (n int, ok bool) {
	start := p.at
	for p.at < len(p.s) && p.at-start < high && p.s[p.at] >= '0' && p.s[p.at] <= '9' {
		n = n*10 + int(p.s[p.at]-'0')
		p.at++
	}
	return n, p.at-start >= low
}

// Limits of Postgres' calendar.
const (
	minYear = -4712
	maxYear = 294276
)

func (p *scanner) date() (days int64, ok bool) {
	y, ok := p.number(1, 6)
	if !ok || !p.accept('-') {
		return 0, false
	}
	m, ok := p.number(1, 2)
	if !ok || !p.accept('-') {
		return 0, false
	}
	d, ok := p.number(1, 2)
	if !ok || m < 1 || m > 12 || y < 1 || y > maxYear {
		return 0, false
	}
	year := int64(y)
	if p.bc {
		year = 1 - year // 1 BC is the year 0
	}
	if year < minYear || d < 1 || d > DaysIn(year, m) {
		return 0, false
	}
	return Days(year, m, d), true
}

// clock reads HH:MM[:SS[.ffffff]]; 24:00:00 is the day's end.
func (p *scanner) clock() (us int64, ok bool) {
	h, ok := p.number(1, 2)
	if !ok || h > 24 || !p.accept(':') {
		return 0, false
	}
	m, ok := p.number(2, 2)
	if !ok || m > 59 {
		return 0, false
	}
	us = int64(h)*Hour + int64(m)*Minute
	if p.accept(':') {
		s, ok := p.number(2, 2)
		if !ok || s > 60 {
			return 0, false
		}
		us += int64(s) * Second
		if p.accept('.') || p.accept(',') {
			f, ok := p.fraction()
			if !ok {
				return 0, false
			}
			us += f
		}
	}
	return us, us <= Day
}

// fraction reads digits after the point as microseconds, rounding what is finer.
func (p *scanner) fraction() (us int64, ok bool) {
	start, unit := p.at, int64(100_000)
	round := false
	for p.at < len(p.s) && p.s[p.at] >= '0' && p.s[p.at] <= '9' {
		d := int64(p.s[p.at] - '0')
		if unit > 0 {
			us += d * unit
		} else if p.at-start == 6 {
			round = d >= 5
		}
		unit /= 10
		p.at++
	}
	if round {
		us++
	}
	return us, p.at > start
}

// zone reads Z, UTC, +HH[:MM[:SS]], +HHMM or a name of the tz database, and gives the offset in seconds at a local time.
func (p *scanner) zone(localUS int64) (seconds int64, ok bool) {
	sign := int64(1)
	switch {
	case p.accept('+'):
	case p.accept('-'):
		sign = -1
	default:
		name := strings.TrimSpace(p.s[p.at:])
		p.at = len(p.s)
		switch strings.ToUpper(name) {
		case "Z", "UTC", "GMT", "ZULU":
			return 0, true
		}
		loc, err := Zone(name)
		if err != nil {
			return 0, false
		}
		return zoneOffset(localUS, loc), true
	}
	start := p.at
	h, ok := p.number(1, 4)
	if !ok {
		return 0, false
	}
	m, s := 0, 0
	if p.at-start > 2 {
		h, m = h/100, h%100
	} else if p.accept(':') {
		if m, ok = p.number(2, 2); !ok {
			return 0, false
		}
		if p.accept(':') {
			if s, ok = p.number(2, 2); !ok {
				return 0, false
			}
		}
	}
	if h > 15 || m > 59 || s > 59 {
		return 0, false
	}
	return sign * int64(h*3600+m*60+s), true
}

// zoneOffset is what a zone's wall clock is ahead of UTC at a local time, in seconds.
func zoneOffset(localUS int64, loc *time.Location) int64 {
	_, guess := GoTime(localUS, loc).Zone()
	_, offset := GoTime(localUS-int64(guess)*Second, loc).Zone()
	return int64(offset)
}

// Zone finds a time zone by name; "" and "local" are refused, so that answers don't depend on the machine.
func Zone(name string) (*time.Location, error) {
	if name == "" || strings.EqualFold(name, "local") {
		return nil, strconv.ErrSyntax
	}
	if strings.EqualFold(name, "utc") || strings.EqualFold(name, "gmt") || strings.EqualFold(name, "z") {
		return time.UTC, nil
	}
	return time.LoadLocation(name)
}

// ParseTimestamp reads a timestamptz: "2026-11-22", "2026-11-22 17:40:00.5+01", with T or a space, a zone's offset or name. Without
// a zone it is in zone (nil: UTC). "epoch" and " BC" are known too.
func ParseTimestamp(s string, zone *time.Location) (us int64, ok bool) {
	s = strings.TrimSpace(s)
	if strings.EqualFold(s, "epoch") {
		return 0, true
	}
	s, bc := strings.CutSuffix(s, " BC")
	p := scanner{s: s, bc: bc}
	days, ok := p.date()
	if !ok {
		return 0, false
	}
	local := days * Day
	if p.accept('T') || p.accept('t') || p.peek() == ' ' {
		p.spaces()
		clock, ok := p.clock()
		if !ok {
			return 0, false
		}
		local += clock
	}
	p.spaces()
	if p.at == len(p.s) {
		if zone == nil {
			return local, true
		}
		return local - zoneOffset(local, zone)*Second, true
	}
	offset, ok := p.zone(local)
	if !ok || p.at != len(p.s) {
		return 0, false
	}
	return local - offset*Second, true
}

// ParseDate reads "2026-11-22"; a time after it is ignored, as Postgres does.
func ParseDate(s string) (days int64, ok bool) {
	s = strings.TrimSpace(s)
	if strings.EqualFold(s, "epoch") {
		return 0, true
	}
	s, bc := strings.CutSuffix(s, " BC")
	p := scanner{s: s, bc: bc}
	if days, ok = p.date(); !ok {
		return 0, false
	}
	if p.at < len(s) {
		if bc {
			s += " BC"
		}
		if _, ok := ParseTimestamp(s, nil); !ok {
			return 0, false
		}
	}
	return days, true
}

// ParseTime reads "04:05[:06[.789]]".
func ParseTime(s string) (us int64, ok bool) {
	p := scanner{s: strings.TrimSpace(s)}
	us, ok = p.clock()
	return us, ok && p.at == len(p.s)
}
