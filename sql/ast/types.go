package ast

// TypeKind tells named types from constructed ones.
type TypeKind uint8

// The kinds of types.
const (
	TypeNamed  TypeKind = iota // INT, DECIMAL(10, 2), pg_catalog.int4
	TypeArray                  // ARRAY<t>, t[], t ARRAY
	TypeMap                    // MAP<k, v>
	TypeStruct                 // STRUCT<a INT, b TEXT>
)

// TypeName is a type as written; what it means is for sql/types and the catalogue.
type TypeName struct {
	Place
	Kind   TypeKind
	Name   Name     // TypeNamed; words are joined: "double precision", "timestamp with time zone", "character varying"
	Args   []string // TypeNamed: the numbers or words in parentheses
	Fields string   // of an interval: "DAY TO SECOND", upper case
	Elem   *TypeName
	Key    *TypeName // TypeMap
	Struct []TypeField
	Suffix bool   // TypeArray written t[]
	Bound  string // TypeArray written t[n]
	SetOf  bool   // SETOF t, in function signatures
}

// TypeField is one field of a STRUCT.
type TypeField struct {
	Name Ident
	Type *TypeName
}
