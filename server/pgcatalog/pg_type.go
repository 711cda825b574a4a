package pgcatalog

import (
	"maps"
	"slices"
	"strings"

	"github.com/freshetdb/freshet/sql/types"
)

// firstSystemOID begins the numbers of the virtual tables themselves.
const firstSystemOID = 12000

func systemOID(i int) int64 { return firstSystemOID + int64(i) }

// sortedNames are the qualified names of all virtual tables, in the order of their numbers.
func sortedNames() []string { return slices.Sorted(maps.Keys(relations)) }

// pgTypes are rows of pg_type: types a client may meet, with their arrays. Categories and numbers: pg_type.dat of PostgreSQL 15.
var pgTypes = []struct {
	oid, array types.OID
	name       string
	length     int
	category   string
	preferred  bool
}{
	{types.OIDBool, types.OIDBoolArray, "bool", 1, "B", true},
	{types.OIDBytea, types.OIDByteaArray, "bytea", -1, "U", false},
	{types.OIDName, 1003, "name", 64, "S", false},
	{types.OIDInt8, types.OIDInt8Array, "int8", 8, "N", false},
	{types.OIDInt2, types.OIDInt2Array, "int2", 2, "N", false},
	{types.OIDInt4, types.OIDInt4Array, "int4", 4, "N", false},
	{types.OIDText, types.OIDTextArray, "text", -1, "S", true},
	{types.OIDOid, 1028, "oid", 4, "N", true},
	{types.OIDJSON, 199, "json", -1, "U", false},
	{types.OIDFloat4, types.OIDFloat4Array, "float4", 4, "N", false},
	{types.OIDFloat8, types.OIDFloat8Array, "float8", 8, "N", true},
	{types.OIDUnknown, 0, "unknown", -2, "X", false},
	{types.OIDBpchar, 1014, "bpchar", -1, "S", false},
	{types.OIDVarchar, types.OIDVarcharArray, "varchar", -1, "S", false},
	{types.OIDDate, types.OIDDateArray, "date", 4, "D", false},
	{types.OIDTime, types.OIDTimeArray, "time", 8, "D", false},
	{types.OIDTimestamp, 1115, "timestamp", 8, "D", false},
	{types.OIDTimestamptz, types.OIDTimestamptzArray, "timestamptz", 8, "D", true},
	{types.OIDInterval, types.OIDIntervalArray, "interval", 16, "T", true},
	{types.OIDNumeric, types.OIDNumericArray, "numeric", -1, "N", false},
	{types.OIDUUID, 2951, "uuid", 16, "U", false},
	{types.OIDJSONB, 3807, "jsonb", -1, "U", false},
	{2278, 0, "void", 4, "P", false},
	{2249, 2287, "record", -1, "P", false},
}

func (m *maker) pgType() {
	add := func(oid types.OID, name string, length int, category, kind string, preferred bool, elem, array types.OID) {
		collation := 0
		if category == "S" {
			collation = oidDefaultCollation
		}
		m.rows.add(values{
			"oid": int64(oid), "typname": name, "typnamespace": oidPgCatalog, "typowner": oidOwner, "typlen": length,
			"typbyval": length > 0 && length <= 8, "typtype": kind, "typcategory": category, "typispreferred": preferred, "typisdefined": true,
			"typdelim": ",", "typrelid": 0, "typsubscript": 0, "typelem": int64(elem), "typarray": int64(array), "typinput": 0, "typoutput": 0,
			"typreceive": 0, "typsend": 0, "typmodin": 0, "typmodout": 0, "typanalyze": 0, "typalign": "i", "typstorage": "p",
			"typnotnull": false, "typbasetype": 0, "typtypmod": -1, "typndims": 0, "typcollation": collation,
		})
	}
	for _, t := range pgTypes {
		kind := "b"
		if strings.Contains("PX", t.category) {
			kind = "p"
		}
		add(t.oid, t.name, t.length, t.category, kind, t.preferred, 0, t.array)
		if t.array != 0 {
			add(t.array, "_"+t.name, -1, "A", "b", false, t.oid, 0)
		}
	}
}
