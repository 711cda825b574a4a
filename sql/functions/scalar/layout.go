package scalar

import (
	"strconv"
	"strings"
	"time"

	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/vector"
)

// layout is a compiled pattern of to_char or of Java's DateTimeFormatter.
type layout []layoutPart

type layoutPart struct {
	kind    partKind
	literal string // of partLiteral
	digits  int    // of partFraction; least digits of numbers when reading and writing
}

type partKind uint8

const (
	partLiteral partKind = iota
	partYear
	partYear2
	partMonth
	partMonthName
	partMonthShort
	partDay
	partDayOfYear
	partDayName
	partDayShort
	partWeekday // 1..7, Monday first
	partHour24
	partHour12
	partMinute
	partSecond
	partFraction
	partHalfDay    // AM, PM
	partOffset     // +0200
	partOffsetZ    // +0200 or Z
	partOffsetDots // +02:00
	partZoneName
	partEpoch
)

// literal appends text that stands for itself.
func (l layout) literal(s string) layout {
	if n := len(l); n > 0 && l[n-1].kind == partLiteral {
		l[n-1].literal += s
		return l
	}
	return append(l, layoutPart{kind: partLiteral, literal: s})
}

func badPattern(pattern string, c byte) *sqlerr.Error {
	return sqlerr.Newf(sqlerr.InvalidParameterValue, 0, "invalid date/time pattern %q: %q is not supported", pattern, c)
}

// javaLayout compiles a pattern of java.time.format.DateTimeFormatter.
func javaLayout(pattern string) (layout, *sqlerr.Error) {
	var l layout
	for i := 0; i < len(pattern); {
		c := pattern[i]
		run := 1
		for i+run < len(pattern) && pattern[i+run] == c {
			run++
		}
		switch {
		case c == '\'':
			end := strings.IndexByte(pattern[i+1:], '\'')
			switch {
			case end == 0:
				l = l.literal("'")
			case end < 0:
				return nil, sqlerr.Newf(sqlerr.InvalidParameterValue, 0, "invalid date/time pattern %q: quote is not closed", pattern)
			default:
				l = l.literal(pattern[i+1 : i+1+end])
			}
			i += end + 2
			continue
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			p, ok := javaPart(c, run)
			if !ok {
				return nil, badPattern(pattern, c)
			}
			l = append(l, p)
		case c == '[' || c == ']':
			return nil, badPattern(pattern, c)
		default:
			l = l.literal(pattern[i : i+run])
		}
		i += run
	}
	return l, nil
}

func javaPart(c byte, run int) (layoutPart, bool) {
	p := layoutPart{digits: run}
	switch c {
	case 'y', 'u':
		p.kind = partYear
		if run == 2 {
			p.kind = partYear2
		}
	case 'M', 'L':
		p.kind = []partKind{partMonth, partMonth, partMonthShort, partMonthName}[min(run, 4)-1]
		if run > 2 {
			p.digits = 0
		}
	case 'd':
		p.kind = partDay
	case 'D':
		p.kind = partDayOfYear
	case 'E':
		p.kind, p.digits = partDayShort, 0
		if run >= 4 {
			p.kind = partDayName
		}
	case 'e':
		p.kind = partWeekday
	case 'H':
		p.kind = partHour24
	case 'h':
		p.kind = partHour12
	case 'm':
		p.kind = partMinute
	case 's':
		p.kind = partSecond
	case 'S', 'n':
		p.kind = partFraction
	case 'a':
		p.kind = partHalfDay
	case 'X', 'x':
		p.kind = partOffsetZ
		if c == 'x' {
			p.kind = partOffset
		}
		if run == 3 {
			p.kind = partOffsetDots
		}
	case 'Z':
		p.kind = partOffset
	case 'z', 'V':
		p.kind = partZoneName
	default:
		return p, false
	}
	return p, true
}

