package json

import (
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// Rows are filled in order: row is the last one of a vector that has anything. Members of lists are appended to their kid
// vectors, so undoing a row cuts those back.

func nullRow(out []*vector.Vector, row int) {
	for _, v := range out {
		setNull(v, row)
	}
}

// setNull makes row null, dropping what it may hold already.
func setNull(v *vector.Vector, row int) {
	v.SetNull(row)
	switch v.Type.ID {
	case types.Array, types.Map:
		emptyList(v, row)
	case types.Struct:
		for _, k := range v.Kids {
			setNull(k, row)
		}
	}
}

// resetRow makes row fit to be written again.
func resetRow(v *vector.Vector, row int) {
	v.ClearNull(row)
	switch v.Type.ID {
	case types.Array, types.Map:
		emptyList(v, row)
	case types.Struct:
		for _, k := range v.Kids {
			resetRow(k, row)
		}
	}
}

func emptyList(v *vector.Vector, row int) {
	for _, k := range v.Kids {
		cut(k, int(v.Offs[row]))
	}
	v.Offs[row+1] = v.Offs[row]
}

// cut drops the rows of a list's members from n on.
func cut(v *vector.Vector, n int) {
	if v.Len() <= n {
		return
	}
	switch v.Type.ID {
	case types.Real, types.Double:
		v.F = v.F[:n]
	case types.Decimal, types.Interval:
		v.D = v.D[:n]
		v.Scales = v.Scales[:min(n, len(v.Scales))]
	case types.String, types.Bytes, types.Unknown:
		v.S = v.S[:n]
	case types.Array, types.Map:
		v.Offs = v.Offs[:n+1]
		for _, k := range v.Kids {
			cut(k, int(v.Offs[n]))
		}
	case types.Struct:
		for _, k := range v.Kids {
			cut(k, n)
		}
	default:
		v.I = v.I[:n]
	}
	if w := n >> 6; w < len(v.Nulls) {
		v.Nulls = v.Nulls[:w+1]
		v.Nulls[w] &= 1<<(uint(n)&63) - 1
	}
}

// extend appends a row, not null, of no particular value and gives its number.
func extend(v *vector.Vector) int {
	n := v.Len()
	grow(v)
	return n
}

func grow(v *vector.Vector) {
	switch v.Type.ID {
	case types.Real, types.Double:
		v.F = append(v.F, 0)
	case types.Decimal, types.Interval:
		v.AppendDecimal(vector.Int128{}, 0)
	case types.String, types.Bytes, types.Unknown:
		v.S = append(v.S, vector.Ref{})
	case types.Array, types.Map:
		v.EndList()
	case types.Struct:
		for _, k := range v.Kids {
			grow(k)
		}
	default:
		v.I = append(v.I, 0)
	}
}

// setText writes a string's text to row; false when it is no text.
func setText(v *vector.Vector, row int, s text) bool {
	from := len(v.Buf)
	var ok bool
	if v.Buf, ok = appendText(v.Buf, s); !ok {
		return false
	}
	v.MarkText(row, from)
	return true
}
