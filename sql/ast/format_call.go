package ast

import "strings"

func (p *printer) call(e *Call) {
	if e.Syntax == CallKeyword {
		p.put(strings.ToUpper(e.Name.Last().Name))
		return
	}
	if e.Syntax != CallPlain {
		p.specialCall(e)
	} else {
		p.plainCall(e)
	}
	if e.WithinGroup != nil {
		p.put(" WITHIN GROUP (ORDER BY ")
		p.order(e.WithinGroup)
		p.put(")")
	}
	if e.Filter != nil {
		p.clause(" FILTER (WHERE ", e.Filter)
		p.put(")")
	}
	p.flag(e.Nulls != "", " "+e.Nulls+" NULLS")
	if e.Over != nil {
		p.put(" OVER ")
		p.spec(e.Over)
	}
}

func (p *printer) plainCall(e *Call) {
	p.put(e.Name.String(), "(")
	p.flag(e.Distinct, "DISTINCT ")
	p.flag(e.Star, "*")
	p.list(len(e.Args), func(i int) {
		p.flag(e.Variadic && i == len(e.Args)-1, "VARIADIC ")
		p.argument(e.Args[i])
	})
	if e.OrderBy != nil {
		p.put(" ORDER BY ")
		p.order(e.OrderBy)
	}
	p.put(")")
}

// specialCall puts calls with a syntax of their own; see Call for the order of arguments.
func (p *printer) specialCall(e *Call) {
	arg := func(before string, i int) {
		if i < len(e.Args) {
			p.put(before)
			p.argument(e.Args[i])
		}
	}
	switch e.Syntax {
	case CallExtract:
		p.put("EXTRACT(")
		if field, ok := e.Args[0].(*StringLit); ok {
			p.put(FormatString(field.Value))
		}
		arg(" FROM ", 1)
	case CallSubstring:
		arg("SUBSTRING(", 0)
		arg(" FROM ", 1)
		arg(" FOR ", 2)
	case CallSubstringFor:
		arg("SUBSTRING(", 0)
		arg(" FOR ", 2)
	case CallSimilar:
		arg("SUBSTRING(", 0)
		arg(" SIMILAR ", 1)
		arg(" ESCAPE ", 2)
	case CallPosition:
		p.put("POSITION(")
		p.operand(e.Args[1], bindLike)
		p.put(" IN ")
		p.operand(e.Args[0], bindLike)
	case CallOverlay:
		arg("OVERLAY(", 0)
		arg(" PLACING ", 1)
		arg(" FROM ", 2)
		arg(" FOR ", 3)
	default:
		side := map[CallSyntax]string{CallTrimBoth: "BOTH", CallTrimLeading: "LEADING", CallTrimTrailing: "TRAILING"}[e.Syntax]
		p.put("TRIM(", side)
		arg(" ", 1)
		arg(" FROM ", 0)
		for i := 2; i < len(e.Args); i++ {
			arg(", ", i)
		}
	}
	p.put(")")
}

func (p *printer) order(list []OrderItem) {
	p.list(len(list), func(i int) {
		p.expr(list[i].Expr)
		p.direction(list[i])
	})
}

func (p *printer) direction(o OrderItem) {
	p.flag(o.Using != "", " USING "+o.Using)
	p.flag(o.Desc, " DESC")
	p.put([...]string{"", " NULLS FIRST", " NULLS LAST"}[o.Nulls])
}

func (p *printer) spec(w *WindowSpec) {
	if w.Ref.Given() {
		p.put(FormatIdent(w.Ref))
		return
	}
	p.put("(")
	space := ""
	if w.Base.Given() {
		p.put(FormatIdent(w.Base))
		space = " "
	}
	if w.PartitionBy != nil {
		p.put(space, "PARTITION BY ")
		p.exprs(w.PartitionBy)
		space = " "
	}
	if w.OrderBy != nil {
		p.put(space, "ORDER BY ")
		p.order(w.OrderBy)
		space = " "
	}
	if w.Frame != nil {
		p.put(space)
		p.frame(w.Frame)
	}
	p.put(")")
}

func (p *printer) frame(f *Frame) {
	p.put(f.Unit, " ")
	if f.End != nil {
		p.put("BETWEEN ")
	}
	p.bound(f.Start)
	if f.End != nil {
		p.put(" AND ")
		p.bound(*f.End)
	}
	p.flag(f.Exclude != "", " EXCLUDE "+f.Exclude)
}

func (p *printer) bound(b FrameBound) {
	switch b.Kind {
	case BoundCurrentRow:
		p.put("CURRENT ROW")
	case BoundUnboundedPreceding:
		p.put("UNBOUNDED PRECEDING")
	case BoundUnboundedFollowing:
		p.put("UNBOUNDED FOLLOWING")
	case BoundPreceding:
		p.operand(b.Expr, bindOther)
		p.put(" PRECEDING")
	case BoundFollowing:
		p.operand(b.Expr, bindOther)
		p.put(" FOLLOWING")
	case BoundGap:
		p.clause("WITH GAP ", b.Expr)
	}
}

func (p *printer) argument(e Expr) {
	if l, ok := e.(*Lambda); ok {
		p.lambda(l)
		return
	}
	p.expr(e)
}
