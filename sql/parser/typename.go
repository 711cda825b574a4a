package parser

import (
	"strings"

	"github.com/freshetdb/freshet/sql/ast"
)

// typeName reads a type.
func (p *parser) typeName() *ast.TypeName {
	outside := p.nested
	p.enter()
	t := p.typeCore()
	for {
		switch {
		case p.is("["):
			array := &ast.TypeName{Place: t.Place, Kind: ast.TypeArray, Elem: t, Suffix: true}
			p.i++
			if p.tok().kind == number {
				array.Bound = p.next().text
			}
			p.expect("]")
			t = array
		case p.is("ARRAY"):
			p.i++
			t = &ast.TypeName{Place: t.Place, Kind: ast.TypeArray, Elem: t, Suffix: true}
			if p.is("[") && p.peek(1).kind == number && p.isAt(2, "]") {
				t.Bound = p.peek(1).text
				p.i += 3
			}
		default:
			p.nested = outside
			return t
		}
		p.enter() // a chain of suffixes is a tree as deep
	}
}

// typeCore reads a type without array suffixes.
func (p *parser) typeCore() *ast.TypeName {
	t := &ast.TypeName{Place: p.here()}
	if p.is("SETOF") {
		p.i++
		t.SetOf = true
	}
	first := p.tok()
	if !first.isName() {
		p.fail("a type")
	}
	switch {
	case first.up == "ARRAY" && p.isAt(1, "<"):
		p.i += 2
		t.Kind, t.Elem = ast.TypeArray, p.typeName()
		p.closeAngle()
	case first.up == "MAP" && p.anyAt(1, "<", "("):
		p.mapType(t)
	case first.up == "STRUCT" && p.anyAt(1, "<", "<>"):
		p.structType(t)
	default:
		p.namedType(t)
	}
	return t
}

// mapType reads MAP<k, v>, or RisingWave's MAP(k, v).
func (p *parser) mapType(t *ast.TypeName) {
	t.Kind = ast.TypeMap
	p.i++
	round := p.next().up == "("
	t.Key = p.typeName()
	p.expect(",")
	t.Elem = p.typeName()
	if round {
		p.expect(")")
	} else {
		p.closeAngle()
	}
}

func (p *parser) structType(t *ast.TypeName) {
	t.Kind = ast.TypeStruct
	p.i++
	if p.accept("<>") {
		return
	}
	p.expect("<")
	if p.is(">") {
		p.i++
		return
	}
	p.list(func() {
		name := p.label("a field name")
		t.Struct = append(t.Struct, ast.TypeField{Name: name, Type: p.typeName()})
	})
	p.closeAngle()
}

// closeAngle passes one >, which may be the first letter of an operator such as >>.
func (p *parser) closeAngle() {
	t := p.tok()
	if t.kind != symbol || !strings.HasPrefix(t.up, ">") {
		p.fail(">")
	}
	if t.up == ">" {
		p.i++
		return
	}
	// Tokens belong to this parser alone, and it does not go back behind a type.
	t.at++
	t.text, t.up = t.text[1:], t.up[1:]
}

// namedType reads a name with the words and numbers that belong to it.
func (p *parser) namedType(t *ast.TypeName) {
	first := p.tok()
	name := p.label("a type")
	t.Name = ast.Name{name}
	for p.is(".") && p.peek(1).isLabel() {
		p.i++
		t.Name = append(t.Name, p.label("a type"))
	}
	if len(t.Name) > 1 || first.kind == quoted {
		p.typeArgs(t)
		return
	}
	words := ""
	switch first.up {
	case "DOUBLE":
		if p.accept("PRECISION") {
			words = "double precision"
		}
	case "CHARACTER", "CHAR", "NCHAR":
		if p.accept("VARYING") {
			words = "character varying"
		}
	case "BIT":
		if p.accept("VARYING") {
			words = "bit varying"
		}
	case "NATIONAL":
		p.choose("CHARACTER", "CHAR")
		words = "character"
		if p.accept("VARYING") {
			words = "character varying"
		}
	case "INTERVAL":
		p.intervalType(t)
		return
	}
	p.typeArgs(t)
	if first.up == "TIME" || first.up == "TIMESTAMP" {
		words = p.withTimeZone(strings.ToLower(first.up))
	}
	if words != "" {
		t.Name[0].Name = words
	}
}

func (p *parser) withTimeZone(name string) string {
	for _, with := range []string{"WITH", "WITHOUT"} {
		if p.accept(with, "TIME", "ZONE") {
			return name + " " + strings.ToLower(with) + " time zone"
		}
	}
	return ""
}

func (p *parser) intervalType(t *ast.TypeName) {
	p.typeArgs(t)
	precision := ""
	t.Fields = p.intervalFields(&precision)
	if precision != "" {
		t.Args = []string{precision}
	}
}

// typeArgs reads (10, 2). ksqlDB also has VARCHAR(STRING).
func (p *parser) typeArgs(t *ast.TypeName) {
	if !p.is("(") {
		return
	}
	p.parenList(func() {
		minus := ""
		if p.accept("-") {
			minus = "-"
		}
		a := p.tok()
		if a.kind != number && (a.kind != word || !strings.EqualFold(a.text, "STRING")) {
			p.fail("a number")
		}
		t.Args = append(t.Args, minus+a.text)
		p.i++
	})
}
