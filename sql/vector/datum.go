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
