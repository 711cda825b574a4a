package vector

import (
	"math"
	"math/big"
)

// MaxDigits is the most digits an Int128 surely holds.
const MaxDigits = 38

// MaxScale bounds the digits after the point of an unconstrained NUMERIC.
const MaxScale = 1000

var powers = func() (p [MaxDigits + 1]Int128) {
	p[0] = FromInt64(1)
	for i := 1; i < len(p); i++ {
		p[i], _ = p[i-1].Mul(FromInt64(10))
	}
	return p
}()

// Pow10 is 10^n for n in 0..38; false beyond.
func Pow10(n int) (Int128, bool) {
	if n < 0 || n > MaxDigits {
		return Int128{}, false
	}
	return powers[n], true
}

// Digits is the number of decimal digits of x's magnitude; 0 has none.
func (x Int128) Digits() int {
	if x.Sign() < 0 {
		x = x.Neg()
	}
	lo, hi := 0, MaxDigits+1
	for lo < hi {
		mid := (lo + hi) / 2
		if mid > MaxDigits || x.Cmp(powers[mid]) < 0 {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

// FitsPrecision tells whether x has at most precision digits; 0 asks only that it has at most 38.
func (x Int128) FitsPrecision(precision int16) bool {
	if precision == 0 {
		precision = MaxDigits
	}
	limit := powers[precision]
	return x.Cmp(limit) < 0 && x.Cmp(limit.Neg()) > 0
}

// Rescale moves x from one number of digits after the point to another, rounding halves away from zero; false on overflow.
func (x Int128) Rescale(from, to int16) (Int128, bool) {
	if from == to {
		return x, true
	}
	if to > from {
		p, ok := Pow10(int(to - from))
		if !ok {
			return Int128{}, x.Sign() == 0
		}
		return x.Mul(p)
	}
	p, ok := Pow10(int(from - to))
	if !ok {
		return Int128{}, true // fewer digits than are dropped: rounds to 0
	}
	return DivRound(x, p), true
}

// DivRound is x/y rounded half away from zero. y must not be zero.
func DivRound(x, y Int128) Int128 {
	q, r := x.QuoRem(y)
	if r.Sign() == 0 {
		return q
	}
	rh, rl, negative := r.abs()
	yh, yl, yNegative := y.abs()
	// r >= y-r, without overflow.
	r2 := Int128{Hi: int64(rh), Lo: rl}
	rest, _ := Int128{Hi: int64(yh), Lo: yl}.Sub(r2)
	if r2.Cmp(rest) >= 0 {
		step := FromInt64(1)
		if negative != yNegative {
			step = step.Neg()
		}
		q, _ = q.Add(step)
	}
	return q
}

// CompareDecimal compares x·10^-xs with y·10^-ys.
func CompareDecimal(x Int128, xs int16, y Int128, ys int16) int {
	if xs == ys {
		return x.Cmp(y)
	}
	if sx, sy := x.Sign(), y.Sign(); sx != sy {
		if sx < sy {
			return -1
		}
		return 1
	}
	if xs < ys {
		if r, ok := x.Rescale(xs, ys); ok {
			return r.Cmp(y)
		}
		return x.Sign()
	}
	if r, ok := y.Rescale(ys, xs); ok {
		return x.Cmp(r)
	}
	return -y.Sign()
}

// Digits that Postgres' division aims at. Source: numeric.c, select_div_scale.
const (
	minSignificantDigits = 16
	baseDigits           = 4 // a "digit" of Postgres is four of ours
)

// DivScale is how many digits after the point Postgres gives x/y.
func DivScale(x Int128, xs int16, y Int128, ys int16) int16 {
	wx, fx := weight(x, xs)
	wy, fy := weight(y, ys)
	q := wx - wy
	if fx <= fy {
		q--
	}
	scale := minSignificantDigits - q*baseDigits
	return int16(min(MaxScale, max(scale, int(xs), int(ys), 0)))
}

// weight is the base-10000 exponent of the first such digit of x·10^-s, and the digit.
func weight(x Int128, s int16) (exponent, first int) {
	if x.Sign() == 0 {
		return 0, 0
	}
	if x.Sign() < 0 {
		x = x.Neg()
	}
	digits := x.Digits()
	lead := digits - 1 - int(s) // the exponent of the first decimal digit
	exponent = int(math.Floor(float64(lead) / baseDigits))
	keep := lead - exponent*baseDigits + 1 // decimal digits in the first base-10000 digit
	if keep >= digits {
		v, _ := x.Mul(powers[keep-digits])
		return exponent, int(v.Lo)
	}
	v, _ := x.QuoRem(powers[digits-keep])
	return exponent, int(v.Lo)
}

// DivDecimal is x·10^-xs / y·10^-ys with scale digits after the point, rounded half away from zero; false on overflow. y must not be zero.
func DivDecimal(x Int128, xs int16, y Int128, ys, scale int16) (Int128, bool) {
	shift := int(scale) + int(ys) - int(xs)
	if p, ok := Pow10(max(shift, 0)); ok && shift >= 0 {
		if n, ok := x.Mul(p); ok {
			return DivRound(n, y), true
		}
	}
	n, d := x.Big(), y.Big()
	ten := big.NewInt(10)
	if shift >= 0 {
		n.Mul(n, new(big.Int).Exp(ten, big.NewInt(int64(shift)), nil))
	} else {
		d.Mul(d, new(big.Int).Exp(ten, big.NewInt(int64(-shift)), nil))
	}
	q, r := new(big.Int).QuoRem(n, d, new(big.Int))
	if r.Lsh(r.Abs(r), 1).Cmp(new(big.Int).Abs(d)) >= 0 {
		q.Add(q, big.NewInt(int64(n.Sign()*d.Sign())))
	}
	return FromBig(q)
}

// AppendDecimal appends x·10^-scale as Postgres prints it: all scale digits, no exponent.
func AppendDecimal(dst []byte, x Int128, scale int16) []byte {
	if scale <= 0 {
		return x.AppendText(dst)
	}
	hi, lo, negative := x.abs()
	if negative {
		dst = append(dst, '-')
	}
	dst = appendUnsigned(dst, hi, lo, int(scale)+1)
	point := len(dst) - int(scale)
	dst = append(dst, 0)
	copy(dst[point+1:], dst[point:])
	dst[point] = '.'
	return dst
}

// DecimalFloat is x·10^-scale as the nearest float.
func DecimalFloat(x Int128, scale int16) float64 {
	if scale <= 0 {
		return x.Float64()
	}
	if i, ok := x.Int64(); ok && i > -1<<53 && i < 1<<53 && scale <= 22 {
		return float64(i) / math.Pow10(int(scale)) // both exact: the quotient is correctly rounded
	}
	f, err := parseFloatBytes(AppendDecimal(nil, x, scale))
	if err != nil {
		return x.Float64() / math.Pow10(int(scale))
	}
	return f
}

// ParseDecimal reads "-12.50", "1e3" or ".5" with as many digits after the point as written. ok is false for anything else;
// fits is false when it needs more than 38 digits.
func ParseDecimal(s string) (x Int128, scale int16, ok, fits bool) {
	i, negative := 0, false
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		negative = s[i] == '-'
		i++
	}
	fits = true
	digits, seenPoint, after := 0, false, 0
	var small uint64 // digits gather in a word and are folded in every 18
	folded := 0
	fold := func() {
		if folded == 0 {
			return
		}
		p := powers[folded]
		y, good := x.Mul(p)
		if good {
			y, good = y.Add(Int128{Lo: small})
		}
		fits = fits && good
		x, small, folded = y, 0, 0
	}
	for ; i < len(s); i++ {
		c := s[i]
		if c == '.' && !seenPoint {
			seenPoint = true
			continue
		}
		if c < '0' || c > '9' {
			break
		}
		digits++
		if seenPoint {
			after++
		}
		small = small*10 + uint64(c-'0')
		if folded++; folded == chunkDigits-1 {
			fold()
		}
	}
	fold()
	if digits == 0 {
		return Int128{}, 0, false, false
	}
	exponent, ok := parseExponent(s[i:])
	if !ok {
		return Int128{}, 0, false, false
	}
	if negative {
		x = x.Neg()
	}
	places := after - exponent
	if places < 0 {
		p, good := Pow10(-places)
		if !good {
			return Int128{}, 0, true, x.Sign() == 0 && fits
		}
		y, good := x.Mul(p)
		return y, 0, true, fits && good && y.FitsPrecision(0)
	}
	if places > MaxScale {
		return Int128{}, 0, true, false
	}
	return x, int16(places), true, fits && x.FitsPrecision(0)
}

// maxExponent is past every number that fits.
const maxExponent = 100_000

func parseExponent(s string) (int, bool) {
	if s == "" {
		return 0, true
	}
	if s[0] != 'e' && s[0] != 'E' {
		return 0, false
	}
	s = s[1:]
	sign := 1
	if s != "" && (s[0] == '-' || s[0] == '+') {
		if s[0] == '-' {
			sign = -1
		}
		s = s[1:]
	}
	if s == "" {
		return 0, false
	}
	n := 0
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = min(n*10+int(s[i]-'0'), maxExponent)
	}
	return sign * n, true
}
