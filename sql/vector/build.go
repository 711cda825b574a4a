package vector

import "github.com/freshetdb/freshet/sql/types"

// New is an empty vector of a type, with room for rows.
func New(t types.Type, rows int) *Vector {
	v := &Vector{}
	v.Reset(t, rows)
	v.Truncate()
	return v
}

// Reset makes v an n-row vector of type t with no nulls, reusing its memory. Values are unspecified but for texts, arrays and
// maps, which are empty. Rows of arrays and maps cannot be set at random: use Truncate and append instead.
func (v *Vector) Reset(t types.Type, n int) {
	v.Type, v.Const = t, false
	v.Nulls, v.Buf = v.Nulls[:0], v.Buf[:0]
	switch t.ID {
	case types.Real, types.Double:
		v.F = grow(v.F, n)
	case types.Decimal, types.Interval:
		v.D = grow(v.D, n)
		v.Scales = v.Scales[:0]
		if t.ID == types.Decimal && t.Precision == 0 {
			v.Scales = grow(v.Scales, n)
		}
	case types.String, types.Bytes, types.Unknown:
		v.S = grow(v.S, n)
		clear(v.S)
	case types.Array, types.Map:
		v.Offs = grow(v.Offs, n+1)
		clear(v.Offs)
		v.resetKids(t, 0)
	case types.Struct:
		v.resetKids(t, n)
	default:
		v.I = grow(v.I, n)
	}
}

func grow[T any](s []T, n int) []T {
	if cap(s) >= n {
		return s[:n]
	}
	return make([]T, n, max(n, 2*cap(s)))
}

func (v *Vector) resetKids(t types.Type, n int) {
	kids := t.Members()
	for len(v.Kids) < len(kids) {
		v.Kids = append(v.Kids, &Vector{})
	}
	v.Kids = v.Kids[:len(kids)]
	for i, k := range kids {
		if v.Kids[i] == nil {
			v.Kids[i] = &Vector{}
		}
		v.Kids[i].Reset(k, n)
	}
}

// Truncate empties v, keeping its type and memory, so that rows can be appended.
func (v *Vector) Truncate() {
	v.Const = false
	v.Nulls, v.Buf = v.Nulls[:0], v.Buf[:0]
	v.I, v.F, v.D, v.S, v.Scales = v.I[:0], v.F[:0], v.D[:0], v.S[:0], v.Scales[:0]
	if v.Type.ID == types.Array || v.Type.ID == types.Map {
		v.Offs = append(v.Offs[:0], 0)
	}
	for _, k := range v.Kids {
		k.Truncate()
	}
}

// Len is the number of rows filled; of a struct, those of its first field.
func (v *Vector) Len() int {
	switch v.Type.ID {
	case types.Real, types.Double:
		return len(v.F)
	case types.Decimal, types.Interval:
		return len(v.D)
	case types.String, types.Bytes, types.Unknown:
		return len(v.S)
	case types.Array, types.Map:
		return max(0, len(v.Offs)-1)
	case types.Struct:
		if len(v.Kids) == 0 {
			return 0
		}
		return v.Kids[0].Len()
	}
	return len(v.I)
}

// HasNulls tells whether any row is null.
func (v *Vector) HasNulls() bool {
	for _, w := range v.Nulls {
		if w != 0 {
			return true
		}
	}
	return false
}

// AppendNull appends a null row of any type.
func (v *Vector) AppendNull() {
	n := v.Len()
	switch v.Type.ID {
	case types.Real, types.Double:
		v.F = append(v.F, 0)
	case types.Decimal, types.Interval:
		v.AppendDecimal(Int128{}, 0)
	case types.String, types.Bytes, types.Unknown:
		v.S = append(v.S, Ref{})
	case types.Array, types.Map:
		v.EndList()
	case types.Struct:
		for _, k := range v.Kids {
			k.AppendNull()
		}
	default:
		v.I = append(v.I, 0)
	}
	v.SetNull(n)
}

// AppendInt appends a row of a type held in I.
func (v *Vector) AppendInt(x int64) { v.I = append(v.I, x) }

// AppendBool appends a row of BOOLEAN.
func (v *Vector) AppendBool(x bool) {
	if x {
		v.I = append(v.I, 1)
		return
	}
	v.I = append(v.I, 0)
}

// AppendFloat appends a row of REAL or DOUBLE.
func (v *Vector) AppendFloat(x float64) { v.F = append(v.F, x) }

// AppendDecimal appends an unscaled value; scale is kept only by a DECIMAL without precision.
func (v *Vector) AppendDecimal(x Int128, scale int16) {
	v.D = append(v.D, x)
	if v.Type.ID == types.Decimal && v.Type.Precision == 0 {
		v.Scales = append(v.Scales, scale)
	}
}

// AppendBytes appends a row of STRING or BYTES, copying b.
func (v *Vector) AppendBytes(b []byte) {
	v.S = append(v.S, Ref{Off: uint32(len(v.Buf)), Len: uint32(len(b))})
	v.Buf = append(v.Buf, b...)
}

// AppendString appends a row of STRING or BYTES, copying s.
func (v *Vector) AppendString(s string) {
	v.S = append(v.S, Ref{Off: uint32(len(v.Buf)), Len: uint32(len(s))})
	v.Buf = append(v.Buf, s...)
}

// EndList closes a row of ARRAY or MAP: its members are what was appended to Kids since the last one.
func (v *Vector) EndList() {
	if len(v.Offs) == 0 {
		v.Offs = append(v.Offs, 0)
	}
	v.Offs = append(v.Offs, int32(v.Kids[0].Len()))
}

// SetBytes makes b, copied, the text of row i of a vector made by Reset.
func (v *Vector) SetBytes(i int, b []byte) {
	v.S[i] = Ref{Off: uint32(len(v.Buf)), Len: uint32(len(b))}
	v.Buf = append(v.Buf, b...)
}

// SetString makes s, copied, the text of row i of a vector made by Reset.
func (v *Vector) SetString(i int, s string) {
	v.S[i] = Ref{Off: uint32(len(v.Buf)), Len: uint32(len(s))}
	v.Buf = append(v.Buf, s...)
}

// MarkText makes Buf[from:], which the caller has just appended, the text of row i.
func (v *Vector) MarkText(i, from int) {
	v.S[i] = Ref{Off: uint32(from), Len: uint32(len(v.Buf) - from)}
}

// ClearNull makes row i not null.
func (v *Vector) ClearNull(i int) {
	if w := i >> 6; w < len(v.Nulls) {
		v.Nulls[w] &^= 1 << (uint(i) & 63)
	}
}

// ScaleAt is the number of digits after the point of row i of a DECIMAL.
func (v *Vector) ScaleAt(i int) int16 {
	if v.Type.Precision > 0 {
		return v.Type.Scale
	}
	if v.Const {
		i = 0
	}
	return v.Scales[i]
}

// Row is where row i's value lies: 0 in a Const vector.
func (v *Vector) Row(i int) int {
	if v.Const {
		return 0
	}
	return i
}
