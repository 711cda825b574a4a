package types

// OID is a type's number in Postgres' pg_type. Source: src/include/catalog/pg_type.dat.
type OID uint32

// The numbers on the wire.
const (
	OIDBool             OID = 16
	OIDBytea            OID = 17
	OIDName             OID = 19
	OIDInt8             OID = 20
	OIDInt2             OID = 21
	OIDInt4             OID = 23
	OIDText             OID = 25
	OIDOid              OID = 26
	OIDJSON             OID = 114
	OIDFloat4           OID = 700
	OIDFloat8           OID = 701
	OIDUnknown          OID = 705
	OIDBpchar           OID = 1042
	OIDVarchar          OID = 1043
	OIDDate             OID = 1082
	OIDTime             OID = 1083
	OIDTimestamp        OID = 1114
	OIDTimestamptz      OID = 1184
	OIDInterval         OID = 1186
	OIDNumeric          OID = 1700
	OIDUUID             OID = 2950
	OIDJSONB            OID = 3802
	OIDBoolArray        OID = 1000
	OIDByteaArray       OID = 1001
	OIDInt2Array        OID = 1005
	OIDInt4Array        OID = 1007
	OIDTextArray        OID = 1009
	OIDVarcharArray     OID = 1015
	OIDInt8Array        OID = 1016
	OIDFloat4Array      OID = 1021
	OIDFloat8Array      OID = 1022
	OIDTimestamptzArray OID = 1185
	OIDDateArray        OID = 1182
	OIDTimeArray        OID = 1183
	OIDIntervalArray    OID = 1187
	OIDNumericArray     OID = 1231
)

// oids holds a type's own number, its array's, and its length in bytes (-1: variable).
var oids = [...]struct {
	own, array OID
	length     int16
}{
	Unknown:   {OIDText, OIDTextArray, -1},
	Boolean:   {OIDBool, OIDBoolArray, 1},
	SmallInt:  {OIDInt2, OIDInt2Array, 2},
	Int:       {OIDInt4, OIDInt4Array, 4},
	BigInt:    {OIDInt8, OIDInt8Array, 8},
	Real:      {OIDFloat4, OIDFloat4Array, 4},
	Double:    {OIDFloat8, OIDFloat8Array, 8},
	Decimal:   {OIDNumeric, OIDNumericArray, -1},
	String:    {OIDText, OIDTextArray, -1},
	Bytes:     {OIDBytea, OIDByteaArray, -1},
	Timestamp: {OIDTimestamptz, OIDTimestamptzArray, 8},
	Date:      {OIDDate, OIDDateArray, 4},
	Time:      {OIDTime, OIDTimeArray, 8},
	Interval:  {OIDInterval, OIDIntervalArray, 16},
	Array:     {OIDText, OIDTextArray, -1},
	Map:       {OIDText, OIDTextArray, -1},
	Struct:    {OIDText, OIDTextArray, -1},
}

// OID is the number of t on the Postgres wire. Maps, structs and arrays of anything nested travel as text.
func (t Type) OID() OID {
	if t.ID == Array && t.Elem != nil && !t.Elem.Nested() {
		return oids[t.Elem.ID].array
	}
	if int(t.ID) >= len(oids) {
		return OIDText
	}
	return oids[t.ID].own
}

// Len is pg_type.typlen: bytes of a fixed-length value, -1 when variable.
func (t Type) Len() int16 {
	if int(t.ID) >= len(oids) {
		return -1
	}
	return oids[t.ID].length
}

// varHeader is what Postgres adds to a type modifier.
const varHeader = 4

// Modifier is pg_attribute.atttypmod: NUMERIC's precision and scale; -1 when there is none.
func (t Type) Modifier() int32 {
	if t.ID == Decimal && t.Precision > 0 {
		return int32(t.Precision)<<16 | int32(uint16(t.Scale)) + varHeader
	}
	return -1
}

// Nested tells whether values of t hold other values: arrays, maps, structs.
func (t Type) Nested() bool { return t.ID == Array || t.ID == Map || t.ID == Struct }

// FromOID is the type a client means by a parameter's number; false when there is none. 0 and "unknown" are Unknown.
func FromOID(oid OID) (Type, bool) {
	switch oid {
	case 0, OIDUnknown:
		return Of(Unknown), true
	case OIDVarchar, OIDBpchar, OIDName, OIDJSON, OIDJSONB, OIDUUID:
		return Of(String), true
	case OIDTimestamp:
		return Of(Timestamp), true
	case OIDOid:
		return Of(BigInt), true
	case OIDVarcharArray:
		return ArrayOf(Of(String)), true
	}
	for id := Boolean; id <= Interval; id++ {
		if oids[id].own == oid {
			return Of(id), true
		}
		if oids[id].array == oid {
			return ArrayOf(Of(id)), true
		}
	}
	return Type{}, false
}
