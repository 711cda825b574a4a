package parser

import (
	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/sqlerr"
)

// creation is what stands between CREATE and the kind of object.
type creation struct {
	at        sqlerr.Pos
	orReplace bool
	temporary bool
}

// create reads CREATE ….
func (p *parser) create() ast.Statement {
	c := creation{at: p.pos()}
	p.i++
	c.orReplace = p.accept("OR", "REPLACE")
	p.optional("GLOBAL", "LOCAL")
	c.temporary = p.optional("TEMPORARY", "TEMP") != ""
	p.accept("UNLOGGED")
	t := p.tok()
	switch t.up {
	case "STREAM", "TABLE":
		return p.createRelation(c)
	case "SOURCE":
		if p.isAt(1, "CONNECTOR") {
			return p.createConnector(c)
		}
		return p.createRelation(c)
	case "SINK":
		if p.isAt(1, "CONNECTOR") {
			return p.createConnector(c)
		}
		return p.createSink(c)
	case "SUBSCRIPTION":
		return p.createSink(c)
	case "VIEW", "MATERIALIZED", "RECURSIVE":
		return p.createView(c)
	case "UNIQUE", "INDEX":
		return p.createIndex(c)
	case "TYPE", "DOMAIN":
		return p.createType(c)
	case "FUNCTION", "AGGREGATE", "PROCEDURE":
		return p.createFunction(c)
	case "DATABASE", "SCHEMA", "SEQUENCE", "ROLE", "USER", "EXTENSION", "CONNECTION", "SECRET", "TABLESPACE", "LANGUAGE":
		return p.createObject(c)
	}
	p.fail("STREAM", "TABLE", "VIEW", "MATERIALIZED", "INDEX", "TYPE", "CONNECTOR", "SOURCE", "SINK", "FUNCTION", "DATABASE", "SCHEMA",
		"ROLE", "USER", "SEQUENCE", "EXTENSION")
	return nil
}

// createRelation reads CREATE [SOURCE] STREAM | TABLE and CREATE SOURCE.
func (p *parser) createRelation(c creation) ast.Statement {
	s := &ast.CreateRelation{OrReplace: c.orReplace, Temporary: c.temporary}
	if p.accept("SOURCE") {
		s.Kind, s.ReadOnly = ast.Source, true
	}
	if s.Kind == "" || p.any("STREAM", "TABLE") {
		s.Kind = ast.ObjectKind(p.choose("STREAM", "TABLE"))
	} else {
		s.ReadOnly = false
	}
	s.IfNotExists = p.ifNotExists()
	s.Name = p.qualified("a name")
	if p.accept("PARTITION", "OF") {
		s.PartitionOf = p.qualified("a table name")
		s.Bound = p.verbatim()
	}
	if p.is("(") && !p.queryAt(p.i) {
		p.elements(s)
	}
	p.relationClauses(s)
	if p.accept("AS") || p.queryAhead() && !p.is("WITH") {
		p.relationQuery(s)
	}
	s.Extent = p.extent(c.at)
	return s
}

// relationQuery reads the query of CREATE … AS.
func (p *parser) relationQuery(s *ast.CreateRelation) {
	if p.is("EXECUTE") {
		panic(bailout{sqlerr.Unsupported(p.pos(), "CREATE TABLE AS EXECUTE")})
	}
	s.As = p.selectStatement()
	if p.accept("WITH", "NO", "DATA") {
		s.NoData = true
	}
	p.accept("WITH", "DATA")
}

// relationClauses reads the clauses between the columns and the query, in any order.
func (p *parser) relationClauses(s *ast.CreateRelation) {
	for {
		switch {
		case p.is("WITH") && p.isAt(1, "("):
			s.With = append(s.With, p.withProperties()...)
			if s.With == nil {
				s.With = []ast.Property{}
			}
		case p.accept("WITH", "VERSION", "COLUMN"):
			s.Version = p.columns()
		case p.accept("APPEND", "ONLY"):
			s.AppendOnly = true
		case p.accept("ON", "CONFLICT"):
			s.OnConflict = p.conflictRule()
		case p.accept("ON", "COMMIT"):
			s.OnCommit = p.onCommit()
		case p.is("FORMAT"):
			s.Format = p.formatClause()
		case p.is("INCLUDE"):
			s.Include = append(s.Include, p.includeColumn())
		case p.accept("INHERITS"):
			p.parenList(func() { s.Inherits = append(s.Inherits, p.qualified("a table name")) })
		case p.accept("PARTITION", "BY"):
			s.PartitionBy = p.verbatim()
		case p.accept("WITHOUT", "OIDS"):
		default:
			return
		}
	}
}

func (p *parser) conflictRule() string {
	p.accept("DO")
	switch {
	case p.accept("OVERWRITE"), p.accept("UPDATE", "FULL"):
		return "OVERWRITE"
	case p.accept("IGNORE"), p.accept("NOTHING"):
		return "IGNORE"
	}
	p.expect("UPDATE", "IF", "NOT", "NULL")
	return "DO UPDATE IF NOT NULL"
}

func (p *parser) onCommit() string {
	switch {
	case p.accept("DELETE", "ROWS"):
		return "DELETE ROWS"
	case p.accept("PRESERVE", "ROWS"):
		return "PRESERVE ROWS"
	}
	p.expect("DROP")
	return "DROP"
}

// formatClause reads FORMAT word ENCODE word [(…)] [KEY ENCODE word [(…)]].
func (p *parser) formatClause() *ast.FormatClause {
	f := &ast.FormatClause{Place: p.here()}
	p.expect("FORMAT")
	f.Format = p.label("a format")
	p.expect("ENCODE")
	f.Encode = p.label("an encoding")
	if p.is("(") {
		f.Properties = p.properties()
	}
	if p.accept("KEY", "ENCODE") {
		f.KeyEncode = p.label("an encoding")
		if p.is("(") {
			f.KeyOptions = p.properties()
		}
	}
	return f
}

func (p *parser) includeColumn() ast.IncludeColumn {
	c := ast.IncludeColumn{Place: p.here()}
	p.expect("INCLUDE")
	c.What = p.label("a name")
	if p.tok().kind == text {
		c.Field = p.next().text
	}
	if p.tok().isLabel() && !p.any("AS", "INCLUDE", "WITH", "FORMAT") {
		c.Type = p.typeName()
	}
	if p.accept("AS") {
		c.Alias = p.label("a column name")
	}
	return c
}
