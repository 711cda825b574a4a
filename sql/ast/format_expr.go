package ast

import "strconv"

// The binding powers of what an expression can be, as in the parser.
const (
	bindOr = iota + 1
	bindAnd
	bindNot
	bindIs
	bindCompare
	bindLike
	bindOther
	bindPlus
	bindTimes
	bindPower
	bindAt
	bindCollate
	bindSign
	bindPrimary
)

var binaryPower = map[string]int{
	"OR": bindOr, "AND": bindAnd,
	"=": bindCompare, "==": bindCompare, "<>": bindCompare, "!=": bindCompare, "<": bindCompare, "<=": bindCompare, ">": bindCompare, ">=": bindCompare,
	"+": bindPlus, "-": bindPlus, "*": bindTimes, "/": bindTimes, "%": bindTimes, "^": bindPower,
}

// power is how tightly an expression holds together.
func power(e Expr) int {
	switch e := e.(type) {
	case *Binary:
		if w := binaryPower[e.Op]; w > 0 && e.Schema == nil {
			return w
		}
		return bindOther
	case *Unary:
		switch e.Op {
		case "NOT":
			return bindNot
		case "-", "+":
			return bindSign
		}
		return bindOther
	case *IsNull, *IsTruth, *IsDistinct, *IsJSON:
		return bindIs
	case *Between, *InList, *InQuery, *Like:
		return bindLike
	case *Quantified:
		if w := binaryPower[e.Op]; w > 0 && e.Schema == nil {
			return w
		}
		return min(bindOther, bindLike)
	case *AtTimeZone:
		return bindAt
	case *Collate:
		return bindCollate
	case *Lambda, *NamedArg:
		return 0
	}
	return bindPrimary
}

// operand puts an expression, in parentheses unless it binds tighter than least.
func (p *printer) operand(e Expr, least int) {
	if power(e) > least {
		p.expr(e)
		return
	}
	p.put("(")
	p.expr(e)
	p.put(")")
}

// primary puts an expression in parentheses unless it is one that needs none anywhere.
func (p *printer) primary(e Expr) { p.operand(e, bindSign) }

func (p *printer) expr(e Expr) {
	if !p.literal(e) && !p.operator(e) && !p.predicate(e) && !p.constructor(e) {
		p.access(e)
	}
}

// literal puts leaves.
func (p *printer) literal(e Expr) bool {
	switch e := e.(type) {
	case *NullLit:
		p.put("NULL")
	case *BoolLit:
		p.put(map[bool]string{true: "TRUE", false: "FALSE"}[e.Value])
	case *NumberLit:
		p.put(e.Text)
	case *StringLit:
		p.put(FormatString(e.Value))
	case *BitLit:
		p.put(map[bool]string{true: "X'", false: "B'"}[e.Hex], e.Digits, "'")
	case *TypedLit:
		p.typeName(e.Type)
		p.put(" ", FormatString(e.Value))
	case *IntervalLit:
		p.interval(e)
	case *Param:
		p.put("$", strconv.Itoa(e.Index))
	case *ColumnRef:
		p.put(e.Name.String())
	case *Star:
		p.name("", e.Qualifier)
		p.flag(len(e.Qualifier) > 0, ".")
		p.put("*")
		p.columns(" EXCEPT ", e.Except)
	case *Default:
		p.put("DEFAULT")
	default:
		return false
	}
	return true
}

func (p *printer) interval(e *IntervalLit) {
	p.put("INTERVAL")
	if e.Fields == "" && e.Precision != "" {
		p.put("(", e.Precision, ")")
	}
	p.put(" ", FormatString(e.Value))
	if e.Fields != "" {
		p.put(" ", e.Fields)
		if e.Precision != "" {
			p.put("(", e.Precision, ")")
		}
	}
}

// operator puts operators of one or two operands.
func (p *printer) operator(e Expr) bool {
	switch e := e.(type) {
	case *Unary:
		p.put(e.Op)
		p.flag(e.Op != "-" && e.Op != "+", " ")
		if e.Op == "NOT" {
			p.operand(e.Expr, bindNot-1)
		} else {
			p.operand(e.Expr, power(e))
		}
	case *Binary:
		w := power(e)
		left := w
		if w != bindCompare {
			left = w - 1 // associates to the left
		}
		p.operand(e.Left, left)
		p.put(" ", operatorName(e.Op, e.Schema), " ")
		p.operand(e.Right, w)
	case *Quantified:
		p.operand(e.Left, power(e))
		p.put(" ", operatorName(e.Op, e.Schema), map[bool]string{true: " ALL (", false: " ANY ("}[e.All])
		if e.Query != nil {
			p.body(e.Query)
		} else {
			p.expr(e.Array)
		}
		p.put(")")
	case *AtTimeZone:
		p.operand(e.Expr, bindAt-1)
		p.put(" AT TIME ZONE ")
		p.operand(e.Zone, bindAt)
	case *Collate:
		p.operand(e.Expr, bindCollate-1)
		p.put(" COLLATE ", e.Name.String())
	default:
		return false
	}
	return true
}

func operatorName(op string, schema Name) string {
	if schema == nil {
		return op
	}
	return "OPERATOR(" + schema.String() + "." + op + ")"
}

// word puts NOT in front of a word that was negated.
func (p *printer) word(not bool, s string) {
	p.put(" ")
	p.flag(not, "NOT ")
	p.put(s)
}

