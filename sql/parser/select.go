package parser

import (
	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/parser/internal/tidbcore"
)

const headOpen = "`" + tidbcore.HeadCall + "`("

// selectBody reads SELECT … and emits it; its skeleton is the first item.
func (p *parser) selectBody() {
	s := newSelect(p.here())
	p.expect("SELECT")
	p.emit("SELECT")
	p.emitNode(headOpen, s)
	p.distinct(s, p.mark()-1)
	p.emit(")")
	p.items(s.Select)
	if p.accept("INTO") {
		s.Into = p.into()
	}
	from := p.slot()
	if p.accept("FROM") {
		p.core.out[from].text = "FROM"
		p.fromList()
	} else {
		s.NoFrom = true
		p.core.out[from].text = "FROM `nothing`"
	}
	if p.is("WINDOW") && !p.isAt(2, "AS") {
		s.Window = p.window()
	}
	if p.accept("WHERE") {
		p.emit("WHERE (")
		p.expr()
		p.emit(")")
	}
	if p.accept("GROUP") {
		p.groupBy()
	}
	p.rest(s)
}

// distinct reads ALL, DISTINCT and DISTINCT ON (…).
func (p *parser) distinct(s *tidbcore.Select, head int) {
	if p.is("ALL") && !p.isAt(1, "(") {
		p.i++
		return
	}
	if !p.accept("DISTINCT") {
		return
	}
	s.Distinct = true
	if !p.seq("ON", "(") {
		return
	}
	p.i++
	p.parenList(func() {
		p.comma(head)
		p.expr()
	})
	s.Fill = func(c []ast.Expr) { s.DistinctOn = c }
}

// items reads the select list. A list may be empty in Postgres.
func (p *parser) items(s *ast.Select) {
	if p.any("FROM", ")", ";", "INTO", "WHERE", "UNION", "LIMIT", "ORDER") || p.tok().kind == eof {
		if !p.is("FROM") {
			p.fail("an expression")
		}
		return
	}
	p.list(func() {
		p.emit(",")
		s.Items = append(s.Items, p.item())
	})
}

// item reads one item of a select list: what it is comes from TiDB's tree, all but its alias.
func (p *parser) item() ast.SelectItem {
	if p.is("*") {
		star := &ast.Star{Place: p.here()}
		p.i++
		if p.exceptAhead() {
			star.Except = p.starExcept()
		}
		p.emitNode("*", star)
		return ast.SelectItem{}
	}
	p.expr()
	if p.exceptAhead() {
		return p.exceptOf()
	}
	alias := p.alias()
	if alias.Given() {
		p.emit("AS " + backquote(alias.Name))
	}
	return ast.SelectItem{Alias: alias}
}

// exceptAhead tells whether * EXCEPT (a, b) comes next, and not a set operator.
func (p *parser) exceptAhead() bool {
	return p.seq("EXCEPT", "(") && !p.queryAt(p.i+1)
}

func (p *parser) starExcept() []ast.Ident {
	p.expect("EXCEPT", "(")
	var list []ast.Ident
	p.list(func() { list = append(list, p.qualified("a column name").Last()) })
	p.expect(")")
	return list
}

// exceptOf puts the EXCEPT of t.* where it belongs: the star was just emitted as a piece.
func (p *parser) exceptOf() ast.SelectItem {
	at := p.pos()
	except := p.starExcept()
	head := &p.core.out[p.mark()-2]
	if head.text != pieceOpen {
		p.failf(at, "EXCEPT belongs behind a star")
	}
	build := p.core.marks[head.mark].Build
	p.core.marks[head.mark].Build = func(c []ast.Expr) ast.Expr {
		e := build(c)
		if star, ok := e.(*ast.Star); ok {
			star.Except = except
		}
		return e
	}
	return ast.SelectItem{}
}

