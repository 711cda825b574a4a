package parser

import (
	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/parser/internal/tidbcore"
)

// query reads a query and emits it: its body, then an ORDER BY whose last item carries all the rest.
func (p *parser) query() {
	q := &tidbcore.Query{Query: &ast.Query{}}
	p.closeQuery(q, p.openQuery(q))
}

// tail is where the end of a query stands in the canonical text. Its tokens stay empty until closeQuery.
type tail struct {
	order int // ORDER BY
	comma int // between the order items and the call that carries the rest
	head  int // the head of the call
	end   int // its closing parenthesis
}

// openQuery reads a query and emits its body and what its tail holds.
func (p *parser) openQuery(q *tidbcore.Query) tail {
	p.enter()
	outer := p.peak
	first := p.pos()
	if p.is("WITH") {
		q.With = p.with(true)
	}
	p.bodies(q, setUnionLevel)
	var t tail
	t.order = p.slot()
	if p.accept("ORDER") {
		p.expect("BY")
		q.OrderBy = p.orderItems(t.order)
	}
	t.comma = p.slot()
	t.head = p.slot()
	p.limits(q, t.head)
	t.end = p.slot()
	q.Extent = p.extent(first)
	p.peak = max(outer, p.peak+1)
	p.leave()
	return t
}

// slot emits a token without text.
func (p *parser) slot() int {
	p.emit("")
	return p.mark() - 1
}

// closeQuery writes the tokens of a query's tail.
func (p *parser) closeQuery(q *tidbcore.Query, t tail) {
	out := p.core.out
	out[t.order].text = "ORDER BY"
	if len(q.OrderBy) > 0 {
		out[t.comma].text = ","
	}
	out[t.head].text = "`" + tidbcore.TailCall + "`("
	out[t.head].mark = p.addMark(markNode(q))
	out[t.end].text = ")"
}

// bare tells whether a query is nothing but its body.
func bare(q *tidbcore.Query) bool {
	return q.With == nil && q.OrderBy == nil && q.Fill == nil && q.Emit == ast.EmitNone && q.Locks == nil
}

// with reads WITH [RECURSIVE] name [(columns)] AS (query), …; it emits it when the text is to have it.
func (p *parser) with(emit bool) *ast.With {
	w := &ast.With{Place: p.here()}
	p.expect("WITH")
	w.Recursive = p.accept("RECURSIVE")
	if emit {
		p.emit("WITH")
		if w.Recursive {
			p.emit("RECURSIVE")
		}
	}
	p.list(func() {
		if emit && len(w.Tables) > 0 {
			p.emit(",")
		}
		w.Tables = append(w.Tables, p.commonTable(emit))
	})
	return w
}

func (p *parser) commonTable(emit bool) ast.CommonTable {
	t := ast.CommonTable{Name: p.name("a name")}
	if p.is("(") {
		t.Columns = p.columns()
	}
	p.expect("AS")
	switch {
	case p.accept("CHANGELOG", "FROM"):
		return p.changelogTable(t, emit)
	case p.accept("NOT", "MATERIALIZED"):
		t.Materialized = "NOT MATERIALIZED"
	case p.accept("MATERIALIZED"):
		t.Materialized = "MATERIALIZED"
	}
	if !emit {
		p.expect("(")
		t.Query = p.withinParens()
		p.expect(")")
		return t
	}
	p.core.tables = append(p.core.tables, &t)
	index := len(p.core.tables) - 1
	p.emit(aliased(t.Name.Name, index))
	p.emit("AS (")
	p.expect("(")
	if p.queryAhead() {
		p.query()
	} else {
		p.core.tables[index].Query = p.withinParens()
		p.emit("SELECT 1")
	}
	p.expect(")")
	p.emit(")")
	return t
}

// changelogTable reads the relation of name AS CHANGELOG FROM relation.
func (p *parser) changelogTable(t ast.CommonTable, emit bool) ast.CommonTable {
	t.Changelog = p.qualified("a name")
	if emit {
		p.core.tables = append(p.core.tables, &t)
		p.emit(aliased(t.Name.Name, len(p.core.tables)-1))
		p.emit("AS ( SELECT 1 )")
	}
	return t
}

