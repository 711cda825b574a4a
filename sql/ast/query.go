package ast

import "time"

// Query is a SELECT statement or subquery: a body, and what applies to its result.
type Query struct {
	Extent
	With    *With
	Body    Body
	OrderBy []OrderItem
	Limit   Expr // nil when not given or ALL
	Offset  Expr
	Ties    bool // FETCH FIRST n ROWS WITH TIES
	Emit    Emit
	EmitAt  Place     // of the word EMIT
	Locks   []Locking // FOR UPDATE and its like
}

// Emit is how results of a query leave it.
type Emit uint8

// The ways of emitting.
const (
	EmitNone    Emit = iota // not written
	EmitChanges             // EMIT CHANGES
	EmitFinal               // EMIT FINAL, EMIT ON WINDOW CLOSE
)

// Locking is FOR UPDATE | NO KEY UPDATE | SHARE | KEY SHARE [OF …] [NOWAIT | SKIP LOCKED].
type Locking struct {
	Place
	Strength string // upper case
	Of       []Name
	Wait     string // "", "NOWAIT", "SKIP LOCKED"
}

// With is WITH [RECURSIVE] ….
type With struct {
	Place
	Recursive bool
	Tables    []CommonTable
}

// CommonTable is name [(columns)] AS [[NOT] MATERIALIZED] (query).
type CommonTable struct {
	Name         Ident
	Columns      []Ident
	Materialized string    // "", "MATERIALIZED" or "NOT MATERIALIZED"
	Query        Statement // a *Query, or a statement that returns rows; nil when Changelog is given
	Changelog    Name      // name AS CHANGELOG FROM relation
}

// SetKind tells UNION, INTERSECT and EXCEPT apart.
type SetKind uint8

// The set operations.
const (
	SetUnion SetKind = iota
	SetIntersect
	SetExcept
)

// SetOp combines two bodies. At is the operator's place. INTERSECT binds tighter; operators of a kind associate to the left.
type SetOp struct {
	Place
	Kind          SetKind
	All           bool
	Corresponding bool    // columns are matched by name
	By            []Ident // CORRESPONDING BY (…)
	Left          Body
	Right         Body
}

// Values is VALUES (a, b), (c, d).
type Values struct {
	Place
	Rows [][]Expr
}

// Select is one SELECT … without ORDER BY and LIMIT.
type Select struct {
	Place
	Distinct    bool
	DistinctOn  []Expr // SELECT DISTINCT ON (…): Distinct is set, too
	Items       []SelectItem
	Into        *Into
	From        []Relation // more than one: comma list
	Window      *Window    // ksqlDB's WINDOW TUMBLING (…)
	Where       Expr
	GroupBy     []Expr
	PartitionBy []Expr // ksqlDB's PARTITION BY
	Having      Expr
	Windows     []NamedWindow // WINDOW w AS (…)
}

// Into is SELECT … INTO [TEMP] [TABLE] name.
type Into struct {
	Temp bool
	Name Name
}

// SelectItem is expr [[AS] alias], *, t.* or expr->*.
type SelectItem struct {
	Expr  Expr
	Alias Ident // zero when not given
}

// NullsOrder is where nulls sort.
type NullsOrder uint8

// The places of nulls.
const (
	NullsDefault NullsOrder = iota
	NullsFirst
	NullsLast
)

// OrderItem is expr [ASC | DESC | USING op] [NULLS FIRST | LAST].
type OrderItem struct {
	Expr  Expr
	Desc  bool
	Nulls NullsOrder
	Using string // operator of ORDER BY x USING <
}

// NamedWindow is WINDOW name AS (spec).
type NamedWindow struct {
	Name Ident
	Spec *WindowSpec
}

// WindowSpec is what OVER refers to: a name alone, or a specification.
type WindowSpec struct {
	Place
	Ref         Ident // OVER w
	Base        Ident // OVER (w …)
	PartitionBy []Expr
	OrderBy     []OrderItem
	Frame       *Frame
}

// Frame is ROWS | RANGE | GROUPS | SESSION BETWEEN start AND end EXCLUDE ….
type Frame struct {
	Place
	Unit    string     // "ROWS", "RANGE", "GROUPS", "SESSION"
	Start   FrameBound // of SESSION: the gap, an expression
	End     *FrameBound
	Exclude string // "", "CURRENT ROW", "GROUP", "TIES", "NO OTHERS"
}

// BoundKind is one end of a frame.
type BoundKind uint8

// The ends of frames.
const (
	BoundCurrentRow BoundKind = iota
	BoundUnboundedPreceding
	BoundUnboundedFollowing
	BoundPreceding // with an expression
	BoundFollowing // with an expression
	BoundGap       // SESSION WITH GAP expression
)

// FrameBound is one end of a frame.
type FrameBound struct {
	Kind BoundKind
	Expr Expr // of BoundPreceding, BoundFollowing and BoundGap
}

// WindowKind is the kind of a ksqlDB window.
type WindowKind uint8

// The kinds of windows.
const (
	WindowTumbling WindowKind = iota
	WindowHopping
	WindowSession
)

// Window is WINDOW TUMBLING | HOPPING | SESSION (…).
type Window struct {
	Place
	Kind      WindowKind
	Name      Ident    // WINDOW name TUMBLING (…); zero when not given
	Size      Duration // of a session: the gap
	Advance   *Duration
	Retention *Duration
	Grace     *Duration
}

// Duration is a number and a unit: 10 SECONDS.
type Duration struct {
	Place
	Count int64
	Unit  time.Duration // one of the units from a millisecond to a day
}

// Length is the duration's length; false when it overflows.
func (d Duration) Length() (time.Duration, bool) {
	length := time.Duration(d.Count) * d.Unit
	return length, d.Unit != 0 && d.Count >= 0 && length/d.Unit == time.Duration(d.Count)
}

func (*Select) body() {}
func (*SetOp) body()  {}
func (*Values) body() {}
func (*Query) body()  {}
