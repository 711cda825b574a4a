package parser

import (
	"strings"

	"github.com/freshetdb/freshet/sql/ast"
)

// explain reads EXPLAIN [ANALYZE] [(options)] statement | query id.
func (p *parser) explain() ast.Statement {
	s := &ast.Explain{}
	first := p.pos()
	p.expect("EXPLAIN")
	for {
		switch {
		case p.any("ANALYZE", "ANALYSE"):
			p.i++
			s.Analyze = true
			continue
		case p.accept("VERBOSE"):
			s.Verbose = true
			continue
		case p.is("(") && !p.queryAt(p.i):
			s.Options = p.properties()
			for _, o := range s.Options {
				s.Analyze = s.Analyze || strings.EqualFold(o.Name.Name, "analyze") && !off(o.Value)
			}
		}
		break
	}
	if t := p.tok(); t.isLabel() && (p.peek(1).kind == eof || p.isAt(1, ";")) && p.reader(t.up) == nil {
		s.QueryID = p.label("a query")
	} else {
		p.enter()
		s.Statement = p.statement()
		p.leave()
	}
	s.Extent = p.extent(first)
	return s
}

// off tells whether the value of an option says no.
func off(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BoolLit:
		return !e.Value
	case *ast.ColumnRef:
		return strings.EqualFold(e.Name.Last().Name, "off")
	case *ast.NumberLit:
		return e.Text == "0"
	}
	return false
}

// shown are the objects SHOW and LIST show; any other word is a setting.
var shown = wordSet(`PROPERTIES TOPICS STREAMS TABLES FUNCTIONS CONNECTORS TYPES VARIABLES QUERIES VIEWS INDEXES COLUMNS SCHEMAS DATABASES SOURCES
SINKS SUBSCRIPTIONS CURSORS CONNECTIONS SECRETS JOBS CLUSTER PROCESSLIST PARAMETERS USERS ROLES`)

// show reads SHOW and LIST.
func (p *parser) show() ast.Statement {
	first := p.pos()
	s := &ast.Show{List: p.next().up == "LIST"}
	switch {
	case p.is("ALL") && p.isAt(1, "TOPICS"):
		p.i++
		s.All = true
		s.What = p.next().up
	case p.any("SOURCE", "SINK") && p.isAt(1, "CONNECTORS"), p.is("MATERIALIZED") && p.isAt(1, "VIEWS"), p.is("CONNECTOR") && p.isAt(1, "PLUGINS"),
		p.is("INTERNAL") && p.isAt(1, "TABLES"):
		s.What = p.next().up + " " + p.next().up
	case p.is("CREATE"):
		p.i++
		s.What = "CREATE " + string(p.objectKind())
		s.From = p.qualified("a name")
	case shown[strings.ToUpper(p.tok().text)] && !p.anyAt(1, ".", "="):
		s.What = strings.ToUpper(p.next().text)
	default:
		if s.List {
			p.fail("STREAMS", "TABLES", "TOPICS", "QUERIES", "FUNCTIONS", "CONNECTORS", "TYPES", "PROPERTIES", "VARIABLES")
		}
		return p.showSetting(s)
	}
	p.showClauses(s)
	s.Extent = p.extent(first)
	return s
}

func (p *parser) showClauses(s *ast.Show) {
	for {
		switch {
		case p.accept("EXTENDED"):
			s.Extended = true
		case s.From == nil && (p.accept("FROM") || p.accept("IN") || p.accept("ON")):
			s.From = p.qualified("a name")
		case s.Like == nil && p.any("LIKE", "ILIKE"):
			p.i++
			s.Like = p.expression()
		case s.Where == nil && p.accept("WHERE"):
			s.Where = p.expression()
		default:
			return
		}
	}
}

// showSetting reads SHOW name, SHOW ALL, SHOW TIME ZONE.
func (p *parser) showSetting(show *ast.Show) ast.Statement {
	first := p.tokens[p.i-1].pos()
	s := &ast.ShowSetting{}
	_ = show
	if !p.accept("ALL") {
		s.Name = p.settingName()
	}
	s.Extent = p.extent(first)
	return s
}

// describe reads DESCRIBE.
func (p *parser) describe() ast.Statement {
	s := &ast.Describe{}
	first := p.pos()
	p.i++
	p.accept("EXTENDED")
	switch {
	case p.any("STREAMS", "TABLES") && (p.isAt(1, "EXTENDED") || p.peek(1).kind == eof || p.isAt(1, ";")):
		s.All = p.next().up
	case p.any("FUNCTION", "CONNECTOR", "STREAM", "TABLE", "VIEW", "TYPE", "TOPIC") && p.peek(1).isLabel() && !p.isAt(1, "EXTENDED"):
		s.Kind = ast.ObjectKind(p.next().up)
		s.Name = p.qualified("a name")
	case p.is("CONNECTOR") && p.peek(1).kind == text:
		p.i++
		s.Kind, s.Name = ast.Connector, ast.Name{p.identOrString("a name")}
	case p.seq("MATERIALIZED", "VIEW") && p.peek(2).isLabel():
		s.Kind = p.objectKind()
		s.Name = p.qualified("a name")
	default:
		s.Name = p.qualified("a name")
	}
	s.Extended = p.accept("EXTENDED") || p.tokens[p.i-1].up == "EXTENDED"
	s.Extent = p.extent(first)
	return s
}

// queryControl reads TERMINATE, PAUSE and RESUME.
func (p *parser) queryControl() ast.Statement {
	first := p.pos()
	s := &ast.QueryControl{Verb: ast.ControlVerb(p.next().up)}
	switch {
	case p.is("ALL"):
		p.i++
		s.All = true
	case p.is("CLUSTER") && s.Verb == ast.Terminate:
		p.i++
		s.Cluster = true
	default:
		p.accept("QUERY")
		s.Query = p.identOrString("a query or ALL")
	}
	s.Extent = p.extent(first)
	return s
}

