package vector

import (
	"strconv"
	"time"
)

// Microseconds.
const (
	Millisecond int64 = 1000
	Second            = 1000 * Millisecond
	Minute            = 60 * Second
	Hour              = 60 * Minute
	Day               = 24 * Hour
)

// MaxDays is the most days from 1970, either way, whose microseconds fit a Timestamp.
const MaxDays = 1<<63/(24*3600*1_000_000) - 2

// floorDiv divides towards minus infinity.
func floorDiv(a, b int64) (quotient, remainder int64) {
	q, r := a/b, a%b
	if r < 0 {
		q, r = q-1, r+b
	}
	return q, r
}

// Civil turns days since 1970-01-01 into a date of the proleptic Gregorian calendar; year 0 is 1 BC.
// Source: Howard Hinnant, "chrono-compatible low-level date algorithms".
func Civil(days int64) (year int64, month, day int) {
	era, doe := floorDiv(days+719468, 146097)
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	day = int(doy - (153*mp+2)/5 + 1)
	month = int(mp + 3)
	if month > 12 {
		month -= 12
	}
	year = yoe + era*400
	if month <= 2 {
		year++
	}
	return year, month, day
}

// Days is the inverse of Civil. Days past a month's end run into the next.
func Days(year int64, month, day int) int64 {
	if month <= 2 {
		year--
	}
	era, yoe := floorDiv(year, 400)
	mp := int64((month + 9) % 12)
	doy := (153*mp+2)/5 + int64(day) - 1
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return era*146097 + doe - 719468
}

// DaysIn is the number of days of a month.
func DaysIn(year int64, month int) int {
	next := Days(year, month+1, 1)
	if month == 12 {
		next = Days(year+1, 1, 1)
	}
	return int(next - Days(year, month, 1))
}

// GoTime is an instant of microseconds as a time.Time.
func GoTime(us int64, zone *time.Location) time.Time {
	if zone == nil {
		zone = time.UTC
	}
	return time.UnixMicro(us).In(zone)
}

func append2(dst []byte, n int) []byte { return append(dst, byte('0'+n/10), byte('0'+n%10)) }

func appendYear(dst []byte, year int64) []byte {
	for limit := int64(1000); limit > 1 && year < limit; limit /= 10 {
		dst = append(dst, '0')
	}
	return strconv.AppendInt(dst, year, 10)
}

// AppendDate appends "2026-11-22", with " BC" for years before 1.
func AppendDate(dst []byte, days int64) []byte {
	y, m, d := Civil(days)
	bc := y <= 0
	if bc {
		y = 1 - y
	}
	dst = append(appendYear(dst, y), '-')
	dst = append(append2(dst, m), '-')
	dst = append2(dst, d)
	if bc {
		dst = append(dst, " BC"...)
	}
	return dst
}

// AppendTime appends "04:05:06.789", microseconds of the day.
func AppendTime(dst []byte, us int64) []byte {
	dst = append(append2(dst, int(us/Hour)), ':')
	dst = append(append2(dst, int(us/Minute%60)), ':')
	dst = append2(dst, int(us/Second%60))
	return appendFraction(dst, us%Second)
}

// appendFraction appends ".789" of microseconds, without trailing zeros; nothing for none.
func appendFraction(dst []byte, us int64) []byte {
	if us == 0 {
		return dst
	}
	dst = append(dst, '.')
	for unit := int64(100_000); us > 0; unit /= 10 {
		dst = append(dst, byte('0'+us/unit))
		us %= unit
	}
	return dst
}

// AppendTimestamp appends an instant as Postgres prints a timestamptz in a zone: "2026-11-22 17:40:00.5+00".
func AppendTimestamp(dst []byte, us int64, zone *time.Location) []byte {
	offset := 0
	if zone != nil && zone != time.UTC {
		_, offset = time.UnixMicro(us).In(zone).Zone()
	}
	days, rest := floorDiv(us+int64(offset)*Second, Day)
	start := len(dst)
	dst = AppendDate(dst, days)
	bc := len(dst)-start > 3 && dst[len(dst)-1] == 'C'
	if bc {
		dst = dst[:len(dst)-len(" BC")]
	}
	dst = AppendTime(append(dst, ' '), rest)
	dst = appendOffset(dst, offset)
	if bc {
		dst = append(dst, " BC"...)
	}
	return dst
}

// appendOffset appends "+05:30", minutes and seconds only when not zero.
func appendOffset(dst []byte, seconds int) []byte {
	sign := byte('+')
	if seconds < 0 {
		sign, seconds = '-', -seconds
	}
	dst = append2(append(dst, sign), seconds/3600)
	if seconds%3600 != 0 {
		dst = append2(append(dst, ':'), seconds/60%60)
	}
	if seconds%60 != 0 {
		dst = append2(append(dst, ':'), seconds%60)
	}
	return dst
}

