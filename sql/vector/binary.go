package vector

import (
	"encoding/binary"
	"math"
	"math/big"

	"github.com/freshetdb/freshet/sql/types"
)

// postgresEpoch is 2000-01-01 in days since 1970: Postgres counts from there.
const postgresEpoch = 10957

// AppendBinary appends row i in Postgres' binary format, without the length in front. A null appends nothing: callers ask IsNull
// first. Types that have no binary form of their own (maps, structs, arrays of these) travel as text, as their OID says.
// Source: Postgres, the *_send functions.
func AppendBinary(dst []byte, v *Vector, i int) []byte {
	i = v.Row(i)
	switch v.Type.ID {
	case types.Boolean:
		return append(dst, byte(v.I[i]))
	case types.SmallInt:
		return binary.BigEndian.AppendUint16(dst, uint16(v.I[i]))
	case types.Int:
		return binary.BigEndian.AppendUint32(dst, uint32(v.I[i]))
	case types.BigInt, types.Time:
		return binary.BigEndian.AppendUint64(dst, uint64(v.I[i]))
	case types.Real:
		return binary.BigEndian.AppendUint32(dst, math.Float32bits(float32(v.F[i])))
	case types.Double:
		return binary.BigEndian.AppendUint64(dst, math.Float64bits(v.F[i]))
	case types.Decimal:
		return appendBinaryNumeric(dst, v.D[i], v.ScaleAt(i))
	case types.Bytes:
		return append(dst, v.Bytes(i)...)
	case types.Timestamp:
		return binary.BigEndian.AppendUint64(dst, uint64(v.I[i]-postgresEpoch*Day))
	case types.Date:
		return binary.BigEndian.AppendUint32(dst, uint32(v.I[i]-postgresEpoch))
	case types.Interval:
		months, days, us := IntervalParts(v.D[i])
		dst = binary.BigEndian.AppendUint64(dst, uint64(us))
		dst = binary.BigEndian.AppendUint32(dst, uint32(days))
		return binary.BigEndian.AppendUint32(dst, uint32(months))
	case types.Array:
		if !v.Type.Elem.Nested() {
			return appendBinaryArray(dst, v, i)
		}
	}
	return AppendText(dst, v, i, Style{})
}

func appendBinaryArray(dst []byte, v *Vector, i int) []byte {
	from, to := v.Offs[i], v.Offs[i+1]
	kid := v.Kids[0]
	hasNull := uint32(0)
	for k := from; k < to; k++ {
		if kid.IsNull(int(k)) {
			hasNull = 1
		}
	}
	dimensions := uint32(1)
	if from == to {
		dimensions = 0
	}
	dst = binary.BigEndian.AppendUint32(dst, dimensions)
	dst = binary.BigEndian.AppendUint32(dst, hasNull)
	dst = binary.BigEndian.AppendUint32(dst, uint32(kid.Type.OID()))
	if from == to {
		return dst
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(to-from))
	dst = binary.BigEndian.AppendUint32(dst, 1) // lower bound
	for k := from; k < to; k++ {
		at := len(dst)
		dst = binary.BigEndian.AppendUint32(dst, math.MaxUint32) // -1: null
		if !kid.IsNull(int(k)) {
			dst = AppendBinary(dst, kid, int(k))
			binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
		}
	}
	return dst
}

// Numeric's wire form: base-10000 digits, a weight, a sign, the digits after the point. Source: numeric_send.
const (
	numericBase     = 10000
	numericNegative = 0x4000
	numericNaN      = 0xC000
	maxGroups       = 32 // 128 bits need 10 groups, and up to MaxScale zeros are never sent
)

func appendBinaryNumeric(dst []byte, x Int128, scale int16) []byte {
	hi, lo, negative := x.abs()
	sign := uint16(0)
	if negative {
		sign = numericNegative
	}
	// Groups of four digits lie around the point: pad the fraction to a whole group.
	pad := (baseDigits - int(scale)%baseDigits) % baseDigits
	var groups [maxGroups]uint16
	n := 0
	if pad > 0 {
		shift := []uint64{1, 10, 100, 1000}[pad]
		var r uint64
		part := uint64([]int{1, 1000, 100, 10}[pad]) // what a first, short group holds
		hi, lo, _, r = divide(hi, lo, 0, part)
		groups[n] = uint16(r * shift)
		n++
	}
	for hi != 0 || lo != 0 {
		var r uint64
		hi, lo, _, r = divide(hi, lo, 0, numericBase)
		groups[n] = uint16(r)
		n++
	}
	fraction := (int(scale) + pad) / baseDigits
	weight := n - 1 - fraction
	low := 0
	for low < n && groups[low] == 0 {
		low++ // trailing zeros are not sent
	}
	for n > low && groups[n-1] == 0 {
		n--
		weight--
	}
	if n == low {
		weight = 0
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(n-low))
	dst = binary.BigEndian.AppendUint16(dst, uint16(int16(weight)))
	dst = binary.BigEndian.AppendUint16(dst, sign)
	dst = binary.BigEndian.AppendUint16(dst, uint16(scale))
	for n--; n >= low; n-- {
		dst = binary.BigEndian.AppendUint16(dst, groups[n])
	}
	return dst
}

