package parser

import (
	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/parser/internal/tidbcore"
)

// orderItems reads the items of a query's ORDER BY and emits them as such. An expression stands in parentheses, lest
// TiDB take a number for a column's position.
func (p *parser) orderItems(head int) []ast.OrderItem {
	var list []ast.OrderItem
	p.list(func() {
		p.comma(head)
		p.emit("(")
		p.expr()
		p.emit(")")
		item := p.direction()
		if item.Desc {
			p.emit("DESC")
		}
		list = append(list, item)
	})
	return list
}

// orderList reads order items that travel as arguments.
func (p *parser) orderList(head int) []ast.OrderItem {
	var list []ast.OrderItem
	p.list(func() {
		p.comma(head)
		p.expr()
		list = append(list, p.direction())
	})
	return list
}

func fillOrder(items []ast.OrderItem, c *children) []ast.OrderItem {
	for i := range items {
		items[i].Expr = c.take()
	}
	return items
}

// direction reads [ASC | DESC | USING op] [NULLS FIRST | LAST].
func (p *parser) direction() ast.OrderItem {
	var item ast.OrderItem
	switch {
	case p.accept("ASC"):
	case p.accept("DESC"):
		item.Desc = true
	case p.is("USING"):
		p.i++
		item.Using, _ = p.operatorName()
	}
	if p.accept("NULLS") {
		item.Nulls = ast.NullsFirst
		if p.choose("FIRST", "LAST") == "LAST" {
			item.Nulls = ast.NullsLast
		}
	}
	return item
}

// limits reads LIMIT, OFFSET, FETCH, EMIT and FOR UPDATE in any order, each once.
func (p *parser) limits(q *tidbcore.Query, head int) {
	var fills []fill
	read := func(target *ast.Expr, word string, expr func()) {
		if *target != nil {
			p.failf(p.pos(), "multiple %s clauses not allowed", word)
		}
		*target = &ast.NullLit{} // taken, until it is filled
		p.comma(head)
		expr()
		fills = append(fills, func(c *children) { *target = c.take() })
	}
	for more := true; more; {
		switch {
		case p.is("LIMIT"):
			p.i++
			if p.accept("ALL") {
				break
			}
			read(&q.Limit, "LIMIT", p.expr)
		case p.is("OFFSET"):
			p.i++
			read(&q.Offset, "OFFSET", p.expr)
			p.optional("ROW", "ROWS")
		case p.is("FETCH") && p.anyAt(1, "FIRST", "NEXT"):
			p.i += 2
			read(&q.Limit, "LIMIT", p.fetchCount)
			q.Ties = p.rowsOnly()
		case p.is("EMIT"):
			p.emitClause(q)
		case p.is("FOR") && p.anyAt(1, "UPDATE", "SHARE", "NO", "KEY"):
			q.Locks = append(q.Locks, p.locking())
		default:
			more = false
		}
	}
	if fills == nil {
		return
	}
	q.Fill = func(c []ast.Expr) {
		rest := children(c)
		for _, f := range fills {
			f(&rest)
		}
	}
}

// fetchCount reads the count of FETCH FIRST; without one it is 1.
func (p *parser) fetchCount() {
	if p.any("ROW", "ROWS") {
		p.emitLeafPiece(&ast.NumberLit{Place: p.here(), Text: "1"})
		return
	}
	start := p.mark()
	p.postfix(start)
}

// rowsOnly reads ROWS ONLY or ROWS WITH TIES, and tells whether it was the latter.
func (p *parser) rowsOnly() bool {
	p.choose("ROWS", "ROW")
	if p.accept("WITH", "TIES") {
		return true
	}
	p.expect("ONLY")
	return false
}

func (p *parser) emitClause(q *tidbcore.Query) {
	if q.Emit != ast.EmitNone {
		p.failf(p.pos(), "multiple EMIT clauses not allowed")
	}
	q.EmitAt = p.here()
	p.i++
	switch {
	case p.accept("CHANGES"):
		q.Emit = ast.EmitChanges
	case p.accept("FINAL"), p.accept("ON", "WINDOW", "CLOSE"):
		q.Emit = ast.EmitFinal
	default:
		p.fail("CHANGES", "FINAL")
	}
}

