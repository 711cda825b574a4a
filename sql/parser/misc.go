package parser

import (
	"strings"

	"github.com/freshetdb/freshet/sql/ast"
)

// copyStatement reads COPY t | (query) FROM | TO ….
func (p *parser) copyStatement() ast.Statement {
	s := &ast.Copy{}
	first := p.pos()
	p.expect("COPY")
	if p.is("(") {
		p.i++
		s.Query = p.withinParens()
		p.expect(")")
	} else {
		s.Table = p.qualified("a table name")
		if p.is("(") {
			s.Columns = p.columns()
		}
	}
	if s.Query != nil {
		p.expect("TO")
	} else {
		s.From = p.choose("FROM", "TO") == "FROM"
	}
	s.Program = p.accept("PROGRAM")
	switch {
	case p.any("STDIN", "STDOUT"):
		s.Target = p.next().up
	default:
		s.Target = p.stringValue("STDIN, STDOUT or a file name")
	}
	p.accept("WITH")
	if p.is("(") {
		s.Options = p.properties()
	} else {
		s.Options = p.oldCopyOptions()
	}
	if p.accept("WHERE") {
		s.Where = p.expression()
	}
	s.Extent = p.extent(first)
	return s
}

// oldCopyOptions reads the options of COPY from before there were parentheses.
func (p *parser) oldCopyOptions() []ast.Property {
	var list []ast.Property
	for {
		switch {
		case p.any("BINARY", "CSV"):
			t := p.next()
			list = append(list, ast.Property{
				Name:  ast.Ident{Place: ast.Place{At: t.pos()}, Name: "format"},
				Value: &ast.StringLit{Place: ast.Place{At: t.pos()}, Value: strings.ToLower(t.up)},
			})
		case p.any("HEADER", "FREEZE"):
			list = append(list, ast.Property{Name: p.next().ident()})
		case p.any("DELIMITER", "NULL", "QUOTE", "ESCAPE", "ENCODING"):
			prop := ast.Property{Name: p.next().ident()}
			p.accept("AS")
			at := p.here()
			prop.Value = &ast.StringLit{Place: at, Value: p.stringValue("a string")}
			list = append(list, prop)
		default:
			return list
		}
	}
}

// assert reads ksqlDB's ASSERT.
func (p *parser) assert() ast.Statement {
	s := &ast.Assert{}
	first := p.pos()
	p.expect("ASSERT")
	s.NotExists = p.accept("NOT", "EXISTS")
	switch {
	case p.accept("TOPIC"):
		s.What, s.Name = "TOPIC", p.identOrString("a topic")
		s.With = p.withProperties()
		s.Timeout = p.timeout()
	case p.accept("SCHEMA"):
		p.assertSchema(s)
	case p.accept("NULL", "VALUES"):
		p.assertValues(s, "NULL VALUES", "KEY")
	case p.accept("VALUES"):
		p.assertValues(s, "VALUES", "VALUES")
	case p.any("STREAM", "TABLE"):
		s.What = p.tok().up
		relation, ok := p.createRelation(creation{at: p.pos()}).(*ast.CreateRelation)
		if ok {
			s.Relation = relation
		}
	default:
		p.fail("TOPIC", "SCHEMA", "VALUES", "NULL VALUES", "STREAM", "TABLE")
	}
	s.Extent = p.extent(first)
	return s
}

func (p *parser) assertSchema(s *ast.Assert) {
	s.What = "SCHEMA"
	for {
		switch {
		case p.accept("SUBJECT"):
			s.Subject = p.identOrString("a subject")
		case p.accept("ID"):
			s.ID = p.numberLit()
		default:
			if !s.Subject.Given() && s.ID == nil {
				p.fail("SUBJECT", "ID")
			}
			s.Timeout = p.timeout()
			return
		}
	}
}

func (p *parser) timeout() *ast.Duration {
	if !p.accept("TIMEOUT") {
		return nil
	}
	d := p.duration()
	return &d
}

