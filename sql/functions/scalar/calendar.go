package scalar

import (
	"math"
	"strings"
	"time"

	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// calendars is arithmetic with dates, times and intervals, their fields, and their truncation.
func calendars() []*functions.Function {
	operator := func(name string, overloads ...*functions.Overload) *functions.Function {
		return &functions.Function{Name: name, Category: "operators", Overloads: overloads}
	}
	var fields, parts []*functions.Overload
	for _, t := range timeTypes() {
		fields = append(fields, overload(rows(extract), tDecimal, tText, t))
		parts = append(parts, overload(rows(datePart), tDouble, tText, t))
	}
	return []*functions.Function{
		operator("+",
			overload(move(0, 1, 1), tTimestamp, tTimestamp, tInterval), overload(move(1, 0, 1), tTimestamp, tInterval, tTimestamp),
			overload(moveDate(0, 1, 1), tTimestamp, tDate, tInterval), overload(moveDate(1, 0, 1), tTimestamp, tInterval, tDate),
			overload(days(func(x, y int64) int64 { return x + y }), tDate, tDate, tInt), overload(days(func(x, y int64) int64 { return x + y }), tDate, tInt, tDate),
			overload(dateTime(0, 1), tTimestamp, tDate, tTime), overload(dateTime(1, 0), tTimestamp, tTime, tDate),
			overload(moveTime(0, 1, 1), tTime, tTime, tInterval), overload(moveTime(1, 0, 1), tTime, tInterval, tTime),
			overload(intervals(1), tInterval, tInterval, tInterval)),
		operator("-",
			overload(move(0, 1, -1), tTimestamp, tTimestamp, tInterval), overload(moveDate(0, 1, -1), tTimestamp, tDate, tInterval),
			overload(days(func(x, y int64) int64 { return x - y }), tDate, tDate, tInt), overload(days(func(x, y int64) int64 { return x - y }), tInt, tDate, tDate),
			overload(rows(timestampDifference), tInterval, tTimestamp, tTimestamp), overload(rows(timeDifference), tInterval, tTime, tTime),
			overload(moveTime(0, 1, -1), tTime, tTime, tInterval), overload(intervals(-1), tInterval, tInterval, tInterval),
			overload(rows(negateInterval), tInterval, tInterval)),
		operator("*", overload(scaleInterval(0, 1, false), tInterval, tInterval, tDouble), overload(scaleInterval(1, 0, false), tInterval, tDouble, tInterval)),
		operator("/", overload(scaleInterval(0, 1, true), tInterval, tInterval, tDouble)),
		{
			Name: "extract", Category: "date", Help: "A field of a timestamp, date, time or interval: year, quarter, month, week, day, dow, doy, hour, minute, second, milliseconds, microseconds, epoch and others. Written extract(field FROM source).",
			Examples: examples("extract(hour FROM TIMESTAMP '2026-11-22 17:40:05.5+00')", "17", "extract(second FROM TIMESTAMP '2026-11-22 17:40:05.5+00')", "5.500000"), Overloads: fields,
		},
		{Name: "date_part", Category: "date", Help: "extract as a function, with a double for an answer.", Examples: examples("date_part('year', DATE '2026-11-22')", "2026"), Overloads: parts},
		{
			Name: "date_trunc", Category: "date", Help: "Timestamp cut to a unit, in the session's or a given time zone.",
			Examples: examples("date_trunc('hour', TIMESTAMP '2026-11-22 17:40:05+00')", "2026-11-22 17:00:00+00", "date_trunc('week', DATE '2026-11-22')", "2026-11-16 00:00:00+00"),
			Overloads: []*functions.Overload{
				truncation(), overload(rows(dateTrunc), tTimestamp, tText, tTimestamp, tText),
				overload(rows(intervalTrunc), tInterval, tText, tInterval),
			},
		},
		{
			Name: "timezone", Category: "date", Help: "AT TIME ZONE: not supported, as there is no timestamp without a time zone. Set the session's time zone, or give date_trunc, format_timestamp and their like a zone.",
			Overloads: []*functions.Overload{{Params: []types.Type{tText, tTimestamp}, ReturnType: noTimeZone}},
		},
		{
			Name: "date_bin", Category: "date", Help: "Start of the interval-long bin, counted from an origin, that a timestamp falls into.",
			Examples:  examples("date_bin('15 minutes', TIMESTAMP '2020-02-11 15:44:17+00', TIMESTAMP '2001-01-01+00')", "2020-02-11 15:30:00+00"),
			Overloads: []*functions.Overload{overload(rows(dateBin), tTimestamp, tInterval, tTimestamp, tTimestamp)},
		},
	}
}

func noTimeZone([]types.Type) (types.Type, error) {
	return types.Type{}, sqlerr.Unsupported(0, "AT TIME ZONE").WithHint("set the session's time zone, or name the zone in date_trunc(unit, t, zone) or format_timestamp(t, pattern, zone)")
}

func interval(args []*vector.Vector, k, i int) vector.Int128 { return args[k].D[args[k].Row(i)] }

// signedInterval turns an interval around for sign -1.
func signedInterval(x vector.Int128, sign int64) vector.Int128 {
	if sign > 0 {
		return x
	}
	months, days, us := vector.IntervalParts(x)
	return vector.MakeInterval(-months, -days, -us)
}

// move adds interval argument k to instant argument at. Plain durations take no calendar.
func move(at, k int, sign int64) functions.Kernel {
	return rows(func(ctx *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
		us, ok := vector.AddInterval(integer(args, at, i), signedInterval(interval(args, k, i), sign), zoneOf(ctx))
		if !ok {
			return timeOutOfRange()
		}
		out.I[i] = us
		return nil
	})
}

// maxDays keeps a date's microseconds within 64 bits; maxDate is the last day of Postgres' calendar, 5874897-12-31.
const (
	maxDays = vector.MaxDays
	maxDate = 2145031948
)

func moveDate(at, k int, sign int64) functions.Kernel {
	return rows(func(ctx *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
		day := integer(args, at, i)
		if day > maxDays || day < -maxDays {
			return timeOutOfRange()
		}
		zone := zoneOf(ctx)
		us, ok := vector.AddInterval(day*vector.Day-vector.LocalOffset(day*vector.Day, zone), signedInterval(interval(args, k, i), sign), zone)
		if !ok {
			return timeOutOfRange()
		}
		out.I[i] = us
		return nil
	})
}

// days reckons with two whole numbers of which one or both count days.
func days(f func(x, y int64) int64) functions.Kernel {
	return rows(func(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
		out.I[i] = f(integer(args, 0, i), integer(args, 1, i))
		if x := out.I[i]; out.Type.ID == types.Date && (x > maxDate || x < -maxDate) {
			return sqlerr.Newf(sqlerr.DatetimeOverflow, 0, "date out of range")
		}
		return nil
	})
}

func dateTime(date, clock int) functions.Kernel {
	return rows(func(ctx *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
		day := integer(args, date, i)
		if day > maxDays || day < -maxDays {
			return timeOutOfRange()
		}
		local := day*vector.Day + integer(args, clock, i)
		out.I[i] = local - vector.LocalOffset(local, zoneOf(ctx))
		return nil
	})
}

func moveTime(at, k int, sign int64) functions.Kernel {
	return rows(func(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
		_, _, us := vector.IntervalParts(interval(args, k, i))
		t := (integer(args, at, i) + sign*(us%vector.Day)) % vector.Day
		out.I[i] = (t + vector.Day) % vector.Day
		return nil
	})
}

func intervalOutOfRange() *sqlerr.Error {
	return sqlerr.Newf(sqlerr.DatetimeOverflow, 0, "interval out of range")
}

func intervals(sign int64) functions.Kernel {
	return rows(func(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
		m1, d1, u1 := vector.IntervalParts(interval(args, 0, i))
		m2, d2, u2 := vector.IntervalParts(signedInterval(interval(args, 1, i), sign))
		return storeInterval(out, i, float64(m1)+float64(m2), float64(d1)+float64(d2), float64(u1)+float64(u2), u1+u2)
	})
}

// storeInterval sets an interval whose parts, as floats, tell whether they fit; us is the exact time part.
func storeInterval(out *vector.Vector, i int, months, days, approximate float64, us int64) *sqlerr.Error {
	if math.Abs(months) > math.MaxInt32 || math.Abs(days) > math.MaxInt32 || math.Abs(approximate) >= math.MaxInt64 {
		return intervalOutOfRange()
	}
	out.D[i] = vector.MakeInterval(int32(months), int32(days), us)
	return nil
}

func negateInterval(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
	out.D[i] = signedInterval(interval(args, 0, i), -1)
	return nil
}

// timestampDifference has days and time, no months, as Postgres.
func timestampDifference(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
	x, y := integer(args, 0, i), integer(args, 1, i)
	d := x - y
	if (x^y)&(x^d) < 0 {
		return intervalOutOfRange()
	}
	out.D[i] = vector.MakeInterval(0, int32(d/vector.Day), d%vector.Day)
	return nil
}

func timeDifference(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
	out.D[i] = vector.MakeInterval(0, 0, integer(args, 0, i)-integer(args, 1, i))
	return nil
}

// daysPerMonth is what a fraction of a month becomes.
const daysPerMonth = 30

// scaleInterval multiplies or divides an interval; fractions run down to the next smaller field.
func scaleInterval(at, by int, divide bool) functions.Kernel {
	return rows(func(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
		f := number(args, by, i)
		if divide {
			if f == 0 {
				return divisionByZero()
			}
			f = 1 / f
		}
		months, days, us := vector.IntervalParts(interval(args, at, i))
		m, mFraction := math.Modf(float64(months) * f)
		d, dFraction := math.Modf(float64(days)*f + roundTo(mFraction*daysPerMonth))
		u := math.Round(float64(us)*f + roundTo(dFraction)*float64(vector.Day))
		if m != m || d != d || u != u {
			return intervalOutOfRange()
		}
		return storeInterval(out, i, m, d, u, int64(u))
	})
}

// roundTo drops what float arithmetic adds behind the sixth digit.
func roundTo(x float64) float64 { return math.Round(x*1e6) / 1e6 }

// moment is an instant taken apart; for dates and times the rest is zero.
type moment struct {
	year               int64
	month, day         int
	days, clock, epoch int64 // epoch in microseconds
	offset             int64 // of the zone, in seconds
	interval           bool
}

func momentOf(ctx *functions.Context, v *vector.Vector, i int) moment {
	r := v.Row(i)
	m := moment{}
	switch v.Type.ID {
	case types.Timestamp:
		m.days, m.clock = vector.Local(v.I[r], zoneOf(ctx))
		m.epoch = v.I[r]
		m.offset = (m.days*vector.Day + m.clock - m.epoch) / vector.Second
	case types.Date:
		m.days = v.I[r]
		m.epoch = v.I[r] * vector.Day
	case types.Time:
		m.clock, m.epoch = v.I[r], v.I[r]
		return m
	case types.Interval:
		return momentOfInterval(v.D[r])
	}
	m.year, m.month, m.day = vector.Civil(m.days)
	return m
}

// A year of an interval's epoch is 365.25 days, a month 30.
const secondsPerYear = 31557600

func momentOfInterval(x vector.Int128) moment {
	months, days, us := vector.IntervalParts(x)
	m := moment{interval: true, year: int64(months / 12), month: int(months % 12), day: int(days), clock: us}
	m.epoch = (m.year*secondsPerYear+(int64(m.month)*daysPerMonth+int64(days))*24*3600)*vector.Second + us
	return m
}

// micros is the number of digits after the point of fields that have a fraction.
const micros = 6

// field is a named field in units of 10^-scale.
func (m moment) field(name string) (value int64, scale int16, ok bool) {
	switch strings.TrimSuffix(strings.ToLower(name), "s") {
	case "year":
		return m.shownYear(), 0, true
	case "month":
		return int64(m.month), 0, true
	case "quarter":
		return int64(max(m.month-1, 0)/3 + 1), 0, true
	case "day":
		return int64(m.day), 0, true
	case "hour":
		return m.clock / vector.Hour, 0, true
	case "minute":
		return m.clock / vector.Minute % 60, 0, true
	case "second":
		return m.clock % vector.Minute, micros, true
	case "millisecond", "msec":
		return m.clock % vector.Minute, 3, true
	case "microsecond", "usec":
		return m.clock % vector.Minute, 0, true
	case "epoch":
		return m.epoch, micros, true
	case "decade":
		return vector.FloorDiv(m.year, 10), 0, true
	case "century":
		return century(m.year, 100), 0, true
	case "millennium":
		return century(m.year, 1000), 0, true
	}
	if m.interval || m.month == 0 {
		return 0, 0, false
	}
	return m.dayField(name)
}

func (m moment) shownYear() int64 {
	if m.year <= 0 && !m.interval && m.month > 0 {
		return m.year - 1 // there is no year 0
	}
	return m.year
}

func century(year, length int64) int64 {
	if year > 0 {
		return (year + length - 1) / length
	}
	return -((length - 1 - (year - 1)) / length)
}

// dayField is the fields that need a date.
func (m moment) dayField(name string) (value int64, scale int16, ok bool) {
	weekday := ((m.days+4)%7 + 7) % 7 // 1970-01-01 was a Thursday
	switch strings.ToLower(name) {
	case "dow":
		return weekday, 0, true
	case "isodow":
		return (weekday+6)%7 + 1, 0, true
	case "doy":
		return m.days - vector.Days(m.year, 1, 1) + 1, 0, true
	case "week":
		_, week := time.Unix(m.days*24*3600, 0).UTC().ISOWeek()
		return int64(week), 0, true
	case "isoyear":
		year, _ := time.Unix(m.days*24*3600, 0).UTC().ISOWeek()
		return int64(year), 0, true
	case "julian":
		return m.days + 2440588, 0, true
	case "timezone":
		return m.offset, 0, true
	case "timezone_hour":
		return m.offset / 3600, 0, true
	case "timezone_minute":
		return m.offset / 60 % 60, 0, true
	}
	return 0, 0, false
}

func badUnit(name []byte, t types.Type) *sqlerr.Error {
	return sqlerr.Newf(sqlerr.InvalidParameterValue, 0, "unit %q not recognized for type %s", name, t)
}

func extract(ctx *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
	name := text(args, 0, i)
	x, scale, ok := momentOf(ctx, args[1], i).field(string(name))
	if !ok {
		return badUnit(name, args[1].Type)
	}
	setScaled(out, i, vector.FromInt64(x), scale)
	return nil
}

func datePart(ctx *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
	name := text(args, 0, i)
	x, scale, ok := momentOf(ctx, args[1], i).field(string(name))
	if !ok {
		return badUnit(name, args[1].Type)
	}
	out.F[i] = float64(x) / math.Pow10(int(scale))
	return nil
}

// clockUnit is the length of a unit that divides a day; 0 for others.
func clockUnit(name string) int64 {
	switch strings.TrimSuffix(strings.ToLower(name), "s") {
	case "microsecond":
		return 1
	case "millisecond":
		return vector.Millisecond
	case "second":
		return vector.Second
	case "minute":
		return vector.Minute
	case "hour":
		return vector.Hour
	}
	return 0
}

func dateTrunc(ctx *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
	zone, err := argZone(ctx, args, 2, i)
	if err != nil {
		return err
	}
	us, name := integer(args, 1, i), text(args, 0, i)
	if unit := clockUnit(string(name)); unit > 0 && (unit < vector.Hour || zone == nil) {
		out.I[i] = vector.FloorDiv(us, unit) * unit // no zone is off by less than a minute since 1972; hours may be
		return nil
	}
	day, rest := vector.Local(us, zone)
	if strings.EqualFold(strings.TrimSuffix(string(name), "s"), "hour") {
		out.I[i] = us - rest%vector.Hour
		return nil
	}
	day, ok := truncDay(string(name), day)
	if !ok {
		return badUnit(name, tTimestamp)
	}
	local := day * vector.Day
	out.I[i] = local - vector.LocalOffset(local, zone)
	return nil
}

// truncation is date_trunc in the session's zone: units below an hour by a division.
func truncation() *functions.Overload {
	o := overload(rows(dateTrunc), tTimestamp, tText, tTimestamp)
	o.Specialise = func(consts []*vector.Vector, _ []types.Type) (functions.Kernel, error) {
		if consts[0] == nil {
			return nil, nil
		}
		unit := clockUnit(string(text(consts, 0, 0)))
		if unit == 0 {
			return nil, nil
		}
		slow := rows(dateTrunc)
		return func(ctx *functions.Context, args []*vector.Vector, n int, sel []uint16, out *vector.Vector) error {
			if unit >= vector.Hour && zoneOf(ctx) != nil {
				return slow(ctx, args, n, sel, out)
			}
			return each(n, sel, func(i int) error {
				out.I[i] = vector.FloorDiv(integer(args, 1, i), unit) * unit
				return nil
			})
		}, nil
	}
	return o
}

// truncDay is the first day of the unit that a day falls into.
func truncDay(name string, day int64) (int64, bool) {
	y, m, _ := vector.Civil(day)
	switch strings.TrimSuffix(strings.ToLower(name), "s") {
	case "day":
		return day, true
	case "week":
		return day - ((day+3)%7+7)%7, true
	case "month":
		return vector.Days(y, m, 1), true
	case "quarter":
		return vector.Days(y, (m-1)/3*3+1, 1), true
	case "year":
		return vector.Days(y, 1, 1), true
	case "decade":
		return vector.Days(vector.FloorDiv(y, 10)*10, 1, 1), true
	case "century":
		return vector.Days(vector.FloorDiv(y-1, 100)*100+1, 1, 1), true
	case "millennium":
		return vector.Days(vector.FloorDiv(y-1, 1000)*1000+1, 1, 1), true
	}
	return 0, false
}

func intervalTrunc(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
	months, days, us := vector.IntervalParts(interval(args, 1, i))
	name := text(args, 0, i)
	if unit := clockUnit(string(name)); unit > 0 {
		out.D[i] = vector.MakeInterval(months, days, us/unit*unit)
		return nil
	}
	switch strings.TrimSuffix(strings.ToLower(string(name)), "s") {
	case "day":
		out.D[i] = vector.MakeInterval(months, days, 0)
	case "month":
		out.D[i] = vector.MakeInterval(months, 0, 0)
	case "year":
		out.D[i] = vector.MakeInterval(months/12*12, 0, 0)
	default:
		return badUnit(name, tInterval)
	}
	return nil
}

func dateBin(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
	months, days, us := vector.IntervalParts(interval(args, 0, i))
	stride := int64(days)*vector.Day + us
	switch {
	case months != 0:
		return sqlerr.Newf(sqlerr.FeatureNotSupported, 0, "timestamps cannot be binned into intervals containing months or years")
	case stride <= 0:
		return sqlerr.Newf(sqlerr.DatetimeOverflow, 0, "stride must be greater than zero")
	}
	origin := integer(args, 2, i)
	out.I[i] = origin + vector.FloorDiv(integer(args, 1, i)-origin, stride)*stride
	return nil
}
