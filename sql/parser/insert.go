package parser

import (
	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/sqlerr"
)

// withStatement reads what begins with WITH: a query, or a change of rows.
func (p *parser) withStatement() ast.Statement {
	if !p.withChange() {
		return p.selectStatement()
	}
	first := p.pos()
	w := p.with(false)
	var s ast.Statement
	switch p.tok().up {
	case "INSERT":
		s = p.insert(w)
	case "UPDATE":
		s = p.update(w)
	case "DELETE":
		s = p.delete(w)
	default:
		p.fail("SELECT", "INSERT", "UPDATE", "DELETE")
	}
	return startingAt(s, first)
}

func startingAt(s ast.Statement, first sqlerr.Pos) ast.Statement {
	switch s := s.(type) {
	case *ast.Insert:
		s.At = first
	case *ast.Update:
		s.At = first
	case *ast.Delete:
		s.At = first
	}
	return s
}

// withChange looks behind the common tables of a WITH for INSERT, UPDATE or DELETE.
func (p *parser) withChange() bool {
	i := p.i + 1
	for i < len(p.tokens) {
		t := &p.tokens[i]
		switch t.up {
		case "(":
			if i = int(p.parens[i].match); i < 0 {
				return false
			}
		case "INSERT", "UPDATE", "DELETE":
			return p.tokens[i-1].up == ")"
		case "SELECT", "VALUES", "TABLE", ";":
			return false
		}
		if t.kind == eof {
			return false
		}
		i++
	}
	return false
}

// insert reads INSERT INTO ….
func (p *parser) insert(w *ast.With) ast.Statement {
	s := &ast.Insert{With: w}
	first := p.pos()
	p.expect("INSERT", "INTO")
	s.Table = p.qualified("a table name")
	if p.accept("AS") {
		s.Alias = p.label("an alias")
	}
	if p.is("(") && !p.queryAt(p.i) {
		p.parenList(func() { s.Columns = append(s.Columns, p.label("a column name")) })
	}
	s.Properties = p.withProperties()
	if p.accept("OVERRIDING") {
		s.Overriding = p.choose("SYSTEM", "USER")
		p.expect("VALUE")
	}
	switch {
	case p.accept("DEFAULT"):
		p.expect("VALUES")
	case p.queryAhead():
		s.Query = p.selectStatement()
	default:
		p.fail("VALUES", "SELECT", "(")
	}
	if p.is("ON") && p.isAt(1, "CONFLICT") {
		s.OnConflict = p.onConflict()
	}
	s.Returning = p.returning()
	s.Extent = p.extent(first)
	return s
}

// onConflict reads ON CONFLICT [(columns) [WHERE …] | ON CONSTRAINT name] DO NOTHING | UPDATE SET … [WHERE …].
func (p *parser) onConflict() *ast.OnConflict {
	c := &ast.OnConflict{Place: p.here()}
	p.expect("ON", "CONFLICT")
	if p.accept("(") {
		c.Columns = p.expressions(maxTokens)
		p.expect(")")
		if p.accept("WHERE") {
			c.Where = p.expression()
		}
	} else if p.accept("ON", "CONSTRAINT") {
		c.Constraint = p.label("a name")
	}
	p.expect("DO")
	if p.accept("NOTHING") {
		return c
	}
	p.expect("UPDATE", "SET")
	c.Update = p.assignments()
	if p.accept("WHERE") {
		c.When = p.expression()
	}
	return c
}

// returning reads RETURNING items.
func (p *parser) returning() []ast.SelectItem {
	if !p.is("RETURNING") {
		return nil
	}
	p.i++
	return p.selectItems()
}

// selectItems reads a select list that is not part of a query.
func (p *parser) selectItems() []ast.SelectItem {
	q := p.fragment(func() {
		s := newSelect(p.here())
		p.emit("SELECT")
		p.emitNode(headOpen+")", s)
		p.items(s.Select)
		p.emptyTail()
	})
	return q.Body.(*ast.Select).Items
}

// assignments reads column = value, (a, b) = (c, d), ….
func (p *parser) assignments() []ast.Assignment {
	var list []ast.Assignment
	p.list(func() {
		a := ast.Assignment{Place: p.here()}
		if p.accept("(") {
			a.Multi = true
			p.list(func() { a.Columns = append(a.Columns, p.target()) })
			p.expect(")")
		} else {
			a.Columns = []ast.Expr{p.target()}
		}
		p.expect("=")
		a.Value = p.expression()
		list = append(list, a)
	})
	return list
}

// target reads what an assignment assigns to: a column, a subscript or a field of it.
func (p *parser) target() ast.Expr {
	if t := p.tok(); t.isLabel() && p.anyAt(1, "=", ",", ")") {
		p.i++
		return &ast.ColumnRef{Place: ast.Place{At: t.pos()}, Name: ast.Name{t.ident()}}
	}
	var e ast.Expr
	values := &ast.Values{Place: p.here(), Rows: [][]ast.Expr{make([]ast.Expr, 1)}}
	p.fragment(func() {
		p.emit("SELECT")
		p.emitNode(headOpen, values)
		p.postfix(p.mark())
		p.emit(")")
		p.emptyTail()
	})
	e = values.Rows[0][0]
	switch e.(type) {
	case *ast.ColumnRef, *ast.Subscript, *ast.Slice, *ast.Field:
		return e
	}
	p.failf(e.Pos(), "cannot assign to this expression")
	return nil
}

// update reads UPDATE t SET … [FROM …] [WHERE …] [RETURNING …].
func (p *parser) update(w *ast.With) ast.Statement {
	s := &ast.Update{With: w}
	first := p.pos()
	p.expect("UPDATE")
	s.Table = p.changedTable()
	p.expect("SET")
	s.Set = p.assignments()
	if p.accept("FROM") {
		s.From = p.relations()
	}
	if p.accept("WHERE") {
		s.Where = p.condition()
	}
	s.Returning = p.returning()
	s.Extent = p.extent(first)
	return s
}

// delete reads DELETE FROM t [USING …] [WHERE …] [RETURNING …].
func (p *parser) delete(w *ast.With) ast.Statement {
	s := &ast.Delete{With: w}
	first := p.pos()
	p.expect("DELETE", "FROM")
	s.Table = p.changedTable()
	if p.accept("USING") {
		s.Using = p.relations()
	}
	if p.accept("WHERE") {
		s.Where = p.condition()
	}
	s.Returning = p.returning()
	s.Extent = p.extent(first)
	return s
}

func (p *parser) condition() ast.Expr {
	if p.is("CURRENT") && p.isAt(1, "OF") {
		panic(bailout{sqlerr.Unsupported(p.pos(), "WHERE CURRENT OF")})
	}
	return p.expression()
}

// changedTable reads the table of an UPDATE or DELETE.
func (p *parser) changedTable() *ast.Table {
	t := &ast.Table{}
	t.Only = p.is("ONLY") && p.peek(1).isLabel()
	if t.Only {
		p.i++
	}
	t.Place = p.here()
	t.Name = p.qualified("a table name")
	p.accept("*")
	if !p.is("SET") {
		t.Alias = p.tableAlias()
	}
	return t
}

// relations reads a FROM list that is not part of a query.
func (p *parser) relations() []ast.Relation {
	q := p.fragment(func() {
		s := newSelect(p.here())
		p.emit("SELECT")
		p.emitNode(headOpen+")", s)
		p.emit("FROM")
		p.fromList()
		p.emptyTail()
	})
	return q.Body.(*ast.Select).From
}
