// Package tidbcore hands the SELECT core, as canonical fully parenthesised text, to TiDB's parser and turns its tree into
// our AST with the user's positions.
//
// The recogniser of sql/parser writes the text (see there for how) and, beside it, one Mark for each of its tokens that
// means something: a skeleton of the node the user wrote there, with its position, which needs only its children. Which
// children it gets is what TiDB's tree says. Where the two disagree the answer is an error, never another tree. TiDB's
// types do not leave this package.
package tidbcore

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"sync"

	"github.com/pingcap/tidb/pkg/parser"
	tidb "github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"
	_ "github.com/pingcap/tidb/pkg/parser/test_driver" // the parser's literals

	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/sqlerr"
)

// Mark is what the user wrote where the canonical text has a token.
type Mark struct {
	Offset int32      // of the token in the canonical text
	Pos    sqlerr.Pos // in the user's text
	Node   ast.Node   // a leaf, or a skeleton without children
	// Build makes the node of the children, for what has no form in TiDB's language and travels as a call.
	Build func(children []ast.Expr) ast.Expr
}

// Relation is an item of FROM: a skeleton, and what to do with the expressions that travel with it.
type Relation struct {
	Node ast.Relation
	Fill func(children []ast.Expr)
}

// Select is the skeleton of a SELECT and what to do with the expressions of clauses of its own, which travel in front of
// its items and with its HAVING. It is the Node of the mark of a HeadCall.
type Select struct {
	*ast.Select
	Fill   func(children []ast.Expr) // with the arguments of the head
	Rest   func(children []ast.Expr) // with the arguments of the call in HAVING's place; nil when there is a mere HAVING
	NoFrom bool                      // the FROM of the text is there only because TiDB's grammar wants one
}

// Query is the skeleton of a query: its order items lack their expressions. It is the Node of the mark of a TailCall.
type Query struct {
	*ast.Query
	Ops  []*ast.SetOp // in the order of the text
	Fill func(children []ast.Expr)
}

// The calls that carry what has no place of its own.
const (
	HeadCall  = "__head"  // the first item of every SELECT: its skeleton
	RestCall  = "__rest"  // the condition of HAVING: with it, what stands around it
	TailCall  = "__tail"  // the last item of every ORDER BY: the query's skeleton
	JoinCall  = "__join"  // the whole condition of every join
	PieceCall = "__piece" // any other
)

// AliasMark separates the readable part of an alias from the index of its Relation or CommonTable.
const AliasMark = "#"

// Text is a query in canonical form.
type Text struct {
	SQL       string
	Marks     []Mark // ascending offsets
	Relations []Relation
	Tables    []*ast.CommonTable
}

var parsers = sync.Pool{New: func() any {
	p := parser.New()
	p.SetSQLMode(mysql.ModeNoBackslashEscapes)
	return p
}}

// Parse parses a canonical text. It is the whole seam to TiDB's parser, and safe for concurrent use.
func Parse(t *Text) (q *ast.Query, err error) {
	p := parsers.Get().(*parser.Parser)
	defer func() {
		if r := recover(); r != nil {
			// The parser's own state is unknown now: it is not given back to the pool.
			q, err = nil, fromPanic(r)
			return
		}
		parsers.Put(p)
	}()
	statements, _, err := p.ParseSQL(t.SQL)
	if err != nil {
		return nil, t.refused(err)
	}
	if len(statements) != 1 {
		return nil, sqlerr.Newf(sqlerr.Internal, 0, "query was read as %d statements", len(statements))
	}
	c := &converter{text: t}
	return c.query(statements[0]), nil
}

func fromPanic(r any) error {
	if d, ok := r.(disagreement); ok {
		return sqlerr.Newf(sqlerr.Internal, d.at, "query was misread: %s", d.message)
	}
	return sqlerr.Newf(sqlerr.Internal, 0, "query could not be parsed: %v", r)
}

// refused turns an error of TiDB's parser into one at the user's position. The recogniser has accepted the text by then,
// so it is a mistake of ours.
func (t *Text) refused(err error) error {
	at := sqlerr.Pos(0)
	var line, column int
	if _, scan := fmt.Sscanf(err.Error(), "line %d column %d", &line, &column); scan == nil && line == 1 {
		if i := sort.Search(len(t.Marks), func(i int) bool { return int(t.Marks[i].Offset) >= column }); i > 0 {
			at = t.Marks[i-1].Pos
		}
	}
	return sqlerr.Newf(sqlerr.Internal, at, "query could not be parsed near here")
}

// disagreement is the panic of a converter whose text and tree differ.
type disagreement struct {
	at      sqlerr.Pos
	message string
}

type converter struct {
	text *Text
}

func (c *converter) disagree(at sqlerr.Pos, format string, args ...any) {
	panic(disagreement{at, fmt.Sprintf(format, args...)})
}

// mark is the mark at an offset of the canonical text; nil when there is none.
func (c *converter) mark(offset int) *Mark {
	marks := c.text.Marks
	i := sort.Search(len(marks), func(i int) bool { return int(marks[i].Offset) >= offset })
	if i < len(marks) && int(marks[i].Offset) == offset {
		return &marks[i]
	}
	return nil
}

// need is the mark of an expression of TiDB's tree.
func (c *converter) need(e tidb.ExprNode) *Mark {
	m := c.mark(e.OriginTextPosition())
	if m == nil {
		c.disagree(0, "%T at %d has no mark", e, e.OriginTextPosition())
	}
	return m
}

// index reads the index at the end of an alias.
func (c *converter) index(alias string, limit int) int {
	n, err := strconv.Atoi(alias[strings.LastIndex(alias, AliasMark)+1:])
	if err != nil || n < 0 || n >= limit {
		c.disagree(0, "alias %q has no index", alias)
	}
	return n
}
