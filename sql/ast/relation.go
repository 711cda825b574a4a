package ast

// Alias renames a relation and its columns.
type Alias struct {
	Place
	Name    Ident // zero in f(x) AS (a int)
	Columns []Ident
	Types   []*TypeName // of f(x) AS t(a int, b text); else nil
}

// Table is a relation by name.
type Table struct {
	Place
	Name  Name
	Alias *Alias
	Only  bool // ONLY t
	AsOf  Expr // FOR SYSTEM_TIME AS OF expr; nil when not given
	Start *StartAt
	// Sample is TABLESAMPLE method (args); nil when not given.
	Sample *Call
}

// StartKind is where reading a source begins.
type StartKind uint8

// The places to begin reading.
const (
	StartEarliest StartKind = iota
	StartLatest
	StartTimestamp // with an expression
	StartOffset    // with an expression
)

// StartAt is where reading a table of a FROM clause begins: t [alias] FROM EARLIEST | LATEST | TIMESTAMP expr | OFFSET n.
type StartAt struct {
	Place
	Kind StartKind
	Expr Expr
}

// Derived is (query) [AS] alias.
type Derived struct {
	Place
	Query   *Query
	Alias   *Alias // nil when not given
	Lateral bool
}

// TableFunc is f(args) or ROWS FROM (f(a), g(b)), with [WITH ORDINALITY] and an alias.
type TableFunc struct {
	Place
	Calls      []Expr // *Call each, but for odd forms such as a cast of one
	RowsFrom   bool
	Lateral    bool
	Ordinality bool
	Alias      *Alias // nil when not given
}

// JoinKind is the kind of a join.
type JoinKind uint8

// The kinds of joins.
const (
	JoinInner JoinKind = iota
	JoinLeft
	JoinRight
	JoinFull
	JoinCross
)

// Join is left … JOIN right. At is the first word of the join. A join as Right was parenthesised.
type Join struct {
	Place
	Kind       JoinKind
	Left       Relation
	Right      Relation
	On         Expr // nil for USING, NATURAL and CROSS
	Using      []Ident
	UsingAlias Ident
	Natural    bool
	AsOf       bool    // ASOF JOIN
	Within     *Within // nil when not given
	Alias      *Alias  // (a JOIN b) AS x; nil when not given
}

// Within is WITHIN d | (before, after) [GRACE PERIOD d].
type Within struct {
	Place
	Before Duration
	After  Duration // equal to Before unless Pair
	Pair   bool
	Grace  *Duration
}

func (*Table) relation()     {}
func (*Derived) relation()   {}
func (*TableFunc) relation() {}
func (*Join) relation()      {}
