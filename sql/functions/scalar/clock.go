package scalar

import (
	"math"
	"time"

	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// clocks is the current time and counts since 1970.
func clocks() []*functions.Function {
	now := func(name string) *functions.Function {
		return &functions.Function{
			Name: name, Category: "date", Help: "The statement's time.", Examples: examples(name+"()", "2026-11-22 17:00:00+00"),
			Overloads: []*functions.Overload{stable(overload(clock(func(us int64, _ *time.Location) int64 { return us }), tTimestamp))},
		}
	}
	return []*functions.Function{
		now("now"), now("current_timestamp"), now("localtimestamp"), now("transaction_timestamp"), now("statement_timestamp"),
		{
			Name: "current_date", Category: "date", Help: "Today, in the session's time zone.", Examples: examples("current_date", "2026-11-22"),
			Overloads: []*functions.Overload{stable(overload(clock(func(us int64, z *time.Location) int64 {
				day, _ := vector.Local(us, z)
				return day
			}), tDate))},
		},
		{
			Name: "current_time", Category: "date", Help: "The time of day, in the session's time zone.", Examples: examples("current_time", "17:00:00"),
			Overloads: []*functions.Overload{stable(overload(clock(func(us int64, z *time.Location) int64 {
				_, rest := vector.Local(us, z)
				return rest
			}), tTime))},
		},
		{
			Name: "unix_timestamp", Category: "date", Help: "Milliseconds since 1970, of now or of a timestamp.", Examples: examples("unix_timestamp()", "1795366800000", "unix_timestamp(TIMESTAMP '1970-01-01 00:00:01+00')", "1000"),
			Overloads: []*functions.Overload{
				stable(overload(clock(func(us int64, _ *time.Location) int64 { return vector.FloorDiv(us, vector.Millisecond) }), tBig)),
				overload(int1(func(us int64) int64 { return vector.FloorDiv(us, vector.Millisecond) }), tBig, tTimestamp),
			},
		},
		{
			Name: "unix_date", Category: "date", Help: "Days since 1970, of today or of a date.", Examples: examples("unix_date(DATE '1970-01-11')", "10"),
			Overloads: []*functions.Overload{
				stable(overload(clock(func(us int64, _ *time.Location) int64 { return vector.FloorDiv(us, vector.Day) }), tInt)),
				overload(int1(func(days int64) int64 { return days }), tInt, tDate),
			},
		},
		{
			Name: "from_unixtime", Category: "date", Help: "Timestamp of milliseconds since 1970.", Examples: examples("from_unixtime(1500)", "1970-01-01 00:00:01.5+00"),
			Overloads: []*functions.Overload{overload(rows(fromMilliseconds), tTimestamp, tBig)},
		},
		{
			Name: "from_days", Category: "date", Help: "Date of days since 1970.", Examples: examples("from_days(10)", "1970-01-11"),
			Overloads: []*functions.Overload{overload(int1(func(x int64) int64 { return x }), tDate, tInt)},
		},
	}
}

func stable(o *functions.Overload) *functions.Overload {
	o.Volatility = functions.Stable
	return o
}

// zoneOf is the session's zone; nil for UTC.
func zoneOf(ctx *functions.Context) *time.Location {
	if ctx.TimeZone == "" || ctx.TimeZone == "UTC" {
		return nil
	}
	z, err := vector.Zone(ctx.TimeZone)
	if err != nil {
		return nil
	}
	return z
}

// clock is a kernel of the statement's time.
func clock(f func(us int64, zone *time.Location) int64) functions.Kernel {
	return func(ctx *functions.Context, _ []*vector.Vector, n int, sel []uint16, out *vector.Vector) error {
		x := f(ctx.Now, zoneOf(ctx))
		return each(n, sel, func(i int) error {
			out.I[i] = x
			return nil
		})
	}
}

// int1 is a kernel of one word that cannot fail.
func int1(f func(int64) int64) functions.Kernel {
	return func(_ *functions.Context, args []*vector.Vector, n int, sel []uint16, out *vector.Vector) error {
		return each(n, sel, func(i int) error {
			out.I[i] = f(integer(args, 0, i))
			return nil
		})
	}
}

func timeOutOfRange() *sqlerr.Error {
	return sqlerr.Newf(sqlerr.DatetimeOverflow, 0, "timestamp out of range")
}

func fromMilliseconds(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
	ms := integer(args, 0, i)
	if ms > math.MaxInt64/vector.Millisecond || ms < math.MinInt64/vector.Millisecond {
		return timeOutOfRange()
	}
	out.I[i] = ms * vector.Millisecond
	return nil
}

// fromSeconds is to_timestamp(double precision).
func fromSeconds(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
	us := math.Round(number(args, 0, i) * float64(vector.Second))
	if us != us || math.Abs(us) >= math.MaxInt64 {
		return timeOutOfRange()
	}
	out.I[i] = int64(us)
	return nil
}

// argZone is the zone argument k names, or the session's.
func argZone(ctx *functions.Context, args []*vector.Vector, k, i int) (*time.Location, *sqlerr.Error) {
	if k >= len(args) {
		return zoneOf(ctx), nil
	}
	name := string(text(args, k, i))
	z, err := vector.Zone(name)
	if err != nil {
		return nil, sqlerr.Newf(sqlerr.InvalidParameterValue, 0, "time zone %q not recognized", name)
	}
	return z, nil
}

// timeTypes are the types with fields.
func timeTypes() []types.Type { return []types.Type{tTimestamp, tDate, tTime, tInterval} }
