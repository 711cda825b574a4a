package json

import (
	"math"
	"math/bits"
	"slices"
	"strconv"

	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

const (
	// safeDigits always fit an int64.
	safeDigits = 18
	// exactDigits and exactPower bound the numbers whose float is one exact division or multiplication (Clinger's fast path).
	exactDigits = 15
	exactPower  = 22
)

// exactPowers holds the powers of ten that a float64 holds exactly.
var exactPowers = [exactPower + 1]float64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

// pairs are the numbers below 100, two digits each.
const pairs = "00010203040506070809" + "10111213141516171819" + "20212223242526272829" + "30313233343536373839" + "40414243444546474849" +
	"50515253545556575859" + "60616263646566676869" + "70717273747576777879" + "80818283848586878889" + "90919293949596979899"

// intMax is the length of the longest int64.
const intMax = 20

// appendInt writes a whole number straight into dst, two digits at a time.
func appendInt(dst []byte, x int64) []byte {
	u := uint64(x)
	if x < 0 {
		dst = append(dst, '-')
		u = -u
	}
	if cap(dst)-len(dst) < intMax {
		dst = slices.Grow(dst, intMax)
	}
	n := decimalLen(u)
	end := len(dst) + n
	out := dst[len(dst):end]
	for n > 2 {
		q := u / 100
		pair := 2 * (u - q*100)
		out[n-1], out[n-2] = pairs[pair+1], pairs[pair]
		u, n = q, n-2
	}
	if n == 2 {
		out[1], out[0] = pairs[2*u+1], pairs[2*u]
	} else {
		out[0] = byte('0' + u)
	}
	return dst[:end]
}

// decimalLen is the number of digits of u.
func decimalLen(u uint64) int {
	n := bits.Len64(u) * 1233 >> 12 // log10(2) in 1/4096
	if u >= powers[n] {
		n++
	}
	return max(n, 1)
}

// powers are the powers of ten that an uint64 holds.
var powers = [intMax]uint64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
}

// shortInt reads a whole number of at most 18 digits at p, the common case; end is -1 for anything else, numbers with a
// fraction included.
func shortInt(b []byte, p int) (x int64, end int) {
	negative := p < len(b) && b[p] == '-'
	if negative {
		p++
	}
	start := p
	for p < len(b) && b[p]-'0' <= 9 {
		x = x*10 + int64(b[p]-'0')
		p++
	}
	n := p - start
	if n == 0 || n > safeDigits || b[start] == '0' && n > 1 {
		return 0, -1
	}
	if p < len(b) && (b[p] == '.' || b[p]|0x20 == 'e') {
		return 0, -1
	}
	if negative {
		x = -x
	}
	return x, p
}

// parseInt gives a number's text as a whole number, its fraction cut off. Beyond 64 bits the low ones are taken when
// wrapping is allowed.
func parseInt(b []byte, wrap bool) (x int64, ok bool) {
	d, scale, ok, fits := vector.ParseDecimal(view(b))
	if !ok || !fits {
		return 0, false
	}
	if scale > 0 {
		p, good := vector.Pow10(int(scale))
		if !good {
			return 0, false
		}
		d, _ = d.QuoRem(p)
	}
	_, ok = d.Int64()
	return int64(d.Lo), ok || wrap
}

// wholeLimits bounds the types held in I that are narrower than 64 bits.
func fitWhole(x int64, id types.ID, wrap bool) (int64, bool) {
	switch id {
	case types.Int:
		if wrap {
			return int64(int32(x)), true
		}
		return x, x == int64(int32(x))
	case types.SmallInt:
		if wrap {
			return int64(int16(x)), true
		}
		return x, x == int64(int16(x))
	}
	return x, true
}

// parseFloat gives a number's text as a float64, correctly rounded.
func parseFloat(b []byte) (f float64, ok bool) {
	if f, ok = shortFloat(b); ok {
		return f, true
	}
	for _, c := range b { // strconv knows more forms than Java
		if c == '_' || c|0x20 == 'x' || c|0x20 == 'p' {
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(view(b), 64)
	return f, err == nil || math.IsInf(f, 0)
}

// shortFloat reads plain decimals of up to 15 digits exactly.
func shortFloat(b []byte) (f float64, ok bool) {
	p := 0
	negative := len(b) > 0 && b[0] == '-'
	if negative {
		p++
	}
	var mantissa uint64
	point, digits := -1, 0
	for ; p < len(b); p++ {
		c := b[p]
		if c == '.' && point < 0 {
			point = digits
			continue
		}
		if c-'0' > 9 {
			return 0, false
		}
		mantissa = mantissa*10 + uint64(c-'0')
		digits++
	}
	if digits == 0 || digits > exactDigits {
		return 0, false
	}
	f = float64(mantissa)
	if point >= 0 {
		f /= exactPowers[digits-point]
	}
	if negative {
		f = -f
	}
	return f, true
}

// parseDecimal gives a number's text as a value of a DECIMAL type. With exact, digits that do not fit the scale are refused;
// else they are rounded.
func parseDecimal(b []byte, t types.Type, exact bool) (x vector.Int128, scale int16, ok bool) {
	x, scale, ok, fits := vector.ParseDecimal(view(b))
	if !ok || !fits {
		return vector.Int128{}, 0, false
	}
	if t.Precision == 0 {
		return x, scale, true
	}
	y, ok := x.Rescale(scale, t.Scale)
	if !ok || !y.FitsPrecision(t.Precision) {
		return vector.Int128{}, 0, false
	}
	if exact && scale > t.Scale {
		back, ok := y.Rescale(t.Scale, scale)
		if !ok || back != x {
			return vector.Int128{}, 0, false
		}
	}
	return y, t.Scale, true
}

// scaled multiplies with overflow check.
func scaled(x, by int64) (int64, bool) {
	hi, lo := bits.Mul64(uint64(max(x, -x)), uint64(by))
	if hi != 0 || lo > math.MaxInt64 || x == math.MinInt64 {
		return 0, false
	}
	return x * by, true
}
