package parser

import (
	"strings"

	"github.com/freshetdb/freshet/sql/ast"
)

// specialArguments reads the arguments of a call with a syntax of its own; false when they are ordinary ones. The result
// has the name and the order of arguments of the function Postgres means by it.
func (p *parser) specialArguments(r *reading, up string) bool {
	spelled := r.node.Name
	r.node.Name = ast.Name{{Place: r.node.Place, Name: strings.ToLower(up)}}
	defer func() {
		if r.node.Syntax == ast.CallPlain {
			r.node.Name = spelled
		}
	}()
	switch up {
	case "EXTRACT":
		if (!p.tok().isLabel() && p.tok().kind != text) || !p.isAt(1, "FROM") {
			return false
		}
		p.extract(r)
	case "SUBSTRING":
		return p.substring(r)
	case "POSITION":
		return p.position(r)
	case "OVERLAY":
		return p.overlay(r)
	case "TRIM":
		return p.trim(r)
	default:
		return false
	}
	return true
}

// also reads one more argument.
func (p *parser) also(r *reading) {
	p.comma(r.head)
	p.expr()
	r.args++
}

// goOn reads the ordinary arguments after the first one.
func (p *parser) goOn(r *reading) bool {
	if p.accept(",") {
		p.arguments(r)
	}
	return true
}

func (p *parser) extract(r *reading) {
	field := p.next()
	r.plain, r.node.Syntax = false, ast.CallExtract
	p.expect("FROM")
	p.also(r)
	r.arrange = func(args []ast.Expr) []ast.Expr {
		lit := &ast.StringLit{Place: ast.Place{At: field.pos()}, Value: strings.ToLower(field.text)}
		return []ast.Expr{lit, args[0]}
	}
}

func (p *parser) substring(r *reading) bool {
	if p.is(")") || p.is("DISTINCT") {
		return false
	}
	p.also(r)
	switch {
	case p.is("FROM"):
		r.plain, r.node.Syntax = false, ast.CallSubstring
		p.i++
		p.also(r)
		if p.accept("FOR") {
			p.also(r)
		}
	case p.is("FOR"):
		r.plain, r.node.Syntax = false, ast.CallSubstringFor
		at := p.here()
		p.i++
		p.also(r)
		if p.accept("FROM") {
			r.node.Syntax = ast.CallSubstring
			p.also(r)
			r.arrange = func(a []ast.Expr) []ast.Expr { return []ast.Expr{a[0], a[2], a[1]} }
			break
		}
		r.arrange = func(a []ast.Expr) []ast.Expr {
			return []ast.Expr{a[0], &ast.NumberLit{Place: at, Text: "1"}, a[1]}
		}
	case p.is("SIMILAR"):
		r.plain, r.node.Syntax = false, ast.CallSimilar
		p.i++
		p.also(r)
		p.expect("ESCAPE")
		p.also(r)
	default:
		return p.goOn(r)
	}
	return true
}

// position reads a IN s. The left side stops before IN.
func (p *parser) position(r *reading) bool {
	if p.is(")") {
		return false
	}
	p.pratt(operand)
	r.args++
	if !p.accept("IN") {
		return p.goOn(r)
	}
	r.plain, r.node.Syntax = false, ast.CallPosition
	p.comma(r.head)
	p.pratt(operand)
	r.args++
	r.arrange = func(a []ast.Expr) []ast.Expr { return []ast.Expr{a[1], a[0]} }
	return true
}

func (p *parser) overlay(r *reading) bool {
	if p.is(")") {
		return false
	}
	p.also(r)
	if !p.accept("PLACING") {
		return p.goOn(r)
	}
	r.plain, r.node.Syntax = false, ast.CallOverlay
	p.also(r)
	p.expect("FROM")
	p.also(r)
	if p.accept("FOR") {
		p.also(r)
	}
	return true
}

var trims = map[string]struct {
	name   string
	syntax ast.CallSyntax
}{
	"":         {"btrim", ast.CallTrimBoth},
	"BOTH":     {"btrim", ast.CallTrimBoth},
	"LEADING":  {"ltrim", ast.CallTrimLeading},
	"TRAILING": {"rtrim", ast.CallTrimTrailing},
}

// trim reads [BOTH | LEADING | TRAILING] [c] [FROM] s.
func (p *parser) trim(r *reading) bool {
	if p.is(")") || p.is("DISTINCT") {
		return false
	}
	side := p.optional("BOTH", "LEADING", "TRAILING")
	if !p.is("FROM") {
		p.also(r)
		if side == "" && !p.is("FROM") {
			return p.goOn(r)
		}
	}
	r.plain, r.node.Syntax = false, trims[side].syntax
	r.node.Name = ast.Name{{Place: r.node.Place, Name: trims[side].name}}
	if p.accept("FROM") {
		p.also(r)
		r.arrange = func(a []ast.Expr) []ast.Expr {
			if len(a) > 1 {
				a = append([]ast.Expr{a[1], a[0]}, a[2:]...)
			}
			return a
		}
	}
	for p.accept(",") {
		p.also(r)
	}
	return true
}
