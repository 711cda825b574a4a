package parser

import (
	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/parser/internal/tidbcore"
)

// fromList reads the items of FROM.
func (p *parser) fromList() {
	first := true
	p.list(func() {
		if !first {
			p.emit(",")
		}
		first = false
		p.joined()
	})
}

// joined reads a relation and the joins behind it. Each join and its left side travel in parentheses.
func (p *parser) joined() {
	p.enter()
	start, links := p.mark(), 0
	p.factor()
	for {
		node := p.joinWords()
		if node == nil {
			break
		}
		links++
		p.enter() // a chain of joins is a tree as deep
		words := map[ast.JoinKind]string{ast.JoinLeft: "LEFT JOIN", ast.JoinRight: "RIGHT JOIN"}[node.Kind]
		if words == "" {
			words = "JOIN"
		}
		p.emit(words)
		p.factor()
		p.within(node)
		p.joinCondition(node)
		p.prefix(start, "(", none)
		p.emit(")")
	}
	p.nested -= links
	p.leave()
}

// joinWords reads the words of a join up to JOIN; nil when no join comes next.
func (p *parser) joinWords() *ast.Join {
	node := &ast.Join{Place: p.here()}
	first := p.i
	node.AsOf = p.accept("ASOF")
	node.Natural = p.accept("NATURAL")
	switch {
	case p.accept("INNER"):
	case p.accept("CROSS"):
		node.Kind = ast.JoinCross
	case p.accept("LEFT"):
		node.Kind = ast.JoinLeft
		p.accept("OUTER")
	case p.accept("RIGHT"):
		node.Kind = ast.JoinRight
		p.accept("OUTER")
	case p.accept("FULL"):
		node.Kind = ast.JoinFull
		p.accept("OUTER")
	case p.accept("OUTER"): // ksqlDB's short form of FULL OUTER
		node.Kind = ast.JoinFull
	}
	if p.accept("JOIN") {
		return node
	}
	if p.i > first && (p.i != first+1 || !node.AsOf) {
		p.fail("JOIN")
	}
	p.i = first
	return nil
}

// joinCondition reads ON, USING or nothing, and emits the condition every join has in the canonical text.
func (p *parser) joinCondition(node *ast.Join) {
	p.emit("ON")
	p.emitNode("`"+tidbcore.JoinCall+"`(", node)
	switch {
	case node.Natural || node.Kind == ast.JoinCross:
	case p.accept("ON"):
		p.expr()
	case p.accept("USING"):
		node.Using = p.columns()
		if p.accept("AS") {
			node.UsingAlias = p.label("an alias")
		}
	default:
		p.fail("ON", "USING")
	}
	p.emit(")")
}

// within reads WITHIN d | (before, after) [GRACE PERIOD d].
func (p *parser) within(node *ast.Join) {
	if !p.is("WITHIN") {
		return
	}
	w := &ast.Within{Place: p.here()}
	p.i++
	if p.accept("(") {
		w.Pair = true
		w.Before = p.duration()
		p.expect(",")
		w.After = p.duration()
		p.expect(")")
	} else {
		w.Before = p.duration()
		w.After = w.Before
	}
	if p.accept("GRACE") {
		p.expect("PERIOD")
		grace := p.duration()
		w.Grace = &grace
	}
	node.Within = w
}

// factor reads one relation: a name, a function, a query, or joins in parentheses.
func (p *parser) factor() {
	at := p.here()
	lateral := p.accept("LATERAL")
	switch {
	case p.is("(") && p.queryAt(p.i):
		p.derived(at, lateral)
	case p.is("("):
		p.parenthesisedJoin()
	case p.seq("ROWS", "FROM", "("):
		p.i += 2
		p.rowsFrom(at, lateral)
	default:
		p.named(at, lateral)
	}
}

func (p *parser) derived(at ast.Place, lateral bool) {
	node := &ast.Derived{Place: at, Lateral: lateral}
	p.expect("(")
	p.emit("(")
	p.query()
	p.expect(")")
	p.emit(")")
	node.Alias = p.tableAlias()
	p.addRelation(tidbcore.Relation{Node: node}, node.Alias)
}

// addRelation emits the alias that tells the converter which relation it looks at.
func (p *parser) addRelation(r tidbcore.Relation, alias *ast.Alias) {
	name := ""
	if alias != nil {
		name = alias.Name.Name
	}
	p.emit("AS")
	p.emit(aliased(name, len(p.core.relations)))
	p.core.relations = append(p.core.relations, r)
}

// parenthesisedJoin reads (a JOIN b ON …) [AS alias].
func (p *parser) parenthesisedJoin() {
	p.expect("(")
	p.emit("(")
	before := len(p.core.marks)
	p.joined()
	p.expect(")")
	p.emit(")")
	alias := p.tableAlias()
	if alias == nil {
		return
	}
	for i := len(p.core.marks) - 1; i >= before; i-- {
		if j, ok := p.core.marks[i].Node.(*ast.Join); ok {
			j.Alias = alias
			return
		}
	}
	p.failf(alias.At, "an alias in front of a join belongs to the table")
}

// rowsFrom reads ROWS FROM (f(a), g(b)).
func (p *parser) rowsFrom(at ast.Place, lateral bool) {
	node := &ast.TableFunc{Place: at, Lateral: lateral, RowsFrom: true}
	p.emit("( SELECT")
	head := p.mark()
	p.emitNode(headOpen, node)
	p.parenList(func() {
		p.comma(head)
		p.expr()
	})
	p.closeFunction(node)
}

