package parser

import "github.com/freshetdb/freshet/sql/ast"

// children hands out the expressions that travelled with a call, in the order they were emitted.
type children []ast.Expr

func (c *children) take() ast.Expr {
	e := (*c)[0]
	*c = (*c)[1:]
	return e
}

func (c *children) takeN(n int) []ast.Expr {
	if n == 0 {
		return nil
	}
	list := (*c)[:n:n]
	*c = (*c)[n:]
	return list
}

// fill puts expressions that travelled into a skeleton.
type fill func(c *children)

// reading is a call being read.
type reading struct {
	head    int // the token of the canonical text that opens the call
	node    *ast.Call
	args    int
	arrange func(args []ast.Expr) []ast.Expr // of a call with a syntax of its own
	fills   []fill
	plain   bool // it can travel as a call of TiDB's language
}

// call reads a call whose name has n tokens.
func (p *parser) call(n int) {
	r := &reading{head: p.mark(), node: &ast.Call{Place: p.here()}, plain: n <= 3}
	for k := 0; k < n; k += 2 {
		r.node.Name = append(r.node.Name, p.peek(k).ident())
	}
	first := p.tok()
	p.i += n
	p.emit("")
	p.expect("(")
	if n > 1 || first.kind == quoted || !p.specialArguments(r, first.up) {
		p.arguments(r)
	}
	p.expect(")")
	p.callSuffixes(r)
	p.finishCall(r)
}

// comma separates an expression that travels with a call from the one before it.
func (p *parser) comma(head int) {
	if p.mark() > head+1 {
		p.emit(",")
	}
}

// finishCall decides how the call travels.
func (p *parser) finishCall(r *reading) {
	p.emit(")")
	head := &p.core.out[r.head]
	node := r.node
	if r.plain {
		*head = emitted{dotted(node.Name) + "(", p.addMark(markNode(node)), head.prefix}
		return
	}
	*head = emitted{pieceOpen, p.addMark(markBuild(node.At, func(c []ast.Expr) ast.Expr {
		rest := children(c)
		node.Args = rest.takeN(r.args)
		if r.arrange != nil {
			node.Args = r.arrange(node.Args)
		}
		for _, f := range r.fills {
			f(&rest)
		}
		return node
	})), head.prefix}
}

// arguments reads the ordinary arguments of a call.
func (p *parser) arguments(r *reading) {
	switch {
	case p.is("*") && p.anyAt(1, ")", "ORDER"):
		p.i++
		r.node.Star, r.plain = true, false
	case p.accept("DISTINCT"):
		r.node.Distinct, r.plain = true, false
	case p.is("ALL") && !p.isAt(1, "("):
		p.i++
	}
	for !p.is(")") && !p.is("ORDER") {
		p.argument(r)
		if p.any("RESPECT", "IGNORE") && p.isAt(1, "NULLS") {
			r.node.Nulls, r.plain = p.next().up, false
			p.i++
		}
		if !p.is(",") {
			break
		}
		p.i++
		if p.is(")") {
			p.fail("an expression")
		}
	}
	if p.accept("ORDER") {
		p.expect("BY")
		r.plain = false
		items := p.orderList(r.head)
		r.fills = append(r.fills, func(c *children) { r.node.OrderBy = fillOrder(items, c) })
	}
}

// argument reads one argument.
func (p *parser) argument(r *reading) {
	p.comma(r.head)
	r.args++
	switch {
	case p.is("VARIADIC"):
		p.i++
		r.node.Variadic, r.plain = true, false
		p.expr()
	case p.is("TABLE") && p.peek(1).isName():
		arg := &ast.TableArg{Place: p.here()}
		p.i++
		arg.Name = p.qualified("a table")
		p.emitLeafPiece(arg)
	case p.tok().isLabel() && p.isAt(1, "=>"), p.is("(") && p.lambdaAhead(p.i+1):
		p.lambda()
	case p.tok().isLabel() && p.isAt(1, ":="):
		name := p.label("a name")
		p.i++
		p.emitPiece(name.At, func(c []ast.Expr) ast.Expr {
			return &ast.NamedArg{Place: name.Place, Name: name, Expr: c[0]}
		})
		p.expr()
		p.emit(")")
	default:
		p.expr()
	}
}

// lambdaAhead tells whether the names from token i on are the parameters of a lambda: x, y) =>.
func (p *parser) lambdaAhead(i int) bool {
	for ; i+1 < len(p.tokens); i += 2 {
		if !p.tokens[i].isLabel() {
			return false
		}
		switch p.tokens[i+1].up {
		case ",":
		case ")":
			return i+2 < len(p.tokens) && p.tokens[i+2].up == "=>"
		default:
			return false
		}
	}
	return false
}

// lambda reads x => body or (x, y) => body.
func (p *parser) lambda() {
	node := &ast.Lambda{Place: p.here()}
	if p.is("(") {
		p.parenList(func() { node.Params = append(node.Params, p.label("a parameter")) })
	} else {
		node.Params = []ast.Ident{p.label("a parameter")}
	}
	p.expect("=>")
	p.emitPiece(node.At, func(c []ast.Expr) ast.Expr {
		node.Body = c[0]
		return node
	})
	p.expr()
	p.emit(")")
}

// callSuffixes reads WITHIN GROUP, FILTER, IGNORE NULLS and OVER.
func (p *parser) callSuffixes(r *reading) {
	if p.seq("WITHIN", "GROUP", "(") {
		p.i += 3
		p.expect("ORDER", "BY")
		items := p.orderList(r.head)
		p.expect(")")
		r.plain = false
		r.fills = append(r.fills, func(c *children) { r.node.WithinGroup = fillOrder(items, c) })
	}
	if p.seq("FILTER", "(") {
		p.i += 2
		p.expect("WHERE")
		p.comma(r.head)
		p.expr()
		p.expect(")")
		r.plain = false
		r.fills = append(r.fills, func(c *children) { r.node.Filter = c.take() })
	}
	if p.any("RESPECT", "IGNORE") && p.isAt(1, "NULLS") {
		r.node.Nulls, r.plain = p.next().up, false
		p.i++
	}
	if p.is("OVER") && (p.isAt(1, "(") || p.peek(1).isName()) {
		p.i++
		r.plain = false
		spec, f := p.over(r.head)
		r.node.Over = spec
		r.fills = append(r.fills, f)
	}
}

// over reads what OVER refers to.
func (p *parser) over(head int) (*ast.WindowSpec, fill) {
	if !p.is("(") {
		spec := &ast.WindowSpec{Place: p.here()}
		spec.Ref = p.name("a window")
		return spec, func(*children) {}
	}
	return p.windowSpec(head)
}
