package vector

import "github.com/freshetdb/freshet/sql/types"

// Datum is a single value outside any vector: a literal, a parameter, a key of a look-up. Never used per record.
type Datum struct {
	Type  types.Type
	Null  bool
	I     int64 // as Vector.I
	F     float64
	D     Int128
	Scale int16 // of a Decimal
	S     string
	Kids  []Datum // Array elements; Map keys and values by turns; Struct fields
}

// NullOf is the null of a type.
func NullOf(t types.Type) Datum { return Datum{Type: t, Null: true} }

// IntOf is a BIGINT value.
func IntOf(x int64) Datum { return Datum{Type: types.Of(types.BigInt), I: x} }

// StringOf is a STRING value.
func StringOf(s string) Datum { return Datum{Type: types.Of(types.String), S: s} }

// BoolOf is a BOOLEAN value.
func BoolOf(b bool) Datum {
	d := Datum{Type: types.Of(types.Boolean)}
	if b {
		d.I = 1
	}
	return d
}

// DoubleOf is a DOUBLE value.
func DoubleOf(f float64) Datum { return Datum{Type: types.Of(types.Double), F: f} }

// Text is the value as Postgres prints it; "NULL" for a null.
func (d Datum) Text() string {
	if d.Null {
		return "NULL"
	}
	return string(AppendText(nil, ConstOf(d), 0, Style{}))
}

// ConstOf is a Const vector of one value.
func ConstOf(d Datum) *Vector {
	v := New(d.Type, 1)
	AppendDatum(v, d)
	v.Const = true
	return v
}

// AppendDatum appends d, which must be of v's type, to v.
func AppendDatum(v *Vector, d Datum) {
	if d.Null {
		v.AppendNull()
		return
	}
	switch v.Type.ID {
	case types.Real, types.Double:
		v.AppendFloat(d.F)
	case types.Decimal, types.Interval:
		v.AppendDecimal(d.D, d.Scale)
	case types.String, types.Bytes, types.Unknown:
		v.AppendString(d.S)
	case types.Array:
		for _, k := range d.Kids {
			AppendDatum(v.Kids[0], k)
		}
		v.EndList()
	case types.Map:
		for i, k := range d.Kids {
			AppendDatum(v.Kids[i&1], k)
		}
		v.EndList()
	case types.Struct:
		for i, k := range d.Kids {
			AppendDatum(v.Kids[i], k)
		}
	default:
		v.AppendInt(d.I)
	}
}

// DatumAt copies row i out of v.
func DatumAt(v *Vector, i int) Datum {
	d := Datum{Type: v.Type}
	if v.IsNull(i) {
		d.Null = true
		return d
	}
	i = v.Row(i)
	switch v.Type.ID {
	case types.Real, types.Double:
		d.F = v.F[i]
	case types.Decimal:
		d.D, d.Scale = v.D[i], v.ScaleAt(i)
	case types.Interval:
		d.D = v.D[i]
	case types.String, types.Bytes, types.Unknown:
		d.S = string(v.Bytes(i))
	case types.Array, types.Map:
		for k := int(v.Offs[i]); k < int(v.Offs[i+1]); k++ {
			for _, kid := range v.Kids {
				d.Kids = append(d.Kids, DatumAt(kid, k))
			}
		}
	case types.Struct:
		for _, kid := range v.Kids {
			d.Kids = append(d.Kids, DatumAt(kid, i))
		}
	default:
		d.I = v.I[i]
	}
	return d
}
