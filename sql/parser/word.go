package parser

import (
	"strings"

	"github.com/freshetdb/freshet/sql/ast"
)

// word reads a primary that begins with a word: a constructor, a literal, a call or a column.
func (p *parser) word(start int) {
	t := p.tok()
	if t.kind == word && t.up != "" && p.keywordPrimary(start, t) {
		return
	}
	if t.kind == word && reservedName[t.up] && (!p.isAt(1, "(") || !callable(t.up)) {
		p.fail("an expression")
	}
	n := p.chain()
	switch {
	case p.isAt(n, "("):
		p.call(n)
	case p.peek(n).kind == text && t.kind != quoted || p.multiwordType(n):
		p.typedLiteral()
	default:
		p.column(n)
	}
}

// callable lists the reserved words that are functions, too.
func callable(up string) bool { return up == "LEFT" || up == "RIGHT" }

// chain counts the tokens of a name with dots.
func (p *parser) chain() int {
	n := 1
	for p.isAt(n, ".") && p.peek(n+1).isLabel() {
		n += 2
	}
	return n
}

// keywordPrimary reads a primary that its first keyword decides; false when it does not.
func (p *parser) keywordPrimary(start int, t *token) bool {
	at := ast.Place{At: t.pos()}
	switch t.up {
	case "NULL":
		p.i++
		p.emitNode("NULL", &ast.NullLit{Place: at})
	case "TRUE", "FALSE":
		p.i++
		p.emitNode(t.up, &ast.BoolLit{Place: at, Value: t.up == "TRUE"})
	case "CASE":
		p.caseExpr(start)
	case "DEFAULT":
		if p.anyAt(1, "(", ".") {
			return false
		}
		p.i++
		p.emitLeafPiece(&ast.Default{Place: at})
	case "CAST", "TRY_CAST":
		if !p.isAt(1, "(") {
			return false
		}
		p.cast(start)
	case "EXISTS":
		if !p.isAt(1, "(") || !p.queryAt(p.i+1) {
			return false
		}
		p.i++
		p.emit("EXISTS")
		p.subquery()
		p.wrap(start, &ast.Exists{Place: at})
	case "INTERVAL":
		return p.interval()
	default:
		return p.constructor(start, t)
	}
	return true
}

// constructor reads ARRAY, MAP, STRUCT and ROW, and keywords that are calls; false when the word is a name here.
func (p *parser) constructor(start int, t *token) bool {
	switch t.up {
	case "ARRAY":
		if p.isAt(1, "[") {
			p.i++
			p.arrayElements()
			return true
		}
		if p.isAt(1, "(") && p.queryAt(p.i+1) {
			p.arrayQuery(start)
			return true
		}
	case "MAP":
		if p.isAt(1, "(") && p.entryAhead() {
			p.mapEntries()
			return true
		}
		if p.isAt(1, "{") {
			p.braceMap()
			return true
		}
	case "STRUCT":
		if p.isAt(1, "(") && (p.isAt(2, ")") || p.isAt(3, ":=")) {
			p.structFields()
			return true
		}
	case "ROW":
		if p.isAt(1, "(") {
			at := p.here()
			p.i += 2
			count := 0
			if !p.is(")") {
				count = p.counted()
			}
			p.expect(")")
			p.row(start, at, count, true)
			return true
		}
	case "CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP", "CURRENT_USER", "SESSION_USER",
		"CURRENT_ROLE", "CURRENT_CATALOG", "CURRENT_SCHEMA":
		if !p.anyAt(1, "(", ".", "->") && p.peek(1).kind != text {
			return p.keywordCall(t)
		}
	}
	return false
}

// keywordCall reads CURRENT_DATE and its like. USER is left a column: the binder knows whether there is one.
func (p *parser) keywordCall(t *token) bool {
	p.i++
	name := ast.Ident{Place: ast.Place{At: t.pos()}, Name: strings.ToLower(t.up)}
	p.emitLeafPiece(&ast.Call{Place: name.Place, Name: ast.Name{name}, Syntax: ast.CallKeyword})
	return true
}

// column reads a column of n tokens, or qualifier.*.
func (p *parser) column(n int) {
	var name ast.Name
	for k := 0; k < n; k += 2 {
		name = append(name, p.peek(k).ident())
	}
	if p.isAt(n, ".") && p.isAt(n+1, "*") {
		p.i += n + 2
		p.emitLeafPiece(&ast.Star{Place: name[0].Place, Qualifier: name})
		return
	}
	p.i += n
	ref := &ast.ColumnRef{Place: name[0].Place, Name: name}
	const mostParts = 3 // of a column in TiDB's language
	if len(name) > mostParts {
		p.emitLeafPiece(ref)
		return
	}
	p.emitNode(dotted(name), ref)
}

