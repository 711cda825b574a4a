// Package logical is relational algebra between the binder and the plan that runs: what to compute, not how.
//
// Nodes are immutable: rewrites build new ones. Expressions of a node refer to the columns of its inputs by index, those of a Join to
// the left columns followed by the right ones.
package logical

import (
	"github.com/freshetdb/freshet/sql/catalog"
	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/types"
)

// Node is an operation of the algebra.
type Node interface {
	Inputs() []Node
	Schema() types.Columns
}

// Pseudo is a column of a source that no one declared.
type Pseudo uint8

// The pseudo columns; NotPseudo is a declared one.
const (
	NotPseudo Pseudo = iota
	RowTime
	RowPartition
	RowOffset
	WindowStart
	WindowEnd
)

// SourceColumn is one column read from a relation.
type SourceColumn struct {
	Index  int    // in the relation's columns; -1 for a pseudo column
	Pseudo Pseudo // NotPseudo for a declared column
	Name   string
	Type   types.Type
}

// Source reads a stream or table of the catalogue.
type Source struct {
	Relation *catalog.Relation
	Alias    string
	Columns  []SourceColumn
	Start    *catalog.Start // given in the statement; nil: the relation's
	// Keys, when not nil, are the full primary keys to look up, found by a rewrite; the filter above stays.
	Keys [][]expr.Expr
}

// Virtual reads a virtual table.
type Virtual struct {
	Name    string // qualified
	All     types.Columns
	Indexes []int // of All, those read
}

// Values is literal rows; one row without columns is what SELECT without FROM reads.
type Values struct {
	Columns types.Columns
	Rows    [][]expr.Expr
}

// Filter keeps rows whose Cond is true.
type Filter struct {
	Input Node
	Cond  expr.Expr
}

// Project computes columns.
type Project struct {
	Input   Node
	Exprs   []expr.Expr
	Columns types.Columns
}

// Window is a WINDOW clause; zero SizeMS: none.
type Window struct {
	Kind        string // TUMBLING, HOPPING, SESSION
	SizeMS      int64
	AdvanceMS   int64
	GraceMS     int64
	RetentionMS int64
}

// Agg is one aggregate.
type Agg struct {
	Name     string
	Args     []expr.Expr // over the input
	Filter   expr.Expr   // FILTER (WHERE …), nil: none
	Distinct bool
	New      func() functions.Accumulator
	Type     types.Type
}

// Aggregate groups. Its columns: the keys, with a window its start and end, then the aggregates.
type Aggregate struct {
	Input   Node
	Keys    []expr.Expr
	Window  *Window
	Aggs    []Agg
	Final   bool
	Columns types.Columns
}

// JoinKind is a kind of join.
type JoinKind uint8

// The kinds of joins.
const (
	Inner JoinKind = iota
	Left
	Right
	Full
	Cross
)

// Join joins on On, over the left columns followed by the right ones; nil On with Cross.
type Join struct {
	Kind        JoinKind
	Left, Right Node
	On          expr.Expr
}

// SortKey is one key of an order.
type SortKey struct {
	Expr       expr.Expr
	Desc       bool
	NullsFirst bool
}

// Sort orders; Top >= 0 keeps that many rows, set by a rewrite.
type Sort struct {
	Input Node
	Keys  []SortKey
	Top   int64
}

// Limit passes Count rows after Offset; nil: all, none skipped. Both are constants or parameters of type BIGINT.
type Limit struct {
	Input         Node
	Count, Offset expr.Expr
}

// Distinct drops repeated rows.
type Distinct struct{ Input Node }

// Union concatenates.
type Union struct {
	Parts   []Node
	Columns types.Columns
}

// Inputs implements Node.
func (*Source) Inputs() []Node { return nil }

// Inputs implements Node.
func (*Virtual) Inputs() []Node { return nil }

// Inputs implements Node.
func (*Values) Inputs() []Node { return nil }

// Inputs implements Node.
func (n *Filter) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *Project) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *Aggregate) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *Join) Inputs() []Node { return []Node{n.Left, n.Right} }

// Inputs implements Node.
func (n *Sort) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *Limit) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *Distinct) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *Union) Inputs() []Node { return n.Parts }

// Schema implements Node.
func (n *Source) Schema() types.Columns {
	cols := make(types.Columns, len(n.Columns))
	for i, c := range n.Columns {
		cols[i] = types.Column{Name: c.Name, Type: c.Type}
	}
	return cols
}

// Schema implements Node.
func (n *Virtual) Schema() types.Columns {
	cols := make(types.Columns, len(n.Indexes))
	for i, at := range n.Indexes {
		cols[i] = n.All[at]
	}
	return cols
}

// Schema implements Node.
func (n *Values) Schema() types.Columns { return n.Columns }

// Schema implements Node.
func (n *Filter) Schema() types.Columns { return n.Input.Schema() }

// Schema implements Node.
func (n *Project) Schema() types.Columns { return n.Columns }

// Schema implements Node.
func (n *Aggregate) Schema() types.Columns { return n.Columns }

// Schema implements Node.
func (n *Join) Schema() types.Columns {
	l, r := n.Left.Schema(), n.Right.Schema()
	return append(append(make(types.Columns, 0, len(l)+len(r)), l...), r...)
}

// Schema implements Node.
func (n *Sort) Schema() types.Columns { return n.Input.Schema() }

// Schema implements Node.
func (n *Limit) Schema() types.Columns { return n.Input.Schema() }

// Schema implements Node.
func (n *Distinct) Schema() types.Columns { return n.Input.Schema() }

// Schema implements Node.
func (n *Union) Schema() types.Columns { return n.Columns }
