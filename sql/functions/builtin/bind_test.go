package builtin

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// binder reads the small part of SQL expressions that the tests and the examples are written in. The language's real front is
// elsewhere and above: this package must be testable without it.
type binder struct {
	reg     *functions.Registry
	dialect functions.Dialect
	columns types.Columns
	toks    []string
	at      int
}

func bind(reg *functions.Registry, d functions.Dialect, columns types.Columns, text string) (e expr.Expr, err error) {
	defer func() {
		if r := recover(); r != nil {
			var ok bool
			if err, ok = r.(error); !ok {
				err = fmt.Errorf("%v", r)
			}
		}
	}()
	b := &binder{reg: reg, dialect: d, columns: columns, toks: split(text)}
	e = b.expr(0)
	if b.at < len(b.toks) {
		return nil, fmt.Errorf("unexpected %q", b.toks[b.at])
	}
	return e, nil
}

func split(s string) []string {
	var out []string
	for i := 0; i < len(s); {
		c := s[i]
		start := i
		letter := func(c byte) bool {
			return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		}
		switch {
		case c == ' ' || c == '\n' || c == '\t':
			i++
			continue
		case c == '\'':
			for i++; i < len(s); i++ {
				if s[i] == '\'' {
					if i+1 < len(s) && s[i+1] == '\'' {
						i++
						continue
					}
					break
				}
			}
			i++
		case c >= '0' && c <= '9' || c == '.' && i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9':
			for i < len(s) && (letter(s[i]) || s[i] == '.' || (s[i] == '-' || s[i] == '+') && (s[i-1]|0x20) == 'e') {
				i++
			}
		case letter(c):
			for i < len(s) && letter(s[i]) {
				i++
			}
		case strings.ContainsRune("()[],", rune(c)):
			i++
		default:
			for i < len(s) && strings.ContainsRune("+-*/%<>=!|~:^@#&", rune(s[i])) && (i == start || s[i] != '-' && s[i] != '+') {
				i++
			}
			if i == start {
				panic(fmt.Sprintf("bad character %q", c))
			}
		}
		out = append(out, s[start:min(i, len(s))])
	}
	return out
}

func (b *binder) peek() string {
	if b.at < len(b.toks) {
		return strings.ToLower(b.toks[b.at])
	}
	return ""
}

func (b *binder) next() string {
	t := b.peek()
	b.at++
	return t
}

func (b *binder) accept(t string) bool {
	if b.peek() == t {
		b.at++
		return true
	}
	return false
}

func (b *binder) expect(t string) {
	if !b.accept(t) {
		panic(fmt.Sprintf("expected %q, found %q", t, b.peek()))
	}
}

var precedence = map[string]int{
	"or": 1, "and": 2, "is": 4, "in": 5, "like": 5, "ilike": 5, "=": 6, "<>": 6, "!=": 6, "<": 6, "<=": 6, ">": 6, ">=": 6,
	"||": 7, "->": 7, "->>": 7, "~": 7, "~*": 7, "!~": 7, "!~*": 7, "+": 8, "-": 8, "*": 9, "/": 9, "%": 9, "^": 10, "::": 12, "[": 12,
}

func (b *binder) expr(loosest int) expr.Expr {
	left := b.prefix()
	for {
		op := b.peek()
		p := precedence[op]
		if p == 0 || p < loosest {
			return left
		}
		b.at++
		switch op {
		case "::":
			left = b.cast(left, b.typeName(), false)
		case "[":
			index := b.expr(0)
			b.expect("]")
			left = b.call("[]", left, index)
		case "and":
			left = &expr.And{Left: left, Right: b.cast(b.expr(p+1), types.Of(types.Boolean), false)}
		case "or":
			left = &expr.Or{Left: left, Right: b.cast(b.expr(p+1), types.Of(types.Boolean), false)}
		case "is":
			left = b.is(left)
		case "in":
			left = b.in(left)
		default:
			left = b.call(op, left, b.expr(p+1))
		}
	}
}

