package expr

import (
	"slices"

	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/vector"
)

// Walk calls f for e and, while f returns true, for what is below it, in written order.
func Walk(e Expr, f func(Expr) bool) {
	if e == nil || !f(e) {
		return
	}
	for _, c := range Children(e) {
		Walk(c, f)
	}
}

// Children are the direct parts of e, in written order. The caller must not change the slice.
func Children(e Expr) []Expr {
	switch e := e.(type) {
	case *Call:
		return e.Args
	case *Cast:
		return []Expr{e.Arg}
	case *And:
		return []Expr{e.Left, e.Right}
	case *Or:
		return []Expr{e.Left, e.Right}
	case *Not:
		return []Expr{e.Arg}
	case *IsNull:
		return []Expr{e.Arg}
	case *IsDistinct:
		return []Expr{e.Left, e.Right}
	case *Case:
		var out []Expr
		for _, w := range e.Whens {
			out = append(out, w.Cond, w.Then)
		}
		if e.Else != nil {
			out = append(out, e.Else)
		}
		return out
	case *Coalesce:
		return e.Args
	case *In:
		return []Expr{e.Arg}
	case *FieldOf:
		return []Expr{e.Arg}
	}
	return nil
}

// Transform rebuilds e from the leaves up, replacing each node by what f makes of it. Nodes that do not change are shared, none is
// modified.
func Transform(e Expr, f func(Expr) Expr) Expr {
	if e == nil {
		return nil
	}
	old := Children(e)
	if len(old) == 0 {
		return f(e)
	}
	changed := false
	kids := make([]Expr, len(old))
	for i, c := range old {
		kids[i] = Transform(c, f)
		changed = changed || kids[i] != c
	}
	if changed {
		e = Rebuild(e, kids)
	}
	return f(e)
}

// Rebuild copies e with other children, in the order of Children.
func Rebuild(e Expr, kids []Expr) Expr {
	switch e := e.(type) {
	case *Call:
		c := *e
		c.Args = kids
		return &c
	case *Cast:
		c := *e
		c.Arg = kids[0]
		return &c
	case *And:
		return &And{Left: kids[0], Right: kids[1]}
	case *Or:
		return &Or{Left: kids[0], Right: kids[1]}
	case *Not:
		return &Not{Arg: kids[0]}
	case *IsNull:
		return &IsNull{Arg: kids[0]}
	case *IsDistinct:
		return &IsDistinct{Left: kids[0], Right: kids[1]}
	case *Case:
		c := &Case{Typ: e.Typ}
		for i := range e.Whens {
			c.Whens = append(c.Whens, When{Cond: kids[2*i], Then: kids[2*i+1]})
		}
		if e.Else != nil {
			c.Else = kids[len(kids)-1]
		}
		return c
	case *Coalesce:
		return &Coalesce{Args: kids, Typ: e.Typ}
	case *In:
		return &In{Arg: kids[0], List: e.List}
	case *FieldOf:
		c := *e
		c.Arg = kids[0]
		return &c
	}
	return e
}

// ColumnsUsed lists the input columns e reads, ascending, each once.
func ColumnsUsed(exprs ...Expr) []int {
	var out []int
	for _, e := range exprs {
		Walk(e, func(e Expr) bool {
			if c, ok := e.(*Column); ok && !slices.Contains(out, c.Index) {
				out = append(out, c.Index)
			}
			return true
		})
	}
	slices.Sort(out)
	return out
}

// IsConst tells whether e reads no column and no parameter and calls nothing that changes from row to row. With stable, now() and
// its like count as constant.
func IsConst(e Expr, stable bool) bool {
	ok := true
	Walk(e, func(e Expr) bool {
		switch e := e.(type) {
		case *Column, *Param:
			ok = false
		case *Call:
			if e.Fn.Volatility == functions.Volatile || e.Fn.Volatility == functions.Stable && !stable {
				ok = false
			}
		}
		return ok
	})
	return ok
}

// Fold replaces what is constant by its value, from the leaves up. What fails is left as it is: the error is the run's, if the run
// reaches it.
func Fold(e Expr, ctx *functions.Context) Expr {
	return Transform(e, func(e Expr) Expr {
		if !foldable(e) {
			return e
		}
		d, err := Value(e, ctx)
		if err != nil {
			return e
		}
		return &Literal{Value: d}
	})
}

// foldable tells whether e can be computed now, its parts being folded already: all are literals, and it is not one itself. Looking
// no deeper keeps the folding of long chains linear.
func foldable(e Expr) bool {
	switch e := e.(type) {
	case *Literal, *Column, *Param:
		return false
	case *Call:
		if e.Fn.Volatility != functions.Immutable {
			return false
		}
	}
	for _, part := range Children(e) {
		if _, literal := part.(*Literal); !literal {
			return false
		}
	}
	return true
}

// Value computes an expression that reads no columns. Row errors are errors here.
func Value(e Expr, ctx *functions.Context) (vector.Datum, error) {
	strict := functions.Context{}
	if ctx != nil {
		strict = *ctx
	}
	strict.RowError = nil
	p, err := Compile(e, &strict)
	if err != nil {
		return vector.Datum{}, err
	}
	v, err := p.Eval(&vector.Chunk{N: 1})
	if err != nil {
		return vector.Datum{}, err
	}
	return vector.DatumAt(v, 0), nil
}
