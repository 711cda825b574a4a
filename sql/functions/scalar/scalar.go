// Package scalar is the scalar functions and operators, a file a family.
//
// Kernels of numbers run over whole columns: they compute every row, selected or not, where that cannot fail, note in one word whether
// any result went wrong, and look again only then. Kernels of texts append to the result's buffer, row by row.
package scalar

import (
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// Register puts every scalar function into r.
func Register(r *functions.Registry) {
	for _, family := range []func() []*functions.Function{
		arithmetic, comparisons, rounding, mathematics, texts, pieces, patterns, clocks, calendars, formats, collections, jsons, session,
	} {
		for _, f := range family() {
			r.Add(f)
		}
	}
}

// The types, for signatures.
var (
	tAny       = types.Of(types.Unknown)
	tBool      = types.Of(types.Boolean)
	tSmall     = types.Of(types.SmallInt)
	tInt       = types.Of(types.Int)
	tBig       = types.Of(types.BigInt)
	tReal      = types.Of(types.Real)
	tDouble    = types.Of(types.Double)
	tDecimal   = types.Of(types.Decimal)
	tText      = types.Of(types.String)
	tBytes     = types.Of(types.Bytes)
	tTimestamp = types.Of(types.Timestamp)
	tDate      = types.Of(types.Date)
	tTime      = types.Of(types.Time)
	tInterval  = types.Of(types.Interval)
	tArray     = types.Of(types.Array)
	tMap       = types.Of(types.Map)
)

// each calls f for the rows of sel (nil: all n) until it fails.
func each(n int, sel []uint16, f func(i int) error) error {
	if sel == nil {
		for i := range n {
			if err := f(i); err != nil {
				return err
			}
		}
		return nil
	}
	for _, i := range sel {
		if err := f(int(i)); err != nil {
			return err
		}
	}
	return nil
}

// row is a kernel that computes one row; its error is the row's.
type row func(ctx *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error

// rows makes a kernel of it.
func rows(f row) functions.Kernel {
	return func(ctx *functions.Context, args []*vector.Vector, n int, sel []uint16, out *vector.Vector) error {
		return each(n, sel, func(i int) error {
			if e := f(ctx, args, i, out); e != nil {
				return ctx.Fail(out, i, e)
			}
			return nil
		})
	}
}

// integer, number and text read argument k at row i.
func integer(args []*vector.Vector, k, i int) int64 { return args[k].I[args[k].Row(i)] }

func number(args []*vector.Vector, k, i int) float64 { return args[k].F[args[k].Row(i)] }

func text(args []*vector.Vector, k, i int) []byte { return args[k].Bytes(i) }

func decimal(args []*vector.Vector, k, i int) (vector.Int128, int16) {
	return args[k].D[args[k].Row(i)], args[k].ScaleAt(i)
}

// overload is a signature with the common defaults: any dialect, null if any argument is, immutable.
func overload(kernel functions.Kernel, returns types.Type, params ...types.Type) *functions.Overload {
	return &functions.Overload{Params: params, Returns: returns, Kernel: kernel}
}

// in gives an overload a dialect.
func in(d functions.Dialect, o *functions.Overload) *functions.Overload {
	o.Dialect = d
	return o
}

func examples(pairs ...string) []functions.Example {
	var out []functions.Example
	for i := 0; i+1 < len(pairs); i += 2 {
		out = append(out, functions.Example{SQL: pairs[i], Result: pairs[i+1]})
	}
	return out
}

func outOfRange(t types.Type) *sqlerr.Error {
	if t.ID == types.Decimal {
		return sqlerr.Newf(sqlerr.NumericOutOfRange, 0, "value overflows numeric format")
	}
	return sqlerr.Newf(sqlerr.NumericOutOfRange, 0, "%s out of range", t)
}

func divisionByZero() *sqlerr.Error { return sqlerr.Newf(sqlerr.DivisionByZero, 0, "division by zero") }
