package logical

import (
	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/vector"
)

// Replace rebuilds an expression top down: where f gives an expression, that stands instead, whole; where it gives nil, the parts are
// looked at. Nothing is changed in place.
func Replace(e expr.Expr, f func(expr.Expr) expr.Expr) expr.Expr {
	if e == nil {
		return nil
	}
	if r := f(e); r != nil {
		return r
	}
	kids := expr.Children(e)
	if len(kids) == 0 {
		return e
	}
	changed := false
	next := make([]expr.Expr, len(kids))
	for i, k := range kids {
		next[i] = Replace(k, f)
		changed = changed || next[i] != k
	}
	if !changed {
		return e
	}
	return expr.Rebuild(e, next)
}

// Columns calls f with the index of each column an expression reads, once a reading.
func Columns(e expr.Expr, f func(index int)) {
	expr.Walk(e, func(e expr.Expr) bool {
		if c, ok := e.(*expr.Column); ok {
			f(c.Index)
		}
		return true
	})
}

// Shift moves every column of an expression by delta.
func Shift(e expr.Expr, delta int) expr.Expr {
	return Remap(e, func(i int) int { return i + delta })
}

// Remap gives every column of an expression a new index.
func Remap(e expr.Expr, index func(int) int) expr.Expr {
	return Replace(e, func(e expr.Expr) expr.Expr {
		if c, ok := e.(*expr.Column); ok {
			moved := *c
			moved.Index = index(c.Index)
			return &moved
		}
		return nil
	})
}

// Conjuncts splits an AND chain.
func Conjuncts(e expr.Expr) []expr.Expr {
	if e == nil {
		return nil
	}
	if a, ok := e.(*expr.And); ok {
		return append(Conjuncts(a.Left), Conjuncts(a.Right)...)
	}
	return []expr.Expr{e}
}

// Conjunction joins conditions by AND; nil for none.
func Conjunction(list []expr.Expr) expr.Expr {
	var all expr.Expr
	for _, e := range list {
		if all == nil {
			all = e
		} else {
			all = &expr.And{Left: all, Right: e}
		}
	}
	return all
}

// Equal tells whether two expressions are written the same, positions apart.
func Equal(a, b expr.Expr) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	if !a.Type().Equal(b.Type()) || !sameHead(a, b) {
		return false
	}
	ka, kb := expr.Children(a), expr.Children(b)
	if len(ka) != len(kb) {
		return false
	}
	for i := range ka {
		if !Equal(ka[i], kb[i]) {
			return false
		}
	}
	return true
}

func sameHead(a, b expr.Expr) bool {
	switch a := a.(type) {
	case *expr.Column:
		b, ok := b.(*expr.Column)
		return ok && a.Index == b.Index
	case *expr.Literal:
		b, ok := b.(*expr.Literal)
		return ok && sameDatum(a.Value, b.Value)
	case *expr.Param:
		b, ok := b.(*expr.Param)
		return ok && a.Number == b.Number
	case *expr.Call:
		b, ok := b.(*expr.Call)
		return ok && a.Fn == b.Fn
	case *expr.Cast:
		b, ok := b.(*expr.Cast)
		return ok && a.Try == b.Try
	case *expr.And:
		_, ok := b.(*expr.And)
		return ok
	case *expr.Or:
		_, ok := b.(*expr.Or)
		return ok
	case *expr.Not:
		_, ok := b.(*expr.Not)
		return ok
	case *expr.IsNull:
		_, ok := b.(*expr.IsNull)
		return ok
	case *expr.IsDistinct:
		_, ok := b.(*expr.IsDistinct)
		return ok
	case *expr.Case:
		b, ok := b.(*expr.Case)
		return ok && len(a.Whens) == len(b.Whens) && (a.Else == nil) == (b.Else == nil)
	case *expr.Coalesce:
		_, ok := b.(*expr.Coalesce)
		return ok
	case *expr.In:
		b, ok := b.(*expr.In)
		return ok && sameData(a.List, b.List)
	case *expr.FieldOf:
		b, ok := b.(*expr.FieldOf)
		return ok && a.Index == b.Index
	}
	return false
}

func sameData(a, b []vector.Datum) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !sameDatum(a[i], b[i]) {
			return false
		}
	}
	return true
}

func sameDatum(a, b vector.Datum) bool {
	if a.Null || b.Null {
		return a.Null == b.Null && a.Type.Equal(b.Type)
	}
	return a.Type.Equal(b.Type) && a.I == b.I && a.F == b.F && a.D == b.D && a.Scale == b.Scale && a.S == b.S && sameData(a.Kids, b.Kids)
}

// Volatile tells whether an expression calls a function that answers anew each time: such are not moved.
func Volatile(e expr.Expr) bool {
	found := false
	expr.Walk(e, func(e expr.Expr) bool {
		if c, ok := e.(*expr.Call); ok && c.Fn.Volatility == functions.Volatile {
			found = true
		}
		return !found
	})
	return found
}
