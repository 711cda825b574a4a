package scalar

import (
	"math/bits"

	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// setScaled sets a DECIMAL whose scale already is the vector's, or that carries its own.
func setScaled(out *vector.Vector, i int, x vector.Int128, scale int16) {
	out.D[i] = x
	if out.Type.Precision == 0 {
		out.Scales[i] = scale
	}
}

// storeDecimal sets a DECIMAL, rounding to the vector's scale.
func storeDecimal(out *vector.Vector, i int, x vector.Int128, scale int16) *sqlerr.Error {
	if out.Type.Precision > 0 {
		y, ok := x.Rescale(scale, out.Type.Scale)
		if !ok {
			return outOfRange(out.Type)
		}
		x, scale = y, out.Type.Scale
	}
	if !x.FitsPrecision(out.Type.Precision) {
		return outOfRange(out.Type)
	}
	setScaled(out, i, x, scale)
	return nil
}

// decimals is the arithmetic of decimals.
func decimals(op operation) functions.Kernel {
	slow := rows(func(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
		x, xs := decimal(args, 0, i)
		y, ys := decimal(args, 1, i)
		return decimalRow(op, x, xs, y, ys, out, i)
	})
	return func(ctx *functions.Context, args []*vector.Vector, n int, sel []uint16, out *vector.Vector) error {
		if op < opDiv && out.Type.Precision > 0 && args[0].Type.Precision > 0 && args[1].Type.Precision > 0 &&
			fixedDecimals(op, args[0], args[1], n, sel, out) {
			return nil
		}
		return slow(ctx, args, n, sel, out)
	}
}

// fixedDecimals runs sums and products of fixed scales; false when the scales differ (sums) or the types don't promise a fit.
func fixedDecimals(op operation, a, b *vector.Vector, n int, sel []uint16, out *vector.Vector) bool {
	if op == opMul {
		if out.Type.Scale != a.Type.Scale+b.Type.Scale {
			return false
		}
	} else if a.Type.Scale != b.Type.Scale {
		return false
	}
	if op == opMul && a.Const && !b.Const {
		a, b = b, a
	}
	if y, ok := b.D[0].Int64(); ok && op == opMul && b.Const && sel == nil && !a.Const && timesWord(a.D[:n], y, out.D[:n]) {
		return true
	}
	if sel == nil {
		for i := range n {
			out.D[i] = fixedDecimal(op, a.D[a.Row(i)], b.D[b.Row(i)])
		}
		return true
	}
	for _, i := range sel {
		out.D[i] = fixedDecimal(op, a.D[a.Row(int(i))], b.D[b.Row(int(i))])
	}
	return true
}

// timesWord multiplies values that fit a word by one; false when some value does not fit.
func timesWord(a []vector.Int128, y int64, out []vector.Int128) bool {
	out = out[:len(a)]
	var wide int64
	for i := range a {
		x := int64(a[i].Lo)
		wide |= a[i].Hi ^ x>>63
		hi, lo := bits.Mul64(uint64(x), uint64(y))
		out[i] = vector.Int128{Hi: int64(hi) - (x>>63)&y - (y>>63)&x, Lo: lo}
	}
	return wide == 0
}

// fixedDecimal cannot overflow: the result type has room for every pair of operands.
func fixedDecimal(op operation, x, y vector.Int128) (r vector.Int128) {
	switch op {
	case opAdd:
		r, _ = x.Add(y)
	case opSub:
		r, _ = x.Sub(y)
	default:
		r, _ = x.Mul(y)
	}
	return r
}

func decimalRow(op operation, x vector.Int128, xs int16, y vector.Int128, ys int16, out *vector.Vector, i int) *sqlerr.Error {
	if op >= opDiv && y.Sign() == 0 {
		return divisionByZero()
	}
	switch op {
	case opMul:
		r, ok := x.Mul(y)
		if !ok {
			return outOfRange(out.Type)
		}
		return storeDecimal(out, i, r, xs+ys)
	case opDiv:
		scale := vector.DivScale(x, xs, y, ys)
		if out.Type.Precision > 0 {
			scale = out.Type.Scale
		}
		r, ok := vector.DivDecimal(x, xs, y, ys, scale)
		if !ok {
			return outOfRange(out.Type)
		}
		return storeDecimal(out, i, r, scale)
	}
	scale := max(xs, ys)
	x, ok1 := x.Rescale(xs, scale)
	y, ok2 := y.Rescale(ys, scale)
	if !ok1 || !ok2 {
		return outOfRange(out.Type)
	}
	var r vector.Int128
	ok := true
	switch op {
	case opAdd:
		r, ok = x.Add(y)
	case opSub:
		r, ok = x.Sub(y)
	default:
		_, r = x.QuoRem(y)
	}
	if !ok {
		return outOfRange(out.Type)
	}
	return storeDecimal(out, i, r, scale)
}

// wholeDecimal is the type of a decimal without digits after the point.
func wholeDecimal(args []types.Type) (types.Type, error) {
	t := args[0]
	if t.Precision == 0 {
		return tDecimal, nil
	}
	return types.DecimalOf(min(types.MaxPrecision, max(1, t.Precision-t.Scale+1)), 0), nil
}