func (p *parser) assertValues(s *ast.Assert, what, word string) {
	s.What = what
	s.Name = p.label("a name")
	if p.is("(") {
		s.Columns = p.columns()
	}
	p.expect(word, "(")
	s.Values = p.expressions(maxTokens)
	p.expect(")")
}

// define reads DEFINE name = 'value' and UNDEFINE name.
func (p *parser) define() ast.Statement {
	first := p.pos()
	if p.accept("UNDEFINE") {
		s := &ast.Undefine{Name: p.label("a variable")}
		s.Extent = p.extent(first)
		return s
	}
	p.expect("DEFINE")
	s := &ast.Define{Name: p.label("a variable")}
	p.expect("=")
	s.Value = p.stringValue("a string")
	s.Extent = p.extent(first)
	return s
}

func (p *parser) runScript() ast.Statement {
	first := p.pos()
	p.expect("RUN", "SCRIPT")
	s := &ast.RunScript{File: p.stringValue("a file name")}
	s.Extent = p.extent(first)
	return s
}

func (p *parser) spool() ast.Statement {
	first := p.pos()
	p.expect("SPOOL")
	s := &ast.Spool{}
	if !p.accept("OFF") {
		s.File = p.stringValue("a file name or OFF")
	}
	s.Extent = p.extent(first)
	return s
}

func (p *parser) wait() ast.Statement {
	first := p.pos()
	s := &ast.Wait{Flush: p.next().up == "FLUSH"}
	s.Extent = p.extent(first)
	return s
}

// maintain reads VACUUM, ANALYZE and their like.
func (p *parser) maintain() ast.Statement {
	first := p.pos()
	s := &ast.Maintain{Verb: p.next().up}
	if s.Verb == "ANALYSE" {
		s.Verb = "ANALYZE"
	}
	if p.is("(") {
		s.Options = p.properties()
	}
	for p.any("FULL", "FREEZE", "VERBOSE", "ANALYZE", "TABLE", "INDEX", "SCHEMA", "DATABASE", "SYSTEM", "CONCURRENTLY", "ONLY") {
		s.Verb += " " + p.next().up
	}
	if p.tok().isLabel() && !p.is("IN") {
		p.list(func() {
			s.Names = append(s.Names, p.qualified("a name"))
			p.accept("*")
			if p.is("(") {
				s.Columns = p.columns()
			}
		})
	}
	if p.accept("USING") {
		p.label("an index")
	}
	if p.accept("IN") {
		var words []string
		for p.tok().isLabel() && !p.is("MODE") {
			words = append(words, strings.ToUpper(p.next().text))
		}
		p.expect("MODE")
		s.Mode = strings.Join(words, " ")
	}
	if strings.HasPrefix(s.Verb, "LOCK") {
		p.accept("NOWAIT")
	}
	s.Extent = p.extent(first)
	return s
}

func (p *parser) do() ast.Statement {
	first := p.pos()
	p.expect("DO")
	s := &ast.Do{}
	if p.accept("LANGUAGE") {
		s.Language = p.identOrString("a language")
	}
	s.Body = p.stringValue("a string")
	if p.accept("LANGUAGE") {
		s.Language = p.identOrString("a language")
	}
	s.Extent = p.extent(first)
	return s
}

func (p *parser) callProcedure() ast.Statement {
	first := p.pos()
	p.expect("CALL")
	at := p.pos()
	s := &ast.CallProcedure{Call: p.expression()}
	if _, ok := s.Call.(*ast.Call); !ok {
		p.failf(at, "CALL needs a procedure and its arguments in parentheses")
	}
	s.Extent = p.extent(first)
	return s
}

func (p *parser) use() ast.Statement {
	first := p.pos()
	p.expect("USE")
	s := &ast.Use{Name: p.label("a database")}
	s.Extent = p.extent(first)
	return s
}

func (p *parser) kill() ast.Statement {
	first := p.pos()
	p.expect("KILL")
	s := &ast.Kill{ID: p.expression()}
	s.Extent = p.extent(first)
	return s
}
