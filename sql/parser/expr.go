package parser

import (
	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/sqlerr"
)

// The binding powers of the operators, weakest first. Source: PostgreSQL, "Operator Precedence"; ksqlDB's own order is the
// same where both have the operator.
const (
	bindOr      = iota + 1
	bindAnd     // AND
	bindNot     // NOT
	bindIs      // IS, ISNULL, NOTNULL
	bindCompare // < > = <= >= <>
	bindLike    // BETWEEN, IN, LIKE, ILIKE, SIMILAR
	bindOther   // every other operator
	bindPlus    // + -
	bindTimes   // * / %
	bindPower   // ^
	bindAt      // AT TIME ZONE
	bindCollate // COLLATE
	bindSign    // unary plus and minus
)

// operand is the least binding power of an operand of LIKE and BETWEEN.
const operand = bindOther

// expr reads an expression.
func (p *parser) expr() { p.pratt(bindOr) }

// pratt reads an expression whose operators bind at least as tightly as least. It emits operands and operators fully
// parenthesised, so that no precedence but ours decides.
func (p *parser) pratt(least int) {
	p.enter()
	start, peak := p.mark(), p.peak
	p.operand(start)
	blocked := 0 // the power of a non-associative operator just read
	for {
		power, read := p.infix()
		if power == 0 || power < least {
			break
		}
		if power == blocked {
			p.fail("an operand in parentheses")
		}
		height := p.height
		p.peak, blocked = 0, 0
		if read(p, start, power) {
			blocked = power
		}
		p.height = max(height, p.peak)
		p.grow()
	}
	p.peak = max(peak, p.height)
	p.leave()
}

// grow counts one node on top of the expression read last.
func (p *parser) grow() {
	if p.height++; p.height > maxHeight {
		panic(bailout{sqlerr.Newf(sqlerr.StatementTooComplex, p.pos(), "expression has more than %d operators on top of one another", maxHeight)})
	}
}

// operand reads a prefix operator with its operand, or a primary with what follows it.
func (p *parser) operand(start int) {
	t := p.tok()
	switch t.up {
	case "NOT":
		p.i++
		p.emit("NOT")
		p.pratt(bindNot)
		p.wrap(start, &ast.Unary{Place: ast.Place{At: t.pos()}, Op: "NOT"})
	case "+", "-":
		p.i++
		p.emit(t.up)
		p.pratt(bindSign)
		p.wrap(start, &ast.Unary{Place: ast.Place{At: t.pos()}, Op: t.up})
	case "OPERATOR":
		if !p.isAt(1, "(") {
			p.postfix(start)
			return
		}
		p.prefixOperator(start)
	default:
		if t.kind == symbol && otherOperator(t.up) && t.up != "*" && t.up != "=>" {
			p.prefixOperator(start)
			break
		}
		p.postfix(start)
		return
	}
	p.grow()
}

// prefixOperator reads an operator such as ~ or |/ in front of its operand.
func (p *parser) prefixOperator(start int) {
	node := &ast.Unary{Place: p.here()}
	var schema ast.Name
	node.Op, schema = p.operatorName()
	if schema != nil {
		node.Op = "OPERATOR(" + schema.String() + "." + node.Op + ")"
	}
	p.pratt(bindOther + 1)
	p.wrapPiece(start, node.At, func(c []ast.Expr) ast.Expr {
		node.Expr = c[0]
		return node
	})
}

// otherOperator tells whether a symbol is an operator outside arithmetic and comparison.
func otherOperator(up string) bool {
	switch up {
	case "(", ")", "[", "]", "{", "}", ",", ";", ".", ":", "::", ":=", "=>",
		"+", "-", "*", "/", "%", "^", "=", "==", "<>", "!=", "<", "<=", ">", ">=":
		return false
	}
	return true
}

// infixReader reads the operator at the current token and its right side; its left side was emitted since start. It
// tells whether the operator is non-associative.
type infixReader func(p *parser, start, power int) (blocks bool)

// infix looks at the operator at the current token: its power, 0 when there is none, and who reads it.
func (p *parser) infix() (int, infixReader) {
	t := p.tok()
	if t.kind == symbol {
		switch t.up {
		case "+", "-":
			return bindPlus, (*parser).arithmetic
		case "*", "/", "%":
			return bindTimes, (*parser).arithmetic
		case "=", "==", "<>", "!=", "<", "<=", ">", ">=":
			return bindCompare, (*parser).comparison
		case "^":
			return bindPower, (*parser).operator
		}
		if otherOperator(t.up) {
			return bindOther, (*parser).operator
		}
		return 0, nil
	}
	if t.kind != word {
		return 0, nil
	}
	return p.infixWord(t.up)
}

