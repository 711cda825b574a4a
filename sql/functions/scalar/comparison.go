package scalar

import (
	"bytes"
	"cmp"

	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// comparisons is = <> < <= > >=, GREATEST and LEAST.
func comparisons() []*functions.Function {
	var out []*functions.Function
	for _, c := range []struct{ op, help, sql, result string }{
		{"=", "Whether two values are equal.", "1 = 1", "t"},
		{"<>", "Whether two values differ.", "1 <> 1", "f"},
		{"!=", "Whether two values differ.", "1 != 2", "t"},
		{"<", "Whether the first value is below the second.", "'a' < 'b'", "t"},
		{"<=", "Whether the first value is below or equal to the second.", "2 <= 1", "f"},
		{">", "Whether the first value is above the second.", "2 > 1.5", "t"},
		{">=", "Whether the first value is above or equal to the second.", "DATE '2026-01-01' >= DATE '2025-01-01'", "t"},
	} {
		out = append(out, &functions.Function{
			Name: c.op, Category: "operators", Help: c.help,
			Examples: examples(c.sql, c.result), Overloads: comparison(c.op),
		})
	}
	return append(out,
		&functions.Function{
			Name: "greatest", Category: "conditional", Help: "The largest of the arguments that are not null.",
			Examples: examples("greatest(3, 9, 4)", "9", "greatest('a', NULL, 'b')", "b"), Overloads: extremes(1),
		},
		&functions.Function{
			Name: "least", Category: "conditional", Help: "The smallest of the arguments that are not null.",
			Examples: examples("least(3, 9, 4)", "3"), Overloads: extremes(-1),
		},
	)
}

// ordered lists the types with an order of their own.
func ordered() []types.Type {
	return []types.Type{tBool, tSmall, tInt, tBig, tReal, tDouble, tDecimal, tText, tBytes, tTimestamp, tDate, tTime, tInterval}
}

func comparison(op string) []*functions.Overload {
	var out []*functions.Overload
	add := func(k functions.Kernel, t types.Type) {
		out = append(out, in(functions.Postgres, overload(k, tBool, t, t)))
		o := in(functions.KsqlDB, overload(nullIsFalse(k), tBool, t, t))
		o.Nulls = functions.SeesNulls
		out = append(out, o)
	}
	for _, t := range ordered() {
		switch t.ID {
		case types.Real, types.Double:
			add(compareColumns(op, func(v *vector.Vector) []float64 { return v.F }), t)
		case types.Decimal, types.Interval:
			add(compareGeneric(op), t)
		case types.String, types.Bytes:
			add(compareTexts(op), t)
		default:
			add(compareColumns(op, func(v *vector.Vector) []int64 { return v.I }), t)
		}
	}
	add(compareGeneric(op), tArray)
	add(compareGeneric(op), tMap)
	add(compareGeneric(op), types.Of(types.Struct))
	return out
}

// nullIsFalse makes a comparison ksqlDB's: with a null on a side it is false.
func nullIsFalse(k functions.Kernel) functions.Kernel {
	return func(ctx *functions.Context, args []*vector.Vector, n int, sel []uint16, out *vector.Vector) error {
		if !args[0].HasNulls() && !args[1].HasNulls() {
			return k(ctx, args, n, sel, out)
		}
		open := make([]uint16, 0, n)
		_ = each(n, sel, func(i int) error {
			out.I[i] = 0
			if !args[0].IsNull(i) && !args[1].IsNull(i) {
				open = append(open, uint16(i))
			}
			return nil
		})
		return k(ctx, args, n, open, out)
	}
}

// outcome is what an operator says for "below", "equal" and "above".
type outcome struct{ lt, eq, gt int64 }

func outcomeOf(op string) outcome {
	switch op {
	case "=":
		return outcome{0, 1, 0}
	case "<":
		return outcome{1, 0, 0}
	case "<=":
		return outcome{1, 1, 0}
	case ">":
		return outcome{0, 0, 1}
	case ">=":
		return outcome{0, 1, 1}
	}
	return outcome{1, 0, 1}
}

func (o outcome) of(c int) int64 {
	switch {
	case c < 0:
		return o.lt
	case c > 0:
		return o.gt
	}
	return o.eq
}

func compareColumns[T cmp.Ordered](op string, values func(*vector.Vector) []T) functions.Kernel {
	o := outcomeOf(op)
	return func(_ *functions.Context, args []*vector.Vector, n int, sel []uint16, out *vector.Vector) error {
		a, b := values(args[0]), values(args[1])
		if args[1].Const && !args[0].Const && b[0] == b[0] { //nolint:gocritic // not a NaN
			compareConst(o, a, b[0], n, sel, out.I)
			return nil
		}
		return each(n, sel, func(i int) error {
			x, y := a[args[0].Row(i)], b[args[1].Row(i)]
			switch {
			case x < y:
				out.I[i] = o.lt
			case x == y:
				out.I[i] = o.eq
			case x > y:
				out.I[i] = o.gt
			default: // NaN: equal to itself, above all else
				out.I[i] = o.of(orderNaN(x == x, y == y)) //nolint:gocritic // which of them is a NaN
			}
			return nil
		})
	}
}

// orderNaN compares two floats of which at least one is not a number.
func orderNaN(xNumber, yNumber bool) int {
	switch {
	case xNumber:
		return -1
	case yNumber:
		return 1
	}
	return 0
}

func compareConst[T cmp.Ordered](o outcome, a []T, y T, n int, sel []uint16, out []int64) {
	one := func(x T) int64 {
		r := o.gt // also a NaN
		if x < y {
			r = o.lt
		}
		if x == y {
			r = o.eq
		}
		return r
	}
	if sel == nil {
		for i, x := range a[:n] {
			out[i] = one(x)
		}
		return
	}
	for _, i := range sel {
		out[i] = one(a[i])
	}
}

func compareTexts(op string) functions.Kernel {
	o := outcomeOf(op)
	return func(_ *functions.Context, args []*vector.Vector, n int, sel []uint16, out *vector.Vector) error {
		return each(n, sel, func(i int) error {
			out.I[i] = o.of(bytes.Compare(args[0].Bytes(i), args[1].Bytes(i)))
			return nil
		})
	}
}

func compareGeneric(op string) functions.Kernel {
	o := outcomeOf(op)
	return func(_ *functions.Context, args []*vector.Vector, n int, sel []uint16, out *vector.Vector) error {
		return each(n, sel, func(i int) error {
			out.I[i] = o.of(vector.Compare(args[0], i, args[1], i))
			return nil
		})
	}
}

// extremes is GREATEST (want 1) and LEAST (want -1); nulls are passed over.
func extremes(want int) []*functions.Overload {
	var out []*functions.Overload
	for _, t := range ordered() {
		o := overload(rows(func(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
			best := -1
			for k, a := range args {
				if a.IsNull(i) {
					continue
				}
				if best < 0 || vector.Compare(a, i, args[best], i)*want > 0 {
					best = k
				}
			}
			if best < 0 {
				out.SetNull(i)
				return nil
			}
			if out.Type.ID == types.Decimal {
				x, scale := decimal(args, best, i)
				return storeDecimal(out, i, x, scale)
			}
			vector.CopyRow(out, i, args[best], i)
			return nil
		}), t, t)
		o.Variadic, o.Nulls = true, functions.SeesNulls
		if t.ID == types.Decimal {
			o.ReturnType = widestDecimal
		}
		out = append(out, o)
	}
	return out
}

func widestDecimal(args []types.Type) (types.Type, error) {
	t := args[0]
	for _, a := range args[1:] {
		c, ok := types.Common(t, a)
		if !ok {
			return types.Type{}, sqlerr.Newf(sqlerr.DatatypeMismatch, 0, "types %s and %s cannot be matched", t, a)
		}
		t = c
	}
	return t, nil
}
