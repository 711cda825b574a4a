package parser

import (
	"strconv"

	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/sqlerr"
)

// transaction reads BEGIN, COMMIT and their like.
func (p *parser) transaction() ast.Statement {
	s := &ast.Transaction{}
	first := p.pos()
	t := p.next()
	s.Verb = ast.TransactionVerb(t.up)
	switch t.up {
	case "START":
		p.expect("TRANSACTION")
		s.Verb = ast.StartTransaction
		return p.modes(s, first)
	case "BEGIN":
		p.optional("WORK", "TRANSACTION")
		return p.modes(s, first)
	case "SAVEPOINT":
		s.Name = p.label("a savepoint")
	case "RELEASE":
		p.accept("SAVEPOINT")
		s.Name = p.label("a savepoint")
	default:
		if t.up == "COMMIT" || t.up == "ROLLBACK" {
			p.refusePrepared()
		}
		p.optional("WORK", "TRANSACTION")
		if t.up == "ROLLBACK" && p.accept("TO") {
			p.accept("SAVEPOINT")
			s.Verb, s.Name = ast.RollbackTo, p.label("a savepoint")
			break
		}
		if p.accept("AND") {
			s.Chain = !p.accept("NO")
			p.expect("CHAIN")
		}
	}
	s.Extent = p.extent(first)
	return s
}

func (p *parser) refusePrepared() {
	if p.is("PREPARED") {
		panic(bailout{sqlerr.Unsupported(p.pos(), "two-phase commit")})
	}
}

// modes reads the modes of a transaction.
func (p *parser) modes(s *ast.Transaction, first sqlerr.Pos) ast.Statement {
	for {
		switch {
		case p.accept("ISOLATION", "LEVEL"):
			s.Modes = append(s.Modes, "ISOLATION LEVEL "+p.isolation())
		case p.accept("READ", "ONLY"):
			s.Modes = append(s.Modes, "READ ONLY")
		case p.accept("READ", "WRITE"):
			s.Modes = append(s.Modes, "READ WRITE")
		case p.accept("NOT", "DEFERRABLE"):
			s.Modes = append(s.Modes, "NOT DEFERRABLE")
		case p.accept("DEFERRABLE"):
			s.Modes = append(s.Modes, "DEFERRABLE")
		case p.is("SNAPSHOT"):
			panic(bailout{sqlerr.Unsupported(p.pos(), "SET TRANSACTION SNAPSHOT")})
		default:
			s.Extent = p.extent(first)
			return s
		}
		p.accept(",")
	}
}

func (p *parser) isolation() string {
	switch {
	case p.accept("READ"):
		return "READ " + p.choose("COMMITTED", "UNCOMMITTED")
	case p.accept("REPEATABLE", "READ"):
		return "REPEATABLE READ"
	}
	return p.choose("SERIALIZABLE")
}

// declare reads DECLARE name … CURSOR … FOR query.
func (p *parser) declare() ast.Statement {
	s := &ast.DeclareCursor{}
	first := p.pos()
	p.expect("DECLARE")
	s.Name = p.name("a cursor")
	subscription := false
	for !p.is("CURSOR") {
		switch {
		case p.accept("BINARY"):
			s.Binary = true
		case p.any("INSENSITIVE", "ASENSITIVE"):
			s.Insensitive = p.next().up
		case p.accept("NO", "SCROLL"):
			s.Scroll = "NO SCROLL"
		case p.accept("SCROLL"):
			s.Scroll = "SCROLL"
		case p.accept("SUBSCRIPTION"):
			subscription = true
		default:
			p.fail("CURSOR")
		}
	}
	p.expect("CURSOR")
	switch {
	case p.accept("WITH", "HOLD"):
		s.Hold = true
	case p.accept("WITHOUT", "HOLD"):
	}
	p.expect("FOR")
	if subscription {
		s.Subscription = p.qualified("a subscription")
	} else {
		if !p.queryAhead() {
			p.fail("SELECT", "VALUES", "WITH")
		}
		s.Query = p.selectStatement()
	}
	s.Extent = p.extent(first)
	return s
}