// dotted is a name of the canonical text.
func dotted(name ast.Name) string {
	s := backquote(name[0].Name)
	var sSb160 strings.Builder
	for _, part := range name[1:] {
		sSb160.WriteString("." + backquote(part.Name))
	}
	s += sSb160.String()
	return s
}

// typedLiteral reads a type and a string: DATE '2024-01-31'.
func (p *parser) typedLiteral() {
	at := p.here()
	typ := p.typeName()
	value := p.stringValue("a string")
	p.emitLeafPiece(&ast.TypedLit{Place: at, Type: typ, Value: value})
}

// multiwordType tells whether a type of several words and a string come next.
func (p *parser) multiwordType(n int) bool {
	if n != 1 {
		return false
	}
	switch p.tok().up {
	case "TIME", "TIMESTAMP":
		return p.anyAt(1, "WITH", "WITHOUT") && p.isAt(2, "TIME") && p.isAt(3, "ZONE") && p.peek(4).kind == text
	case "DOUBLE":
		return p.isAt(1, "PRECISION") && p.peek(2).kind == text
	case "CHARACTER", "CHAR":
		return p.isAt(1, "VARYING") && p.peek(2).kind == text
	}
	return false
}

// interval reads INTERVAL '1' DAY; false when the word is a name here.
func (p *parser) interval() bool {
	at := p.here()
	lit := &ast.IntervalLit{Place: at}
	value := p.peek(1)
	skip := 1
	if p.isAt(1, "(") && p.peek(2).kind == number && p.isAt(3, ")") && p.peek(4).kind == text {
		lit.Precision = p.peek(2).text
		value, skip = p.peek(4), 4
	}
	if value.kind != text && (value.kind != number || !intervalUnit(p.peek(2).up)) {
		return false
	}
	lit.Value = value.text
	p.i += skip + 1
	lit.Fields = p.intervalFields(&lit.Precision)
	p.emitLeafPiece(lit)
	return true
}

func intervalUnit(up string) bool {
	switch up {
	case "YEAR", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND", "MILLISECOND",
		"YEARS", "MONTHS", "WEEKS", "DAYS", "HOURS", "MINUTES", "SECONDS", "MILLISECONDS":
		return true
	}
	return false
}

// intervalFields reads DAY or DAY TO SECOND(3).
func (p *parser) intervalFields(precision *string) string {
	if !intervalUnit(p.tok().up) {
		return ""
	}
	fields := p.next().up
	if p.is("TO") && intervalUnit(p.peek(1).up) {
		p.i++
		fields += " TO " + p.next().up
	}
	if p.is("(") && p.peek(1).kind == number && p.isAt(2, ")") {
		*precision = p.peek(1).text
		p.i += 3
	}
	return fields
}

// cast reads CAST(x AS t).
func (p *parser) cast(start int) {
	t := p.next()
	style := ast.CastFunction
	if t.up == "TRY_CAST" {
		style = ast.CastTry
	}
	p.expect("(")
	p.expr()
	p.expect("AS")
	typ := p.typeName()
	p.expect(")")
	p.wrapPiece(start, t.pos(), func(c []ast.Expr) ast.Expr {
		return &ast.Cast{Place: ast.Place{At: t.pos()}, Expr: c[0], Type: typ, Style: style}
	})
}

// caseExpr reads CASE … END. Conditions and results travel in parentheses: TiDB moves the position of what stands bare
// after a keyword.
func (p *parser) caseExpr(start int) {
	node := &ast.Case{Place: p.here()}
	p.i++
	p.emit("CASE")
	branch := func() {
		p.emit("(")
		p.expr()
		p.emit(")")
	}
	if !p.is("WHEN") {
		branch()
	}
	if !p.is("WHEN") {
		p.fail("WHEN")
	}
	for p.is("WHEN") {
		node.Whens = append(node.Whens, ast.When{Place: p.here()})
		p.i++
		p.emit("WHEN")
		branch()
		p.expect("THEN")
		p.emit("THEN")
		branch()
	}
	if p.accept("ELSE") {
		p.emit("ELSE")
		branch()
	}
	if !p.accept("END") {
		p.fail("WHEN", "ELSE", "END")
	}
	p.emit("END")
	p.wrap(start, node)
}
