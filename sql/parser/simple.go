package parser

import "github.com/freshetdb/freshet/sql/ast"

// simpleExpr reads an expression that is one literal or one word, the usual value of an option, without TiDB's help; nil
// when the expression goes on.
func (p *parser) simpleExpr() ast.Expr {
	t := p.tok()
	if !endsValue(p.peek(1)) {
		return nil
	}
	at := ast.Place{At: t.pos()}
	var e ast.Expr
	switch t.kind {
	case text:
		e = &ast.StringLit{Place: at, Value: t.text}
	case number:
		e = &ast.NumberLit{Place: at, Text: t.text}
	case quoted:
		e = &ast.ColumnRef{Place: at, Name: ast.Name{t.ident()}}
	case word:
		e = simpleWord(t)
	}
	if e != nil {
		p.i++
	}
	return e
}

func endsValue(t *token) bool {
	return t.kind == eof || t.up == "," || t.up == ")" || t.up == ";"
}

func simpleWord(t *token) ast.Expr {
	at := ast.Place{At: t.pos()}
	switch t.up {
	case "TRUE", "FALSE":
		return &ast.BoolLit{Place: at, Value: t.up == "TRUE"}
	case "NULL":
		return &ast.NullLit{Place: at}
	case "DEFAULT":
		return &ast.Default{Place: at}
	case "":
		return &ast.ColumnRef{Place: at, Name: ast.Name{t.ident()}}
	}
	return nil
}
