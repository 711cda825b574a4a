package vector

import (
	"math"
	"strconv"
	"strings"
)

// unit is what one of an interval's units is worth.
type unit struct {
	months, days float64
	us           float64
}

// unitOf knows the units' names in Postgres' and ksqlDB's spellings, singular and plural.
func unitOf(name string) (unit, bool) {
	switch strings.TrimSuffix(strings.ToLower(name), "s") {
	case "millennium", "millennia", "mil":
		return unit{months: 12000}, true
	case "century", "centurie", "c":
		return unit{months: 1200}, true
	case "decade", "dec":
		return unit{months: 120}, true
	case "year", "yr", "y":
		return unit{months: 12}, true
	case "quarter", "qtr":
		return unit{months: 3}, true
	case "month", "mon":
		return unit{months: 1}, true
	case "week", "w":
		return unit{days: 7}, true
	case "day", "d":
		return unit{days: 1}, true
	case "hour", "hr", "h":
		return unit{us: float64(Hour)}, true
	case "minute", "min", "m":
		return unit{us: float64(Minute)}, true
	case "second", "sec", "": // "s" loses its s
		return unit{us: float64(Second)}, name != ""
	case "millisecond", "msec":
		return unit{us: float64(Millisecond)}, true
	case "microsecond", "usec", "u":
		return unit{us: 1}, true
	}
	return unit{}, false
}

// daysPerMonth is what a fraction of a month becomes.
const daysPerMonth = 30

// sums gathers an interval's parts; fractions run down to the next smaller field.
type sums struct {
	months, days float64
	us           int64
	bad          bool // the time does not fit
}

func (t *sums) add(n float64, u unit) {
	switch {
	case u.months != 0:
		whole, part := math.Modf(n * u.months)
		t.months += whole
		t.add(math.Round(part*daysPerMonth*1e6)/1e6, unit{days: 1})
	case u.days != 0:
		whole, part := math.Modf(n * u.days)
		t.days += whole
		t.addTime(part, Day)
	default:
		t.addTime(n, int64(u.us))
	}
}

// addTime adds n times a number of microseconds: the whole part exactly, the fraction rounded.
func (t *sums) addTime(n float64, us int64) {
	whole, part := math.Modf(n)
	if math.Abs(whole) >= math.MaxInt64 {
		t.bad = true
		return
	}
	product := mul64(int64(whole), us)
	product, _ = product.Add(FromInt64(int64(math.Round(part * float64(us)))))
	product, _ = product.Add(FromInt64(t.us))
	sum, ok := product.Int64()
	t.us, t.bad = sum, t.bad || !ok
}

func (t *sums) interval() (Int128, bool) {
	if t.bad || t.us == math.MinInt64 || math.Abs(t.months) > math.MaxInt32 || math.Abs(t.days) > math.MaxInt32 {
		return Int128{}, false
	}
	return MakeInterval(int32(t.months), int32(t.days), t.us), true
}

// ParseInterval reads "1 year 2 mons -3 days 04:05:06.7", "90 minutes", "1h30m", "P1DT2H" and "... ago".
func ParseInterval(s string) (Int128, bool) {
	s = strings.TrimSpace(s)
	if s == "" {
		return Int128{}, false
	}
	if s[0] == 'P' || s[0] == 'p' {
		return parseISOInterval(s[1:])
	}
	var t sums
	s, ago := strings.CutSuffix(s, " ago")
	s = strings.TrimPrefix(s, "@ ")
	some := false
	for s = strings.TrimLeft(s, " "); s != ""; s = strings.TrimLeft(s, " ") {
		if rest, ok := t.clock(s); ok {
			s, some = rest, true
			continue
		}
		n, rest, ok := numberPart(s)
		if !ok {
			return Int128{}, false
		}
		rest = strings.TrimLeft(rest, " ")
		end := 0
		for end < len(rest) && (rest[end]|0x20) >= 'a' && (rest[end]|0x20) <= 'z' {
			end++
		}
		name := rest[:end]
		if name == "" && rest == "" {
			name = "second"
		}
		if strings.EqualFold(name, "ms") {
			name = "millisecond"
		}
		u, ok := unitOf(name)
		if !ok {
			return Int128{}, false
		}
		t.add(n, u)
		s, some = rest[end:], true
	}
	if ago {
		t.months, t.days, t.us = -t.months, -t.days, -t.us
	}
	if !some {
		return Int128{}, false
	}
	return t.interval()
}

// clock adds a leading [+-]HH:MM[:SS[.f]] up to a space or the end.
func (t *sums) clock(s string) (rest string, ok bool) {
	end := strings.IndexByte(s, ' ')
	if end < 0 {
		end = len(s)
	}
	word, rest := s[:end], s[end:]
	if !strings.Contains(word, ":") {
		return s, false
	}
	sign := 1.0
	switch word[0] {
	case '-':
		sign, word = -1, word[1:]
	case '+':
		word = word[1:]
	}
	parts := strings.Split(word, ":")
	if len(parts) > 3 {
		return s, false
	}
	before := *t
	for i, part := range parts {
		n, err := strconv.ParseFloat(part, 64)
		if err != nil || part[0] < '0' || part[0] > '9' || i > 0 && n >= 60 || i < 2 && n != math.Trunc(n) {
			*t = before
			return s, false
		}
		t.addTime(sign*n, []int64{Hour, Minute, Second}[i])
	}
	return rest, true
}

func numberPart(s string) (n float64, rest string, ok bool) {
	end := 0
	if end < len(s) && (s[0] == '-' || s[0] == '+') {
		end++
	}
	for end < len(s) && (s[end] >= '0' && s[end] <= '9' || s[end] == '.') {
		end++
	}
	n, err := strconv.ParseFloat(s[:end], 64)
	return n, s[end:], err == nil
}

// parseISOInterval reads what follows the P of an ISO 8601 duration.
func parseISOInterval(s string) (Int128, bool) {
	var t sums
	inTime, some := false, false
	for s != "" {
		if s[0] == 'T' || s[0] == 't' {
			inTime, s = true, s[1:]
			continue
		}
		n, rest, ok := numberPart(s)
		if !ok || rest == "" {
			return Int128{}, false
		}
		name := map[bool]map[byte]string{
			false: {'Y': "year", 'M': "month", 'W': "week", 'D': "day"},
			true:  {'H': "hour", 'M': "minute", 'S': "second"},
		}[inTime][rest[0]&^0x20]
		u, ok := unitOf(name)
		if !ok {
			return Int128{}, false
		}
		t.add(n, u)
		s, some = rest[1:], true
	}
	if !some {
		return Int128{}, false
	}
	return t.interval()
}