// withinParens reads a statement that returns rows, with a text of its own.
func (p *parser) withinParens() ast.Statement {
	p.enter()
	defer p.leave()
	if p.queryAhead() {
		return p.selectStatement()
	}
	switch p.tok().up {
	case "INSERT", "UPDATE", "DELETE":
		return p.statement()
	}
	p.fail("SELECT", "VALUES", "INSERT", "UPDATE", "DELETE")
	return nil
}

// The levels of set operators.
const (
	setUnionLevel = iota + 1
	setIntersectLevel
)

func (p *parser) setOperator() (ast.SetKind, int) {
	switch p.tok().up {
	case "UNION":
		return ast.SetUnion, setUnionLevel
	case "EXCEPT":
		return ast.SetExcept, setUnionLevel
	case "INTERSECT":
		return ast.SetIntersect, setIntersectLevel
	}
	return 0, 0
}

var setWords = map[ast.SetKind]string{ast.SetUnion: "UNION", ast.SetIntersect: "INTERSECT", ast.SetExcept: "EXCEPT"}

// bodies reads bodies with set operators of at least a level between them, and emits each side in parentheses.
func (p *parser) bodies(q *tidbcore.Query, least int) {
	start, links := p.mark(), 0
	p.bodyTerm(q)
	for {
		kind, level := p.setOperator()
		if level == 0 || level < least {
			break
		}
		links++
		p.enter() // a chain of operators is a tree as deep
		op := &ast.SetOp{Place: p.here(), Kind: kind}
		p.i++
		op.All = p.accept("ALL")
		if !op.All {
			p.accept("DISTINCT")
		}
		p.corresponding(op)
		q.Ops = append(q.Ops, op)
		p.prefix(start, "(", none)
		p.emit(")")
		p.emit(setWords[kind])
		if op.All {
			p.emit("ALL")
		}
		right := p.mark()
		p.bodies(q, level+1)
		p.prefix(right, "(", none)
		p.emit(")")
	}
	p.nested -= links
}

// corresponding reads CORRESPONDING [BY (columns)].
func (p *parser) corresponding(op *ast.SetOp) {
	op.Corresponding = p.accept("CORRESPONDING")
	if op.Corresponding && p.accept("BY") {
		op.By = p.columns()
	}
}

// bodyTerm reads SELECT, VALUES, TABLE or a query in parentheses.
func (p *parser) bodyTerm(q *tidbcore.Query) {
	switch {
	case p.is("("):
		p.nestedQuery(q)
	case p.is("VALUES"):
		p.values()
	case p.is("TABLE"):
		p.tableBody()
	case p.is("SELECT"):
		p.selectBody()
	default:
		p.fail("SELECT", "VALUES", "WITH", "TABLE", "(")
	}
}

// nestedQuery reads a query in parentheses as a body. One that is nothing but a body is that body; any other travels as
// a derived table.
func (p *parser) nestedQuery(q *tidbcore.Query) {
	start := p.mark()
	p.expect("(")
	inner := &tidbcore.Query{Query: &ast.Query{}}
	t := p.openQuery(inner)
	p.expect(")")
	if bare(inner) {
		q.Ops = append(q.Ops, inner.Ops...)
		return
	}
	p.closeQuery(inner, t)
	p.emit(")")
	p.emit("AS `nested`")
	p.prefix(start, "(", none)
	p.prefix(start, "FROM", none)
	p.prefix(start, headOpen+")", p.addMark(markNode(inner.Query)))
	p.prefix(start, "SELECT", none)
}

// values reads VALUES (a, b), …. It travels as a SELECT whose head has all the values as arguments.
func (p *parser) values() {
	node := &ast.Values{Place: p.here()}
	p.expect("VALUES")
	p.emit("SELECT")
	p.emitNode(headOpen, node)
	head := p.mark() - 1
	p.list(func() {
		p.expect("(")
		n := 0
		p.list(func() {
			p.comma(head)
			p.expr()
			n++
		})
		p.expect(")")
		node.Rows = append(node.Rows, make([]ast.Expr, n))
	})
	p.emit(")")
}

// tableBody reads TABLE name, which means SELECT * FROM name.
func (p *parser) tableBody() {
	s := newSelect(p.here())
	p.expect("TABLE")
	star := &ast.Star{Place: p.here()}
	s.Items = []ast.SelectItem{{Expr: star}}
	p.emit("SELECT")
	p.emitNode(headOpen+") ,", s)
	p.emitNode("*", star)
	p.emit("FROM")
	p.tableName(&ast.Table{Place: p.here(), Name: p.qualified("a table name")})
}
