// Package physical is the plan that runs: steps from sources to one root.
//
// A plan is a tree; the root's rows are the plan's output. Kept queries end in a Sink (a topic) over an optional View (a named table);
// push and one-shot SELECTs end in whatever the root yields, sent to the client. The executor builds an operator a step.
package physical

import (
	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/types"
)

// Mode says how a plan is driven.
type Mode uint8

// The modes.
const (
	OneShot Mode = iota // bounded: inputs end at what was committed when the statement began
	Push                // SELECT … EMIT CHANGES: unbounded, to a client, nothing committed
	Kept                // unbounded, committed: CREATE … AS, and the hidden query behind a table over a topic
)

// Plan is a statement ready to run.
type Plan struct {
	Mode    Mode
	Dialect functions.Dialect
	Root    Step
	Output  types.Columns // names and types of the root's rows, as the client sees them
	Limit   int64         // push queries: rows to send before ending; -1: none (one-shot plans have a Limit step)
}

// Step is a node of the plan.
type Step interface {
	Inputs() []Step
	Schema() types.Columns // the rows it yields
}

// Pseudo is a column made from a record's place rather than its payload.
type Pseudo uint8

// The pseudo columns. WindowStart and WindowEnd (ms) come from a windowed key.
const (
	RowTime Pseudo = iota // BIGINT ms in the ksqldb dialect, TIMESTAMP in postgres: by the column's type
	RowPartition
	RowOffset
	WindowStart
	WindowEnd
)

// Origin says where a scanned column comes from.
type Origin struct {
	Key      bool   // from the record's key, else its value
	Field    string // name in the payload, as declared; "" for an unwrapped single value
	Pseudo   Pseudo // when IsPseudo
	IsPseudo bool
}

// FormatSpec names a serialisation format with its properties.
type FormatSpec struct {
	Name       string // JSON, KAFKA, DELIMITED, NONE
	Properties map[string]string
	Wrapped    bool // a single value column is a member of an object, not the payload itself
}

// Start says where a source begins when its query has no committed offset.
type Start struct {
	Latest bool
	// TimestampMS, when not nil, begins at the first record at or after it.
	TimestampMS *int64
}

// Scan reads a topic. Its rows are inserts (a stream) or, with Upsert above, a table's changes.
type Scan struct {
	Relation    string // name in the catalogue, for explain and errors
	Topic       string
	KeyFormat   FormatSpec
	ValueFormat FormatSpec
	Columns     types.Columns
	Origins     []Origin // one a column
	// TimeColumn is the index in Columns of the event time (BIGINT ms or TIMESTAMP, or STRING by TimeFormat), -1: the record's timestamp.
	TimeColumn   int
	TimeFormat   string
	WindowSizeMS int64 // a windowed key's window size; 0: not windowed
	Start        Start
	StopOnError  bool // ON ERROR STOP; default: to the error stream
	// Tombstones lets records with a null value through as Delete rows, of which only key columns are set (tables);
	// without it they are dropped (streams).
	Tombstones bool
}

// ViewScan reads a kept table's rows as of the last commit (one-shot), or its changes (kept and push).
type ViewScan struct {
	Relation string
	View     string        // id of the view (the catalogue's relation id)
	Columns  types.Columns // a projection of the view's columns
	Indexes  []int         // of Columns in the view's columns
	// Keys, when not nil, are full primary keys to look up instead of scanning.
	Keys [][]expr.Expr
}

// VirtualScan reads a virtual table (pg_catalog, information_schema, SHOW).
type VirtualScan struct {
	Name    string // qualified: pg_catalog.pg_class
	Columns types.Columns
	Indexes []int
}

// Values is literal rows; no rows with no columns but Rows set to one empty row is SELECT without FROM.
type Values struct {
	Columns types.Columns
	Rows    [][]expr.Expr
}

// Upsert turns rows that replace each other by key into changes (old row, new row). Rows with a null key are dropped and counted.
type Upsert struct {
	Input Step
	Key   []int
}

// Filter keeps rows whose Cond is true.
type Filter struct {
	Input Step
	Cond  expr.Expr
}

// Project computes columns.
type Project struct {
	Input   Step
	Exprs   []expr.Expr
	Columns types.Columns
}

// WindowKind is a kind of window.
type WindowKind uint8

// The kinds of windows.
const (
	NoWindow WindowKind = iota
	Tumbling
	Hopping
	SessionWindow
)

// Window is a WINDOW clause.
type Window struct {
	Kind        WindowKind
	SizeMS      int64 // session: the gap
	AdvanceMS   int64
	GraceMS     int64 // rows later than window end + grace are dropped and counted
	RetentionMS int64 // how long a view keeps closed windows, event time; 0: max(size+grace, one day)
}

// Agg is one aggregate of an Aggregate step.
type Agg struct {
	Name     string // for explain and layouts
	New      func() functions.Accumulator
	Args     []expr.Expr // over the input
	Filter   expr.Expr   // FILTER (WHERE …), nil: none
	Distinct bool
	Type     types.Type
}

// Aggregate groups. Its rows: the keys, then (with a window) window start and end (TIMESTAMP us, or ms where the column is BIGINT),
// then the aggregates.
// Unbounded it emits each touched group's net change at every barrier, or with Final once, when its window closes.
// With Each it emits every step.
type Aggregate struct {
	Input   Step
	Keys    []expr.Expr
	Window  Window
	Aggs    []Agg
	Final   bool
	Each    bool
	Changes bool // the input carries deletes and updates
	Columns types.Columns
}

