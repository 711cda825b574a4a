package scalar

import (
	"math"
	"math/rand/v2"

	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// rounding is abs, sign, ceil, floor, round, trunc.
func rounding() []*functions.Function {
	return []*functions.Function{
		{Name: "abs", Category: "math", Help: "Absolute value.", Examples: examples("abs(-5)", "5", "abs(-1.50)", "1.50"), Overloads: absolutes()},
		{Name: "sign", Category: "math", Help: "-1, 0 or 1 by the sign of a number.", Examples: examples("sign(-8.4)", "-1"), Overloads: signs()},
		{Name: "ceil", Category: "math", Help: "Nearest whole number not below the argument.", Examples: examples("ceil(42.2)", "43", "ceil(-42.8)", "-42"), Overloads: toWhole(math.Ceil, 1)},
		{Name: "ceiling", Category: "math", Help: "Nearest whole number not below the argument.", Examples: examples("ceiling(95.3)", "96"), Overloads: toWhole(math.Ceil, 1)},
		{Name: "floor", Category: "math", Help: "Nearest whole number not above the argument.", Examples: examples("floor(42.8)", "42", "floor(-42.8)", "-43"), Overloads: toWhole(math.Floor, -1)},
		{
			Name: "trunc", Category: "math", Help: "Whole part of a number; with n, n digits after the point are kept.",
			Examples: examples("trunc(42.8)", "42", "trunc(42.4382, 2)", "42.43"), Overloads: append(toWhole(math.Trunc, 0), digits(truncated)...),
		},
		{
			Name: "round", Category: "math", Help: "Nearest whole number, or nearest number with n digits after the point; halves go away from zero (doubles in the postgres dialect: to even; ksqldb: up).",
			Examples: examples("round(42.4)", "42", "round(42.4382, 2)", "42.44", "round(-1.5)", "-2"), Overloads: append(rounds(), digits(rounded)...),
		},
	}
}

func absolutes() []*functions.Overload {
	var out []*functions.Overload
	for _, t := range []types.Type{tSmall, tInt, tBig} {
		low, _ := vector.IntLimits(t.ID)
		out = append(out, overload(rows(func(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
			x := integer(args, 0, i)
			if x == low {
				return outOfRange(out.Type)
			}
			out.I[i] = max(x, -x)
			return nil
		}), t, t))
	}
	d := overload(rows(func(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
		x, scale := decimal(args, 0, i)
		if x.Sign() < 0 {
			x = x.Neg()
		}
		setScaled(out, i, x, scale)
		return nil
	}), tDecimal, tDecimal)
	d.ReturnType = sameAsFirst
	return append(out, overload(float1(math.Abs), tReal, tReal), overload(float1(math.Abs), tDouble, tDouble), d)
}

// float1 is a kernel of one float that cannot fail.
func float1(f func(float64) float64) functions.Kernel {
	return rows(func(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
		out.F[i] = f(number(args, 0, i))
		return nil
	})
}

func signs() []*functions.Overload {
	whole := overload(rows(func(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
		x, _ := decimal(args, 0, i)
		setScaled(out, i, vector.FromInt64(int64(x.Sign())), 0)
		return nil
	}), types.DecimalOf(1, 0), tDecimal)
	float := overload(float1(func(x float64) float64 {
		switch {
		case x > 0:
			return 1
		case x < 0:
			return -1
		}
		return x
	}), tDouble, tDouble)
	ksql := rows(func(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
		out.I[i] = int64(vector.CompareFloat(number(args, 0, i), 0))
		return nil
	})
	return []*functions.Overload{
		in(functions.Postgres, whole), in(functions.Postgres, float),
		in(functions.Postgres, wholesAsDouble(func(x float64) float64 { return math.Copysign(min(1, math.Abs(x)), x) })), in(functions.KsqlDB, overload(ksql, tInt, tDouble)),
	}
}

// toWhole drops the fraction of doubles by f and of decimals towards direction (0: zero). Whole numbers stay doubles in Postgres
// (it has no such overload) and themselves in ksqlDB.
func toWhole(f func(float64) float64, direction int) []*functions.Overload {
	d := overload(rows(func(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
		x, scale := decimal(args, 0, i)
		p, ok := vector.Pow10(int(scale))
		if !ok {
			return outOfRange(out.Type)
		}
		q, r := x.QuoRem(p)
		if r.Sign() != 0 && r.Sign() == direction {
			q, _ = q.Add(vector.FromInt64(int64(direction)))
		}
		setScaled(out, i, q, 0)
		return nil
	}), tDecimal, tDecimal)
	d.ReturnType = wholeDecimal
	out := []*functions.Overload{in(functions.Postgres, wholesAsDouble(f)), overload(float1(f), tDouble, tDouble), d}
	return append(out, wholes()...)
}

// wholesAsDouble is Postgres' answer to ceil(1): the argument as double precision.
func wholesAsDouble(f func(float64) float64) *functions.Overload {
	return overload(rows(func(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
		out.F[i] = f(float64(integer(args, 0, i)))
		return nil
	}), tDouble, tBig)
}

// wholes keeps whole numbers as they are, in ksqlDB.
func wholes() []*functions.Overload {
	var out []*functions.Overload
	for _, t := range []types.Type{tInt, tBig} {
		out = append(out, in(functions.KsqlDB, overload(rows(func(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
			out.I[i] = integer(args, 0, i)
			return nil
		}), t, t)))
	}
	return out
}

func rounds() []*functions.Overload {
	d := overload(rows(func(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
		x, scale := decimal(args, 0, i)
		y, _ := x.Rescale(scale, 0)
		setScaled(out, i, y, 0)
		return nil
	}), tDecimal, tDecimal)
	d.ReturnType = wholeDecimal
	ksql := rows(func(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
		out.I[i] = saturate(math.Floor(number(args, 0, i) + 0.5))
		return nil
	})
	k := in(functions.KsqlDB, overload(rows(ksqlRound), tDecimal, tDecimal))
	k.ReturnType = wholeDecimal
	return append(wholes(), d, k, in(functions.Postgres, wholesAsDouble(math.RoundToEven)),
		in(functions.Postgres, overload(float1(math.RoundToEven), tDouble, tDouble)),
		in(functions.KsqlDB, overload(ksql, tBig, tDouble)))
}

// ksqlRound rounds halves up.
func ksqlRound(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
	x, scale := decimal(args, 0, i)
	p, ok := vector.Pow10(int(scale))
	if !ok {
		return outOfRange(out.Type)
	}
	q, r := x.QuoRem(p)
	if r.Sign() < 0 { // floor
		q, _ = q.Sub(vector.FromInt64(1))
		r, _ = r.Add(p)
	}
	if rest, _ := p.Sub(r); r.Cmp(rest) >= 0 && r.Sign() != 0 {
		q, _ = q.Add(vector.FromInt64(1))
	}
	return storeDecimal(out, i, q, 0)
}

// saturate turns a float into a whole number as Java does.
func saturate(f float64) int64 {
	switch {
	case f != f:
		return 0
	case f >= math.MaxInt64:
		return math.MaxInt64
	case f <= math.MinInt64:
		return math.MinInt64
	}
	return int64(f)
}

// digits is round(x, n) and trunc(x, n). The result carries its own scale: n may differ from row to row.
func digits(f func(x vector.Int128, scale, places int16) (vector.Int128, bool)) []*functions.Overload {
	return []*functions.Overload{overload(rows(func(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
		x, scale := decimal(args, 0, i)
		places := int16(min(max(integer(args, 1, i), -vector.MaxDigits), vector.MaxDigits))
		y, ok := f(x, scale, places)
		if !ok {
			return outOfRange(out.Type)
		}
		setScaled(out, i, y, max(places, 0))
		return nil
	}), tDecimal, tDecimal, tInt), in(functions.KsqlDB, overload(rows(func(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
		shift := math.Pow(10, float64(integer(args, 1, i)))
		r := math.Floor(number(args, 0, i)*shift+0.5) / shift
		if r != r || math.IsInf(r, 0) {
			r = number(args, 0, i)
		}
		out.F[i] = r
		return nil
	}), tDouble, tDouble, tInt))}
}

func rounded(x vector.Int128, scale, places int16) (vector.Int128, bool) {
	y, ok := x.Rescale(scale, places)
	if !ok || places >= 0 {
		return y, ok
	}
	return y.Rescale(places, 0)
}

func truncated(x vector.Int128, scale, places int16) (vector.Int128, bool) {
	if places < scale {
		p, ok := vector.Pow10(int(scale - places))
		if !ok {
			return vector.Int128{}, true
		}
		x, _ = x.QuoRem(p)
	} else {
		return x.Rescale(scale, places)
	}
	if places < 0 {
		return x.Rescale(places, 0)
	}
	return x, true
}

// mathematics is roots, powers, logarithms and chance.
func mathematics() []*functions.Function {
	double := func(k functions.Kernel) []*functions.Overload {
		return []*functions.Overload{overload(k, tDouble, tDouble)}
	}
	random := overload(rows(func(_ *functions.Context, _ []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
		out.F[i] = rand.Float64()
		return nil
	}), tDouble)
	random.Volatility = functions.Volatile
	return []*functions.Function{
		{Name: "sqrt", Category: "math", Help: "Square root.", Examples: examples("sqrt(2)", "1.4142135623730951"), Overloads: double(squareRoot())},
		{Name: "exp", Category: "math", Help: "e to the power of the argument.", Examples: examples("exp(0)", "1"), Overloads: double(float1(math.Exp))},
		{Name: "ln", Category: "math", Help: "Natural logarithm.", Examples: examples("ln(1)", "0"), Overloads: double(logarithm(math.Log))},
		{Name: "log10", Category: "math", Help: "Logarithm to base 10.", Examples: examples("log10(1000)", "3"), Overloads: double(logarithm(math.Log10))},
		{
			Name: "log", Category: "math", Help: "Logarithm to base 10 (natural in the ksqldb dialect); of two arguments, to the first as base.",
			Examples: examples("log(100)", "2", "log(2, 8)", "3"), Overloads: []*functions.Overload{
				in(functions.Postgres, overload(logarithm(math.Log10), tDouble, tDouble)),
				in(functions.KsqlDB, overload(float1(math.Log), tDouble, tDouble)),
				overload(logarithmTo(), tDouble, tDouble, tDouble),
			},
		},
		{
			Name: "power", Category: "math", Help: "First argument to the power of the second.", Examples: examples("power(2, 10)", "1024"),
			Overloads: []*functions.Overload{overload(power(), tDouble, tDouble, tDouble)},
		},
		{
			Name: "^", Category: "operators", Help: "Left side to the power of the right.", Examples: examples("2 ^ 3 ^ 2", "64"),
			Overloads: []*functions.Overload{overload(power(), tDouble, tDouble, tDouble)},
		},
		{Name: "random", Category: "math", Help: "A number from 0 up to 1, anew for every row.", Examples: examples("random() < 1", "t"), Overloads: []*functions.Overload{random}},
		{
			Name: "pi", Category: "math", Help: "The ratio of a circle's circumference to its diameter.", Examples: examples("pi()", "3.141592653589793"),
			Overloads: []*functions.Overload{overload(rows(func(_ *functions.Context, _ []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
				out.F[i] = math.Pi
				return nil
			}), tDouble)},
		},
	}
}

func squareRoot() functions.Kernel {
	return rows(func(ctx *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
		x := number(args, 0, i)
		if x < 0 && ctx.Dialect != functions.KsqlDB {
			return sqlerr.Newf(sqlerr.InvalidArgumentForPower, 0, "cannot take square root of a negative number")
		}
		out.F[i] = math.Sqrt(x)
		return nil
	})
}

func badLogarithm(x float64) *sqlerr.Error {
	what := "a negative number"
	if x == 0 {
		what = "zero"
	}
	return sqlerr.Newf(sqlerr.InvalidArgumentForLog, 0, "cannot take logarithm of %s", what)
}

func logarithm(f func(float64) float64) functions.Kernel {
	return rows(func(ctx *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
		x := number(args, 0, i)
		if x <= 0 && ctx.Dialect != functions.KsqlDB {
			return badLogarithm(x)
		}
		out.F[i] = f(x)
		return nil
	})
}

func logarithmTo() functions.Kernel {
	return rows(func(ctx *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
		b, x := number(args, 0, i), number(args, 1, i)
		if ctx.Dialect != functions.KsqlDB {
			if b <= 0 {
				return badLogarithm(b)
			}
			if x <= 0 {
				return badLogarithm(x)
			}
			if b == 1 {
				return divisionByZero()
			}
		}
		r := math.Log(x) / math.Log(b)
		if near := math.Round(r); math.Abs(r-near) < 1e-14*math.Abs(r) { // log(2, 8) is 3
			r = near
		}
		out.F[i] = r
		return nil
	})
}

func power() functions.Kernel {
	return rows(func(ctx *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
		x, y := number(args, 0, i), number(args, 1, i)
		r := math.Pow(x, y)
		if ctx.Dialect != functions.KsqlDB {
			switch {
			case x == 0 && y < 0:
				return sqlerr.Newf(sqlerr.InvalidArgumentForPower, 0, "zero raised to a negative power is undefined")
			case r != r && x == x && y == y:
				return sqlerr.Newf(sqlerr.InvalidArgumentForPower, 0, "a negative number raised to a non-integer power yields a complex result")
			case math.IsInf(r, 0) && !math.IsInf(x, 0) && !math.IsInf(y, 0):
				return sqlerr.Newf(sqlerr.NumericOutOfRange, 0, "value out of range: overflow")
			}
		}
		out.F[i] = r
		return nil
	})
}
