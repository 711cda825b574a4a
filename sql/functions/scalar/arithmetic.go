package scalar

import (
	"math"
	"math/bits"

	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// arithmetic is + - * / % over numbers, and unary minus. Over times: see calendars.
func arithmetic() []*functions.Function {
	return []*functions.Function{
		{
			Name: "+", Category: "operators", Help: "Sum of two numbers; a date, time or timestamp moved by an interval or days.",
			Examples: examples("1 + 2", "3", "1.5 + 2", "3.5"), Overloads: numeric(opAdd),
		},
		{
			Name: "-", Category: "operators", Help: "Difference of two numbers, or a number's negative; an interval between timestamps, days between dates.",
			Examples: examples("5 - 7", "-2", "- 3", "-3"), Overloads: append(numeric(opSub), negatives()...),
		},
		{
			Name: "*", Category: "operators", Help: "Product of two numbers.",
			Examples: examples("6 * 7", "42", "1.5 * 1.5", "2.25"), Overloads: numeric(opMul),
		},
		{
			Name: "/", Category: "operators", Help: "Quotient of two numbers; of whole numbers truncated towards zero.",
			Examples: examples("7 / 2", "3", "7.0 / 2", "3.5000000000000000"), Overloads: numeric(opDiv),
		},
		{
			Name: "%", Category: "operators", Help: "Remainder of a division, with the dividend's sign.",
			Examples: examples("7 % 3", "1", "-7 % 3", "-1"), Overloads: numeric(opMod),
		},
		{
			Name: "mod", Category: "math", Help: "Remainder of a division, with the dividend's sign.",
			Examples: examples("mod(9, 4)", "1"), Overloads: numeric(opMod),
		},
	}
}

type operation uint8

const (
	opAdd operation = iota
	opSub
	opMul
	opDiv
	opMod
)

func numeric(op operation) []*functions.Overload {
	var out []*functions.Overload
	for _, t := range []types.Type{tSmall, tInt, tBig} {
		out = append(out, in(functions.Postgres, overload(integers(op, t, false), t, t, t)))
		out = append(out, in(functions.KsqlDB, overload(integers(op, t, true), t, t, t)))
	}
	out = append(out, overload(doubles(op, true), tReal, tReal, tReal))
	out = append(out, in(functions.Postgres, overload(doubles(op, false), tDouble, tDouble, tDouble)))
	out = append(out, in(functions.KsqlDB, overload(ieee(op), tDouble, tDouble, tDouble)))
	d := overload(decimals(op), tDecimal, tDecimal, tDecimal)
	d.ReturnType = func(args []types.Type) (types.Type, error) { return decimalResult(op, args[0], args[1]), nil }
	k := in(functions.KsqlDB, overload(decimals(op), tDecimal, tDecimal, tDecimal))
	k.ReturnType = func(args []types.Type) (types.Type, error) { return ksqlDecimalResult(op, args[0], args[1]), nil }
	return append(out, d, k)
}

// decimalResult gives sums and products of fixed decimals a fixed type, so that they run at one scale; where Postgres' digits depend
// on the values, or 38 digits may not do, the result carries its own scale. The digits shown are Postgres' either way.
func decimalResult(op operation, a, b types.Type) types.Type {
	if a.Precision == 0 || b.Precision == 0 || op == opDiv {
		return tDecimal
	}
	precision, scale := sumType(a, b)
	switch op {
	case opMul:
		precision, scale = a.Precision+b.Precision, a.Scale+b.Scale
	case opMod:
		precision = min(a.Precision-a.Scale, b.Precision-b.Scale) + scale
	}
	if precision > types.MaxPrecision {
		return tDecimal
	}
	return types.DecimalOf(precision, scale)
}

func sumType(a, b types.Type) (precision, scale int16) {
	scale = max(a.Scale, b.Scale)
	return max(a.Precision-a.Scale, b.Precision-b.Scale) + scale + 1, scale
}

// ksqlDivScale is the least number of digits after the point of a quotient in ksqlDB.
const ksqlDivScale = 6

func ksqlDecimalResult(op operation, a, b types.Type) types.Type {
	if a.Precision == 0 || b.Precision == 0 {
		return tDecimal
	}
	precision, scale := sumType(a, b)
	switch op {
	case opMul:
		precision, scale = a.Precision+b.Precision+1, a.Scale+b.Scale
	case opDiv:
		scale = max(ksqlDivScale, a.Scale+b.Precision+1)
		precision = a.Precision - a.Scale + b.Scale + scale
	case opMod:
		precision = min(a.Precision-a.Scale, b.Precision-b.Scale) + scale
	}
	if precision > types.MaxPrecision {
		return tDecimal
	}
	return types.DecimalOf(precision, scale)
}

// integers is the kernel of whole numbers of type t: overflow is 22003, or wraps.
func integers(op operation, t types.Type, wraps bool) functions.Kernel {
	low, high := vector.IntLimits(t.ID)
	return func(ctx *functions.Context, args []*vector.Vector, n int, sel []uint16, out *vector.Vector) error {
		a, b := args[0], args[1]
		var wrong uint64
		switch {
		case op >= opDiv:
			return divideIntegers(ctx, op, args, n, sel, out, low, high, wraps)
		case b.Const && sel == nil && !a.Const:
			wrong = columnByConst(op, a.I[:n], b.I[0], out.I, low, high)
		case sel == nil && !a.Const && !b.Const:
			wrong = columnByColumn(op, a.I[:n], b.I[:n], out.I, low, high)
		default:
			_ = each(n, sel, func(i int) error {
				x, over := compute(op, a.I[a.Row(i)], b.I[b.Row(i)])
				out.I[i] = x
				wrong |= over | outside(x, low, high)
				return nil
			})
		}
		if wrong>>63 == 0 {
			return nil
		}
		return again(ctx, op, args, n, sel, out, low, high, wraps)
	}
}

// outside has its top bit set when x is not within [low, high].
func outside(x, low, high int64) uint64 {
	if low == math.MinInt64 {
		return 0
	}
	return uint64(x-low) | uint64(high-x)
}

// compute is x op y, wrapped; the top bit of over is set when it did not fit 64 bits.
func compute(op operation, x, y int64) (r int64, over uint64) {
	switch op {
	case opAdd:
		r = x + y
		return r, uint64((x ^ r) & (y ^ r))
	case opSub:
		r = x - y
		return r, uint64((x ^ y) & (x ^ r))
	}
	r = x * y
	return r, mulOver(x, y, r)
}

// mulOver has its top bit set when x*y, wrapped to r, overflowed.
func mulOver(x, y, r int64) uint64 {
	hi, _ := bits.Mul64(uint64(x), uint64(y))
	h := int64(hi) - (x>>63)&y - (y>>63)&x
	return uint64(h^(r>>63)) | -uint64(h^(r>>63))
}

// columnByConst and columnByColumn compute every row without a branch; the top bit of wrong says that some row overflowed.
func columnByConst(op operation, a []int64, y int64, out []int64, low, high int64) (wrong uint64) {
	out = out[:len(a)]
	switch op {
	case opAdd:
		for i, x := range a {
			r := x + y
			wrong |= uint64((x ^ r) & (y ^ r))
			out[i] = r
		}
	case opSub:
		for i, x := range a {
			r := x - y
			wrong |= uint64((x ^ y) & (x ^ r))
			out[i] = r
		}
	default:
		if y > math.MinInt32 && y < math.MaxInt32 { // then the product fits when x is below 2^31 in size, which needs no wide product
			for i, x := range a {
				out[i] = x * y
				wrong |= uint64(x+math.MaxInt32) | uint64(math.MaxInt32-x)
			}
			if wrong>>63 == 0 {
				break
			}
		}
		wrong = 0
		for i, x := range a {
			r := x * y
			wrong |= mulOver(x, y, r)
			out[i] = r
		}
	}
	return wrong | outsideAny(out, low, high)
}

func columnByColumn(op operation, a, b, out []int64, low, high int64) (wrong uint64) {
	b, out = b[:len(a)], out[:len(a)]
	switch op {
	case opAdd:
		for i, x := range a {
			y := b[i]
			r := x + y
			wrong |= uint64((x ^ r) & (y ^ r))
			out[i] = r
		}
	case opSub:
		for i, x := range a {
			y := b[i]
			r := x - y
			wrong |= uint64((x ^ y) & (x ^ r))
			out[i] = r
		}
	default:
		for i, x := range a {
			r := x * b[i]
			wrong |= mulOver(x, b[i], r)
			out[i] = r
		}
	}
	return wrong | outsideAny(out, low, high)
}

func outsideAny(out []int64, low, high int64) (wrong uint64) {
	if low == math.MinInt64 {
		return 0
	}
	for _, x := range out {
		wrong |= uint64(x-low) | uint64(high-x)
	}
	return wrong
}

// again recomputes row by row where some row, perhaps one nobody asked for, overflowed.
func again(ctx *functions.Context, op operation, args []*vector.Vector, n int, sel []uint16, out *vector.Vector, low, high int64, wraps bool) error {
	return each(n, sel, func(i int) error {
		x, over := compute(op, integer(args, 0, i), integer(args, 1, i))
		if wraps {
			out.I[i] = wrap(x, high)
			return nil
		}
		out.I[i] = x
		if (over|outside(x, low, high))>>63 != 0 {
			return ctx.Fail(out, i, outOfRange(out.Type))
		}
		return nil
	})
}

// wrap cuts x to the width of a type whose largest value is high.
func wrap(x, high int64) int64 {
	switch high {
	case math.MaxInt16:
		return int64(int16(x))
	case math.MaxInt32:
		return int64(int32(x))
	}
	return x
}

// divideIntegers is / and %: zero divisors are 22012, the lowest number by -1 is 22003.
func divideIntegers(ctx *functions.Context, op operation, args []*vector.Vector, n int, sel []uint16, out *vector.Vector, low, high int64, wraps bool) error {
	a, b := args[0], args[1]
	if b.Const && b.I[0] > 0 && !a.Const {
		divideByConst(op, a.I, b.I[0], n, sel, out.I)
		return nil
	}
	return each(n, sel, func(i int) error {
		x, y := a.I[a.Row(i)], b.I[b.Row(i)]
		switch {
		case y == 0:
			return ctx.Fail(out, i, divisionByZero())
		case y == -1 && op == opMod:
			out.I[i] = 0
		case y == -1 && x == low && !wraps:
			return ctx.Fail(out, i, outOfRange(out.Type))
		case y == -1:
			out.I[i] = wrap(-x, high)
		case op == opDiv:
			out.I[i] = x / y
		default:
			out.I[i] = x % y
		}
		return nil
	})
}

// small32 has no bit above the low 32: such numbers are divided by multiplying with the divisor's reciprocal, which is exact for them
// (Lemire, Kaser, Kurz: "Faster remainder by direct computation").
const small32 = math.MaxUint32

func divideByConst(op operation, a []int64, y int64, n int, sel []uint16, out []int64) {
	one := func(x int64) int64 { return x / y }
	if op == opMod {
		one = func(x int64) int64 { return x % y }
	}
	if sel != nil {
		for _, i := range sel {
			out[i] = one(a[i])
		}
		return
	}
	a, out = a[:n], out[:n]
	var all uint64
	for _, x := range a {
		all |= uint64(x)
	}
	switch short := (all|uint64(y))&^small32 == 0; {
	case short && y == 1:
		divideByOne(op, a, out)
	case short && op == opDiv:
		reciprocal := math.MaxUint64/uint64(y) + 1
		for i, x := range a {
			q, _ := bits.Mul64(reciprocal, uint64(x))
			out[i] = int64(q)
		}
	case short:
		reciprocal := math.MaxUint64/uint64(y) + 1
		for i, x := range a {
			q, _ := bits.Mul64(reciprocal, uint64(x))
			out[i] = x - int64(q)*y
		}
	case op == opDiv:
		for i, x := range a {
			out[i] = x / y
		}
	default:
		for i, x := range a {
			out[i] = x % y
		}
	}
}

// divideByOne is apart because 1 has no 64-bit reciprocal.
func divideByOne(op operation, a, out []int64) {
	if op == opDiv {
		copy(out, a)
		return
	}
	clear(out)
}

// ieee is ksqlDB's arithmetic of doubles: infinities and NaN instead of errors.
func ieee(op operation) functions.Kernel {
	return func(_ *functions.Context, args []*vector.Vector, n int, sel []uint16, out *vector.Vector) error {
		return each(n, sel, func(i int) error {
			out.F[i] = floatOf(op, number(args, 0, i), number(args, 1, i))
			return nil
		})
	}
}

func floatOf(op operation, x, y float64) float64 {
	switch op {
	case opAdd:
		return x + y
	case opSub:
		return x - y
	case opMul:
		return x * y
	case opDiv:
		return x / y
	}
	return math.Mod(x, y)
}

// doubles is Postgres' arithmetic of floats: overflow and underflow are 22003, zero divisors 22012.
func doubles(op operation, single bool) functions.Kernel {
	return func(ctx *functions.Context, args []*vector.Vector, n int, sel []uint16, out *vector.Vector) error {
		a, b := args[0], args[1]
		if sel == nil && !a.Const && !single && op < opDiv {
			if floatColumn(op, a.F[:n], b, out.F[:n]) {
				return nil
			}
		}
		return each(n, sel, func(i int) error {
			x, y := a.F[a.Row(i)], b.F[b.Row(i)]
			if y == 0 && op >= opDiv {
				return ctx.Fail(out, i, divisionByZero())
			}
			r := floatOf(op, x, y)
			if single {
				r = float64(float32(r))
			}
			out.F[i] = r
			if math.IsInf(r, 0) && !math.IsInf(x, 0) && !math.IsInf(y, 0) {
				return ctx.Fail(out, i, sqlerr.Newf(sqlerr.NumericOutOfRange, 0, "value out of range: overflow"))
			}
			return nil
		})
	}
}

// floatColumn computes all rows; false when some result is not finite and must be looked at.
func floatColumn(op operation, a []float64, b *vector.Vector, out []float64) bool {
	switch {
	case b.Const && op == opAdd:
		for i, x := range a {
			out[i] = x + b.F[0]
		}
	case b.Const && op == opSub:
		for i, x := range a {
			out[i] = x - b.F[0]
		}
	case b.Const:
		y := b.F[0]
		for i, x := range a {
			out[i] = x * y
		}
	case op == opAdd:
		for i, x := range a {
			out[i] = x + b.F[i]
		}
	case op == opSub:
		for i, x := range a {
			out[i] = x - b.F[i]
		}
	default:
		for i, x := range a {
			out[i] = x * b.F[i]
		}
	}
	for _, r := range out {
		if r-r != 0 { // not finite
			return false
		}
	}
	return true
}

// negatives is unary minus.
func negatives() []*functions.Overload {
	var out []*functions.Overload
	for _, t := range []types.Type{tSmall, tInt, tBig} {
		low, _ := vector.IntLimits(t.ID)
		out = append(out, overload(func(ctx *functions.Context, args []*vector.Vector, n int, sel []uint16, out *vector.Vector) error {
			return each(n, sel, func(i int) error {
				x := integer(args, 0, i)
				if x == low && ctx.Dialect != functions.KsqlDB {
					return ctx.Fail(out, i, outOfRange(out.Type))
				}
				out.I[i] = -x
				return nil
			})
		}, t, t))
	}
	negative := func(_ *functions.Context, args []*vector.Vector, n int, sel []uint16, out *vector.Vector) error {
		return each(n, sel, func(i int) error {
			out.F[i] = -number(args, 0, i)
			return nil
		})
	}
	d := overload(func(_ *functions.Context, args []*vector.Vector, n int, sel []uint16, out *vector.Vector) error {
		return each(n, sel, func(i int) error {
			x, scale := decimal(args, 0, i)
			setScaled(out, i, x.Neg(), scale)
			return nil
		})
	}, tDecimal, tDecimal)
	d.ReturnType = sameAsFirst
	return append(out, overload(negative, tReal, tReal), overload(negative, tDouble, tDouble), d)
}

// sameAsFirst is the result type of functions that keep their first argument's.
func sameAsFirst(args []types.Type) (types.Type, error) { return args[0], nil }
