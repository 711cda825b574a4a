// Package parser turns text into statements: our lexer, precedence recogniser, statement and streaming grammar and every
// error message; the SELECT core goes through TiDB's parser (internal/tidbcore).
//
// The grammar is one for both accents of the language, the union of Postgres' and ksqlDB's. A recogniser owns the whole
// text: it finds statements, operands and operators with Postgres' precedence, and reports mistakes with their exact
// position. For what is a query or an expression it writes canonical, fully parenthesised text, of which TiDB's parser
// makes a tree, which becomes ours with the positions of the user's text. Parsing takes time linear in the text and
// bounded depth; no input makes it panic.
//
// Trees may be shared: they must not be changed.
package parser

import (
	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/sqlerr"
)

// Parse reads the statements of a text, separated by semicolons. Empty statements are left out. The error is always a
// *sqlerr.Error: of code SyntaxError with a position, or of class 54 when the text is beyond a limit.
func Parse(text string) ([]ast.Statement, error) {
	p, err := newParser(text)
	if err != nil {
		return nil, err
	}
	return p.script()
}

// ParseOne reads a text of exactly one statement.
func ParseOne(text string) (ast.Statement, error) {
	list, err := Parse(text)
	if err != nil {
		return nil, err
	}
	switch len(list) {
	case 0:
		return nil, sqlerr.Newf(sqlerr.SyntaxError, sqlerr.At(len(text)), "syntax error at end of input").WithDetail("expected a statement")
	case 1:
		return list[0], nil
	}
	return nil, sqlerr.Newf(sqlerr.SyntaxError, list[1].Pos(), "cannot insert multiple commands into a prepared statement")
}

// ParseExpr reads a text that is one expression.
func ParseExpr(text string) (e ast.Expr, err error) {
	p, err := newParser(text)
	if err != nil {
		return nil, err
	}
	defer func() {
		if r := recover(); r != nil {
			e, err = nil, failed(r)
		}
	}()
	e = p.expression()
	if p.tok().kind != eof {
		p.fail("an operator", "end of input")
	}
	return e, nil
}

// ParseType reads a text that is one type.
func ParseType(text string) (t *ast.TypeName, err error) {
	p, err := newParser(text)
	if err != nil {
		return nil, err
	}
	defer func() {
		if r := recover(); r != nil {
			t, err = nil, failed(r)
		}
	}()
	t = p.typeName()
	if p.tok().kind != eof {
		p.fail("end of input")
	}
	return t, nil
}

func newParser(text string) (*parser, error) {
	tokens, err := lex(text)
	if err != nil {
		return nil, err
	}
	return &parser{src: text, tokens: tokens, parens: pairUp(tokens)}, nil
}

// script reads all statements.
func (p *parser) script() (list []ast.Statement, err error) {
	defer func() {
		if r := recover(); r != nil {
			list, err = nil, failed(r)
		}
	}()
	for {
		for p.accept(";") {
		}
		if p.tok().kind == eof {
			return list, nil
		}
		list = append(list, p.statement())
		if !p.endOfStatement() {
			p.fail("end of statement")
		}
	}
}

// expression reads an expression that is not part of a query.
func (p *parser) expression() ast.Expr {
	if e := p.simpleExpr(); e != nil {
		return e
	}
	return p.expressions(1)[0]
}

// expressions reads expressions separated by commas, as one fragment; no more than most.
func (p *parser) expressions(most int) []ast.Expr {
	values := &ast.Values{Place: p.here(), Rows: make([][]ast.Expr, 1)}
	p.fragment(func() {
		p.emit("SELECT")
		p.emitNode(headOpen, values)
		head := p.mark() - 1
		n := 0
		for n == 0 || n < most && p.accept(",") {
			p.comma(head)
			p.expr()
			n++
		}
		values.Rows[0] = make([]ast.Expr, n)
		p.emit(")")
		p.emptyTail()
	})
	return values.Rows[0]
}