func (p *parser) infixWord(up string) (int, infixReader) {
	switch up {
	case "OR":
		return bindOr, (*parser).arithmetic
	case "AND":
		return bindAnd, (*parser).arithmetic
	case "IS":
		return bindIs, (*parser).isTest
	case "ISNULL", "NOTNULL":
		return bindIs, (*parser).isTest
	case "NOT":
		if p.anyAt(1, "IN", "LIKE", "ILIKE", "BETWEEN", "SIMILAR") {
			return bindLike, (*parser).predicate
		}
	case "IN", "BETWEEN", "LIKE", "ILIKE":
		return bindLike, (*parser).predicate
	case "SIMILAR":
		if p.isAt(1, "TO") {
			return bindLike, (*parser).predicate
		}
	case "OVERLAPS":
		return bindOther, (*parser).operator
	case "OPERATOR":
		if p.isAt(1, "(") {
			return bindOther, (*parser).operator
		}
	case "COLLATE":
		return bindCollate, (*parser).collate
	case "AT":
		if p.isAt(1, "TIME") && p.isAt(2, "ZONE") {
			return bindAt, (*parser).atTimeZone
		}
	}
	return 0, nil
}

// arithmetic reads an operator that TiDB has, too, and that associates to the left.
func (p *parser) arithmetic(start, power int) bool {
	t := p.next()
	p.emit(t.up)
	p.pratt(power + 1)
	p.wrap(start, &ast.Binary{Place: ast.Place{At: t.pos()}, Op: t.up})
	return false
}

// comparison reads = and its like, with ANY and ALL.
func (p *parser) comparison(start, power int) bool {
	t := p.tok()
	if p.quantifierAt(1) {
		p.i++
		p.quantified(start, &ast.Quantified{Place: ast.Place{At: t.pos()}, Op: t.up})
		return false
	}
	p.i++
	if t.up == "==" {
		p.emit("=")
	} else {
		p.emit(t.up)
	}
	p.pratt(power + 1)
	p.wrap(start, &ast.Binary{Place: ast.Place{At: t.pos()}, Op: t.up})
	return true
}

func (p *parser) quantifierAt(n int) bool {
	return p.anyAt(n, "ANY", "ALL", "SOME") && p.isAt(n+1, "(")
}

// quantified reads ANY (…) or ALL (…) on the right of an operator.
func (p *parser) quantified(start int, node *ast.Quantified) {
	node.All = p.next().up == "ALL"
	p.emit(",")
	if p.queryAt(p.i) {
		p.subquery()
	} else {
		p.expect("(")
		p.expr()
		p.expect(")")
	}
	p.wrapPiece(start, node.At, func(c []ast.Expr) ast.Expr {
		node.Left = c[0]
		if s, ok := c[1].(*ast.Subquery); ok {
			node.Query = s.Query
		} else {
			node.Array = c[1]
		}
		return node
	})
}

// operator reads an operator that TiDB does not have.
func (p *parser) operator(start, power int) bool {
	at := p.pos()
	op, schema := p.operatorName()
	if p.quantifierAt(0) {
		p.quantified(start, &ast.Quantified{Place: ast.Place{At: at}, Op: op, Schema: schema})
		return false
	}
	p.emit(",")
	p.pratt(power + 1)
	p.wrapPiece(start, at, func(c []ast.Expr) ast.Expr {
		return &ast.Binary{Place: ast.Place{At: at}, Op: op, Schema: schema, Left: c[0], Right: c[1]}
	})
	return false
}

// operatorName reads an operator, or OPERATOR(schema.op).
func (p *parser) operatorName() (string, ast.Name) {
	if !p.accept("OPERATOR") {
		return p.next().up, nil
	}
	p.expect("(")
	var schema ast.Name
	for p.tok().isLabel() && p.isAt(1, ".") {
		schema = append(schema, p.label("a schema"))
		p.i++
	}
	t := p.tok()
	if t.kind != symbol || !otherOperator(t.up) && oneOf(t.up, []string{"(", ")", ",", ";", "."}) {
		p.fail("an operator")
	}
	p.i++
	p.expect(")")
	return t.up, schema
}

func (p *parser) collate(start, _ int) bool {
	at := p.next().pos()
	name := p.qualified("a collation")
	p.wrapPiece(start, at, func(c []ast.Expr) ast.Expr {
		return &ast.Collate{Place: ast.Place{At: at}, Expr: c[0], Name: name}
	})
	return false
}

func (p *parser) atTimeZone(start, power int) bool {
	at := p.pos()
	p.expect("AT", "TIME", "ZONE")
	p.emit(",")
	p.pratt(power + 1)
	p.wrapPiece(start, at, func(c []ast.Expr) ast.Expr {
		return &ast.AtTimeZone{Place: ast.Place{At: at}, Expr: c[0], Zone: c[1]}
	})
	return false
}
