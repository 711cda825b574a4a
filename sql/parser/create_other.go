package parser

import (
	"strings"

	"github.com/freshetdb/freshet/sql/ast"
)

// createView reads CREATE [MATERIALIZED | RECURSIVE] VIEW.
func (p *parser) createView(c creation) ast.Statement {
	s := &ast.CreateView{OrReplace: c.orReplace, Temporary: c.temporary}
	s.Recursive = p.accept("RECURSIVE")
	s.Materialized = p.accept("MATERIALIZED")
	p.expect("VIEW")
	s.IfNotExists = p.ifNotExists()
	s.Name = p.qualified("a name")
	if p.is("(") {
		s.Columns = p.columns()
	}
	s.With = p.withProperties()
	p.expect("AS")
	if !p.queryAhead() {
		p.fail("SELECT", "VALUES", "WITH")
	}
	s.Query = p.selectStatement()
	switch {
	case p.accept("WITH", "NO", "DATA"):
		s.NoData = true
	case p.accept("WITH", "DATA"):
	case p.is("WITH") && p.anyAt(1, "CHECK", "LOCAL", "CASCADED"):
		p.i++
		p.optional("LOCAL", "CASCADED")
		p.expect("CHECK", "OPTION")
	}
	s.Extent = p.extent(c.at)
	return s
}

// createIndex reads CREATE [UNIQUE] INDEX.
func (p *parser) createIndex(c creation) ast.Statement {
	s := &ast.CreateIndex{Unique: p.accept("UNIQUE")}
	p.expect("INDEX")
	s.Concurrently = p.accept("CONCURRENTLY")
	s.IfNotExists = p.ifNotExists()
	if !p.is("ON") {
		s.Name = p.label("a name")
	}
	p.expect("ON")
	p.accept("ONLY")
	s.Table = p.qualified("a table name")
	if p.accept("USING") {
		s.Method = p.label("an index method")
	}
	p.parenList(func() { s.Columns = append(s.Columns, p.indexColumn()) })
	for {
		switch {
		case p.accept("INCLUDE"):
			p.expect("(")
			s.Include = p.expressions(maxTokens)
			p.expect(")")
		case p.accept("DISTRIBUTED", "BY"):
			p.expect("(")
			s.Distribute = p.expressions(maxTokens)
			p.expect(")")
		case p.seq("WITH", "("):
			s.With = p.withProperties()
		case p.accept("WHERE"):
			s.Where = p.expression()
		case p.accept("TABLESPACE"):
			p.label("a name")
		default:
			s.Extent = p.extent(c.at)
			return s
		}
	}
}

func (p *parser) indexColumn() ast.IndexColumn {
	var c ast.IndexColumn
	e := p.expression()
	if p.tok().isLabel() && !p.any("ASC", "DESC", "NULLS") {
		c.OpClass = p.qualified("an operator class")
	}
	c.OrderItem = p.direction()
	c.Expr = e
	return c
}

// createType reads CREATE TYPE and CREATE DOMAIN.
func (p *parser) createType(c creation) ast.Statement {
	s := &ast.CreateType{Kind: ast.ObjectKind(p.next().up)}
	s.IfNotExists = p.ifNotExists()
	s.Name = p.qualified("a name")
	if s.Kind == ast.Domain {
		p.accept("AS")
		s.Type = p.typeName()
		p.domainMarks(s)
		s.Extent = p.extent(c.at)
		return s
	}
	p.expect("AS")
	switch {
	case p.is("ENUM") && p.isAt(1, "("):
		p.i++
		s.Enum = true
		p.expect("(")
		if !p.is(")") {
			p.list(func() { s.Labels = append(s.Labels, p.stringValue("a label")) })
		}
		p.expect(")")
	case p.is("("):
		p.parenList(func() {
			name := p.label("a field name")
			s.Fields = append(s.Fields, ast.TypeField{Name: name, Type: p.typeName()})
		})
	default:
		s.Type = p.typeName()
	}
	s.Extent = p.extent(c.at)
	return s
}