// print reads PRINT topic [FROM BEGINNING] [INTERVAL n] [LIMIT n].
func (p *parser) print() ast.Statement {
	s := &ast.Print{}
	first := p.pos()
	p.expect("PRINT")
	s.Topic = p.identOrString("a topic")
	for p.is(".") || p.is("-") { // names of topics have dots and dashes
		s.Topic.Name += p.next().up
		t := p.next()
		if t.kind != word && t.kind != number {
			p.failAt(p.i-1, "a topic")
		}
		s.Topic.Name += t.text
	}
	if p.accept("FROM") {
		p.expect("BEGINNING")
		s.FromBeginning = true
	}
	if p.optional("INTERVAL", "SAMPLE") != "" {
		s.Interval = p.numberLit()
	}
	if p.accept("LIMIT") {
		s.Limit = p.numberLit()
	}
	s.Extent = p.extent(first)
	return s
}

func (p *parser) numberLit() ast.Expr {
	t := p.tok()
	if t.kind != number {
		p.fail("a number")
	}
	p.i++
	return &ast.NumberLit{Place: ast.Place{At: t.pos()}, Text: t.text}
}

// settingName reads the name of a setting: with dots, or as a string.
func (p *parser) settingName() ast.Name {
	if p.accept("TIME", "ZONE") {
		return ast.Name{{Place: ast.Place{At: p.tokens[p.i-2].pos()}, Name: "timezone"}}
	}
	if p.accept("TRANSACTION", "ISOLATION", "LEVEL") {
		return ast.Name{{Place: ast.Place{At: p.tokens[p.i-3].pos()}, Name: "transaction_isolation"}}
	}
	if p.accept("SESSION", "AUTHORIZATION") {
		return ast.Name{{Place: ast.Place{At: p.tokens[p.i-2].pos()}, Name: "session_authorization"}}
	}
	if p.tok().kind == text {
		return ast.Name{p.identOrString("a setting")}
	}
	return p.qualified("a setting")
}

// set reads SET.
func (p *parser) set() ast.Statement {
	s := &ast.Set{}
	first := p.pos()
	p.expect("SET")
	switch {
	case p.seq("SESSION", "CHARACTERISTICS"):
		p.expect("SESSION", "CHARACTERISTICS", "AS", "TRANSACTION")
		return p.modes(&ast.Transaction{Verb: ast.SetSession}, first)
	case p.is("TRANSACTION") && !p.anyAt(1, "=", "TO"):
		p.i++
		return p.modes(&ast.Transaction{Verb: ast.SetTransaction}, first)
	case p.is("CONSTRAINTS"):
		return p.setConstraints()
	case p.is("SESSION") && p.peek(1).isLabel() && !p.anyAt(1, "TO", "AUTHORIZATION"):
		p.i++
		s.Explicit = true
	case p.is("LOCAL") && p.peek(1).isLabel() && !p.isAt(1, "TO"):
		p.i++
		s.Scope, s.Explicit = ast.ScopeLocal, true
	}
	p.assignSetting(s)
	s.Extent = p.extent(first)
	return s
}

// assignSetting reads name = | TO values, and the settings with words of their own.
func (p *parser) assignSetting(s *ast.Set) {
	at := p.here()
	own := ""
	switch {
	case p.accept("TIME", "ZONE"):
		own = "timezone"
	case p.is("NAMES") && !p.anyAt(1, "=", "TO"):
		own = "client_encoding"
	case p.is("ROLE") && !p.anyAt(1, "=", "TO"):
		own = "role"
	case p.is("SCHEMA") && p.peek(1).kind == text:
		own = "search_path"
	case p.accept("SESSION", "AUTHORIZATION"):
		own = "session_authorization"
	default:
		s.Name = p.settingName()
		if p.accept("FROM", "CURRENT") {
			s.Current = true
			return
		}
		p.choose("=", "TO")
	}
	if own != "" {
		s.Name = ast.Name{{Place: at, Name: own}}
		if own != "timezone" && own != "session_authorization" {
			p.i++
		}
		if own == "client_encoding" && p.endOfStatement() {
			return
		}
	}
	if p.accept("DEFAULT") {
		return
	}
	p.list(func() { s.Values = append(s.Values, p.settingValue()) })
}

// settingValue reads a value of a setting; a reserved word is a word here.
func (p *parser) settingValue() ast.Expr {
	t := p.tok()
	if t.kind == word && endsValue(p.peek(1)) && t.up != "TRUE" && t.up != "FALSE" && t.up != "NULL" {
		p.i++
		return &ast.ColumnRef{Place: ast.Place{At: t.pos()}, Name: ast.Name{t.ident()}}
	}
	return p.expression()
}

func (p *parser) setConstraints() ast.Statement {
	s := &ast.SetConstraints{}
	first := p.tokens[p.i-1].pos()
	p.expect("CONSTRAINTS")
	if !p.accept("ALL") {
		p.list(func() { s.Names = append(s.Names, p.qualified("a constraint")) })
	}
	s.Deferred = p.choose("DEFERRED", "IMMEDIATE") == "DEFERRED"
	s.Extent = p.extent(first)
	return s
}

// reset reads RESET name | ALL, and UNSET 'name'.
func (p *parser) reset() ast.Statement {
	s := &ast.Reset{}
	first := p.pos()
	p.i++
	if !p.accept("ALL") {
		s.Name = p.settingName()
	}
	s.Extent = p.extent(first)
	return s
}
