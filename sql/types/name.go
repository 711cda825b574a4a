package types

import (
	"strconv"
	"strings"
)

// names holds one type's spelling in both dialects, indexed by ID.
var names = [...]struct{ postgres, ksql string }{
	Unknown:   {"unknown", "NULL"},
	Boolean:   {"boolean", "BOOLEAN"},
	SmallInt:  {"smallint", "SMALLINT"},
	Int:       {"integer", "INTEGER"},
	BigInt:    {"bigint", "BIGINT"},
	Real:      {"real", "REAL"},
	Double:    {"double precision", "DOUBLE"},
	Decimal:   {"numeric", "DECIMAL"},
	String:    {"text", "STRING"},
	Bytes:     {"bytea", "BYTES"},
	Timestamp: {"timestamp with time zone", "TIMESTAMP"},
	Date:      {"date", "DATE"},
	Time:      {"time without time zone", "TIME"},
	Interval:  {"interval", "INTERVAL"},
}

// String is the type as Postgres spells it: "numeric(10,2)", "integer[]". Maps and structs, which Postgres has no spelling
// for, read as in ksqlDB.
func (t Type) String() string { return t.spell(false) }

// KsqlName is the type as ksqlDB spells it: "DECIMAL(10, 2)", "ARRAY<INTEGER>".
func (t Type) KsqlName() string { return t.spell(true) }

func (t Type) spell(ksql bool) string {
	switch t.ID {
	case Array:
		if t.Elem == nil {
			return "anyarray"
		}
		if ksql {
			return "ARRAY<" + t.Elem.spell(true) + ">"
		}
		return t.Elem.spell(false) + "[]"
	case Map:
		if t.Key == nil || t.Elem == nil {
			return "map"
		}
		return "MAP<" + t.Key.spell(ksql) + ", " + t.Elem.spell(ksql) + ">"
	case Struct:
		return t.spellStruct(ksql)
	}
	if int(t.ID) >= len(names) {
		return "unknown"
	}
	name := names[t.ID].postgres
	comma := ","
	if ksql {
		name, comma = names[t.ID].ksql, ", "
	}
	if t.ID == Decimal && t.Precision > 0 {
		name += "(" + strconv.Itoa(int(t.Precision)) + comma + strconv.Itoa(int(t.Scale)) + ")"
	}
	return name
}

func (t Type) spellStruct(ksql bool) string {
	var b strings.Builder
	b.WriteString("STRUCT<")
	for i, f := range t.Fields {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(quoteField(f.Name))
		b.WriteByte(' ')
		b.WriteString(f.Type.spell(ksql))
	}
	b.WriteByte('>')
	return b.String()
}

// quoteField double-quotes a field name unless it is a plain identifier of one case.
func quoteField(name string) string {
	plain := name != "" && (name[0] < '0' || name[0] > '9')
	lower, upper := false, false
	for _, c := range name {
		switch {
		case c >= 'a' && c <= 'z':
			lower = true
		case c >= 'A' && c <= 'Z':
			upper = true
		case c == '_' || c >= '0' && c <= '9':
		default:
			plain = false
		}
	}
	if plain && (!lower || !upper) {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// byName maps every spelling of ksqlDB and Postgres, in lower case, to its type. Parameters are the caller's.
var byName = map[string]ID{
	"boolean": Boolean, "bool": Boolean,
	"smallint": SmallInt, "int2": SmallInt,
	"integer": Int, "int": Int, "int4": Int,
	"bigint": BigInt, "int8": BigInt,
	"real": Real, "float4": Real,
	"double": Double, "double precision": Double, "float8": Double, "float": Double,
	"decimal": Decimal, "numeric": Decimal, "dec": Decimal,
	"varchar": String, "string": String, "text": String, "character varying": String, "name": String,
	"char": String, "character": String, "bpchar": String, "json": String, "jsonb": String, "uuid": String, "regclass": String,
	"bytes": Bytes, "bytea": Bytes,
	"timestamp": Timestamp, "timestamptz": Timestamp, "timestamp with time zone": Timestamp, "timestamp without time zone": Timestamp,
	"date": Date,
	"time": Time, "time without time zone": Time,
	"interval": Interval,
	"array":    Array, "map": Map, "struct": Struct,
}

// ByName finds the type of a name as written, in any case: all of ksqlDB's and Postgres' spellings ("VARCHAR",
// "double precision", "int4"). Precision, element and field types are the caller's to fill in.
func ByName(name string) (Type, bool) {
	id, ok := byName[strings.ToLower(strings.Join(strings.Fields(name), " "))]
	return Of(id), ok
}

// Names lists every spelling ByName knows, for hints.
func Names() []string {
	out := make([]string, 0, len(byName))
	for n := range byName {
		out = append(out, n)
	}
	return out
}
