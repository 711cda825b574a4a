package vector

import (
	"math"
	"math/big"
	"math/bits"
)

// FromInt64 widens x.
func FromInt64(x int64) Int128 { return Int128{Hi: x >> 63, Lo: uint64(x)} }

// Int64 narrows x; false when it does not fit.
func (x Int128) Int64() (int64, bool) { return int64(x.Lo), x.Hi == int64(x.Lo)>>63 }

// Sign is -1, 0 or 1.
func (x Int128) Sign() int {
	switch {
	case x.Hi < 0:
		return -1
	case x.Hi == 0 && x.Lo == 0:
		return 0
	}
	return 1
}

// Cmp is -1, 0 or 1 as x is below, equal to or above y.
func (x Int128) Cmp(y Int128) int {
	switch {
	case x.Hi < y.Hi:
		return -1
	case x.Hi > y.Hi:
		return 1
	case x.Lo < y.Lo:
		return -1
	case x.Lo > y.Lo:
		return 1
	}
	return 0
}

// Add is x+y; false on overflow.
func (x Int128) Add(y Int128) (Int128, bool) {
	lo, carry := bits.Add64(x.Lo, y.Lo, 0)
	hi, _ := bits.Add64(uint64(x.Hi), uint64(y.Hi), carry)
	r := Int128{Hi: int64(hi), Lo: lo}
	return r, (x.Hi^r.Hi)&(y.Hi^r.Hi) >= 0
}

// Sub is x-y; false on overflow.
func (x Int128) Sub(y Int128) (Int128, bool) {
	lo, borrow := bits.Sub64(x.Lo, y.Lo, 0)
	hi, _ := bits.Sub64(uint64(x.Hi), uint64(y.Hi), borrow)
	r := Int128{Hi: int64(hi), Lo: lo}
	return r, (x.Hi^y.Hi)&(x.Hi^r.Hi) >= 0
}

// Neg is -x (the most negative number stays itself; no DECIMAL is that large).
func (x Int128) Neg() Int128 {
	lo, carry := bits.Add64(^x.Lo, 1, 0)
	return Int128{Hi: int64(uint64(^x.Hi) + carry), Lo: lo}
}

// abs gives the magnitude and whether x is negative.
func (x Int128) abs() (hi, lo uint64, negative bool) {
	if x.Hi < 0 {
		n := x.Neg()
		return uint64(n.Hi), n.Lo, true
	}
	return uint64(x.Hi), x.Lo, false
}

func signed(hi, lo uint64, negative bool) Int128 {
	r := Int128{Hi: int64(hi), Lo: lo}
	if negative {
		return r.Neg()
	}
	return r
}

// Mul is x*y; false on overflow.
func (x Int128) Mul(y Int128) (Int128, bool) {
	if a, ok := x.Int64(); ok {
		if b, ok := y.Int64(); ok {
			return mul64(a, b), true
		}
	}
	xh, xl, xn := x.abs()
	yh, yl, yn := y.abs()
	if xh != 0 && yh != 0 {
		return Int128{}, false
	}
	hi, lo := bits.Mul64(xl, yl)
	c1, m1 := bits.Mul64(xh, yl)
	c2, m2 := bits.Mul64(xl, yh)
	hi, carry1 := bits.Add64(hi, m1, 0)
	hi, carry2 := bits.Add64(hi, m2, 0)
	if c1|c2|carry1|carry2 != 0 || hi>>63 != 0 {
		return Int128{}, false
	}
	return signed(hi, lo, xn != yn), true
}

// mul64 is the full product of two words.
func mul64(a, b int64) Int128 {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	h := int64(hi) - (a>>63)&b - (b>>63)&a
	return Int128{Hi: h, Lo: lo}
}

// QuoRem divides, truncating towards zero. y must not be zero.
func (x Int128) QuoRem(y Int128) (quotient, remainder Int128) {
	if a, ok := x.Int64(); ok {
		if b, ok := y.Int64(); ok && b != -1 {
			return FromInt64(a / b), FromInt64(a % b)
		}
	}
	xh, xl, xn := x.abs()
	yh, yl, yn := y.abs()
	qh, ql, rh, rl := divide(xh, xl, yh, yl)
	return signed(qh, ql, xn != yn), signed(rh, rl, xn)
}

// divide is unsigned 128-bit division.
func divide(xh, xl, yh, yl uint64) (qh, ql, rh, rl uint64) {
	if yh == 0 {
		qh, rl = xh/yl, xh%yl
		ql, rl = bits.Div64(rl, xl, yl)
		return qh, ql, 0, rl
	}
	// The quotient fits a word: estimate it with the top bits, then correct by at most one. (Hacker's Delight, 9-5.)
	n := uint(bits.LeadingZeros64(yh))
	v1 := yh<<n | yl>>1>>(63-n)
	u1h, u1l := xh>>1, xh<<63|xl>>1
	q, _ := bits.Div64(u1h, u1l, v1)
	q >>= 63 - n
	if q != 0 {
		q--
	}
	ph, pl := bits.Mul64(q, yl)
	ph += q * yh
	rl, borrow := bits.Sub64(xl, pl, 0)
	rh, _ = bits.Sub64(xh, ph, borrow)
	if rh > yh || rh == yh && rl >= yl {
		q++
		rl, borrow = bits.Sub64(rl, yl, 0)
		rh, _ = bits.Sub64(rh, yh, borrow)
	}
	return 0, q, rh, rl
}

// Float64 is the nearest float.
func (x Int128) Float64() float64 {
	if i, ok := x.Int64(); ok {
		return float64(i)
	}
	hi, lo, negative := x.abs()
	f := float64(hi)*(1<<64) + float64(lo)
	if negative {
		return -f
	}
	return f
}

// Big is x as a big integer: for the rare paths that need more than 128 bits.
func (x Int128) Big() *big.Int {
	hi, lo, negative := x.abs()
	b := new(big.Int).SetUint64(hi)
	b.Lsh(b, 64).Or(b, new(big.Int).SetUint64(lo))
	if negative {
		b.Neg(b)
	}
	return b
}

// FromBig narrows b; false when it does not fit.
func FromBig(b *big.Int) (Int128, bool) {
	if b.BitLen() > 127 {
		return Int128{}, false
	}
	a := new(big.Int).Abs(b)
	lo := new(big.Int).And(a, new(big.Int).SetUint64(math.MaxUint64)).Uint64()
	hi := a.Rsh(a, 64).Uint64()
	return signed(hi, lo, b.Sign() < 0), true
}

// AppendText appends x in decimal.
func (x Int128) AppendText(dst []byte) []byte {
	hi, lo, negative := x.abs()
	if negative {
		dst = append(dst, '-')
	}
	return appendUnsigned(dst, hi, lo, 1)
}

// chunkDigits is how many decimal digits one 64-bit division yields.
const (
	chunkDigits = 19
	chunkValue  = 10_000_000_000_000_000_000
)

// appendUnsigned appends a magnitude with at least width digits.
func appendUnsigned(dst []byte, hi, lo uint64, width int) []byte {
	var buf [64]byte
	at := len(buf)
	for hi != 0 {
		qh, ql, _, r := divide(hi, lo, 0, chunkValue)
		for range chunkDigits {
			at--
			buf[at] = byte('0' + r%10)
			r /= 10
		}
		hi, lo = qh, ql
	}
	for lo != 0 {
		at--
		buf[at] = byte('0' + lo%10)
		lo /= 10
	}
	for n := len(buf) - at; n < width; n++ {
		dst = append(dst, '0')
	}
	return append(dst, buf[at:]...)
}