// AppendISOTimestamp appends "2026-11-22T17:40:00.500", always with milliseconds and in UTC: ksqlDB's text.
func AppendISOTimestamp(dst []byte, us int64) []byte {
	days, rest := floorDiv(us, Day)
	dst = append(AppendDate(dst, days), 'T')
	dst = AppendTime(dst, rest-rest%Second)
	ms := int(rest % Second / Millisecond)
	return append2(append(dst, '.', byte('0'+ms/100)), ms%100)
}

// MakeInterval packs an interval as Interval vectors hold it.
func MakeInterval(months, days int32, us int64) Int128 {
	return Int128{Hi: int64(months)<<32 | int64(uint32(days)), Lo: uint64(us)}
}

// IntervalParts unpacks an interval.
func IntervalParts(x Int128) (months, days int32, us int64) {
	return int32(x.Hi >> 32), int32(x.Hi), int64(x.Lo)
}

// AppendInterval appends an interval in Postgres' default style: "1 year 2 mons 3 days 04:05:06.7".
func AppendInterval(dst []byte, x Int128) []byte {
	months, days, us := IntervalParts(x)
	start := len(dst)
	part := func(n int64, unit string, after bool) {
		if n == 0 {
			return
		}
		if len(dst) > start {
			dst = append(dst, ' ')
		}
		if after && n > 0 {
			dst = append(dst, '+')
		}
		dst = append(strconv.AppendInt(dst, n, 10), ' ')
		dst = append(dst, unit...)
		if n != 1 {
			dst = append(dst, 's')
		}
	}
	part(int64(months/12), "year", false)
	part(int64(months%12), "mon", months/12 < 0)
	part(int64(days), "day", months < 0)
	if us == 0 && len(dst) > start {
		return dst
	}
	if len(dst) > start {
		dst = append(dst, ' ')
	}
	magnitude := uint64(us)
	switch {
	case us < 0:
		dst, magnitude = append(dst, '-'), -uint64(us)
	case days < 0 || days == 0 && months < 0:
		dst = append(dst, '+')
	}
	hours := magnitude / uint64(Hour)
	if hours < 10 {
		dst = append(dst, '0')
	}
	dst = strconv.AppendUint(dst, hours, 10)
	rest := int64(magnitude % uint64(Hour))
	dst = append2(append(dst, ':'), int(rest/Minute))
	dst = append2(append(dst, ':'), int(rest/Second%60))
	return appendFraction(dst, rest%Second)
}

// AddInterval moves an instant: months first (clamped to the month's end), then days, then time, in a zone (nil: UTC).
// ok is false out of range.
func AddInterval(us int64, x Int128, zone *time.Location) (int64, bool) {
	months, days, rest := IntervalParts(x)
	if months != 0 || days != 0 {
		t := GoTime(us, zone)
		offset := int64(0)
		if zone != nil {
			_, o := t.Zone()
			offset = int64(o) * Second
		}
		day, clock := floorDiv(us+offset, Day)
		day = AddMonths(day, int64(months)) + int64(days)
		if day > MaxDays || day < -MaxDays {
			return 0, false
		}
		local := day*Day + clock
		us = local - offset
		if zone != nil { // the wall clock is kept across a change of the offset
			_, o := GoTime(us, zone).Zone()
			us = local - int64(o)*Second
		}
	}
	sum := us + rest
	return sum, (us^sum)&(rest^sum) >= 0
}

// AddMonths moves a day by months, clamped to the month's end.
func AddMonths(day, months int64) int64 {
	if months == 0 {
		return day
	}
	y, m, d := Civil(day)
	carry, month := floorDiv(int64(m-1)+months, 12)
	y += carry
	return Days(y, int(month)+1, min(d, DaysIn(y, int(month)+1)))
}

// FloorDiv divides towards minus infinity.
func FloorDiv(a, b int64) int64 {
	q, _ := floorDiv(a, b)
	return q
}

// Local is the calendar day and the microseconds of it that an instant shows in a zone (nil: UTC).
func Local(us int64, zone *time.Location) (day, clock int64) {
	if zone != nil {
		_, offset := time.UnixMicro(us).In(zone).Zone()
		us += int64(offset) * Second
	}
	return floorDiv(us, Day)
}

// LocalOffset is by how many microseconds a zone's wall clock (nil: UTC) is ahead of UTC at a local time.
func LocalOffset(localUS int64, zone *time.Location) int64 {
	if zone == nil {
		return 0
	}
	return zoneOffset(localUS, zone) * Second
}
