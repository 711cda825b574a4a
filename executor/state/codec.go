package state

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// maxNesting bounds the depth of nested values read back.
const maxNesting = 64

// AppendValue appends the bytes of row i of v: a tag (0 null, 1 value), then 8 bytes little-endian, 16 for DECIMAL and INTERVAL (and 2
// of scale for a DECIMAL without precision), a length as uvarint and the bytes for texts, a count and the members for arrays and maps, the
// members for structs.
func AppendValue(dst []byte, v *vector.Vector, i int) []byte {
	if v.IsNull(i) {
		return append(dst, 0)
	}
	dst = append(dst, 1)
	r := v.Row(i)
	switch v.Type.ID {
	case types.Real, types.Double:
		return binary.LittleEndian.AppendUint64(dst, floatWord(v.F[r]))
	case types.Decimal, types.Interval:
		dst = binary.LittleEndian.AppendUint64(dst, uint64(v.D[r].Hi))
		dst = binary.LittleEndian.AppendUint64(dst, v.D[r].Lo)
		if v.Type.ID == types.Decimal && v.Type.Precision == 0 {
			dst = binary.LittleEndian.AppendUint16(dst, uint16(v.ScaleAt(r)))
		}
		return dst
	case types.String, types.Bytes, types.Unknown:
		b := v.Bytes(i)
		return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
	case types.Array, types.Map:
		from, to := int(v.Offs[r]), int(v.Offs[r+1])
		dst = binary.AppendUvarint(dst, uint64(to-from))
		for j := from; j < to; j++ {
			for _, k := range v.Kids {
				dst = AppendValue(dst, k, j)
			}
		}
		return dst
	case types.Struct:
		for _, k := range v.Kids {
			dst = AppendValue(dst, k, r)
		}
		return dst
	}
	return binary.LittleEndian.AppendUint64(dst, uint64(v.I[r]))
}

// floatWord is the bits of x with one zero and one NaN, so that equal keys are equal words.
func floatWord(x float64) uint64 {
	if x == 0 {
		return 0
	}
	if x != x {
		return math.Float64bits(math.NaN())
	}
	return math.Float64bits(x)
}

// ReadValue appends the value at the start of b to v, and returns the rest of b. Error: ErrCorrupt.
func ReadValue(b []byte, v *vector.Vector) ([]byte, error) { return readValue(b, v, 0) }

func readValue(b []byte, v *vector.Vector, depth int) ([]byte, error) {
	if len(b) == 0 || b[0] > 1 || depth > maxNesting {
		return nil, corruptValue(v)
	}
	if b[0] == 0 {
		v.AppendNull()
		return b[1:], nil
	}
	b = b[1:]
	switch v.Type.ID {
	case types.Decimal, types.Interval:
		return readWide(b, v)
	case types.String, types.Bytes, types.Unknown:
		n, k := binary.Uvarint(b)
		if k <= 0 || n > uint64(len(b)-k) {
			return nil, corruptValue(v)
		}
		v.AppendBytes(b[k : k+int(n)])
		return b[k+int(n):], nil
	case types.Array, types.Map:
		return readList(b, v, depth)
	case types.Struct:
		var err error
		for _, k := range v.Kids {
			if b, err = readValue(b, k, depth+1); err != nil {
				return nil, err
			}
		}
		return b, nil
	}
	if len(b) < 8 {
		return nil, corruptValue(v)
	}
	w := binary.LittleEndian.Uint64(b)
	if v.Type.ID == types.Real || v.Type.ID == types.Double {
		v.F = append(v.F, math.Float64frombits(w))
	} else {
		v.I = append(v.I, int64(w))
	}
	return b[8:], nil
}

func readWide(b []byte, v *vector.Vector) ([]byte, error) {
	n := 16
	if v.Type.ID == types.Decimal && v.Type.Precision == 0 {
		n = 18
	}
	if len(b) < n {
		return nil, corruptValue(v)
	}
	scale := v.Type.Scale
	if n == 18 {
		scale = int16(binary.LittleEndian.Uint16(b[16:]))
	}
	v.AppendDecimal(vector.Int128{Hi: int64(binary.LittleEndian.Uint64(b)), Lo: binary.LittleEndian.Uint64(b[8:])}, scale)
	return b[n:], nil
}

