package expr

import (
	"math"
	"strconv"
	"strings"

	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// converterFor finds how to cast between two flat types; nil: it cannot be done.
func converterFor(from, to types.Type, ctx *functions.Context) converter {
	switch {
	case to.ID == types.String:
		return toText
	case from.ID == types.String || from.ID == types.Unknown:
		if ctx.Dialect == functions.KsqlDB {
			if c := ksqlParser(to); c != nil {
				return c
			}
		}
		return parser(to)
	case from.Integer() || from.ID == types.Boolean:
		return fromInt(from, to)
	case float(from.ID):
		return fromFloat(from, to)
	case from.ID == types.Decimal:
		return fromDecimal(to)
	}
	return fromTime(from, to)
}

// toText casts to text: as printed, but for booleans, which are spelled out.
func toText(ctx *functions.Context, in *vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
	at := len(out.Buf)
	style := vector.Style{Ksql: ctx.Dialect == functions.KsqlDB}
	switch in.Type.ID {
	case types.Boolean:
		out.Buf = strconv.AppendBool(out.Buf, in.I[in.Row(i)] != 0)
	case types.Timestamp:
		style.Zone = zoneOf(ctx)
		fallthrough
	default:
		out.Buf = vector.AppendText(out.Buf, in, i, style)
	}
	out.MarkText(i, at)
	return nil
}

// parser casts text as Postgres' input functions read it.
func parser(to types.Type) converter {
	switch {
	case to.Integer():
		return func(_ *functions.Context, in *vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
			x, err := vector.ParseInt(string(in.Bytes(i)), to.ID)
			if err != nil {
				return inputError(to, string(in.Bytes(i)), err)
			}
			out.I[i] = x
			return nil
		}
	case to.ID == types.Map || to.ID == types.Struct:
		return nil
	}
	return func(ctx *functions.Context, in *vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
		d, err := vector.ParseText(to, string(in.Bytes(i)), zoneOf(ctx))
		if err != nil {
			return inputError(to, string(in.Bytes(i)), err)
		}
		setDatum(out, i, d)
		return nil
	}
}

// setDatum sets row i of a flat vector made by Reset.
func setDatum(out *vector.Vector, i int, d vector.Datum) {
	switch out.Type.ID {
	case types.Real, types.Double:
		out.F[i] = d.F
	case types.Decimal:
		out.D[i] = d.D
		if out.Type.Precision == 0 {
			out.Scales[i] = d.Scale
		}
	case types.Interval:
		out.D[i] = d.D
	case types.String, types.Bytes:
		out.SetString(i, d.S)
	default:
		out.I[i] = d.I
	}
}

// ksqlParser is where ksqlDB reads text differently: booleans never fail, bytes are base64.
func ksqlParser(to types.Type) converter {
	switch to.ID {
	case types.Boolean:
		return func(_ *functions.Context, in *vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
			s := strings.ToLower(strings.TrimSpace(string(in.Bytes(i))))
			out.I[i] = int64(bit(s != "" && (strings.HasPrefix("true", s) || strings.HasPrefix("yes", s))))
			return nil
		}
	case types.Bytes:
		return func(_ *functions.Context, in *vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
			b, ok := vector.ParseBase64(string(in.Bytes(i)))
			if !ok {
				return inputError(to, string(in.Bytes(i)), vector.ErrSyntax)
			}
			out.SetBytes(i, b)
			return nil
		}
	}
	return nil
}

func fromInt(from, to types.Type) converter {
	switch {
	case to.Integer():
		return func(ctx *functions.Context, in *vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
			if ctx.Dialect == functions.KsqlDB && to.ID == types.Int {
				out.I[i] = int64(int32(in.I[in.Row(i)]))
				return nil
			}
			return setInt(out, i, in.I[in.Row(i)])
		}
	case to.ID == types.Boolean && from.Integer():
		return func(_ *functions.Context, in *vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
			out.I[i] = int64(bit(in.I[in.Row(i)] != 0))
			return nil
		}
	case from.ID == types.Boolean:
		return nil
	case to.ID == types.Double:
		return func(_ *functions.Context, in *vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
			out.F[i] = float64(in.I[in.Row(i)])
			return nil
		}
	case to.ID == types.Real:
		return func(_ *functions.Context, in *vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
			out.F[i] = float64(float32(in.I[in.Row(i)]))
			return nil
		}
	case to.ID == types.Decimal:
		return func(_ *functions.Context, in *vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
			return setDecimal(out, i, vector.FromInt64(in.I[in.Row(i)]), 0)
		}
	case to.ID == types.Timestamp && from.ID == types.BigInt:
		return func(_ *functions.Context, in *vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
			ms := in.I[in.Row(i)]
			if ms > math.MaxInt64/vector.Millisecond || ms < math.MinInt64/vector.Millisecond {
				return sqlerr.Newf(sqlerr.DatetimeOverflow, 0, "timestamp out of range: %d", ms)
			}
			out.I[i] = ms * vector.Millisecond
			return nil
		}
	}
	return nil
}

// Digits a float gives a NUMERIC. Source: Postgres, float8_numeric and float4_numeric (DBL_DIG, FLT_DIG).
const (
	doubleDigits = 15
	realDigits   = 6
)

func fromFloat(from, to types.Type) converter {
	switch {
	case to.Integer():
		return func(ctx *functions.Context, in *vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
			return setRounded(ctx, out, i, in.F[in.Row(i)])
		}
	case to.ID == types.Real:
		return func(_ *functions.Context, in *vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
			f := in.F[in.Row(i)]
			r := float64(float32(f))
			if math.IsInf(r, 0) && !math.IsInf(f, 0) {
				return overflowError(to)
			}
			out.F[i] = r
			return nil
		}
	case to.ID == types.Double:
		return func(_ *functions.Context, in *vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
			out.F[i] = in.F[in.Row(i)]
			return nil
		}
	case to.ID == types.Decimal:
		digits := doubleDigits
		if from.ID == types.Real {
			digits = realDigits
		}
		return func(_ *functions.Context, in *vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
			f := in.F[in.Row(i)]
			if math.IsNaN(f) || math.IsInf(f, 0) {
				return sqlerr.Newf(sqlerr.NumericOutOfRange, 0, "cannot convert %s to numeric", vector.AppendFloat(nil, f, 64))
			}
			x, scale, _, fits := vector.ParseDecimal(strconv.FormatFloat(f, 'g', digits, 64))
			if !fits {
				return overflowError(to)
			}
			for scale > 0 {
				q, r := x.QuoRem(vector.FromInt64(10))
				if r.Sign() != 0 {
					break
				}
				x, scale = q, scale-1
			}
			return setDecimal(out, i, x, scale)
		}
	}
	return nil
}

func fromDecimal(to types.Type) converter {
	switch {
	case to.ID == types.Decimal:
		return func(_ *functions.Context, in *vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
			return setDecimal(out, i, in.D[in.Row(i)], in.ScaleAt(i))
		}
	case to.Integer():
		return func(ctx *functions.Context, in *vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
			x, scale := in.D[in.Row(i)], in.ScaleAt(i)
			if ctx.Dialect == functions.KsqlDB {
				if p, ok := vector.Pow10(int(scale)); ok {
					x, _ = x.QuoRem(p)
				}
			} else {
				x, _ = x.Rescale(scale, 0)
			}
			n, ok := x.Int64()
			if !ok {
				return overflowError(out.Type)
			}
			return setInt(out, i, n)
		}
	case float(to.ID):
		return func(_ *functions.Context, in *vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
			out.F[i] = vector.DecimalFloat(in.D[in.Row(i)], in.ScaleAt(i))
			if to.ID == types.Real {
				out.F[i] = float64(float32(out.F[i]))
			}
			return nil
		}
	}
	return nil
}

// fromTime casts between dates, times, timestamps and intervals; a timestamp's date and time are those of the session's zone.
func fromTime(from, to types.Type) converter {
	type pair struct{ from, to types.ID }
	switch (pair{from.ID, to.ID}) {
	case pair{types.Date, types.Timestamp}:
		return func(ctx *functions.Context, in *vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
			day := in.I[in.Row(i)]
			if day > vector.MaxDays || day < -vector.MaxDays {
				return sqlerr.Newf(sqlerr.DatetimeOverflow, 0, "date out of range for timestamp")
			}
			out.I[i] = day*vector.Day - vector.LocalOffset(day*vector.Day, zoneOf(ctx))
			return nil
		}
	case pair{types.Timestamp, types.Date}:
		return func(ctx *functions.Context, in *vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
			out.I[i], _ = vector.Local(in.I[in.Row(i)], zoneOf(ctx))
			return nil
		}
	case pair{types.Timestamp, types.Time}:
		return func(ctx *functions.Context, in *vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
			_, out.I[i] = vector.Local(in.I[in.Row(i)], zoneOf(ctx))
			return nil
		}
	case pair{types.Time, types.Interval}:
		return func(_ *functions.Context, in *vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
			out.D[i] = vector.MakeInterval(0, 0, in.I[in.Row(i)])
			return nil
		}
	case pair{types.Interval, types.Time}:
		return func(_ *functions.Context, in *vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
			_, _, us := vector.IntervalParts(in.D[in.Row(i)])
			out.I[i] = (us%vector.Day + vector.Day) % vector.Day
			return nil
		}
	case pair{types.Timestamp, types.BigInt}:
		return func(_ *functions.Context, in *vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
			out.I[i] = vector.FloorDiv(in.I[in.Row(i)], vector.Millisecond)
			return nil
		}
	}
	return nil
}
