package expr

import (
	"errors"
	"math"
	"strings"
	"time"

	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// castNode is CAST where values must be converted; casts that only widen are relabelNodes.
type castNode struct {
	arg  node
	cast *Cast
	conv converter
	ctx  *functions.Context
	try  functions.Context // of TRY_CAST: takes every row's error
	out  vector.Vector
	open []uint16
}

// converter casts one row that is not null, setting row i of out.
type converter func(ctx *functions.Context, in *vector.Vector, i int, out *vector.Vector) *sqlerr.Error

func compileCast(e *Cast, ctx *functions.Context) (node, error) {
	arg, err := compile(e.Arg, ctx)
	if err != nil {
		return nil, err
	}
	from, to := arg.typ(), e.Typ
	switch {
	case from.Equal(to):
		return arg, nil
	case relabels(from, to):
		return &relabelNode{arg: arg, t: to}, nil
	case from.Nested() && from.ID == to.ID && from.ID != types.Struct || from.ID == types.Struct && to.ID == types.Struct:
		return compileNestedCast(arg, e, ctx)
	}
	conv := converterFor(from, to, ctx)
	if conv == nil {
		return nil, sqlerr.Newf(sqlerr.CannotCoerce, e.Pos, "cannot cast type %s to %s", from, to)
	}
	n := &castNode{arg: arg, cast: e, conv: conv, ctx: ctx}
	if e.Try {
		n.try.RowError = func(int, *sqlerr.Error) {}
	}
	return n, nil
}

// relabels tells whether values of from are values of to as they lie in memory.
func relabels(from, to types.Type) bool {
	switch {
	case from.Integer() && to.Integer():
		return from.ID <= to.ID
	case from.ID == types.Real && to.ID == types.Double:
		return true
	case from.ID == types.Unknown && to.ID == types.String:
		return true
	}
	return false
}

// relabelNode gives a vector another type.
type relabelNode struct {
	arg node
	t   types.Type
	out vector.Vector
}

func (n *relabelNode) typ() types.Type { return n.t }

func (n *relabelNode) eval(c *vector.Chunk, sel []uint16) (*vector.Vector, error) {
	v, err := n.arg.eval(c, sel)
	if err != nil {
		return nil, err
	}
	n.out = *v
	n.out.Type = n.t
	return &n.out, nil
}

func (n *castNode) typ() types.Type { return n.cast.Typ }

func (n *castNode) eval(c *vector.Chunk, sel []uint16) (*vector.Vector, error) {
	v, err := n.arg.eval(c, sel)
	if err != nil {
		return nil, err
	}
	rows := c.N
	if v.Const {
		rows, sel = 1, nil
	}
	ctx := n.ctx
	if n.cast.Try {
		n.try.Now, n.try.TimeZone, n.try.Dialect = ctx.Now, ctx.TimeZone, ctx.Dialect
		ctx = &n.try
	}
	n.out.Reset(n.cast.Typ, rows)
	n.out.Const = v.Const
	if v.HasNulls() {
		orNulls(&n.out, v.Nulls)
		n.open = appendNotNull(n.open[:0], v, rows, sel)
		sel = n.open
		if sel == nil {
			return &n.out, nil
		}
	}
	if n.numeric(v, rows, sel) {
		return &n.out, nil
	}
	if n.out.Type.ID == types.Array {
		return &n.out, n.appendLists(ctx, v, rows, sel)
	}
	return &n.out, n.convert(ctx, v, rows, sel)
}

func (n *castNode) convert(ctx *functions.Context, v *vector.Vector, rows int, sel []uint16) error {
	if sel == nil {
		for i := range rows {
			if e := n.conv(ctx, v, i, &n.out); e != nil {
				if err := ctx.Fail(&n.out, i, e.WithPos(n.cast.Pos)); err != nil {
					return err
				}
			}
		}
		return nil
	}
	for _, i := range sel {
		if e := n.conv(ctx, v, int(i), &n.out); e != nil {
			if err := ctx.Fail(&n.out, int(i), e.WithPos(n.cast.Pos)); err != nil {
				return err
			}
		}
	}
	return nil
}

// appendLists casts text to arrays, whose rows can only be appended: rows outside sel become null.
func (n *castNode) appendLists(ctx *functions.Context, v *vector.Vector, rows int, sel []uint16) error {
	wasConst := n.out.Const
	n.out.Truncate()
	k := 0
	for i := range rows {
		if sel != nil {
			if k >= len(sel) || int(sel[k]) != i {
				n.out.AppendNull()
				continue
			}
			k++
		}
		d, err := vector.ParseText(n.cast.Typ, string(v.Bytes(i)), zoneOf(ctx))
		if err == nil {
			vector.AppendDatum(&n.out, d)
			continue
		}
		n.out.AppendNull()
		if err := ctx.Fail(&n.out, i, inputError(n.cast.Typ, string(v.Bytes(i)), err).WithPos(n.cast.Pos)); err != nil {
			return err
		}
	}
	n.out.Const = wasConst
	return nil
}

// numeric is the fast path of whole numbers to fixed decimals and doubles, which never fail.
func (n *castNode) numeric(v *vector.Vector, rows int, sel []uint16) bool {
	if !v.Type.Integer() {
		return false
	}
	switch to := n.cast.Typ; {
	case to.ID == types.Double:
		if sel == nil {
			for i, x := range v.I[:rows] {
				n.out.F[i] = float64(x)
			}
			return true
		}
		for _, i := range sel {
			n.out.F[i] = float64(v.I[i])
		}
		return true
	case to.ID == types.Decimal && to.Precision > 0 && to.Scale == 0 && to.Precision >= types.IntegerAsDecimal(v.Type.ID).Precision:
		each(rows, sel, func(i int) { n.out.D[i] = vector.FromInt64(v.I[i]) })
		return true
	}
	return false
}

// zoneOf is the session's zone; nil for UTC.
func zoneOf(ctx *functions.Context) *time.Location {
	if ctx.TimeZone == "" || ctx.TimeZone == "UTC" {
		return nil
	}
	loc, err := vector.Zone(ctx.TimeZone)
	if err != nil {
		return nil
	}
	return loc
}

// InputError is what the client is told about a text that vector.ParseText refused: 22P02, 22003, 22007 or 22008.
func InputError(t types.Type, text string, cause error) *sqlerr.Error {
	return inputError(t, text, cause)
}

// inputError is the error of a text that is no value of a type. Source: Postgres' input functions.
func inputError(t types.Type, text string, cause error) *sqlerr.Error {
	isTime := t.ID == types.Timestamp || t.ID == types.Date || t.ID == types.Time || t.ID == types.Interval
	switch {
	case errors.Is(cause, vector.ErrRange) && t.ID == types.Decimal:
		return overflowError(t)
	case errors.Is(cause, vector.ErrRange) && isTime:
		return sqlerr.Newf(sqlerr.DatetimeOverflow, 0, "date/time field value out of range: \"%s\"", text)
	case errors.Is(cause, vector.ErrRange) && float(t.ID):
		return sqlerr.Newf(sqlerr.NumericOutOfRange, 0, "\"%s\" is out of range for type %s", text, t)
	case errors.Is(cause, vector.ErrRange):
		return sqlerr.Newf(sqlerr.NumericOutOfRange, 0, "value \"%s\" is out of range for type %s", text, t)
	case isTime && looksLikeTime(text):
		return sqlerr.Newf(sqlerr.DatetimeOverflow, 0, "date/time field value out of range: \"%s\"", text)
	case isTime:
		return sqlerr.Newf(sqlerr.InvalidDatetimeFormat, 0, "invalid input syntax for type %s: \"%s\"", t, text)
	case t.ID == types.Array:
		return sqlerr.Newf(sqlerr.InvalidTextRepresentation, 0, "malformed array literal: \"%s\"", text)
	}
	return sqlerr.Newf(sqlerr.InvalidTextRepresentation, 0, "invalid input syntax for type %s: \"%s\"", types.Of(t.ID), text)
}

// looksLikeTime tells whether a text has the shape of a date or time, so that a field of it must be what is wrong.
func looksLikeTime(s string) bool {
	dashes, colons := strings.Count(s, "-"), strings.Count(s, ":")
	return strings.Trim(s, "0123456789-:. +TZ") == "" && (dashes >= 2 || colons >= 1)
}

func overflowError(t types.Type) *sqlerr.Error {
	if t.ID != types.Decimal {
		return sqlerr.Newf(sqlerr.NumericOutOfRange, 0, "%s out of range", t)
	}
	if t.Precision == 0 {
		return sqlerr.Newf(sqlerr.NumericOutOfRange, 0, "value overflows numeric format")
	}
	return sqlerr.Newf(sqlerr.NumericOutOfRange, 0, "numeric field overflow").
		WithDetail("A field with precision %d, scale %d must round to an absolute value less than 10^%d.", t.Precision, t.Scale, t.Precision-t.Scale)
}

// setDecimal sets a row of a DECIMAL from an unscaled value.
func setDecimal(out *vector.Vector, i int, x vector.Int128, scale int16) *sqlerr.Error {
	t := out.Type
	if t.Precision == 0 {
		if !x.FitsPrecision(0) {
			return overflowError(t)
		}
		out.D[i], out.Scales[i] = x, scale
		return nil
	}
	y, ok := x.Rescale(scale, t.Scale)
	if !ok || !y.FitsPrecision(t.Precision) {
		return overflowError(t)
	}
	out.D[i] = y
	return nil
}

// setInt sets a row of a whole number type.
func setInt(out *vector.Vector, i int, x int64) *sqlerr.Error {
	if low, high := vector.IntLimits(out.Type.ID); x < low || x > high {
		return overflowError(out.Type)
	}
	out.I[i] = x
	return nil
}

// setRounded sets a whole number from a float, halves to even as Postgres' rint; ksqlDB truncates and saturates.
func setRounded(ctx *functions.Context, out *vector.Vector, i int, f float64) *sqlerr.Error {
	low, high := vector.IntLimits(out.Type.ID)
	if ctx.Dialect == functions.KsqlDB {
		switch {
		case math.IsNaN(f):
			out.I[i] = 0
		case f >= float64(high):
			out.I[i] = high
		case f <= float64(low):
			out.I[i] = low
		default:
			out.I[i] = int64(f)
		}
		return nil
	}
	f = math.RoundToEven(f)
	if math.IsNaN(f) || f < float64(low) || f >= float64(high)+1 && out.Type.ID != types.BigInt || f >= 1<<63 {
		return overflowError(out.Type)
	}
	out.I[i] = int64(f)
	return nil
}
