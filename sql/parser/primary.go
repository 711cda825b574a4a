package parser

import (
	"strconv"
	"strings"

	"github.com/freshetdb/freshet/sql/ast"
)

// postfix reads a primary and what follows it without an operator: casts, subscripts, fields, FILTER and OVER.
func (p *parser) postfix(start int) {
	p.peak = 0
	p.primary(start)
	height := p.peak
	for {
		p.peak = 0
		if !p.suffix(start) {
			break
		}
		p.height = max(height, p.peak)
		p.grow()
		height = p.height
	}
	p.height = height
	p.grow()
}

// suffix reads one suffix; false when there is none.
func (p *parser) suffix(start int) bool {
	t := p.tok()
	at := ast.Place{At: t.pos()}
	switch t.up {
	case "::":
		p.i++
		typ := p.typeName()
		p.wrapPiece(start, at.At, func(c []ast.Expr) ast.Expr {
			return &ast.Cast{Place: at, Expr: c[0], Type: typ, Style: ast.CastColons}
		})
	case "[":
		p.subscript(start, at)
	case "->":
		return p.arrow(start, at)
	case ".":
		return p.dot(start)
	default:
		return false
	}
	return true
}

func (p *parser) subscript(start int, at ast.Place) {
	p.expect("[")
	low, high := false, false
	slice := p.is(":")
	if !slice {
		low = true
		p.emit(",")
		p.expr()
		slice = p.is(":")
	}
	if slice {
		p.i++
		if !p.is("]") {
			high = true
			p.emit(",")
			p.expr()
		}
	}
	p.expect("]")
	p.wrapPiece(start, at.At, func(c []ast.Expr) ast.Expr {
		if !slice {
			return &ast.Subscript{Place: at, Expr: c[0], Index: c[1]}
		}
		s := &ast.Slice{Place: at, Expr: c[0]}
		rest := c[1:]
		if low {
			s.Low, rest = rest[0], rest[1:]
		}
		if high {
			s.High = rest[0]
		}
		return s
	})
}

// arrow reads ->field and ->*. A -> before anything else is an operator.
func (p *parser) arrow(start int, at ast.Place) bool {
	if p.isAt(1, "*") {
		p.i += 2
		p.wrapPiece(start, at.At, func(c []ast.Expr) ast.Expr {
			return &ast.FieldStar{Place: at, Expr: c[0], Arrow: true}
		})
		return true
	}
	if f := p.peek(1); f.kind != quoted && (f.kind != word || reservedName[f.up] && f.up != "END") || p.anyAt(2, "(", ".") || p.peek(2).kind == text {
		return false
	}
	p.i++
	p.field(start, true)
	return true
}

// dot reads .field and .* after what is not a plain name.
func (p *parser) dot(start int) bool {
	if p.isAt(1, "*") {
		at := p.here()
		p.i += 2
		p.wrapPiece(start, at.At, func(c []ast.Expr) ast.Expr {
			return &ast.FieldStar{Place: at, Expr: c[0]}
		})
		return true
	}
	if !p.peek(1).isLabel() {
		return false
	}
	p.i++
	p.field(start, false)
	return true
}

func (p *parser) field(start int, arrow bool) {
	name := p.label("a field name")
	p.wrapPiece(start, name.At, func(c []ast.Expr) ast.Expr {
		return &ast.Field{Place: name.Place, Expr: c[0], Name: name, Arrow: arrow}
	})
}

// primary reads what no operator is part of.
func (p *parser) primary(start int) {
	t := p.tok()
	at := ast.Place{At: t.pos()}
	switch t.kind {
	case text:
		p.i++
		p.emitNode(stringText(t.text), &ast.StringLit{Place: at, Value: t.text})
	case number:
		p.i++
		p.emitNode(numberText(t.text), &ast.NumberLit{Place: at, Text: t.text})
	case bits, hex:
		p.i++
		p.emitLeafPiece(&ast.BitLit{Place: at, Hex: t.kind == hex, Digits: t.text})
	case param:
		p.parameter()
	case symbol:
		p.parenthesis(start)
	case eof:
		p.fail("an expression")
	default:
		p.word(start)
	}
}

// parameter reads $n.
func (p *parser) parameter() {
	t := p.next()
	n, err := strconv.ParseUint(t.text, 10, 16)
	if err != nil || n == 0 {
		p.failf(t.pos(), "there is no parameter $%s", t.text)
	}
	p.emitNode("?", &ast.Param{Place: ast.Place{At: t.pos()}, Index: int(n)})
}

// stringText is a string literal of the canonical text. Its mark has the value, so a long one travels empty.
func stringText(s string) string {
	const long = 64
	if len(s) > long || strings.ContainsAny(s, "\\\x1a") {
		return "''"
	}
	return ast.FormatString(s)
}

// numberText is a number of the canonical text. Its mark has the digits as written, so one that MySQL writes differently
// or has no room for travels as 0.
func numberText(s string) string {
	const long = 18
	whole, fraction, point := strings.Cut(s, ".")
	if len(s) > long || !allDigits(whole) || point && !allDigits(fraction) {
		return "0"
	}
	return s
}

// allDigits tells whether s is one decimal digit or more.
func allDigits(s string) bool {
	for i := range len(s) {
		if !digit(s[i]) {
			return false
		}
	}
	return s != ""
}

// parenthesis reads what begins with a symbol: a parenthesised expression, row or query.
func (p *parser) parenthesis(start int) {
	if p.is("[") {
		p.arrayElements()
		return
	}
	if !p.is("(") {
		p.fail("an expression")
	}
	if p.queryAt(p.i) {
		p.subquery()
		return
	}
	at := p.here()
	p.i++
	if p.lambdaAhead(p.i) {
		p.i--
		p.lambda()
		return
	}
	count := 0
	if !p.is(")") {
		count = p.counted()
	}
	p.expect(")")
	if count == 1 {
		return
	}
	p.row(start, at, count, false)
}

// counted reads expressions separated by commas and tells how many there are.
func (p *parser) counted() int {
	n := 0
	for {
		n++
		p.expr()
		if !p.accept(",") {
			return n
		}
		p.emit(",")
	}
}

func (p *parser) row(start int, at ast.Place, count int, explicit bool) {
	build := func(c []ast.Expr) ast.Expr { return &ast.Row{Place: at, Elems: c, Explicit: explicit} }
	if count == 0 {
		p.emitPiece(at.At, func([]ast.Expr) ast.Expr { return build(nil) })
		p.emit(")")
		return
	}
	p.wrapPiece(start, at.At, build)
}

// subquery reads ( query ) as an expression.
func (p *parser) subquery() {
	node := &ast.Subquery{Place: p.here()}
	p.expect("(")
	p.emitNode("(", node)
	p.query()
	p.expect(")")
	p.emit(")")
}
