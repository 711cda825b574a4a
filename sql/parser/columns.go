package parser

import "github.com/freshetdb/freshet/sql/ast"

// elements reads the columns and constraints of a relation in parentheses.
func (p *parser) elements(s *ast.CreateRelation) {
	p.expect("(")
	if p.accept(")") {
		return
	}
	p.list(func() { p.element(s) })
	p.expect(")")
}

func (p *parser) element(s *ast.CreateRelation) {
	switch {
	case p.constraintAhead():
		s.Constraints = append(s.Constraints, p.constraint())
	case p.seq("WATERMARK", "FOR"):
		s.Watermarks = append(s.Watermarks, p.watermark())
	case p.is("LIKE"):
		p.i++
		s.Like = append(s.Like, p.qualified("a table name"))
		for p.any("INCLUDING", "EXCLUDING") {
			p.i++
			p.label("an option")
		}
	case p.is("*"):
		p.i++
		s.Columns = append(s.Columns, ast.ColumnDef{Place: ast.Place{At: p.tokens[p.i-1].pos()}, Name: ast.Ident{
			Place: ast.Place{At: p.tokens[p.i-1].pos()}, Name: "*",
		}})
	case p.anyAt(1, ",", ")") && p.tok().isLabel():
		s.Names = append(s.Names, p.label("a column name"))
	default:
		s.Columns = append(s.Columns, p.columnDef())
	}
}

func (p *parser) watermark() ast.Watermark {
	w := ast.Watermark{Place: p.here()}
	p.expect("WATERMARK", "FOR")
	w.Column = p.label("a column name")
	p.expect("AS")
	w.Expr = p.expression()
	w.TTL = p.accept("WITH", "TTL")
	return w
}

func (p *parser) constraintAhead() bool {
	switch p.tok().up {
	case "PRIMARY", "FOREIGN":
		return p.isAt(1, "KEY")
	case "UNIQUE", "CHECK":
		return p.isAt(1, "(")
	case "CONSTRAINT":
		return p.peek(1).isLabel() && p.anyAt(2, "PRIMARY", "FOREIGN", "UNIQUE", "CHECK")
	}
	return false
}

// constraint reads [CONSTRAINT name] PRIMARY KEY | UNIQUE | CHECK | FOREIGN KEY ….
func (p *parser) constraint() ast.TableConstraint {
	c := ast.TableConstraint{Place: p.here()}
	if p.accept("CONSTRAINT") {
		c.Name = p.label("a name")
	}
	switch {
	case p.accept("PRIMARY"):
		p.expect("KEY")
		c.Kind = "PRIMARY KEY"
		c.Columns = p.columns()
	case p.accept("UNIQUE"):
		c.Kind = "UNIQUE"
		c.Columns = p.columns()
	case p.accept("CHECK"):
		c.Kind = "CHECK"
		c.Check = p.parenthesised()
	default:
		p.expect("FOREIGN", "KEY")
		c.Kind = "FOREIGN KEY"
		c.Columns = p.columns()
		c.References = p.references()
	}
	p.constraintTail()
	return c
}

// constraintTail passes what says when a constraint is checked.
func (p *parser) constraintTail() {
	for {
		switch {
		case p.accept("NOT", "DEFERRABLE"), p.accept("DEFERRABLE"), p.accept("NOT", "VALID"), p.accept("NOT", "ENFORCED"), p.accept("NO", "INHERIT"):
		case p.accept("INITIALLY"):
			p.choose("DEFERRED", "IMMEDIATE")
		default:
			return
		}
	}
}

// parenthesised reads ( expression ).
func (p *parser) parenthesised() ast.Expr {
	p.expect("(")
	e := p.expression()
	p.expect(")")
	return e
}

// references reads REFERENCES table [(columns)] [actions].
func (p *parser) references() *ast.References {
	p.expect("REFERENCES")
	r := &ast.References{Table: p.qualified("a table name")}
	if p.is("(") {
		r.Columns = p.columns()
	}
	for p.is("ON") && p.anyAt(1, "DELETE", "UPDATE") || p.is("MATCH") {
		action := p.next().up + " " + p.next().up
		switch {
		case p.accept("NO", "ACTION"):
			action += " NO ACTION"
		case p.accept("SET", "NULL"):
			action += " SET NULL"
		case p.accept("SET", "DEFAULT"):
			action += " SET DEFAULT"
		default:
			if word := p.optional("CASCADE", "RESTRICT"); word != "" {
				action += " " + word
			}
		}
		if r.Actions != "" {
			r.Actions += " "
		}
		r.Actions += action
	}
	return r
}

// columnDef reads a column: name, type, marks.
func (p *parser) columnDef() ast.ColumnDef {
	c := ast.ColumnDef{Place: p.here(), Name: p.label("a column name")}
	if !p.seq("GENERATED", "ALWAYS") && !p.is("AS") {
		c.Type = p.typeName()
	}
	for p.columnMark(&c) {
	}
	return c
}

// columnMark reads one mark of a column; false when there is none.
func (p *parser) columnMark(c *ast.ColumnDef) bool {
	switch {
	case p.accept("PRIMARY", "KEY"):
		c.Key = ast.KeyPrimary
	case p.accept("KEY"):
		c.Key = ast.KeyPart
	case p.is("HEADERS"):
		c.Headers = &ast.Headers{Place: p.here()}
		p.i++
	case p.seq("HEADER", "("):
		c.Headers = &ast.Headers{Place: p.here()}
		p.i += 2
		c.Headers.Name = p.stringValue("a header's name")
		p.expect(")")
	case p.accept("NOT", "NULL"):
		c.NotNull = true
	case p.accept("NULL"):
		c.Null = true
	case p.accept("UNIQUE"):
		c.Unique = true
	case p.accept("DEFAULT"):
		c.Default = p.columnExpr()
	case p.is("CHECK") && p.isAt(1, "("):
		p.i++
		c.Check = p.parenthesised()
	case p.accept("COLLATE"):
		c.Collate = p.qualified("a collation")
	case p.is("REFERENCES"):
		c.References = p.references()
	case p.accept("AS"):
		c.Generated = p.columnExpr()
	case p.accept("GENERATED"):
		p.generated(c)
	case p.is("CONSTRAINT") && p.peek(1).isLabel():
		p.i++
		c.Constraint = p.label("a name")
	default:
		before := p.i
		p.constraintTail()
		return p.i > before
	}
	return true
}

// columnExpr reads an expression that more marks may follow: NOT NULL behind it is a mark, which the grammar of operators
// does not take either.
func (p *parser) columnExpr() ast.Expr {
	if t := p.tok(); t.is("NULL") {
		p.i++
		return &ast.NullLit{Place: ast.Place{At: t.pos()}}
	}
	return p.expression()
}

// generated reads GENERATED ALWAYS | BY DEFAULT AS IDENTITY | (expr) STORED.
func (p *parser) generated(c *ast.ColumnDef) {
	kind := "ALWAYS"
	if p.accept("BY", "DEFAULT") {
		kind = "BY DEFAULT"
	} else {
		p.expect("ALWAYS")
	}
	p.expect("AS")
	if p.accept("IDENTITY") {
		c.Identity = kind
		if p.is("(") {
			p.skipParens()
		}
		return
	}
	c.Generated = p.parenthesised()
	p.accept("STORED")
}

// skipParens passes a parenthesised list whose content means nothing here.
func (p *parser) skipParens() {
	end := p.parens[p.i].match
	if end < 0 {
		p.failf(p.pos(), "unclosed parenthesis")
	}
	p.i = int(end) + 1
}
