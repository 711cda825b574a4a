package parser

import "github.com/freshetdb/freshet/sql/ast"

// properties reads (name = value, …). The sign may be missing (Postgres' options).
func (p *parser) properties() []ast.Property {
	list := []ast.Property{}
	p.expect("(")
	if p.accept(")") {
		return list
	}
	p.list(func() { list = append(list, p.property()) })
	p.expect(")")
	return list
}

// withProperties reads WITH (…); nil when it does not come next.
func (p *parser) withProperties() []ast.Property {
	if !p.seq("WITH", "(") {
		return nil
	}
	p.i++
	return p.properties()
}

func (p *parser) property() ast.Property {
	prop := ast.Property{Name: p.propertyName()}
	if p.accept("=") || !endsValue(p.tok()) {
		prop.Value = p.optionValue()
	}
	return prop
}

// propertyName reads a name, which may have dots or be a string.
func (p *parser) propertyName() ast.Ident {
	if p.tok().kind == text {
		return p.identOrString("a property")
	}
	name := p.label("a property")
	for p.is(".") && p.peek(1).isLabel() {
		p.i++
		name.Name += "." + p.next().text
	}
	return name
}

// optionValue reads the value of an option or a setting: an expression, or a word that may be reserved elsewhere.
func (p *parser) optionValue() ast.Expr {
	t := p.tok()
	if t.kind == word && reservedName[t.up] && endsValue(p.peek(1)) {
		switch t.up {
		case "NULL", "TRUE", "FALSE":
		default:
			p.i++
			return &ast.ColumnRef{Place: ast.Place{At: t.pos()}, Name: ast.Name{t.ident()}}
		}
	}
	return p.expression()
}

// ifExists reads IF EXISTS.
func (p *parser) ifExists() bool { return p.accept("IF", "EXISTS") }

// ifNotExists reads IF NOT EXISTS.
func (p *parser) ifNotExists() bool { return p.accept("IF", "NOT", "EXISTS") }