// closeFunction closes a table function that travels as a derived table, and reads what follows it.
func (p *parser) closeFunction(node *ast.TableFunc) {
	p.emit(") )")
	if p.accept("WITH", "ORDINALITY") {
		node.Ordinality = true
	}
	node.Alias = p.tableAlias()
	fill := func(c []ast.Expr) { node.Calls = c }
	p.addRelation(tidbcore.Relation{Node: node, Fill: fill}, node.Alias)
}

// named reads a table by name, or a table function.
func (p *parser) named(at ast.Place, lateral bool) {
	only := p.is("ONLY") && (p.peek(1).isLabel() || p.isAt(1, "("))
	if only {
		p.i++
	}
	if t := p.tok(); !t.isName() && (!callable(t.up) || !p.isAt(1, "(")) {
		p.fail("a table name")
	}
	if n, keyword := p.chain(), p.keywordFunction(); keyword || p.isAt(n, "(") {
		node := &ast.TableFunc{Place: at, Lateral: lateral}
		p.emit("( SELECT")
		p.emitNode(headOpen, node)
		if keyword {
			p.primary(p.mark())
		} else {
			p.call(n)
		}
		p.closeFunction(node)
		return
	}
	name := p.qualified("a table name")
	p.accept("*")
	p.tableName(&ast.Table{Place: ast.Place{At: name.Pos()}, Name: name, Only: only})
}

// keywordFunction tells whether a function without parentheses stands where a table may.
func (p *parser) keywordFunction() bool {
	return p.any("CURRENT_DATE", "CURRENT_TIMESTAMP", "CURRENT_TIME", "LOCALTIMESTAMP", "LOCALTIME", "CURRENT_USER", "SESSION_USER",
		"CURRENT_CATALOG", "CURRENT_SCHEMA", "CURRENT_ROLE")
}

// tableName reads what follows a table's name, and emits the table. One with expressions of its own travels as a derived
// table.
func (p *parser) tableName(node *ast.Table) {
	start := p.mark()
	name := node.Name
	const mostParts = 2 // of a table's name in TiDB's language
	if len(name) > mostParts {
		name = name[len(name)-mostParts:]
	}
	p.emit(dotted(name))
	head := p.mark()
	p.emit("")
	var fills []fill
	if p.seq("FOR", "SYSTEM_TIME") {
		p.i += 2
		p.expect("AS", "OF")
		p.comma(head)
		p.expr()
		fills = append(fills, func(c *children) { node.AsOf = c.take() })
	}
	if p.is("TABLESAMPLE") {
		fills = append(fills, p.tableSample(node, head))
	}
	node.Alias = p.tableAlias()
	if p.is("FROM") {
		fills = append(fills, p.startAt(node, head))
	}
	if p.mark() == head+1 {
		p.addRelation(tidbcore.Relation{Node: node}, node.Alias)
		return
	}
	p.core.out[start].text = "( SELECT"
	p.core.out[head] = emitted{headOpen, p.addMark(markNode(node)), none}
	p.emit(") )")
	p.addRelation(tidbcore.Relation{Node: node, Fill: func(c []ast.Expr) {
		list := children(c)
		for _, f := range fills {
			f(&list)
		}
	}}, node.Alias)
}

// tableSample reads TABLESAMPLE method (args) [REPEATABLE (seed)].
func (p *parser) tableSample(node *ast.Table, head int) fill {
	p.i++
	node.Sample = &ast.Call{Place: p.here(), Name: p.qualified("a sampling method")}
	n := 0
	arg := func() {
		p.comma(head)
		p.expr()
		n++
	}
	p.parenList(arg)
	if p.accept("REPEATABLE") {
		p.parenList(arg)
	}
	return func(c *children) { node.Sample.Args = c.takeN(n) }
}

// startAt reads where reading a source begins: FROM EARLIEST | LATEST | TIMESTAMP expr | OFFSET n.
func (p *parser) startAt(node *ast.Table, head int) fill {
	s := &ast.StartAt{Place: p.here()}
	p.i++
	node.Start = s
	switch {
	case p.accept("EARLIEST"):
		s.Kind = ast.StartEarliest
		return func(*children) {}
	case p.accept("LATEST"):
		s.Kind = ast.StartLatest
		return func(*children) {}
	case p.is("TIMESTAMP"):
		s.Kind = ast.StartTimestamp
		if p.peek(1).kind != text {
			p.i++
		}
	case p.accept("OFFSET"):
		s.Kind = ast.StartOffset
	default:
		p.fail("EARLIEST", "LATEST", "TIMESTAMP", "OFFSET")
	}
	p.comma(head)
	p.expr()
	return func(c *children) { s.Expr = c.take() }
}

// tableAlias reads [AS] name [(columns)]; nil when there is none.
func (p *parser) tableAlias() *ast.Alias {
	a := &ast.Alias{Place: p.here()}
	as := p.accept("AS")
	switch t := p.tok(); {
	case as && t.is("("):
	case as:
		a.Name = p.label("an alias")
	case t.kind == quoted || t.kind == word && !reservedAlias[t.up]:
		p.i++
		a.Name = t.ident()
	default:
		return nil
	}
	if p.is("(") {
		p.aliasColumns(a)
	}
	return a
}

// aliasColumns reads (a, b) or (a int, b text).
func (p *parser) aliasColumns(a *ast.Alias) {
	p.parenList(func() {
		a.Columns = append(a.Columns, p.label("a column name"))
		if p.tok().isLabel() {
			a.Types = append(a.Types, p.typeName())
		}
	})
	if a.Types != nil && len(a.Types) != len(a.Columns) {
		p.fail("a type")
	}
}