func (b *binder) is(left expr.Expr) expr.Expr {
	not := b.accept("not")
	var e expr.Expr
	if b.accept("distinct") {
		b.expect("from")
		right := b.expr(6)
		t, _ := types.Common(left.Type(), right.Type())
		e = &expr.IsDistinct{Left: b.cast(left, t, false), Right: b.cast(right, t, false)}
	} else {
		b.expect("null")
		e = &expr.IsNull{Arg: left}
	}
	if not {
		return &expr.Not{Arg: e}
	}
	return e
}

func (b *binder) in(left expr.Expr) expr.Expr {
	b.expect("(")
	n := &expr.In{Arg: left}
	for {
		d, err := expr.Value(b.cast(b.expr(0), left.Type(), false), &functions.Context{Dialect: b.dialect})
		if err != nil {
			panic(err)
		}
		n.List = append(n.List, d)
		if !b.accept(",") {
			b.expect(")")
			return n
		}
	}
}

func (b *binder) cast(e expr.Expr, t types.Type, try bool) expr.Expr {
	if e.Type().Equal(t) {
		return e
	}
	return &expr.Cast{Arg: e, Typ: t, Try: try}
}

func (b *binder) typeName() types.Type {
	name := b.next()
	for {
		if _, ok := types.ByName(name + " " + b.peek()); !ok || b.peek() == "" {
			break
		}
		name += " " + b.next()
	}
	if name == "double" && b.peek() == "precision" {
		b.at++
	}
	if name == "timestamp" && b.accept("with") {
		b.expect("time")
		b.expect("zone")
	}
	t, ok := types.ByName(name)
	if !ok {
		panic(fmt.Sprintf("no type %q", name))
	}
	if b.accept("(") {
		p, _ := strconv.Atoi(b.next())
		s := 0
		if b.accept(",") {
			s, _ = strconv.Atoi(b.next())
		}
		b.expect(")")
		if t.ID == types.Decimal {
			t = types.DecimalOf(int16(p), int16(s))
		}
	}
	if b.accept("[") {
		b.expect("]")
		t = types.ArrayOf(t)
	}
	return t
}

func (b *binder) prefix() expr.Expr {
	raw := ""
	if b.at < len(b.toks) {
		raw = b.toks[b.at]
	}
	t := b.next()
	switch {
	case t == "":
		panic("unexpected end")
	case t == "(":
		e := b.expr(0)
		b.expect(")")
		return e
	case t == "-":
		return b.call("-", b.expr(10))
	case t == "not":
		return &expr.Not{Arg: b.expr(3)}
	case t == "null":
		return &expr.Literal{Value: vector.NullOf(types.Of(types.Unknown))}
	case t == "true" || t == "false":
		return &expr.Literal{Value: vector.BoolOf(t == "true")}
	case t == "case":
		return b.caseExpr()
	case t == "cast" || t == "try_cast":
		b.expect("(")
		e := b.expr(0)
		b.expect("as")
		typ := b.typeName()
		b.expect(")")
		return b.cast(e, typ, t == "try_cast")
	case (t == "array" || t == "map") && b.peek() == "[":
		return b.collection(t)
	case raw[0] == '\'':
		return textLiteral(raw)
	case raw[0] >= '0' && raw[0] <= '9' || raw[0] == '.':
		return b.number(raw)
	}
	if typ, ok := types.ByName(t); ok && b.at < len(b.toks) && b.toks[b.at][0] == '\'' {
		b.at++
		return b.cast(textLiteral(b.toks[b.at-1]), typ, false)
	}
	for i, c := range b.columns {
		if c.Name == t {
			return &expr.Column{Index: i, Name: c.Name, Typ: c.Type}
		}
	}
	if b.accept("(") {
		return b.function(t)
	}
	return b.call(t)
}

func textLiteral(raw string) expr.Expr {
	d := vector.StringOf(strings.ReplaceAll(raw[1:len(raw)-1], "''", "'"))
	d.Type = types.Of(types.Unknown)
	return &expr.Literal{Value: d}
}

