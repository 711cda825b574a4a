package parser

import "github.com/freshetdb/freshet/sql/ast"

// objectKind reads the words of a kind of object.
func (p *parser) objectKind() ast.ObjectKind {
	switch {
	case p.accept("MATERIALIZED", "VIEW"):
		return ast.MaterializedView
	case p.accept("SOURCE", "CONNECTOR"):
		return ast.SourceConnector
	case p.accept("SINK", "CONNECTOR"):
		return ast.SinkConnector
	case p.accept("FOREIGN", "TABLE"):
		return ast.TableObject
	}
	return ast.ObjectKind(p.choose("STREAM", "TABLE", "VIEW", "INDEX", "TYPE", "DOMAIN", "CONNECTOR", "FUNCTION", "AGGREGATE", "PROCEDURE",
		"DATABASE", "SCHEMA", "SEQUENCE", "ROLE", "USER", "EXTENSION", "SOURCE", "SINK", "SUBSCRIPTION", "CONNECTION", "SECRET", "COLUMN",
		"CONSTRAINT", "TRIGGER", "RULE", "POLICY", "TABLESPACE", "LANGUAGE", "TOPIC"))
}

// drop reads DROP kind [IF EXISTS] names ….
func (p *parser) drop() ast.Statement {
	s := &ast.Drop{}
	first := p.pos()
	p.expect("DROP")
	s.Kind = p.objectKind()
	s.Concurrently = p.accept("CONCURRENTLY")
	s.IfExists = p.ifExists()
	p.list(func() {
		if p.tok().kind == text {
			s.Names = append(s.Names, ast.Name{p.identOrString("a name")})
		} else {
			s.Names = append(s.Names, p.qualified("a name"))
		}
		s.Args = append(s.Args, p.signature())
	})
	if p.accept("ON") {
		s.On = p.qualified("a table name")
	}
	if p.accept("DELETE", "TOPIC") {
		s.DeleteTopic = true
	}
	switch p.optional("CASCADE", "RESTRICT") {
	case "CASCADE":
		s.Cascade = true
	case "RESTRICT":
		s.Restrict = true
	}
	s.Extent = p.extent(first)
	return s
}

// signature reads the types of a function's arguments; nil when there is no list.
func (p *parser) signature() []*ast.TypeName {
	if !p.is("(") {
		return nil
	}
	p.i++
	list := []*ast.TypeName{}
	if p.accept(")") {
		return list
	}
	if p.accept("*") {
		p.expect(")")
		return list
	}
	p.list(func() { list = append(list, p.functionParam().Type) })
	p.expect(")")
	return list
}

// comment reads COMMENT ON kind name IS text.
func (p *parser) comment() ast.Statement {
	s := &ast.Comment{}
	first := p.pos()
	p.expect("COMMENT", "ON")
	s.Kind = p.objectKind()
	s.Name = p.qualified("a name")
	s.Args = p.signature()
	if p.accept("ON") {
		s.On = p.qualified("a table name")
	}
	p.expect("IS")
	if !p.accept("NULL") {
		value := p.stringValue("a string")
		s.Text = &value
	}
	s.Extent = p.extent(first)
	return s
}

// truncate reads TRUNCATE [TABLE] names.
func (p *parser) truncate() ast.Statement {
	s := &ast.Truncate{}
	first := p.pos()
	p.expect("TRUNCATE")
	p.accept("TABLE")
	p.list(func() {
		p.accept("ONLY")
		s.Names = append(s.Names, p.qualified("a table name"))
		p.accept("*")
	})
	if p.optional("RESTART", "CONTINUE") != "" {
		s.Restart = p.tokens[p.i-1].up == "RESTART"
		p.expect("IDENTITY")
	}
	s.Cascade = p.optional("CASCADE", "RESTRICT") == "CASCADE"
	s.Extent = p.extent(first)
	return s
}

// refresh reads REFRESH MATERIALIZED VIEW | TABLE name.
func (p *parser) refresh() ast.Statement {
	s := &ast.Refresh{}
	first := p.pos()
	p.expect("REFRESH")
	s.Kind = p.objectKind()
	s.Concurrently = p.accept("CONCURRENTLY")
	s.Name = p.qualified("a name")
	if p.accept("WITH") {
		s.NoData = p.accept("NO")
		p.expect("DATA")
	}
	s.Extent = p.extent(first)
	return s
}

// grant reads GRANT and REVOKE.
func (p *parser) grant() ast.Statement {
	s := &ast.Grant{}
	first := p.pos()
	s.Revoke = p.choose("GRANT", "REVOKE") == "REVOKE"
	if s.Revoke && p.optional("GRANT", "ADMIN") != "" {
		p.expect("OPTION", "FOR")
		s.GrantOption = true
	}
	p.list(func() { s.Privileges = append(s.Privileges, p.privilege()) })
	if p.accept("ON") {
		p.grantObjects(s)
	}
	p.choose("TO", "FROM")
	p.list(func() {
		p.accept("GROUP")
		s.Roles = append(s.Roles, p.label("a role"))
	})
	if p.accept("WITH") {
		p.choose("GRANT", "ADMIN")
		p.expect("OPTION")
		s.GrantOption = true
	}
	if p.accept("GRANTED", "BY") {
		s.GrantedBy = p.label("a role")
	}
	s.Cascade = p.optional("CASCADE", "RESTRICT") == "CASCADE"
	s.Extent = p.extent(first)
	return s
}

func (p *parser) privilege() ast.Property {
	prop := ast.Property{Name: p.label("a privilege")}
	if prop.Name.Quoted {
		return prop
	}
	if p.accept("PRIVILEGES") {
		return prop
	}
	if p.is("(") {
		row := &ast.Row{Place: p.here()}
		for _, c := range p.columns() {
			row.Elems = append(row.Elems, &ast.ColumnRef{Place: c.Place, Name: ast.Name{c}})
		}
		prop.Value = row
	}
	return prop
}

func (p *parser) grantObjects(s *ast.Grant) {
	if p.accept("ALL") {
		s.AllIn = true
		words := map[string]ast.ObjectKind{
			"TABLES": ast.TableObject, "SEQUENCES": ast.Sequence, "FUNCTIONS": ast.Function, "STREAMS": ast.Stream,
			"VIEWS": ast.View, "SOURCES": ast.Source, "SINKS": ast.Sink,
		}
		if p.accept("MATERIALIZED") {
			p.expect("VIEWS")
			s.Kind = ast.MaterializedView
		} else {
			s.Kind = words[p.choose("TABLES", "SEQUENCES", "FUNCTIONS", "STREAMS", "VIEWS", "SOURCES", "SINKS")]
		}
		p.expect("IN", "SCHEMA")
	} else {
		s.Kind = ast.TableObject
		if p.any("STREAM", "TABLE", "VIEW", "MATERIALIZED", "TYPE", "DOMAIN", "FUNCTION", "PROCEDURE", "DATABASE", "SCHEMA", "SEQUENCE", "SOURCE",
			"SINK", "CONNECTION", "SECRET", "TOPIC", "LANGUAGE", "TABLESPACE", "SUBSCRIPTION", "FOREIGN") && p.peek(1).isLabel() {
			s.Kind = p.objectKind()
		}
	}
	p.list(func() {
		s.Names = append(s.Names, p.qualified("a name"))
		p.signature()
	})
}