// postgresLayout compiles a pattern of to_char and to_timestamp. Source: Postgres, "Template Patterns for Date/Time Formatting".
func postgresLayout(pattern string) (layout, *sqlerr.Error) {
	words := []struct {
		text string
		part layoutPart
	}{
		{"YYYY", layoutPart{kind: partYear, digits: 4}},
		{"YY", layoutPart{kind: partYear2, digits: 2}},
		{"MONTH", layoutPart{kind: partMonthName}},
		{"MON", layoutPart{kind: partMonthShort}},
		{"MM", layoutPart{kind: partMonth, digits: 2}},
		{"MI", layoutPart{kind: partMinute, digits: 2}},
		{"MS", layoutPart{kind: partFraction, digits: 3}},
		{"US", layoutPart{kind: partFraction, digits: 6}},
		{"FF1", layoutPart{kind: partFraction, digits: 1}},
		{"FF2", layoutPart{kind: partFraction, digits: 2}},
		{"FF3", layoutPart{kind: partFraction, digits: 3}},
		{"FF4", layoutPart{kind: partFraction, digits: 4}},
		{"FF5", layoutPart{kind: partFraction, digits: 5}},
		{"FF6", layoutPart{kind: partFraction, digits: 6}},
		{"DDD", layoutPart{kind: partDayOfYear, digits: 3}},
		{"DD", layoutPart{kind: partDay, digits: 2}},
		{"DAY", layoutPart{kind: partDayName}},
		{"DY", layoutPart{kind: partDayShort}},
		{"ID", layoutPart{kind: partWeekday, digits: 1}},
		{"HH24", layoutPart{kind: partHour24, digits: 2}},
		{"HH12", layoutPart{kind: partHour12, digits: 2}},
		{"HH", layoutPart{kind: partHour12, digits: 2}},
		{"SSSS", layoutPart{kind: partEpoch}},
		{"SS", layoutPart{kind: partSecond, digits: 2}},
		{"AM", layoutPart{kind: partHalfDay}},
		{"PM", layoutPart{kind: partHalfDay}},
		{"TZH", layoutPart{kind: partOffset}},
		{"TZ", layoutPart{kind: partZoneName}},
		{"OF", layoutPart{kind: partOffsetDots}},
	}
	var l layout
	bare := false // FM: the next name is not padded
next:
	for i := 0; i < len(pattern); {
		if pattern[i] == '"' {
			end := strings.IndexByte(pattern[i+1:], '"')
			if end < 0 {
				end = len(pattern) - i - 1
			}
			l = l.literal(pattern[i+1 : i+1+end])
			i += end + 2
			continue
		}
		rest := strings.ToUpper(pattern[i:])
		if strings.HasPrefix(rest, "FM") {
			i, bare = i+2, true
			continue
		}
		for _, w := range words {
			if strings.HasPrefix(rest, w.text) {
				p := w.part
				if p.kind == partMonthName || p.kind == partMonthShort || p.kind == partDayName || p.kind == partDayShort || p.kind == partHalfDay {
					p.literal = pattern[i : i+len(w.text)] // its case is the answer's
					if !bare && (p.kind == partMonthName || p.kind == partDayName) {
						p.digits = longestName
					}
				}
				l = append(l, p)
				i, bare = i+len(w.text), false
				continue next
			}
		}
		c := pattern[i]
		if c >= 'A' && c <= 'Z' && c != 'T' && c != 'Z' {
			return nil, badPattern(pattern, c)
		}
		l = l.literal(pattern[i : i+1])
		i++
	}
	return l, nil
}

// like writes a name in the case of the pattern's word: MON, Mon, mon; Java's patterns have none.
func likeCase(name, word string) string {
	switch {
	case word == "" || len(word) > 1 && word[0] < 'a' && word[1] >= 'a':
		return name
	case word[0] >= 'a':
		return strings.ToLower(name)
	}
	return strings.ToUpper(name)
}

// longestName is how wide Postgres makes names of months and days.
const longestName = 9

// appendName appends a name, filled up with blanks.
func appendName(dst []byte, name string, width int) []byte {
	dst = append(dst, name...)
	for n := len(name); n < width; n++ {
		dst = append(dst, ' ')
	}
	return dst
}

// shortName is the length of a short month or day.
const shortName = 3