func readList(b []byte, v *vector.Vector, depth int) ([]byte, error) {
	n, k := binary.Uvarint(b)
	if k <= 0 || n > uint64(len(b)-k) { // a member is a byte at least
		return nil, corruptValue(v)
	}
	b = b[k:]
	var err error
	for range n {
		for _, kid := range v.Kids {
			if b, err = readValue(b, kid, depth+1); err != nil {
				return nil, err
			}
		}
	}
	v.EndList()
	return b, nil
}

// skipValue returns what follows the value of type t at the start of b.
func skipValue(b []byte, t types.Type, depth int) ([]byte, error) {
	if len(b) == 0 || b[0] > 1 || depth > maxNesting {
		return nil, ErrCorrupt
	}
	if b[0] == 0 {
		return b[1:], nil
	}
	b = b[1:]
	n := 8
	switch t.ID {
	case types.Decimal:
		if n = 16; t.Precision == 0 {
			n = 18
		}
	case types.Interval:
		n = 16
	case types.String, types.Bytes, types.Unknown:
		size, k := binary.Uvarint(b)
		if k <= 0 || size > uint64(len(b)-k) {
			return nil, ErrCorrupt
		}
		n = k + int(size)
	case types.Array, types.Map:
		count, k := binary.Uvarint(b)
		if k <= 0 || count > uint64(len(b)-k) {
			return nil, ErrCorrupt
		}
		return skipMembers(b[k:], t, count, depth)
	case types.Struct:
		return skipFields(b, t.Fields, depth)
	}
	if len(b) < n {
		return nil, ErrCorrupt
	}
	return b[n:], nil
}

func skipMembers(b []byte, t types.Type, count uint64, depth int) (_ []byte, err error) {
	for range count {
		if t.Key != nil {
			if b, err = skipValue(b, *t.Key, depth+1); err != nil {
				return nil, err
			}
		}
		if b, err = skipValue(b, *t.Elem, depth+1); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func skipFields(b []byte, fields []types.Field, depth int) (_ []byte, err error) {
	for i := range fields {
		if b, err = skipValue(b, fields[i].Type, depth+1); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func corruptValue(v *vector.Vector) error {
	return fmt.Errorf("a value of type %d cannot be read: %w", v.Type.ID, ErrCorrupt)
}

// AppendDatum appends the bytes of a datum, as AppendValue would of a vector's row.
func AppendDatum(dst []byte, d *vector.Datum) []byte {
	if d.Null {
		return append(dst, 0)
	}
	dst = append(dst, 1)
	switch d.Type.ID {
	case types.Real, types.Double:
		return binary.LittleEndian.AppendUint64(dst, floatWord(d.F))
	case types.Decimal, types.Interval:
		dst = binary.LittleEndian.AppendUint64(dst, uint64(d.D.Hi))
		dst = binary.LittleEndian.AppendUint64(dst, d.D.Lo)
		if d.Type.ID == types.Decimal && d.Type.Precision == 0 {
			dst = binary.LittleEndian.AppendUint16(dst, uint16(d.Scale))
		}
		return dst
	case types.String, types.Bytes, types.Unknown:
		return append(binary.AppendUvarint(dst, uint64(len(d.S))), d.S...)
	case types.Array, types.Map, types.Struct:
		n := len(d.Kids)
		if d.Type.ID == types.Map {
			n /= 2
		}
		if d.Type.ID != types.Struct {
			dst = binary.AppendUvarint(dst, uint64(n))
		}
		for i := range d.Kids {
			dst = AppendDatum(dst, &d.Kids[i])
		}
		return dst
	}
	return binary.LittleEndian.AppendUint64(dst, uint64(d.I))
}