// ParseBinary reads a value in Postgres' binary format. Errors: ErrSyntax for a wrong length or form, ErrRange.
func ParseBinary(t types.Type, b []byte) (Datum, error) {
	d := Datum{Type: t}
	if n := t.Len(); n >= 0 && int(n) != len(b) {
		return d, ErrSyntax
	}
	switch t.ID {
	case types.Boolean:
		if b[0] != 0 {
			d.I = 1
		}
	case types.SmallInt:
		d.I = int64(int16(binary.BigEndian.Uint16(b)))
	case types.Int:
		d.I = int64(int32(binary.BigEndian.Uint32(b)))
	case types.BigInt:
		d.I = int64(binary.BigEndian.Uint64(b))
	case types.Time:
		d.I = int64(binary.BigEndian.Uint64(b))
		if d.I < 0 || d.I > Day {
			return d, ErrRange
		}
	case types.Real:
		d.F = float64(math.Float32frombits(binary.BigEndian.Uint32(b)))
	case types.Double:
		d.F = math.Float64frombits(binary.BigEndian.Uint64(b))
	case types.Timestamp:
		us := int64(binary.BigEndian.Uint64(b))
		if us > math.MaxInt64-postgresEpoch*Day {
			return d, ErrRange
		}
		d.I = us + postgresEpoch*Day
	case types.Date:
		d.I = int64(int32(binary.BigEndian.Uint32(b))) + postgresEpoch
	case types.Interval:
		us := int64(binary.BigEndian.Uint64(b))
		d.D = MakeInterval(int32(binary.BigEndian.Uint32(b[12:])), int32(binary.BigEndian.Uint32(b[8:])), us)
	case types.Decimal:
		return parseBinaryNumeric(t, b)
	case types.Array:
		return parseBinaryArray(t, b)
	case types.Map, types.Struct:
		return d, ErrSyntax
	default:
		d.S = string(b)
	}
	return d, nil
}

const numericHeader = 8

func parseBinaryNumeric(t types.Type, b []byte) (Datum, error) {
	d := Datum{Type: t}
	if len(b) < numericHeader {
		return d, ErrSyntax
	}
	n := int(binary.BigEndian.Uint16(b))
	weight := int(int16(binary.BigEndian.Uint16(b[2:])))
	sign := binary.BigEndian.Uint16(b[4:])
	scale := int(binary.BigEndian.Uint16(b[6:]))
	if len(b) != numericHeader+2*n {
		return d, ErrSyntax
	}
	if sign == numericNaN || sign != 0 && sign != numericNegative || scale > MaxScale || n > maxGroups {
		return d, ErrRange
	}
	x := new(big.Int)
	for i := range n {
		group := binary.BigEndian.Uint16(b[numericHeader+2*i:])
		if group >= numericBase {
			return d, ErrSyntax
		}
		x.Mul(x, big.NewInt(numericBase)).Add(x, big.NewInt(int64(group)))
	}
	// x counts units of 10000^(weight-n+1); we want 10^-scale.
	shift := (weight-n+1)*baseDigits + scale
	if shift > 2*MaxDigits || -shift > 2*maxGroups*baseDigits+MaxScale {
		if x.Sign() != 0 {
			return d, ErrRange
		}
		shift = 0
	}
	if shift >= 0 {
		x.Mul(x, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(shift)), nil))
	} else {
		x.Quo(x, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(-shift)), nil))
	}
	if sign == numericNegative {
		x.Neg(x)
	}
	v, ok := FromBig(x)
	if !ok || !v.FitsPrecision(0) {
		return d, ErrRange
	}
	d.D, d.Scale = v, int16(scale)
	if t.Precision > 0 {
		if d.D, ok = v.Rescale(d.Scale, t.Scale); !ok || !d.D.FitsPrecision(t.Precision) {
			return d, ErrRange
		}
		d.Scale = t.Scale
	}
	return d, nil
}

const (
	arrayHeader    = 12
	arrayDimension = 8
)

func parseBinaryArray(t types.Type, b []byte) (Datum, error) {
	d := Datum{Type: t}
	if len(b) < arrayHeader || t.Elem == nil || t.Elem.Nested() {
		return d, ErrSyntax
	}
	dimensions := binary.BigEndian.Uint32(b)
	b = b[arrayHeader:]
	if dimensions == 0 {
		return d, nil
	}
	if dimensions != 1 || len(b) < arrayDimension {
		return d, ErrSyntax
	}
	n := binary.BigEndian.Uint32(b)
	b = b[arrayDimension:]
	for ; n > 0; n-- {
		if len(b) < 4 {
			return d, ErrSyntax
		}
		size := int32(binary.BigEndian.Uint32(b))
		b = b[4:]
		if size == -1 {
			d.Kids = append(d.Kids, NullOf(*t.Elem))
			continue
		}
		if size < 0 || int(size) > len(b) {
			return d, ErrSyntax
		}
		kid, err := ParseBinary(*t.Elem, b[:size])
		if err != nil {
			return d, err
		}
		d.Kids = append(d.Kids, kid)
		b = b[size:]
	}
	if len(b) != 0 {
		return d, ErrSyntax
	}
	return d, nil
}
