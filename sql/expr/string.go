package expr

import (
	"strconv"
	"strings"

	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// String writes e much as it was written: for EXPLAIN and for generated names. It is stable, so tests may compare it.
func String(e Expr) string {
	var b strings.Builder
	write(&b, e)
	return b.String()
}

func write(b *strings.Builder, e Expr) {
	switch e := e.(type) {
	case *Column:
		if e.Name == "" {
			b.WriteString("#" + strconv.Itoa(e.Index))
			return
		}
		b.WriteString(e.Name)
	case *Literal:
		b.WriteString(literal(e.Value))
	case *Param:
		b.WriteString("$" + strconv.Itoa(e.Number))
	case *Call:
		writeCall(b, e)
	case *Cast:
		name := "CAST("
		if e.Try {
			name = "TRY_CAST("
		}
		b.WriteString(name)
		write(b, e.Arg)
		b.WriteString(" AS " + e.Typ.String() + ")")
	case *And:
		writeInfix(b, e.Left, "AND", e.Right)
	case *Or:
		writeInfix(b, e.Left, "OR", e.Right)
	case *Not:
		b.WriteString("(NOT ")
		write(b, e.Arg)
		b.WriteByte(')')
	case *IsNull:
		b.WriteByte('(')
		write(b, e.Arg)
		b.WriteString(" IS NULL)")
	case *IsDistinct:
		writeInfix(b, e.Left, "IS DISTINCT FROM", e.Right)
	case *Case:
		writeCase(b, e)
	case *Coalesce:
		writeList(b, "COALESCE", e.Args)
	case *In:
		b.WriteByte('(')
		write(b, e.Arg)
		b.WriteString(" IN (")
		for i, d := range e.List {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(literal(d))
		}
		b.WriteString("))")
	case *FieldOf:
		write(b, e.Arg)
		b.WriteString("->")
		if t := e.Arg.Type(); e.Index < len(t.Fields) {
			b.WriteString(t.Fields[e.Index].Name)
		} else {
			b.WriteString(strconv.Itoa(e.Index))
		}
	}
}

func writeInfix(b *strings.Builder, left Expr, op string, right Expr) {
	b.WriteByte('(')
	write(b, left)
	b.WriteString(" " + op + " ")
	write(b, right)
	b.WriteByte(')')
}

func writeCall(b *strings.Builder, e *Call) {
	name := e.Fn.Name
	operator := name != "" && (name[0] < 'a' || name[0] > 'z') && name[0] != '_' || name == "like" || name == "ilike"
	switch {
	case operator && len(e.Args) == 2:
		writeInfix(b, e.Args[0], strings.ToUpper(name), e.Args[1])
	case operator && len(e.Args) == 1:
		b.WriteString("(" + name)
		write(b, e.Args[0])
		b.WriteByte(')')
	default:
		writeList(b, name, e.Args)
	}
}

func writeList(b *strings.Builder, name string, args []Expr) {
	b.WriteString(name)
	b.WriteByte('(')
	for i, a := range args {
		if i > 0 {
			b.WriteString(", ")
		}
		write(b, a)
	}
	b.WriteByte(')')
}

func writeCase(b *strings.Builder, e *Case) {
	b.WriteString("CASE")
	for _, w := range e.Whens {
		b.WriteString(" WHEN ")
		write(b, w.Cond)
		b.WriteString(" THEN ")
		write(b, w.Then)
	}
	if e.Else != nil {
		b.WriteString(" ELSE ")
		write(b, e.Else)
	}
	b.WriteString(" END")
}

// literal is a value as SQL text: numbers and booleans bare, the rest quoted.
func literal(d vector.Datum) string {
	if d.Null {
		return "NULL"
	}
	switch {
	case d.Type.ID == types.Boolean:
		return strings.ToUpper(strconv.FormatBool(d.I != 0))
	case d.Type.Numeric():
		return d.Text()
	}
	text := "'" + strings.ReplaceAll(d.Text(), "'", "''") + "'"
	switch d.Type.ID {
	case types.String, types.Unknown:
		return text
	case types.Interval, types.Timestamp, types.Date, types.Time:
		return strings.ToUpper(strings.Fields(d.Type.String())[0]) + " " + text
	}
	return text
}