func (p *parser) domainMarks(s *ast.CreateType) {
	for {
		switch {
		case p.accept("NOT", "NULL"):
			s.NotNull = true
		case p.accept("NULL"):
		case p.accept("CONSTRAINT"):
			p.label("a name")
		case p.accept("CHECK"):
			s.Check = p.parenthesised()
		default:
			return
		}
	}
}

// createConnector reads CREATE SOURCE | SINK CONNECTOR.
func (p *parser) createConnector(c creation) ast.Statement {
	s := &ast.CreateConnector{OrReplace: c.orReplace, Sink: p.next().up == "SINK"}
	p.expect("CONNECTOR")
	s.IfNotExists = p.ifNotExists()
	s.Name = p.identOrString("a name")
	if s.With = p.withProperties(); s.With == nil {
		p.fail("WITH")
	}
	s.Extent = p.extent(c.at)
	return s
}

// createSink reads CREATE SINK and CREATE SUBSCRIPTION.
func (p *parser) createSink(c creation) ast.Statement {
	s := &ast.CreateSink{OrReplace: c.orReplace, Kind: ast.ObjectKind(p.next().up)}
	s.IfNotExists = p.ifNotExists()
	s.Name = p.qualified("a name")
	if p.accept("INTO") {
		s.Into = p.qualified("a table name")
		if p.is("(") && !p.queryAt(p.i) {
			s.Columns = p.columns()
		}
	}
	switch {
	case p.accept("FROM"):
		s.From = p.qualified("a name")
	case p.accept("AS"):
		s.Query = p.selectStatement()
	}
	s.With = p.withProperties()
	if p.is("FORMAT") {
		s.Format = p.formatClause()
	}
	s.Extent = p.extent(c.at)
	return s
}

// createFunction reads CREATE FUNCTION | AGGREGATE | PROCEDURE.
func (p *parser) createFunction(c creation) ast.Statement {
	s := &ast.CreateFunction{OrReplace: c.orReplace, Temporary: c.temporary, Kind: ast.ObjectKind(p.next().up)}
	s.IfNotExists = p.ifNotExists()
	s.Name = p.qualified("a name")
	p.expect("(")
	if !p.is(")") && !p.is("*") {
		p.list(func() { s.Params = append(s.Params, p.functionParam()) })
	} else {
		p.accept("*")
	}
	p.expect(")")
	for p.functionClause(s) {
	}
	s.Extent = p.extent(c.at)
	return s
}

func (p *parser) functionParam() ast.FunctionParam {
	f := ast.FunctionParam{Mode: p.optional("IN", "OUT", "INOUT", "VARIADIC")}
	if !p.anyAt(1, ",", ")", "(", "[", "=", "DEFAULT", "<", ".") && p.peek(1).isLabel() && !p.twoWordType() {
		f.Name = p.label("a parameter")
	}
	f.Type = p.typeName()
	if p.accept("DEFAULT") || p.accept("=") {
		f.Default = p.expression()
	}
	return f
}

// twoWordType tells whether the next two words are one type.
func (p *parser) twoWordType() bool {
	return p.seq("DOUBLE", "PRECISION") || p.isAt(1, "VARYING") || p.any("TIME", "TIMESTAMP") && p.anyAt(1, "WITH", "WITHOUT") || p.isAt(1, "ARRAY")
}

