package scalar

import (
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// formats is functions between times and texts of a pattern: Postgres' to_char patterns, and Java's in ksqlDB's functions.
func formats() []*functions.Function {
	java := " Patterns are Java's (yyyy-MM-dd HH:mm:ss.SSS); a last argument names the time zone."
	write := func(returns types.Type, kind conversion, source types.Type) []*functions.Overload {
		return []*functions.Overload{patterned(javaLayout, kind, returns, source, tText), patterned(javaLayout, kind, returns, source, tText, tText)}
	}
	toTimestamp := []*functions.Overload{overload(rows(fromSeconds), tTimestamp, tDouble), patterned(postgresLayout, parseTime, tTimestamp, tText, tText)}
	return []*functions.Function{
		{
			Name: "to_char", Category: "date", Help: "Timestamp as text by a pattern of YYYY YY MM Mon Month DD Dy Day HH24 HH12 MI SS MS US AM TZ OF.",
			Examples:  examples("to_char(TIMESTAMP '2026-11-22 17:40:05+00', 'YYYY-MM-DD HH24:MI:SS')", "2026-11-22 17:40:05", "to_char(TIMESTAMP '2026-11-22 17:40:05+00', 'DD Mon HH12:MI am')", "22 Nov 05:40 pm"),
			Overloads: []*functions.Overload{patterned(postgresLayout, formatTime, tText, tTimestamp, tText)},
		},
		{
			Name: "to_timestamp", Category: "date", Help: "Timestamp of seconds since 1970, or of a text by a to_char pattern.",
			Examples: examples("to_timestamp(1284352323)", "2010-09-13 04:32:03+00", "to_timestamp('05 Dec 2000', 'DD Mon YYYY')", "2000-12-05 00:00:00+00"), Overloads: toTimestamp,
		},
		{
			Name: "to_date", Category: "date", Help: "Date of a text by a to_char pattern.", Examples: examples("to_date('05 12 2000', 'DD MM YYYY')", "2000-12-05"),
			Overloads: []*functions.Overload{patterned(postgresLayout, parseDate, tDate, tText, tText)},
		},
		{Name: "format_timestamp", Category: "date", Help: "Timestamp as text." + java, Examples: examples("format_timestamp(TIMESTAMP '2026-11-22 17:40:05+00', 'dd.MM.yyyy HH:mm', 'Europe/Berlin')", "22.11.2026 18:40"), Overloads: write(tText, formatTime, tTimestamp)},
		{Name: "parse_timestamp", Category: "date", Help: "Timestamp of a text." + java, Examples: examples("parse_timestamp('22/11/2026 17', 'dd/MM/yyyy HH')", "2026-11-22 17:00:00+00"), Overloads: write(tTimestamp, parseTime, tText)},
		{Name: "timestamptostring", Category: "date", Help: "Milliseconds since 1970 as text." + java, Examples: examples("timestamptostring(1638360611123, 'yyyy-MM-dd HH:mm:ss.SSS')", "2021-12-01 12:10:11.123"), Overloads: write(tText, formatMillis, tBig)},
		{Name: "stringtotimestamp", Category: "date", Help: "Milliseconds since 1970 of a text." + java, Examples: examples("stringtotimestamp('2021-12-01 12:10:11.123', 'yyyy-MM-dd HH:mm:ss.SSS')", "1638360611123"), Overloads: write(tBig, parseMillis, tText)},
		{Name: "format_date", Category: "date", Help: "Date as text. Patterns are Java's.", Examples: examples("format_date(DATE '2026-11-22', 'MMM d, yyyy')", "Nov 22, 2026"), Overloads: write(tText, formatDate, tDate)[:1]},
		{Name: "parse_date", Category: "date", Help: "Date of a text. Patterns are Java's.", Examples: examples("parse_date('22.11.26', 'dd.MM.yy')", "2026-11-22"), Overloads: write(tDate, parseDate, tText)[:1]},
		{Name: "format_time", Category: "date", Help: "Time of day as text. Patterns are Java's.", Examples: examples("format_time(TIME '17:40:05', 'h:mm a')", "5:40 PM"), Overloads: write(tText, formatClock, tTime)[:1]},
		{Name: "parse_time", Category: "date", Help: "Time of day of a text. Patterns are Java's.", Examples: examples("parse_time('17:40', 'HH:mm')", "17:40:00"), Overloads: write(tTime, parseClock, tText)[:1]},
	}
}

// conversion is what a patterned function does.
type conversion uint8

const (
	formatTime conversion = iota
	formatMillis
	formatDate
	formatClock
	parseTime
	parseMillis
	parseDate
	parseClock
)

// patterned is an overload whose second argument is a pattern: compiled once for a constant.
func patterned(compile func(string) (layout, *sqlerr.Error), kind conversion, returns types.Type, params ...types.Type) *functions.Overload {
	convert := func(get func(args []*vector.Vector, i int) (layout, *sqlerr.Error)) functions.Kernel {
		return rows(func(ctx *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
			l, err := get(args, i)
			if err != nil {
				return err
			}
			if kind >= parseTime {
				return parseWith(l, kind, ctx, args, i, out)
			}
			return formatWith(l, kind, ctx, args, i, out)
		})
	}
	o := overload(convert(func(args []*vector.Vector, i int) (layout, *sqlerr.Error) { return compile(string(text(args, 1, i))) }), returns, params...)
	o.Specialise = func(consts []*vector.Vector, _ []types.Type) (functions.Kernel, error) {
		if consts[1] == nil {
			return nil, nil
		}
		l, err := compile(string(text(consts, 1, 0)))
		if err != nil {
			return nil, err
		}
		return convert(func([]*vector.Vector, int) (layout, *sqlerr.Error) { return l, nil }), nil
	}
	return o
}

func formatWith(l layout, kind conversion, ctx *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
	zone, err := argZone(ctx, args, 2, i)
	if err != nil {
		return err
	}
	us := integer(args, 0, i)
	switch kind {
	case formatMillis:
		if us > maxDays*(vector.Day/vector.Millisecond) || us < -maxDays*(vector.Day/vector.Millisecond) {
			return timeOutOfRange()
		}
		us *= vector.Millisecond
	case formatDate:
		if us > maxDays || us < -maxDays {
			return timeOutOfRange()
		}
		us, zone = us*vector.Day, nil
	case formatClock:
		zone = nil
	}
	at := len(out.Buf)
	out.Buf = l.format(out.Buf, us, zone)
	out.MarkText(i, at)
	return nil
}

func parseWith(l layout, kind conversion, ctx *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
	zone, err := argZone(ctx, args, 2, i)
	if err != nil {
		return err
	}
	if kind == parseDate || kind == parseClock {
		zone = nil
	}
	us, ok := l.parse(string(text(args, 0, i)), zone)
	if !ok {
		return sqlerr.Newf(sqlerr.InvalidDatetimeFormat, 0, "%q does not match the pattern %q", text(args, 0, i), text(args, 1, i))
	}
	switch kind {
	case parseMillis:
		us = vector.FloorDiv(us, vector.Millisecond)
	case parseDate:
		us = vector.FloorDiv(us, vector.Day)
	case parseClock:
		us -= vector.FloorDiv(us, vector.Day) * vector.Day
	}
	out.I[i] = us
	return nil
}