// format appends an instant in a zone.
func (l layout) format(dst []byte, us int64, zone *time.Location) []byte {
	t := vector.GoTime(us, zone)
	for _, p := range l {
		switch p.kind {
		case partLiteral:
			dst = append(dst, p.literal...)
		case partYear:
			dst = appendPadded(dst, t.Year(), p.digits)
		case partYear2:
			dst = appendPadded(dst, (t.Year()%100+100)%100, 2)
		case partMonth:
			dst = appendPadded(dst, int(t.Month()), p.digits)
		case partMonthName:
			dst = appendName(dst, likeCase(t.Month().String(), p.literal), p.digits)
		case partMonthShort:
			dst = append(dst, likeCase(t.Month().String()[:shortName], p.literal)...)
		case partDay:
			dst = appendPadded(dst, t.Day(), p.digits)
		case partDayOfYear:
			dst = appendPadded(dst, t.YearDay(), p.digits)
		case partDayName:
			dst = appendName(dst, likeCase(t.Weekday().String(), p.literal), p.digits)
		case partDayShort:
			dst = append(dst, likeCase(t.Weekday().String()[:shortName], p.literal)...)
		case partWeekday:
			dst = appendPadded(dst, (int(t.Weekday())+6)%7+1, 1)
		default:
			dst = p.formatClock(dst, t)
		}
	}
	return dst
}

func (p layoutPart) formatClock(dst []byte, t time.Time) []byte {
	switch p.kind {
	case partHour24:
		return appendPadded(dst, t.Hour(), p.digits)
	case partHour12:
		return appendPadded(dst, (t.Hour()+11)%12+1, p.digits)
	case partMinute:
		return appendPadded(dst, t.Minute(), p.digits)
	case partSecond:
		return appendPadded(dst, t.Second(), p.digits)
	case partFraction:
		ns := strconv.Itoa(t.Nanosecond() + 1_000_000_000)[1:]
		for len(ns) < p.digits {
			ns += "0"
		}
		return append(dst, ns[:p.digits]...)
	case partHalfDay:
		name := "AM"
		if t.Hour() >= 12 {
			name = "PM"
		}
		return append(dst, likeCase(name, p.literal)...)
	case partOffset:
		return t.AppendFormat(dst, "-0700")
	case partOffsetZ:
		return t.AppendFormat(dst, "Z0700")
	case partOffsetDots:
		return t.AppendFormat(dst, "-07:00")
	case partZoneName:
		return t.AppendFormat(dst, "MST")
	case partEpoch:
		return strconv.AppendInt(dst, int64(t.Hour()*3600+t.Minute()*60+t.Second()), 10)
	}
	return dst
}

func appendPadded(dst []byte, n, width int) []byte {
	if n < 0 {
		dst, n = append(dst, '-'), -n
	}
	s := strconv.Itoa(n)
	for k := len(s); k < width; k++ {
		dst = append(dst, '0')
	}
	return append(dst, s...)
}

// reading is what parse has gathered; missing fields are those of 1970-01-01T00:00:00.
type reading struct {
	year, month, day, yearDay        int
	hour, minute, second, nanosecond int
	half                             int // 1 AM, 2 PM
	zone                             *time.Location
}

// parse reads a whole text; zone is that of a text without one (nil: UTC). ok is false for any other text.
func (l layout) parse(s string, zone *time.Location) (us int64, ok bool) {
	r := reading{year: 1970, month: 1, day: 1, zone: zone}
	for k, p := range l {
		adjacent := k+1 < len(l) && l[k+1].kind != partLiteral // digits run together: take no more than written
		if s, ok = p.read(s, &r, adjacent); !ok {
			return 0, false
		}
	}
	if s != "" || r.month < 1 || r.month > 12 || r.day < 1 || r.day > vector.DaysIn(int64(r.year), r.month) || r.hour > 23 || r.minute > 59 || r.second > 59 {
		return 0, false
	}
	if r.half > 0 {
		r.hour = r.hour%12 + (r.half-1)*12
	}
	if r.zone == nil {
		r.zone = time.UTC
	}
	t := time.Date(r.year, time.Month(r.month), r.day, r.hour, r.minute, r.second, r.nanosecond, r.zone)
	if r.yearDay > 0 {
		t = time.Date(r.year, 1, r.yearDay, r.hour, r.minute, r.second, r.nanosecond, r.zone)
	}
	return t.UnixMicro(), true
}

