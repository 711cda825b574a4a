// Package bind gives names and types their meaning: AST and catalogue in, logical plan out.
//
// Every "does not exist" and "must be of type" is born here, with the place in the text. Implicit casts are written out, untyped literals and
// parameters get their types from use, as in Postgres ("Type Conversion").
package bind

import (
	"time"

	"github.com/freshetdb/freshet/planner/logical"
	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/catalog"
	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
)

// Options is what names are looked up in.
type Options struct {
	Catalog   *catalog.Catalog
	Functions *functions.Registry
	Virtual   map[string]types.Columns // by qualified name
	// Objects gives the number a system catalogue has for an object of a kind ("class", "namespace", "type", "role", "proc") by its
	// folded name; nil: there are none.
	Objects  func(kind, name string) (int64, bool)
	Params   []types.Type // given by the client; Unknown: to be inferred
	Now      time.Time
	TimeZone string
	Kept     bool // the query is kept or pushed: its aggregates may wait for windows to close
}

// Binder binds the parts of one statement. It is for one goroutine and one statement.
type Binder struct {
	Options
	dialect functions.Dialect
	params  []types.Type
	ctes    *cteScope
	places  map[*expr.Column]sqlerr.Pos // where columns were written, for errors found later
	depth   int
	items   int // relations read so far, WITH queries counted at each mention
}

// maxDepth bounds the nesting of subqueries.
const maxDepth = 64

// maxItems bounds the relations of a statement: WITH queries that mention each other twice would double with every level.
const maxItems = 1000

// maxParams is the highest parameter number, as in Postgres' protocol.
const maxParams = 65535

// New is a binder for one statement.
func New(o Options) *Binder {
	return &Binder{
		Options: o,
		dialect: FunctionDialect(o.Catalog.Dialect()),
		params:  append([]types.Type(nil), o.Params...),
		places:  map[*expr.Column]sqlerr.Pos{},
	}
}

// FunctionDialect is a database's dialect as functions know it.
func FunctionDialect(d catalog.Dialect) functions.Dialect {
	if d == catalog.KsqlDB {
		return functions.KsqlDB
	}
	return functions.Postgres
}

// Params are the types of $1, $2 …: given ones and inferred ones. Those never typed by a use are an error of 42P18 if used at all.
func (b *Binder) Params() []types.Type { return b.params }

// Query is a bound query.
type Query struct {
	Node    logical.Node
	Columns types.Columns // names and types of the rows; Node's schema has the same types
	Emit    ast.Emit
	// Core is the SELECT the rows come from, when nothing (ORDER BY, set operation, DISTINCT) stands above it; else nil.
	Core *Core
	// Limit of a kept or push query, which Node leaves out; nil: none.
	Limit expr.Expr
}

// Core is a SELECT taken apart, so that a CREATE … AS can add the keys its projection left out.
type Core struct {
	Input     logical.Node // below the projection
	Exprs     []expr.Expr  // over Input
	Names     []string
	GroupKeys int  // the first columns of Input are these many grouping keys; 0: not grouped
	Grouped   bool // Input is an Aggregate, perhaps under a Filter
	Window    *logical.Window
	Partition []expr.Expr // PARTITION BY, over Input
	PartNames []string    // generated names of PARTITION BY expressions
	PartNone  bool        // PARTITION BY NULL
}

// BindQuery binds a SELECT, VALUES or set operation.
func (b *Binder) BindQuery(q *ast.Query) (*Query, error) {
	bound, err := b.query(q)
	if err != nil {
		return nil, err
	}
	if err := b.settleParams(); err != nil {
		return nil, err
	}
	return bound, nil
}

// settleParams makes text of nothing: a parameter whose type no use told is an error.
func (b *Binder) settleParams() error {
	for i, t := range b.params {
		if t.ID == types.Unknown {
			return sqlerr.Newf(sqlerr.IndeterminateDatatype, 0, "could not determine data type of parameter $%d", i+1)
		}
	}
	return nil
}

func (b *Binder) enter(pos sqlerr.Pos) error {
	if b.depth++; b.depth > maxDepth {
		return sqlerr.Newf(sqlerr.StatementTooComplex, pos, "subqueries are nested too deeply")
	}
	return nil
}

func (b *Binder) leave() { b.depth-- }

// Ksql tells whether the database speaks ksqlDB's dialect.
func (b *Binder) Ksql() bool { return b.dialect == functions.KsqlDB }
