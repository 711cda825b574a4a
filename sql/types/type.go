// Package types is the SQL types, their text, their Postgres OIDs and the casts between them.
package types

// ID names a type without its parameters.
type ID uint8

// The types. In memory: see package vector.
const (
	Unknown   ID = iota // a bare NULL or an untyped string literal, before the binder has given it a type
	Boolean             // int64 0 or 1
	SmallInt            // int64 holding an int16
	Int                 // int64 holding an int32
	BigInt              // int64
	Real                // float64 holding a float32
	Double              // float64
	Decimal             // Int128 fixed point
	String              // UTF-8
	Bytes               //
	Timestamp           // int64 microseconds since 1970-01-01T00:00:00Z (Postgres: timestamptz)
	Date                // int64 days since 1970-01-01
	Time                // int64 microseconds since midnight
	Interval            // Int128: Hi = months<<32|days (both int32), Lo = microseconds
	Array               // Elem
	Map                 // Key, Elem
	Struct              // Fields
)

// Type is a type with its parameters. Types are immutable values; compare them with Equal.
type Type struct {
	ID        ID
	Precision int16   // Decimal: 1..38 digits; 0 is an unconstrained NUMERIC, whose values carry their own scale
	Scale     int16   // Decimal with a precision: digits after the point
	Key       *Type   // Map
	Elem      *Type   // Array: element; Map: value
	Fields    []Field // Struct
}

// Field is one member of a struct.
type Field struct {
	Name string
	Type Type
}

// Column is a named, typed column of a relation or a result.
type Column struct {
	Name string
	Type Type
}

// Columns is a relation's typed list.
type Columns []Column

// Equal tells whether two types are the same, parameters included.
func (t Type) Equal(u Type) bool {
	if t.ID != u.ID || t.Precision != u.Precision || t.Scale != u.Scale || len(t.Fields) != len(u.Fields) {
		return false
	}
	if !equalPtr(t.Key, u.Key) || !equalPtr(t.Elem, u.Elem) {
		return false
	}
	for i := range t.Fields {
		if t.Fields[i].Name != u.Fields[i].Name || !t.Fields[i].Type.Equal(u.Fields[i].Type) {
			return false
		}
	}
	return true
}

func equalPtr(a, b *Type) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Equal(*b)
}

// Of is the type without parameters.
func Of(id ID) Type { return Type{ID: id} }

// DecimalOf is DECIMAL(precision, scale).
func DecimalOf(precision, scale int16) Type {
	return Type{ID: Decimal, Precision: precision, Scale: scale}
}

// ArrayOf is ARRAY<elem>.
func ArrayOf(elem Type) Type { return Type{ID: Array, Elem: &elem} }

// MapOf is MAP<key, value>.
func MapOf(key, value Type) Type { return Type{ID: Map, Key: &key, Elem: &value} }

// StructOf is STRUCT<fields>.
func StructOf(fields ...Field) Type { return Type{ID: Struct, Fields: fields} }

// Members are the types inside a nested one: an array's element, a map's key and value, a struct's fields.
func (t Type) Members() []Type {
	switch t.ID {
	case Array:
		return []Type{*t.Elem}
	case Map:
		return []Type{*t.Key, *t.Elem}
	}
	out := make([]Type, len(t.Fields))
	for i, f := range t.Fields {
		out[i] = f.Type
	}
	return out
}