// fetch reads FETCH and MOVE.
func (p *parser) fetch() ast.Statement {
	first := p.pos()
	s := &ast.Fetch{Move: p.next().up == "MOVE", Direction: "NEXT", Count: 1}
	switch {
	case p.any("NEXT", "PRIOR", "FIRST", "LAST") && p.peek(1).isLabel():
		s.Direction = p.next().up
	case p.any("ABSOLUTE", "RELATIVE") && !p.endAt(1):
		s.Direction = p.next().up
		s.Count, s.Counted = p.count(), true
	case p.any("FORWARD", "BACKWARD") && !p.endAt(1):
		s.Direction = p.next().up
		p.fetchRows(s)
	case p.is("ALL"), p.tok().kind == number, p.is("-"):
		s.Direction = "FORWARD"
		p.fetchRows(s)
	}
	p.optional("FROM", "IN")
	s.Cursor = p.label("a cursor")
	s.With = p.withProperties()
	s.Extent = p.extent(first)
	return s
}

func (p *parser) endAt(n int) bool {
	t := p.peek(n)
	return t.kind == eof || t.up == ";"
}

func (p *parser) fetchRows(s *ast.Fetch) {
	switch {
	case p.accept("ALL"):
		s.All = true
	case p.tok().kind == number || p.is("-"):
		s.Count, s.Counted = p.count(), true
	}
}

func (p *parser) count() int64 {
	sign := ""
	if p.accept("-") {
		sign = "-"
	}
	t := p.tok()
	n, err := strconv.ParseInt(sign+t.text, 10, 64)
	if t.kind != number || err != nil {
		p.fail("a whole number")
	}
	p.i++
	return n
}

func (p *parser) closeCursor() ast.Statement {
	s := &ast.Close{}
	first := p.pos()
	p.expect("CLOSE")
	if s.All = p.accept("ALL"); !s.All {
		s.Cursor = p.label("a cursor")
	}
	s.Extent = p.extent(first)
	return s
}

// prepare reads PREPARE name [(types)] AS statement.
func (p *parser) prepare() ast.Statement {
	s := &ast.Prepare{}
	first := p.pos()
	p.expect("PREPARE")
	if p.is("TRANSACTION") && p.peek(1).kind == text {
		panic(bailout{sqlerr.Unsupported(p.pos(), "two-phase commit")})
	}
	s.Name = p.label("a name")
	if p.is("(") {
		p.parenList(func() { s.Types = append(s.Types, p.typeName()) })
	}
	p.expect("AS")
	p.enter()
	s.Statement = p.statement()
	p.leave()
	s.Extent = p.extent(first)
	return s
}

func (p *parser) execute() ast.Statement {
	s := &ast.Execute{}
	first := p.pos()
	p.expect("EXECUTE")
	s.Name = p.label("a name")
	if p.accept("(") {
		s.Args = p.expressions(maxTokens)
		p.expect(")")
	}
	s.Extent = p.extent(first)
	return s
}

func (p *parser) deallocate() ast.Statement {
	s := &ast.Deallocate{}
	first := p.pos()
	p.expect("DEALLOCATE")
	p.accept("PREPARE")
	if s.All = p.accept("ALL"); !s.All {
		s.Name = p.label("a name")
	}
	s.Extent = p.extent(first)
	return s
}

func (p *parser) discard() ast.Statement {
	s := &ast.Discard{}
	first := p.pos()
	p.expect("DISCARD")
	s.What = p.choose("ALL", "PLANS", "SEQUENCES", "TEMP", "TEMPORARY")
	s.Extent = p.extent(first)
	return s
}

// listen reads LISTEN, UNLISTEN and NOTIFY.
func (p *parser) listen() ast.Statement {
	first := p.pos()
	s := &ast.Listen{Verb: p.next().up}
	if s.Verb != "UNLISTEN" || !p.accept("*") {
		s.Channel = p.label("a channel")
	}
	if s.Verb == "NOTIFY" && p.accept(",") {
		s.Payload = p.stringValue("a string")
	}
	s.Extent = p.extent(first)
	return s
}
