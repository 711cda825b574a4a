package vector

import (
	"bytes"
	"math"
	"math/bits"

	"github.com/zeebo/xxh3"

	"github.com/freshetdb/freshet/sql/types"
)

// AppendFrom appends row i of src, which must be of v's type.
func (v *Vector) AppendFrom(src *Vector, i int) {
	if src.IsNull(i) {
		v.AppendNull()
		return
	}
	i = src.Row(i)
	switch v.Type.ID {
	case types.Real, types.Double:
		v.F = append(v.F, src.F[i])
	case types.Decimal:
		x, scale := src.D[i], src.ScaleAt(i)
		v.AppendDecimal(x, scale)
	case types.Interval:
		v.D = append(v.D, src.D[i])
	case types.String, types.Bytes, types.Unknown:
		v.AppendBytes(src.Bytes(i))
	case types.Array, types.Map:
		for k := int(src.Offs[i]); k < int(src.Offs[i+1]); k++ {
			for j, kid := range v.Kids {
				kid.AppendFrom(src.Kids[j], k)
			}
		}
		v.EndList()
	case types.Struct:
		for j, kid := range v.Kids {
			kid.AppendFrom(src.Kids[j], i)
		}
	default:
		v.I = append(v.I, src.I[i])
	}
}

// CopyRow sets row i of dst, made by Reset, to row j of src of the same type. Not for arrays and maps (nor structs holding
// them), whose rows can only be appended.
func CopyRow(dst *Vector, i int, src *Vector, j int) {
	if src.IsNull(j) {
		dst.SetNull(i)
		return
	}
	j = src.Row(j)
	switch dst.Type.ID {
	case types.Real, types.Double:
		dst.F[i] = src.F[j]
	case types.Decimal:
		dst.D[i] = src.D[j]
		if dst.Type.Precision == 0 {
			dst.Scales[i] = src.ScaleAt(j)
		}
	case types.Interval:
		dst.D[i] = src.D[j]
	case types.String, types.Bytes, types.Unknown:
		dst.SetBytes(i, src.Bytes(j))
	case types.Struct:
		for k, kid := range dst.Kids {
			CopyRow(kid, i, src.Kids[k], j)
		}
	default:
		dst.I[i] = src.I[j]
	}
}

// Gather appends the rows of sel (nil: all n) of src to v.
func (v *Vector) Gather(src *Vector, n int, sel []uint16) {
	if v.gatherFlat(src, n, sel) {
		return
	}
	if sel == nil {
		for i := range n {
			v.AppendFrom(src, i)
		}
		return
	}
	for _, i := range sel {
		v.AppendFrom(src, int(i))
	}
}

// gatherFlat is Gather for words and floats without nulls: most columns.
func (v *Vector) gatherFlat(src *Vector, n int, sel []uint16) bool {
	if src.Const || src.HasNulls() {
		return false
	}
	switch v.Type.ID {
	case types.Boolean, types.SmallInt, types.Int, types.BigInt, types.Timestamp, types.Date, types.Time:
		v.I = gather(v.I, src.I, n, sel)
	case types.Real, types.Double:
		v.F = gather(v.F, src.F, n, sel)
	default:
		return false
	}
	return true
}

func gather[T any](dst, src []T, n int, sel []uint16) []T {
	if sel == nil {
		return append(dst, src[:n]...)
	}
	at := len(dst)
	if cap(dst) < at+len(sel) {
		dst = append(dst, make([]T, len(sel))...)
	} else {
		dst = dst[:at+len(sel)]
	}
	out := dst[at:]
	for k, i := range sel {
		out[k] = src[i]
	}
	return dst
}

// Equal tells whether row i of a is the same value as row j of b, of the same type; nulls are equal to nulls (IS NOT DISTINCT FROM).
func Equal(a *Vector, i int, b *Vector, j int) bool {
	an, bn := a.IsNull(i), b.IsNull(j)
	if an || bn {
		return an == bn
	}
	return compareValues(a, i, b, j) == 0
}

// Compare orders row i of a against row j of b, of the same type, as ORDER BY does: nulls last, NaN above all numbers, text by
// bytes, arrays element by element.
func Compare(a *Vector, i int, b *Vector, j int) int {
	an, bn := a.IsNull(i), b.IsNull(j)
	switch {
	case an && bn:
		return 0
	case an:
		return 1
	case bn:
		return -1
	}
	return compareValues(a, i, b, j)
}