// locking reads FOR UPDATE and its like.
func (p *parser) locking() ast.Locking {
	l := ast.Locking{Place: p.here()}
	p.i++
	switch {
	case p.accept("NO"):
		p.expect("KEY", "UPDATE")
		l.Strength = "NO KEY UPDATE"
	case p.accept("KEY"):
		p.expect("SHARE")
		l.Strength = "KEY SHARE"
	default:
		l.Strength = p.choose("UPDATE", "SHARE")
	}
	if p.accept("OF") {
		p.list(func() { l.Of = append(l.Of, p.qualified("a table name")) })
	}
	if p.accept("NOWAIT") {
		l.Wait = "NOWAIT"
	} else if p.accept("SKIP", "LOCKED") {
		l.Wait = "SKIP LOCKED"
	}
	return l
}

// windowSpec reads ( [name] [PARTITION BY …] [ORDER BY …] [frame] ); its expressions travel behind head.
func (p *parser) windowSpec(head int) (*ast.WindowSpec, fill) {
	spec := &ast.WindowSpec{Place: p.here()}
	p.expect("(")
	if t := p.tok(); t.isName() && (t.up != "PARTITION" || !p.isAt(1, "BY")) && !p.frameAhead() {
		spec.Base = p.name("a window")
	}
	parts := 0
	if p.accept("PARTITION") {
		p.expect("BY")
		p.list(func() {
			p.comma(head)
			p.expr()
			parts++
		})
	}
	var items []ast.OrderItem
	if p.accept("ORDER") {
		p.expect("BY")
		items = p.orderList(head)
	}
	frame := func(*children) {}
	if p.frameAhead() {
		spec.Frame, frame = p.frame(head)
	}
	p.expect(")")
	return spec, func(c *children) {
		spec.PartitionBy = c.takeN(parts)
		spec.OrderBy = fillOrder(items, c)
		frame(c)
	}
}

func (p *parser) frameAhead() bool {
	return p.any("ROWS", "RANGE", "GROUPS") && !p.isAt(1, ")") || p.seq("SESSION", "WITH")
}

// frame reads ROWS | RANGE | GROUPS [BETWEEN] …, or SESSION WITH GAP expr.
func (p *parser) frame(head int) (*ast.Frame, func(*children)) {
	f := &ast.Frame{Place: p.here(), Unit: p.next().up}
	if f.Unit == "SESSION" {
		p.expect("WITH", "GAP")
		p.comma(head)
		p.expr()
		f.Start.Kind = ast.BoundGap
		return f, func(c *children) { f.Start.Expr = c.take() }
	}
	fills := []fill{}
	if p.accept("BETWEEN") {
		fills = append(fills, p.frameBound(&f.Start, head))
		p.expect("AND")
		f.End = &ast.FrameBound{}
		fills = append(fills, p.frameBound(f.End, head))
	} else {
		fills = append(fills, p.frameBound(&f.Start, head))
	}
	if p.accept("EXCLUDE") {
		f.Exclude = p.exclusion()
	}
	return f, func(c *children) {
		for _, fill := range fills {
			fill(c)
		}
	}
}

func (p *parser) frameBound(b *ast.FrameBound, head int) fill {
	switch {
	case p.accept("CURRENT", "ROW"):
		b.Kind = ast.BoundCurrentRow
	case p.accept("UNBOUNDED"):
		b.Kind = ast.BoundUnboundedPreceding
		if p.choose("PRECEDING", "FOLLOWING") == "FOLLOWING" {
			b.Kind = ast.BoundUnboundedFollowing
		}
	default:
		p.comma(head)
		p.expr()
		b.Kind = ast.BoundPreceding
		if p.choose("PRECEDING", "FOLLOWING") == "FOLLOWING" {
			b.Kind = ast.BoundFollowing
		}
		return func(c *children) { b.Expr = c.take() }
	}
	return func(*children) {}
}

func (p *parser) exclusion() string {
	switch {
	case p.accept("CURRENT", "ROW"):
		return "CURRENT ROW"
	case p.accept("NO", "OTHERS"):
		return "NO OTHERS"
	}
	return p.choose("GROUP", "TIES")
}
