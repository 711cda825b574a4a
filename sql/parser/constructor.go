package parser

import "github.com/freshetdb/freshet/sql/ast"

// arrayElements reads [a, b]; what stands inside may be such a list again.
func (p *parser) arrayElements() {
	node := &ast.ArrayCons{Place: p.here()}
	p.enter()
	p.expect("[")
	p.emitPiece(node.At, func(c []ast.Expr) ast.Expr {
		node.Elems = c
		if len(c) == 0 {
			node.Elems = nil
		}
		return node
	})
	if !p.is("]") {
		p.counted()
	}
	p.expect("]")
	p.emit(")")
	p.leave()
}

// arrayQuery reads ARRAY(SELECT …).
func (p *parser) arrayQuery(start int) {
	at := p.here()
	p.i++
	p.subquery()
	p.wrapPiece(start, at.At, func(c []ast.Expr) ast.Expr {
		return &ast.ArrayQuery{Place: at, Query: c[0].(*ast.Subquery).Query}
	})
}

// entryAhead tells whether MAP( is followed by key := value.
func (p *parser) entryAhead() bool {
	if p.isAt(2, ")") {
		return true
	}
	for i := p.i + 2; i < len(p.tokens); i++ {
		switch p.tokens[i].up {
		case ":=":
			return true
		case ",", ")", ";":
			return false
		case "(", "[", "{":
			if i = int(p.parens[i].match); i < 0 {
				return false
			}
		}
	}
	return false
}

// mapEntries reads MAP(k := v, …).
func (p *parser) mapEntries() {
	node := &ast.MapCons{Place: p.here()}
	p.i++
	p.entries(node, "(", ":=", ")")
}

// braceMap reads RisingWave's MAP {k: v, …}.
func (p *parser) braceMap() {
	node := &ast.MapCons{Place: p.here()}
	p.i++
	p.entries(node, "{", ":", "}")
}

func (p *parser) entries(node *ast.MapCons, open, separator, end string) {
	p.expect(open)
	p.emitPiece(node.At, func(c []ast.Expr) ast.Expr {
		for i := 0; i < len(c); i += 2 {
			node.Entries = append(node.Entries, ast.MapEntry{Key: c[i], Value: c[i+1]})
		}
		return node
	})
	for first := true; !p.is(end); first = false {
		if !first {
			p.expect(",")
			p.emit(",")
		}
		p.expr()
		p.expect(separator)
		p.emit(",")
		p.expr()
	}
	p.expect(end)
	p.emit(")")
}

// structFields reads STRUCT(name := value, …).
func (p *parser) structFields() {
	node := &ast.StructCons{Place: p.here()}
	p.i++
	p.expect("(")
	p.emitPiece(node.At, func(c []ast.Expr) ast.Expr {
		for i := range node.Fields {
			node.Fields[i].Value = c[i]
		}
		return node
	})
	for !p.is(")") {
		if len(node.Fields) > 0 {
			p.expect(",")
			p.emit(",")
		}
		node.Fields = append(node.Fields, ast.StructField{Name: p.label("a field name")})
		p.expect(":=")
		p.expr()
	}
	p.expect(")")
	p.emit(")")
}
