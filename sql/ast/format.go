package ast

import (
	"strconv"
	"strings"
	"time"
)

// Format prints a tree canonically, on one line: keywords in upper case, no more parentheses than needed. Parsing the
// print gives an equal tree, positions apart.
func Format(n Node) string {
	p := &printer{}
	p.node(n)
	return p.b.String()
}

// FormatIdent prints an identifier so that the parser reads the same one: as it is, or in double quotes.
func FormatIdent(i Ident) string {
	if !i.Quoted {
		return i.Name
	}
	return `"` + strings.ReplaceAll(i.Name, `"`, `""`) + `"`
}

// FormatString prints a text literal.
func FormatString(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// printer appends the print of nodes. Words bring their own spaces: every method begins where the one before ended.
type printer struct {
	b strings.Builder
}

func (p *printer) put(parts ...string) {
	for _, s := range parts {
		p.b.WriteString(s)
	}
}

// flag puts a word when it was given.
func (p *printer) flag(given bool, s string) {
	if given {
		p.b.WriteString(s)
	}
}

// ident puts an identifier behind a word, when it is given.
func (p *printer) ident(before string, i Ident) {
	if i.Given() {
		p.put(before, FormatIdent(i))
	}
}

func (p *printer) name(before string, n Name) {
	if len(n) > 0 {
		p.put(before, n.String())
	}
}

// list puts n items with commas between them.
func (p *printer) list(n int, item func(i int)) {
	for i := range n {
		if i > 0 {
			p.put(", ")
		}
		item(i)
	}
}

func (p *printer) exprs(list []Expr) {
	p.list(len(list), func(i int) { p.expr(list[i]) })
}

func (p *printer) names(list []Name) {
	p.list(len(list), func(i int) { p.put(list[i].String()) })
}

func (p *printer) idents(list []Ident) {
	p.list(len(list), func(i int) { p.put(FormatIdent(list[i])) })
}

// columns puts a list of names in parentheses, when there is one.
func (p *printer) columns(before string, list []Ident) {
	if len(list) == 0 {
		return
	}
	p.put(before, "(")
	p.idents(list)
	p.put(")")
}

// clause puts an expression behind a word, when it is there.
func (p *printer) clause(before string, e Expr) {
	if e != nil {
		p.put(before)
		p.expr(e)
	}
}

func (p *printer) node(n Node) {
	if isNil(n) {
		return
	}
	switch n := n.(type) {
	case Expr:
		p.expr(n)
	case Relation:
		p.relation(n)
	case Body:
		p.body(n)
	case Statement:
		p.statement(n)
	case *TypeName:
		p.typeName(n)
	case *WindowSpec:
		p.spec(n)
	case *Window:
		p.window(n)
	case *Within:
		p.within(n)
	}
}

// properties puts (name = value, …).
func (p *printer) properties(before string, list []Property) {
	if list == nil {
		return
	}
	p.put(before, "(")
	p.list(len(list), func(i int) {
		p.put(FormatIdent(list[i].Name))
		p.clause(" = ", list[i].Value)
	})
	p.put(")")
}

// withProperties puts WITH (…), when there is one.
func (p *printer) withProperties(list []Property) { p.properties(" WITH ", list) }

func (p *printer) typeName(t *TypeName) {
	p.flag(t.SetOf, "SETOF ")
	switch t.Kind {
	case TypeArray:
		if t.Suffix {
			p.typeName(t.Elem)
			p.put("[", t.Bound, "]")
			return
		}
		p.put("ARRAY<")
		p.typeName(t.Elem)
		p.put(">")
	case TypeMap:
		p.put("MAP<")
		p.typeName(t.Key)
		p.put(", ")
		p.typeName(t.Elem)
		p.put(">")
	case TypeStruct:
		p.put("STRUCT<")
		p.fields(t.Struct)
		p.put(">")
	default:
		p.namedType(t)
	}
}

func (p *printer) fields(list []TypeField) {
	p.list(len(list), func(i int) {
		p.put(FormatIdent(list[i].Name), " ")
		p.typeName(list[i].Type)
	})
}

// namedType puts a name with its arguments, which stand before the words about a time zone.
func (p *printer) namedType(t *TypeName) {
	name, words := t.Name.String(), ""
	if i := strings.Index(name, " with"); i > 0 && !t.Name.Last().Quoted {
		name, words = name[:i], name[i:]
	}
	p.put(name)
	if t.Fields != "" {
		p.put(" ", t.Fields)
	}
	if t.Args != nil {
		p.put("(", strings.Join(t.Args, ", "), ")")
	}
	p.put(words)
}

var unitWords = map[time.Duration]string{
	time.Millisecond: "MILLISECONDS", time.Second: "SECONDS", time.Minute: "MINUTES", time.Hour: "HOURS", 24 * time.Hour: "DAYS",
}

func (p *printer) duration(d Duration) {
	p.put(strconv.FormatInt(d.Count, 10), " ", unitWords[d.Unit])
}

func (p *printer) optionalDuration(before string, d *Duration) {
	if d != nil {
		p.put(before)
		p.duration(*d)
	}
}