// alias reads [AS] name. After AS any word is a name.
func (p *parser) alias() ast.Ident {
	if p.accept("AS") {
		if t := p.tok(); t.kind == text && t.text != "" {
			p.i++
			return ast.Ident{Place: ast.Place{At: t.pos()}, Name: t.text, Quoted: true}
		}
		return p.label("an alias")
	}
	if t := p.tok(); t.kind == quoted || t.kind == word && !reservedAlias[t.up] {
		p.i++
		return t.ident()
	}
	return ast.Ident{}
}

func (p *parser) into() *ast.Into {
	into := &ast.Into{}
	into.Temp = p.optional("TEMPORARY", "TEMP", "UNLOGGED") != ""
	p.accept("TABLE")
	into.Name = p.qualified("a table name")
	return into
}

// groupBy reads BY items.
func (p *parser) groupBy() {
	p.expect("BY")
	p.emit("GROUP BY")
	p.optional("ALL", "DISTINCT")
	first := true
	p.list(func() {
		if !first {
			p.emit(",")
		}
		first = false
		p.emit("(")
		p.groupItem()
		p.emit(")")
	})
}

var groupings = map[string]ast.GroupingKind{"GROUPING": ast.GroupingSets, "ROLLUP": ast.GroupingRollup, "CUBE": ast.GroupingCube}

// groupItem reads an expression, (), or GROUPING SETS, ROLLUP and CUBE of such items.
func (p *parser) groupItem() {
	node := &ast.Grouping{Place: p.here(), Kind: groupings[p.tok().up]}
	switch {
	case p.seq("GROUPING", "SETS"):
		p.i += 2
	case p.any("ROLLUP", "CUBE") && p.isAt(1, "("):
		p.i++
	case p.is("(") && p.isAt(1, ")"):
		p.i += 2
		node.Kind = ast.GroupingEmpty
		p.emitLeafPiece(node)
		return
	default:
		p.expr()
		return
	}
	p.enter()
	p.emitPiece(node.At, func(c []ast.Expr) ast.Expr {
		node.Items = c
		return node
	})
	head := p.mark() - 1
	p.parenList(func() {
		p.comma(head)
		p.groupItem()
	})
	p.emit(")")
	p.leave()
}

// rest reads PARTITION BY, HAVING and WINDOW name AS (…), which travel in HAVING's place.
func (p *parser) rest(s *tidbcore.Select) {
	having, head := p.slot(), p.slot()
	parts, hasHaving := 0, false
	if p.is("PARTITION") {
		p.i++
		p.expect("BY")
		p.list(func() {
			p.comma(head)
			p.expr()
			parts++
		})
	}
	if p.accept("HAVING") {
		p.comma(head)
		p.expr()
		hasHaving = true
	}
	fills := p.namedWindows(s.Select, head)
	end := p.slot()
	out := p.core.out
	if end == head+1 {
		return
	}
	out[having].text = "HAVING"
	out[end].text = ")"
	if parts == 0 && fills == nil {
		out[head].text = "("
		return
	}
	out[head].text = "`" + tidbcore.RestCall + "`("
	s.Rest = func(c []ast.Expr) {
		list := children(c)
		s.PartitionBy = list.takeN(parts)
		if hasHaving {
			s.Having = list.take()
		}
		for _, f := range fills {
			f(&list)
		}
	}
}

// namedWindows reads WINDOW name AS (…), ….
func (p *parser) namedWindows(s *ast.Select, head int) []fill {
	var fills []fill
	if !p.is("WINDOW") || !p.isAt(2, "AS") {
		return nil
	}
	p.i++
	p.list(func() {
		w := ast.NamedWindow{Name: p.name("a window")}
		p.expect("AS")
		spec, f := p.windowSpec(head)
		w.Spec = spec
		s.Windows = append(s.Windows, w)
		fills = append(fills, f)
	})
	return fills
}

func newSelect(at ast.Place) *tidbcore.Select {
	return &tidbcore.Select{Select: &ast.Select{Place: at}}
}