// functionClause reads one clause of a function; false when there is none.
func (p *parser) functionClause(s *ast.CreateFunction) bool {
	switch {
	case p.accept("RETURNS", "TABLE"):
		p.parenList(func() {
			col := ast.ColumnDef{Place: p.here(), Name: p.label("a column name")}
			col.Type = p.typeName()
			s.Table = append(s.Table, col)
		})
	case p.accept("RETURNS", "NULL", "ON", "NULL", "INPUT"), p.accept("CALLED", "ON", "NULL", "INPUT"):
	case p.accept("RETURNS"):
		s.Returns = p.typeName()
	case p.accept("LANGUAGE"):
		s.Language = p.identOrString("a language")
	case p.accept("AS"):
		if p.tok().kind != text {
			s.Body = p.label("a string").Name
			break
		}
		s.Body = p.stringValue("a string")
		if p.accept(",") {
			s.Link = p.stringValue("a string")
		}
	case p.accept("USING", "LINK"):
		s.Link = p.stringValue("a link")
	case p.accept("RETURN"):
		s.Return = p.expression()
	case p.seq("WITH", "("):
		s.Options = append(s.Options, p.withProperties()...)
	case p.any("IMMUTABLE", "STABLE", "VOLATILE", "STRICT", "LEAKPROOF", "WINDOW", "ASYNC", "SYNC"):
		s.Options = append(s.Options, ast.Property{Name: p.label("an option")})
	case p.is("PARALLEL"), p.is("COST"), p.is("ROWS"):
		prop := ast.Property{Name: p.label("an option")}
		t := p.next()
		prop.Value = &ast.StringLit{Place: ast.Place{At: t.pos()}, Value: t.text}
		s.Options = append(s.Options, prop)
	default:
		return false
	}
	return true
}

// createObject reads CREATE of what has only a name and options.
func (p *parser) createObject(c creation) ast.Statement {
	s := &ast.CreateObject{OrReplace: c.orReplace, Temporary: c.temporary, Kind: ast.ObjectKind(p.next().up)}
	s.IfNotExists = p.ifNotExists()
	if s.Kind != ast.Schema || !p.is("AUTHORIZATION") {
		s.Name = p.qualified("a name")
	}
	if p.seq("WITH", "(") {
		s.Parenthesised = true
		s.Options = p.withProperties()
		if p.accept("AS") {
			s.As = p.expression()
		}
		s.Extent = p.extent(c.at)
		return s
	}
	p.accept("WITH")
	for !p.endOfStatement() {
		s.Options = append(s.Options, p.looseOption())
	}
	s.Extent = p.extent(c.at)
	return s
}

// flagWords are options without a value.
var flagWords = wordSet(`LOGIN NOLOGIN SUPERUSER NOSUPERUSER CREATEDB NOCREATEDB CREATEROLE NOCREATEROLE CREATEUSER NOCREATEUSER INHERIT NOINHERIT
REPLICATION NOREPLICATION BYPASSRLS NOBYPASSRLS CASCADE CYCLE`)

// looseOption reads an option outside parentheses: a flag, NO name, or a name and its value.
func (p *parser) looseOption() ast.Property {
	prop := ast.Property{}
	if p.is("NO") {
		p.i++
		prop.Name = p.label("an option")
		prop.Name.Name = "NO " + prop.Name.Name
		return prop
	}
	prop.Name = p.label("an option")
	if flagWords[strings.ToUpper(prop.Name.Name)] {
		return prop
	}
	switch strings.ToUpper(prop.Name.Name) {
	case "ENCRYPTED":
		prop.Name = p.label("an option")
	case "INCREMENT", "OWNED":
		p.accept("BY")
	case "CONNECTION":
		if p.tok().text != "" && strings.EqualFold(p.tok().text, "limit") {
			p.i++
			prop.Name.Name += " LIMIT"
		}
	case "START", "RESTART", "VALID":
		p.optional("WITH", "UNTIL")
	}
	sign := p.optional("=", "TO")
	if p.endOfStatement() && sign == "" {
		return prop
	}
	prop.Value = p.looseValue()
	return prop
}

// looseValue reads a string, a number or a name.
func (p *parser) looseValue() ast.Expr {
	at := p.here()
	minus := p.accept("-")
	switch t := p.tok(); t.kind {
	case text:
		p.i++
		return &ast.StringLit{Place: at, Value: t.text}
	case number:
		p.i++
		lit := &ast.NumberLit{Place: ast.Place{At: t.pos()}, Text: t.text}
		if minus {
			return &ast.Unary{Place: at, Op: "-", Expr: lit}
		}
		return lit
	}
	if p.is("NULL") {
		p.i++
		return &ast.NullLit{Place: at}
	}
	return &ast.ColumnRef{Place: at, Name: p.qualified("a value")}
}