func (b *binder) number(raw string) expr.Expr {
	if n, err := strconv.ParseInt(raw, 10, 64); err == nil {
		d := vector.IntOf(n)
		if n <= 1<<31-1 {
			d.Type = types.Of(types.Int)
		}
		return &expr.Literal{Value: d}
	}
	if b.dialect == functions.KsqlDB && strings.ContainsAny(raw, "eE") {
		f, _ := strconv.ParseFloat(raw, 64)
		return &expr.Literal{Value: vector.DoubleOf(f)}
	}
	x, scale, ok, fits := vector.ParseDecimal(raw)
	if !ok || !fits {
		panic("bad number " + raw)
	}
	t := types.DecimalOf(int16(max(x.Digits(), int(scale), 1)), scale)
	return &expr.Literal{Value: vector.Datum{Type: t, D: x, Scale: scale}}
}

func (b *binder) function(name string) expr.Expr {
	var args []expr.Expr
	for !b.accept(")") {
		if len(args) > 0 && !b.accept(",") {
			b.expect("from") // extract(x FROM y)
		}
		if name == "extract" && len(args) == 0 && b.toks[b.at][0] != '\'' {
			args = append(args, textLiteral("'"+b.next()+"'"))
			continue
		}
		args = append(args, b.expr(0))
	}
	if name == "coalesce" {
		t := types.Of(types.Unknown)
		for _, a := range args {
			var ok bool
			if t, ok = types.Common(t, a.Type()); !ok {
				panic("no common type")
			}
		}
		if t.ID == types.Unknown {
			t = types.Of(types.String)
		}
		for i := range args {
			args[i] = b.cast(args[i], t, false)
		}
		return &expr.Coalesce{Args: args, Typ: t}
	}
	return b.call(name, args...)
}

func (b *binder) call(name string, args ...expr.Expr) expr.Expr {
	ts := make([]types.Type, len(args))
	for i, a := range args {
		ts[i] = a.Type()
	}
	o, casts, err := b.reg.Resolve(name, ts, b.dialect)
	if err != nil {
		panic(err)
	}
	for i := range args {
		args[i] = b.cast(args[i], casts[i], false)
	}
	t, err := o.Result(casts)
	if err != nil {
		panic(err)
	}
	return &expr.Call{Fn: o, Args: args, Typ: t}
}

func (b *binder) caseExpr() expr.Expr {
	n := &expr.Case{Typ: types.Of(types.Unknown)}
	common := func(e expr.Expr) expr.Expr {
		n.Typ, _ = types.Common(n.Typ, e.Type())
		return e
	}
	for b.accept("when") {
		cond := b.expr(0)
		b.expect("then")
		n.Whens = append(n.Whens, expr.When{Cond: cond, Then: common(b.expr(0))})
	}
	if b.accept("else") {
		n.Else = common(b.expr(0))
	}
	b.expect("end")
	if n.Typ.ID == types.Unknown {
		n.Typ = types.Of(types.String)
	}
	for i := range n.Whens {
		n.Whens[i].Then = b.cast(n.Whens[i].Then, n.Typ, false)
	}
	if n.Else != nil {
		n.Else = b.cast(n.Else, n.Typ, false)
	}
	return n
}

// collection is ARRAY[1, 2] and MAP['k', 1, ...] of constants.
func (b *binder) collection(kind string) expr.Expr {
	b.expect("[")
	var items []expr.Expr
	for !b.accept("]") {
		if len(items) > 0 {
			b.expect(",")
		}
		items = append(items, b.expr(0))
	}
	step := 1
	if kind == "map" {
		step = 2
	}
	kinds := make([]types.Type, step)
	for i, e := range items {
		kinds[i%step], _ = types.Common(kinds[i%step], e.Type())
	}
	for i := range kinds {
		if kinds[i].ID == types.Unknown {
			kinds[i] = types.Of(types.String)
		}
	}
	d := vector.Datum{Type: types.ArrayOf(kinds[0])}
	if step == 2 {
		d.Type = types.MapOf(kinds[0], kinds[1])
	}
	for i, e := range items {
		v, err := expr.Value(b.cast(e, kinds[i%step], false), nil)
		if err != nil {
			panic(err)
		}
		d.Kids = append(d.Kids, v)
	}
	return &expr.Literal{Value: d}
}