func (p layoutPart) read(s string, r *reading, adjacent bool) (rest string, ok bool) {
	number := func(dst *int, widest int) (string, bool) {
		if adjacent {
			widest = max(p.digits, 1)
		}
		n := 0
		for n < len(s) && n < widest && s[n] >= '0' && s[n] <= '9' {
			n++
		}
		if n == 0 || n < min(p.digits, widest) {
			return s, false
		}
		*dst, _ = strconv.Atoi(s[:n])
		return s[n:], true
	}
	switch p.kind {
	case partLiteral:
		return strings.CutPrefix(s, p.literal)
	case partYear:
		return number(&r.year, 5)
	case partYear2:
		rest, ok = number(&r.year, 2)
		r.year += 2000
		return rest, ok
	case partMonth:
		return number(&r.month, 2)
	case partDay:
		return number(&r.day, 2)
	case partDayOfYear:
		return number(&r.yearDay, 3)
	case partHour24, partHour12:
		return number(&r.hour, 2)
	case partMinute:
		return number(&r.minute, 2)
	case partSecond:
		return number(&r.second, 2)
	case partFraction:
		return readFraction(s, p.digits, r)
	case partMonthName, partMonthShort:
		return readMonth(s, p.kind == partMonthShort, r)
	case partDayName, partDayShort:
		return readWeekday(s, p.kind == partDayShort)
	case partHalfDay:
		return readHalf(s, r)
	case partOffset, partOffsetZ, partOffsetDots, partZoneName:
		return readZone(s, r)
	}
	return s, false
}

// maxFraction is how many digits of a second there may be.
const maxFraction = 9

func readFraction(s string, digits int, r *reading) (string, bool) {
	digits = min(digits, maxFraction)
	if len(s) < digits {
		return s, false
	}
	n, err := strconv.ParseUint(s[:digits], 10, 32)
	if err != nil {
		return s, false
	}
	for k := digits; k < maxFraction; k++ {
		n *= 10
	}
	r.nanosecond = int(n)
	return s[digits:], true
}

func readMonth(s string, short bool, r *reading) (string, bool) {
	for m := time.January; m <= time.December; m++ {
		name := m.String()
		if short {
			name = name[:shortName]
		}
		if len(s) >= len(name) && strings.EqualFold(s[:len(name)], name) {
			r.month = int(m)
			return s[len(name):], true
		}
	}
	return s, false
}

func readWeekday(s string, short bool) (string, bool) {
	for d := time.Sunday; d <= time.Saturday; d++ {
		name := d.String()
		if short {
			name = name[:shortName]
		}
		if len(s) >= len(name) && strings.EqualFold(s[:len(name)], name) {
			return s[len(name):], true
		}
	}
	return s, false
}

func readHalf(s string, r *reading) (string, bool) {
	switch {
	case len(s) >= 2 && strings.EqualFold(s[:2], "am"):
		r.half = 1
	case len(s) >= 2 && strings.EqualFold(s[:2], "pm"):
		r.half = 2
	default:
		return s, false
	}
	return s[2:], true
}

func readZone(s string, r *reading) (string, bool) {
	if len(s) > 0 && (s[0] == '+' || s[0] == '-') {
		end := 1
		for end < len(s) && (s[end] >= '0' && s[end] <= '9' || s[end] == ':') {
			end++
		}
		digits := strings.ReplaceAll(s[1:end], ":", "")
		n, err := strconv.Atoi(digits)
		if err != nil || len(digits) != 2 && len(digits) != 4 {
			return s, false
		}
		if len(digits) == 2 {
			n *= 100
		}
		seconds := n/100*3600 + n%100*60
		if s[0] == '-' {
			seconds = -seconds
		}
		r.zone = time.FixedZone("", seconds)
		return s[end:], true
	}
	z, err := vector.Zone(s)
	if err != nil {
		return s, false
	}
	r.zone = z
	return "", true
}