// JoinKind is a kind of join.
type JoinKind uint8

// The kinds of joins.
const (
	InnerJoin JoinKind = iota
	LeftJoin
	RightJoin
	FullJoin
	CrossJoin
)

// HashJoin joins bounded inputs: Right is built, Left is probed. Its rows: the left columns, then the right ones.
type HashJoin struct {
	Left, Right         Step
	Kind                JoinKind
	LeftKeys, RightKeys []expr.Expr
	Residual            expr.Expr // over the joined row; nil: none
}

// SortKey orders by an expression.
type SortKey struct {
	Expr       expr.Expr
	Desc       bool
	NullsFirst bool
}

// Sort orders bounded input; with Limit >= 0 it keeps that many (after Offset).
type Sort struct {
	Input Step
	Keys  []SortKey
	Limit int64 // -1: all
}

// Limit passes Count rows after skipping Offset. Count -1: all.
type Limit struct {
	Input         Step
	Offset, Count int64
	// OffsetParam and CountParam are $n given instead, nil in a plan that runs.
	OffsetParam, CountParam expr.Expr
}

// Distinct drops repeated rows (bounded).
type Distinct struct{ Input Step }

// Union concatenates (UNION ALL).
type Union struct {
	Parts   []Step
	Columns types.Columns
}

// View keeps the rows that reach it as a table with a name, by key, and passes the changes on.
type View struct {
	Input Step
	ID    string // the view's id: stable over restarts, new for a replaced relation
	Name  string
	Key   []int // columns of Input; for windowed tables they include window start
	// Window is the window of the aggregate below, for dropping old windows; Kind NoWindow: rows stay.
	Window Window
	// WindowStart is the index of the window start column when windowed, else -1.
	WindowStart int
}

// Sink writes rows to a topic: inserts and new rows as records, deletes (tables) as tombstones.
type Sink struct {
	Input        Step
	Topic        string
	KeyFormat    FormatSpec
	ValueFormat  FormatSpec
	KeyColumns   []int    // in Input, in the key's order; empty: null key
	KeyFields    []string // payload names
	ValueColumns []int
	ValueFields  []string
	WindowStart  int    // index of the window start for a windowed key, -1: none (timestamp of the record is then the row's event time)
	Table        bool   // an upsert topic: UpdateOld is dropped, Delete becomes a tombstone
	TimeColumn   int    // -1: the row's event time
	Partitioner  string // "" is Kafka's murmur2 over the key's bytes
}

// Inputs implements Step.
func (*Scan) Inputs() []Step { return nil }

// Inputs implements Step.
func (*ViewScan) Inputs() []Step { return nil }

// Inputs implements Step.
func (*VirtualScan) Inputs() []Step { return nil }

// Inputs implements Step.
func (*Values) Inputs() []Step { return nil }

// Inputs implements Step.
func (s *Upsert) Inputs() []Step { return []Step{s.Input} }

// Inputs implements Step.
func (s *Filter) Inputs() []Step { return []Step{s.Input} }

// Inputs implements Step.
func (s *Project) Inputs() []Step { return []Step{s.Input} }

// Inputs implements Step.
func (s *Aggregate) Inputs() []Step { return []Step{s.Input} }

// Inputs implements Step.
func (s *Sort) Inputs() []Step { return []Step{s.Input} }

// Inputs implements Step.
func (s *Limit) Inputs() []Step { return []Step{s.Input} }

// Inputs implements Step.
func (s *Distinct) Inputs() []Step { return []Step{s.Input} }

// Inputs implements Step.
func (s *View) Inputs() []Step { return []Step{s.Input} }

// Inputs implements Step.
func (s *Sink) Inputs() []Step { return []Step{s.Input} }

// Inputs implements Step.
func (s *HashJoin) Inputs() []Step { return []Step{s.Left, s.Right} }

// Inputs implements Step.
func (s *Union) Inputs() []Step { return s.Parts }

// Schema implements Step.
func (s *Scan) Schema() types.Columns { return s.Columns }

// Schema implements Step.
func (s *ViewScan) Schema() types.Columns { return s.Columns }

// Schema implements Step.
func (s *VirtualScan) Schema() types.Columns { return s.Columns }

// Schema implements Step.
func (s *Values) Schema() types.Columns { return s.Columns }

// Schema implements Step.
func (s *Project) Schema() types.Columns { return s.Columns }

// Schema implements Step.
func (s *Aggregate) Schema() types.Columns { return s.Columns }

// Schema implements Step.
func (s *Union) Schema() types.Columns { return s.Columns }

// Schema implements Step.
func (s *Upsert) Schema() types.Columns { return s.Input.Schema() }

// Schema implements Step.
func (s *Filter) Schema() types.Columns { return s.Input.Schema() }

// Schema implements Step.
func (s *Sort) Schema() types.Columns { return s.Input.Schema() }

// Schema implements Step.
func (s *Limit) Schema() types.Columns { return s.Input.Schema() }

// Schema implements Step.
func (s *Distinct) Schema() types.Columns { return s.Input.Schema() }

// Schema implements Step.
func (s *View) Schema() types.Columns { return s.Input.Schema() }

// Schema implements Step.
func (s *Sink) Schema() types.Columns { return s.Input.Schema() }

// Schema implements Step: the left columns, then the right ones.
func (s *HashJoin) Schema() types.Columns {
	left, right := s.Left.Schema(), s.Right.Schema()
	return append(append(make(types.Columns, 0, len(left)+len(right)), left...), right...)
}