func compareValues(a *Vector, i int, b *Vector, j int) int {
	i, j = a.Row(i), b.Row(j)
	switch a.Type.ID {
	case types.Real, types.Double:
		return CompareFloat(a.F[i], b.F[j])
	case types.Decimal:
		return CompareDecimal(a.D[i], a.ScaleAt(i), b.D[j], b.ScaleAt(j))
	case types.Interval:
		return CompareInterval(a.D[i], b.D[j])
	case types.String, types.Bytes, types.Unknown:
		return bytes.Compare(a.Bytes(i), b.Bytes(j))
	case types.Array, types.Map:
		return compareLists(a, i, b, j)
	case types.Struct:
		for k := range a.Kids {
			if c := Compare(a.Kids[k], i, b.Kids[k], j); c != 0 {
				return c
			}
		}
		return 0
	}
	switch x, y := a.I[i], b.I[j]; {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

func compareLists(a *Vector, i int, b *Vector, j int) int {
	la, lb := int(a.Offs[i+1]-a.Offs[i]), int(b.Offs[j+1]-b.Offs[j])
	for k := range min(la, lb) {
		for kid := range a.Kids {
			if c := Compare(a.Kids[kid], int(a.Offs[i])+k, b.Kids[kid], int(b.Offs[j])+k); c != 0 {
				return c
			}
		}
	}
	return la - lb
}

// CompareFloat orders floats as Postgres: NaN equals itself and is above all.
func CompareFloat(x, y float64) int {
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	case x == y:
		return 0
	}
	xn, yn := math.IsNaN(x), math.IsNaN(y)
	switch {
	case xn && yn:
		return 0
	case xn:
		return 1
	}
	return -1
}

// CompareInterval orders intervals with months of 30 days of 24 hours.
func CompareInterval(x, y Int128) int {
	return intervalSpan(x).Cmp(intervalSpan(y))
}

func intervalSpan(x Int128) Int128 {
	months, days, us := IntervalParts(x)
	span := mul64(int64(months)*daysPerMonth+int64(days), Day)
	span, _ = span.Add(FromInt64(us))
	return span
}

// Multipliers of the mixer; from wyhash and splitmix64.
const (
	hashSeed = 0x9e3779b97f4a7c15
	hashMul  = 0xa0761d6478bd642f
	hashNull = 0x8ebc6af09c88c6e3
)

func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^hashSeed, b^hashMul)
	return hi ^ lo
}

// HashColumns sets dst[i] to a hash of row i over all columns, for the rows of sel (nil: all n). Equal rows (as Equal) hash the
// same in every process and release; dst has room for n.
func HashColumns(cols []*Vector, n int, sel []uint16, dst []uint64) {
	if sel == nil {
		for i := range n {
			dst[i] = hashSeed
		}
	} else {
		for _, i := range sel {
			dst[i] = hashSeed
		}
	}
	for _, c := range cols {
		hashColumn(c, n, sel, dst)
	}
}

func hashColumn(v *Vector, n int, sel []uint16, dst []uint64) {
	switch v.Type.ID {
	case types.Boolean, types.SmallInt, types.Int, types.BigInt, types.Timestamp, types.Date, types.Time:
		if !v.Const && sel == nil && !v.HasNulls() {
			for i, x := range v.I[:n] {
				dst[i] = mix(dst[i], uint64(x))
			}
			return
		}
	}
	if sel == nil {
		for i := range n {
			dst[i] = mix(dst[i], HashRow(v, i))
		}
		return
	}
	for _, i := range sel {
		dst[i] = mix(dst[i], HashRow(v, int(i)))
	}
}

// HashRow is the hash word of one value.
func HashRow(v *Vector, i int) uint64 {
	if v.IsNull(i) {
		return hashNull
	}
	i = v.Row(i)
	switch v.Type.ID {
	case types.Real, types.Double:
		f := v.F[i]
		switch {
		case f == 0:
			f = 0 // -0 equals 0
		case f != f:
			f = math.NaN()
		}
		return math.Float64bits(f)
	case types.Decimal:
		return hashDecimal(v.D[i], v.ScaleAt(i), v.Type.Precision == 0)
	case types.Interval:
		span := intervalSpan(v.D[i])
		return mix(uint64(span.Hi), span.Lo)
	case types.String, types.Bytes, types.Unknown:
		return xxh3.Hash(v.Bytes(i))
	case types.Array, types.Map:
		h := uint64(hashSeed)
		for k := int(v.Offs[i]); k < int(v.Offs[i+1]); k++ {
			for _, kid := range v.Kids {
				h = mix(h, HashRow(kid, k))
			}
		}
		return h
	case types.Struct:
		h := uint64(hashSeed)
		for _, kid := range v.Kids {
			h = mix(h, HashRow(kid, i))
		}
		return h
	}
	return uint64(v.I[i])
}

// hashDecimal drops trailing zeros of values that carry their own scale: 1.0 equals 1.00.
func hashDecimal(x Int128, scale int16, free bool) uint64 {
	ten := FromInt64(10)
	for free && scale > 0 {
		q, r := x.QuoRem(ten)
		if r.Sign() != 0 {
			break
		}
		x, scale = q, scale-1
	}
	h := mix(uint64(x.Hi), x.Lo)
	if free {
		h = mix(h, uint64(scale))
	}
	return h
}
