package parser

import "github.com/freshetdb/freshet/sql/ast"

// isTest reads IS [NOT] …, ISNULL and NOTNULL.
func (p *parser) isTest(start, _ int) bool {
	t := p.next()
	at := ast.Place{At: t.pos()}
	if t.up != "IS" {
		not := t.up == "NOTNULL"
		p.emit("IS")
		p.emitNot(not)
		p.emit("NULL")
		p.wrap(start, &ast.IsNull{Place: at, Not: not})
		return false
	}
	not := p.accept("NOT")
	switch {
	case p.accept("DISTINCT"):
		p.expect("FROM")
		p.emit(",")
		p.pratt(bindIs + 1)
		p.wrapPiece(start, at.At, func(c []ast.Expr) ast.Expr {
			return &ast.IsDistinct{Place: at, Left: c[0], Right: c[1], Not: not}
		})
		return true
	case p.accept("NULL"):
		p.emit("IS")
		p.emitNot(not)
		p.emit("NULL")
		p.wrap(start, &ast.IsNull{Place: at, Not: not})
	case p.any("TRUE", "FALSE"):
		value := ast.True
		if p.is("FALSE") {
			value = ast.False
		}
		p.emit("IS")
		p.emitNot(not)
		p.emit(p.next().up)
		p.wrap(start, &ast.IsTruth{Place: at, Value: value, Not: not})
	case p.accept("UNKNOWN"):
		p.wrapPiece(start, at.At, func(c []ast.Expr) ast.Expr {
			return &ast.IsTruth{Place: at, Expr: c[0], Value: ast.Unknown, Not: not}
		})
	case p.accept("JSON"):
		kind := p.optional("VALUE", "OBJECT", "ARRAY", "SCALAR")
		p.wrapPiece(start, at.At, func(c []ast.Expr) ast.Expr {
			return &ast.IsJSON{Place: at, Expr: c[0], Kind: kind, Not: not}
		})
	default:
		p.fail("NULL", "TRUE", "FALSE", "UNKNOWN", "DISTINCT FROM")
	}
	return false
}

func (p *parser) emitNot(not bool) {
	if not {
		p.emit("NOT")
	}
}

// predicate reads [NOT] IN, BETWEEN, LIKE, ILIKE and SIMILAR TO.
func (p *parser) predicate(start, _ int) bool {
	at := p.here()
	not := p.accept("NOT")
	switch {
	case p.accept("IN"):
		p.in(start, at, not)
	case p.accept("BETWEEN"):
		p.between(start, at, not)
	default:
		p.like(start, at, not)
	}
	return true
}

func (p *parser) in(start int, at ast.Place, not bool) {
	if !p.is("(") {
		p.fail("(")
	}
	p.emitNot(not)
	p.emit("IN")
	if p.queryAt(p.i) {
		p.subquery()
		p.wrap(start, &ast.InQuery{Place: at, Not: not})
		return
	}
	p.i++
	p.emit("(")
	p.exprs(")")
	p.expect(")")
	p.emit(")")
	p.wrap(start, &ast.InList{Place: at, Not: not})
}

// exprs reads at least one expression; end is what may close the list.
func (p *parser) exprs(end string) {
	if p.is(end) {
		p.fail("an expression")
	}
	for {
		p.expr()
		if !p.accept(",") {
			return
		}
		p.emit(",")
	}
}

func (p *parser) between(start int, at ast.Place, not bool) {
	symmetric := p.accept("SYMMETRIC")
	p.accept("ASYMMETRIC")
	if symmetric {
		p.emit(",")
	} else {
		p.emitNot(not)
		p.emit("BETWEEN")
	}
	p.pratt(operand)
	p.expect("AND")
	if symmetric {
		p.emit(",")
	} else {
		p.emit("AND")
	}
	p.pratt(operand)
	if !symmetric {
		p.wrap(start, &ast.Between{Place: at, Not: not})
		return
	}
	p.wrapPiece(start, at.At, func(c []ast.Expr) ast.Expr {
		return &ast.Between{Place: at, Expr: c[0], Low: c[1], High: c[2], Not: not, Symmetric: true}
	})
}

var likeKinds = map[string]ast.LikeKind{"LIKE": ast.LikeLike, "ILIKE": ast.LikeILike, "SIMILAR": ast.LikeSimilar}

func (p *parser) like(start int, at ast.Place, not bool) {
	op := p.choose("LIKE", "ILIKE", "SIMILAR")
	kind := likeKinds[op]
	if kind == ast.LikeSimilar {
		p.expect("TO")
	}
	if p.quantifierAt(0) {
		if not {
			op = "NOT " + op
		}
		p.quantified(start, &ast.Quantified{Place: at, Op: op})
		return
	}
	// Only what follows tells whether the pair can travel as TiDB's own LIKE: an escape or SIMILAR cannot.
	separator := p.mark()
	p.emit("LIKE")
	p.pratt(operand)
	if kind != ast.LikeSimilar && !p.is("ESCAPE") {
		words := map[ast.LikeKind]string{ast.LikeLike: "LIKE", ast.LikeILike: "ILIKE"}[kind]
		if not {
			words = "NOT " + words
		}
		p.core.out[separator].text = words
		p.wrap(start, &ast.Like{Place: at, Kind: kind, Not: not})
		return
	}
	p.core.out[separator].text = ","
	if p.accept("ESCAPE") {
		p.emit(",")
		p.pratt(operand)
	}
	p.wrapPiece(start, at.At, func(c []ast.Expr) ast.Expr {
		l := &ast.Like{Place: at, Kind: kind, Expr: c[0], Pattern: c[1], Not: not}
		if len(c) > 2 {
			l.Escape = c[2]
		}
		return l
	})
}
