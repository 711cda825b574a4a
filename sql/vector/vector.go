// Package vector is rows as columns in memory.
//
// A Vector is a typed slice with a null bitmap; a Chunk is up to MaxRows rows of several vectors with a selection. Both are
// recycled: whoever built them owns them, an operator given a chunk must not keep it or anything it points to.
package vector

import "github.com/freshetdb/freshet/sql/types"

// MaxRows is the most rows a chunk holds.
const MaxRows = 1024

// Int128 is a signed 128-bit number in two's complement: a DECIMAL's unscaled value.
type Int128 struct {
	Hi int64
	Lo uint64
}

// Ref is a string's place in its vector's Buf.
type Ref struct{ Off, Len uint32 }

// Vector is one column. Exactly one of the slices holds the values, by Type.ID:
//
//	I  Boolean (0, 1), SmallInt, Int, BigInt, Timestamp (us), Date (days), Time (us)
//	F  Real, Double
//	D  Decimal (unscaled), Interval
//	S  String, Bytes: views into Buf, never escaped, valid as long as the vector is not reset
//	Offs, Kids  Array: row i is Kids[0][Offs[i]:Offs[i+1]]; Map: the same over Kids[0] (keys) and Kids[1] (values);
//	            Struct: Kids hold one vector a field, Offs is unused
//
// Values at null rows are unspecified. A vector of a Decimal without precision has Scales, one a row.
type Vector struct {
	Type   types.Type
	Nulls  []uint64 // bit i set: row i is null; may be shorter than the rows: the rest are not null
	I      []int64
	F      []float64
	D      []Int128
	Scales []int16
	S      []Ref
	Buf    []byte
	Offs   []int32
	Kids   []*Vector
	Const  bool // every row equals row 0, which alone is filled
}

// Op says what a row of a chunk does to a relation.
type Op int8

// The changes. An update travels as UpdateOld directly followed by UpdateNew, in the same chunk.
const (
	Insert    Op = 1
	Delete    Op = -1
	UpdateOld Op = -2
	UpdateNew Op = 2
)

// Adds tells whether the row is present after the change.
func (o Op) Adds() bool { return o > 0 }

// Chunk is what is there: up to MaxRows rows, columnar.
type Chunk struct {
	N    int       // rows in the vectors
	Sel  []uint16  // the rows that count, ascending; nil: all N
	Cols []*Vector // one a column of the operator's output
	Ops  []Op      // one a row of N; nil: all Insert
	Time []int64   // event time (ROWTIME) of each row, ms since 1970; nil in bounded runs that need none
}

// Rows is the number of rows that count.
func (c *Chunk) Rows() int {
	if c.Sel != nil {
		return len(c.Sel)
	}
	return c.N
}

// Op is the change of row i.
func (c *Chunk) Op(i int) Op {
	if c.Ops == nil {
		return Insert
	}
	return c.Ops[i]
}

// IsNull tells whether row i is null.
func (v *Vector) IsNull(i int) bool {
	if v.Const {
		i = 0
	}
	w := i >> 6
	return w < len(v.Nulls) && v.Nulls[w]&(1<<(uint(i)&63)) != 0
}

// SetNull marks row i as null; the bitmap grows as needed.
func (v *Vector) SetNull(i int) {
	for len(v.Nulls) <= i>>6 {
		v.Nulls = append(v.Nulls, 0)
	}
	v.Nulls[i>>6] |= 1 << (uint(i) & 63)
}

// Bytes is the text or bytes of row i, a view into Buf.
func (v *Vector) Bytes(i int) []byte {
	if v.Const {
		i = 0
	}
	r := v.S[i]
	return v.Buf[r.Off : r.Off+r.Len : r.Off+r.Len]
}