// predicate puts operators that are words.
func (p *printer) predicate(e Expr) bool {
	is := func(x Expr, not bool, what string) {
		p.operand(x, bindIs)
		p.put(" IS ")
		p.flag(not, "NOT ")
		p.put(what)
	}
	switch e := e.(type) {
	case *IsNull:
		is(e.Expr, e.Not, "NULL")
	case *IsTruth:
		is(e.Expr, e.Not, [...]string{"TRUE", "FALSE", "UNKNOWN"}[e.Value])
	case *IsJSON:
		is(e.Expr, e.Not, "JSON")
		p.flag(e.Kind != "", " "+e.Kind)
	case *IsDistinct:
		is(e.Left, e.Not, "DISTINCT FROM ")
		p.operand(e.Right, bindIs)
	case *Between:
		p.operand(e.Expr, bindLike)
		p.word(e.Not, "BETWEEN ")
		p.flag(e.Symmetric, "SYMMETRIC ")
		p.operand(e.Low, bindLike)
		p.put(" AND ")
		p.operand(e.High, bindLike)
	case *Like:
		p.operand(e.Expr, bindLike)
		p.word(e.Not, [...]string{"LIKE ", "ILIKE ", "SIMILAR TO "}[e.Kind])
		p.operand(e.Pattern, bindLike)
		if e.Escape != nil {
			p.put(" ESCAPE ")
			p.operand(e.Escape, bindLike)
		}
	case *InList:
		p.operand(e.Expr, bindLike)
		p.word(e.Not, "IN (")
		p.exprs(e.List)
		p.put(")")
	case *InQuery:
		p.operand(e.Expr, bindLike)
		p.word(e.Not, "IN ")
		p.subquery(e.Query)
	case *Exists:
		p.put("EXISTS ")
		p.subquery(e.Query)
	case *Subquery:
		p.subquery(e.Query)
	default:
		return false
	}
	return true
}

func (p *printer) subquery(q *Query) {
	p.put("(")
	p.body(q)
	p.put(")")
}

// constructor puts what builds composite values.
func (p *printer) constructor(e Expr) bool {
	switch e := e.(type) {
	case *ArrayCons:
		p.put("ARRAY[")
		p.exprs(e.Elems)
		p.put("]")
	case *ArrayQuery:
		p.put("ARRAY")
		p.subquery(e.Query)
	case *MapCons:
		p.put("MAP(")
		p.list(len(e.Entries), func(i int) {
			p.expr(e.Entries[i].Key)
			p.put(" := ")
			p.expr(e.Entries[i].Value)
		})
		p.put(")")
	case *StructCons:
		p.put("STRUCT(")
		p.list(len(e.Fields), func(i int) {
			p.put(FormatIdent(e.Fields[i].Name), " := ")
			p.expr(e.Fields[i].Value)
		})
		p.put(")")
	case *Row:
		p.flag(e.Explicit, "ROW")
		p.put("(")
		p.exprs(e.Elems)
		p.put(")")
	case *Grouping:
		p.put([...]string{"GROUPING SETS (", "ROLLUP (", "CUBE (", "("}[e.Kind])
		p.exprs(e.Items)
		p.put(")")
	case *NamedArg:
		p.put(FormatIdent(e.Name), " := ")
		p.expr(e.Expr)
	case *TableArg:
		p.put("TABLE ", e.Name.String())
	case *Lambda:
		p.columns("", e.Params) // outside a call's arguments one parameter, too, needs its parentheses
		p.lambdaBody(e)
	default:
		return false
	}
	return true
}

// lambda puts a lambda that is an argument of a call.
func (p *printer) lambda(e *Lambda) {
	if len(e.Params) == 1 {
		p.put(FormatIdent(e.Params[0]))
	} else {
		p.columns("", e.Params)
	}
	p.lambdaBody(e)
}

func (p *printer) lambdaBody(e *Lambda) {
	p.put(" => ")
	p.expr(e.Body)
}

// access puts calls, casts, CASE and what reaches into composite values.
func (p *printer) access(e Expr) {
	switch e := e.(type) {
	case *Case:
		p.put("CASE")
		p.clause(" ", e.Operand)
		for _, w := range e.Whens {
			p.clause(" WHEN ", w.Cond)
			p.clause(" THEN ", w.Result)
		}
		p.clause(" ELSE ", e.Else)
		p.put(" END")
	case *Cast:
		p.cast(e)
	case *Call:
		p.call(e)
	case *Subscript:
		p.base(e.Expr)
		p.put("[")
		p.expr(e.Index)
		p.put("]")
	case *Slice:
		p.base(e.Expr)
		p.put("[")
		p.clause("", e.Low)
		p.put(":")
		p.clause("", e.High)
		p.put("]")
	case *Field:
		p.fieldBase(e.Expr, e.Arrow)
		p.put(FormatIdent(e.Name))
	case *FieldStar:
		p.fieldBase(e.Expr, e.Arrow)
		p.put("*")
	}
}

// base puts what a subscript follows.
func (p *printer) base(e Expr) {
	switch e.(type) {
	case *ColumnRef, *Subscript, *Slice, *Field, *ArrayCons, *MapCons, *Call, *Param:
		p.expr(e)
	default:
		p.put("(")
		p.expr(e)
		p.put(")")
	}
}

// fieldBase puts what a field is taken of. A dot behind a bare name would make a longer name.
func (p *printer) fieldBase(e Expr, arrow bool) {
	if arrow {
		p.base(e)
		p.put("->")
		return
	}
	p.put("(")
	p.expr(e)
	p.put(").")
}

func (p *printer) cast(e *Cast) {
	switch e.Style {
	case CastColons:
		p.primary(e.Expr)
		p.put("::")
		p.typeName(e.Type)
		return
	case CastTry:
		p.put("TRY_")
	}
	p.put("CAST(")
	p.expr(e.Expr)
	p.put(" AS ")
	p.typeName(e.Type)
	p.put(")")
}
