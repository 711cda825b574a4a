package bind

import (
	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// Functions that syntax stands for.
const (
	likeFunction      = "like"
	ilikeFunction     = "ilike"
	subscriptFunction = "element_at"
	arrayFunction     = "array"
)

// likeOperators are Postgres' operator spellings of LIKE and the negated regular expressions.
var likeOperators = map[string]struct {
	name string
	not  bool
}{
	"~~": {likeFunction, false}, "!~~": {likeFunction, true}, "~~*": {ilikeFunction, false}, "!~~*": {ilikeFunction, true},
	"!~": {"~", true}, "!~*": {"~*", true},
	"LIKE": {likeFunction, false}, "NOT LIKE": {likeFunction, true}, "ILIKE": {ilikeFunction, false}, "NOT ILIKE": {ilikeFunction, true},
}

// isTruth binds IS TRUE, IS FALSE, IS UNKNOWN: never null.
func (b *Binder) isTruth(p *place, e *ast.IsTruth) (expr.Expr, error) {
	arg, err := b.expression(p, e.Expr)
	if err != nil {
		return nil, err
	}
	if arg, err = b.condition(arg, "IS TRUE", e.Expr.Pos()); err != nil {
		return nil, err
	}
	t := types.Of(types.Boolean)
	switch e.Value {
	case ast.True:
		return negate(&expr.Coalesce{Args: []expr.Expr{arg, boolean(false)}, Typ: t}, e.Not), nil
	case ast.False:
		return negate(&expr.Coalesce{Args: []expr.Expr{&expr.Not{Arg: arg}, boolean(false)}, Typ: t}, e.Not), nil
	}
	return negate(&expr.IsNull{Arg: arg}, e.Not), nil
}

func (b *Binder) isDistinct(p *place, e *ast.IsDistinct) (expr.Expr, error) {
	left, err := b.expression(p, e.Left)
	if err != nil {
		return nil, err
	}
	right, err := b.expression(p, e.Right)
	if err != nil {
		return nil, err
	}
	both, _, err := b.common("IS DISTINCT FROM", []expr.Expr{left, right}, []sqlerr.Pos{e.Left.Pos(), e.Right.Pos()})
	if err != nil {
		return nil, err
	}
	for i, side := range both {
		if both[i], err = b.text(side, e.At); err != nil {
			return nil, err
		}
	}
	return negate(&expr.IsDistinct{Left: both[0], Right: both[1]}, e.Not), nil
}

func (b *Binder) between(p *place, e *ast.Between) (expr.Expr, error) {
	within := func(low, high ast.Expr) (expr.Expr, error) {
		from, err := b.compare(p, ">=", e.Expr, low, e.At)
		if err != nil {
			return nil, err
		}
		to, err := b.compare(p, "<=", e.Expr, high, e.At)
		if err != nil {
			return nil, err
		}
		return &expr.And{Left: from, Right: to}, nil
	}
	cond, err := within(e.Low, e.High)
	if err != nil {
		return nil, err
	}
	if e.Symmetric {
		swapped, err := within(e.High, e.Low)
		if err != nil {
			return nil, err
		}
		cond = &expr.Or{Left: cond, Right: swapped}
	}
	return negate(cond, e.Not), nil
}

func (b *Binder) compare(p *place, op string, left, right ast.Expr, pos sqlerr.Pos) (expr.Expr, error) {
	l, err := b.expression(p, left)
	if err != nil {
		return nil, err
	}
	r, err := b.expression(p, right)
	if err != nil {
		return nil, err
	}
	return b.operator(op, l, r, pos, left.Pos(), right.Pos())
}

func (b *Binder) like(p *place, e *ast.Like) (expr.Expr, error) {
	name := likeFunction
	switch e.Kind {
	case ast.LikeILike:
		name = ilikeFunction
	case ast.LikeSimilar:
		return nil, sqlerr.Unsupported(e.At, "SIMILAR TO")
	}
	args := []ast.Expr{e.Expr, e.Pattern}
	if e.Escape != nil {
		args = append(args, e.Escape)
	}
	call, err := b.operatorCall(p, name, e.At, args...)
	if err != nil {
		return nil, err
	}
	return negate(call, e.Not), nil
}

// inList binds x IN (…): one look-up in a set when the list is constant, else a chain of comparisons.
func (b *Binder) inList(p *place, e *ast.InList) (expr.Expr, error) {
	arg, err := b.expression(p, e.Expr)
	if err != nil {
		return nil, err
	}
	list, places := make([]expr.Expr, len(e.List)), make([]sqlerr.Pos, len(e.List))
	for i, item := range e.List {
		if list[i], err = b.expression(p, item); err != nil {
			return nil, err
		}
		places[i] = item.Pos()
	}
	in, err := b.in(arg, list, e.Expr.Pos(), places, e.At)
	if err != nil {
		return nil, err
	}
	return negate(in, e.Not), nil
}

func (b *Binder) in(arg expr.Expr, list []expr.Expr, argPos sqlerr.Pos, places []sqlerr.Pos, pos sqlerr.Pos) (expr.Expr, error) {
	all, t, err := b.common("IN", append([]expr.Expr{arg}, list...), append([]sqlerr.Pos{argPos}, places...))
	if err != nil {
		return nil, err
	}
	if t.ID == types.Unknown {
		for i, e := range all {
			if all[i], err = b.text(e, pos); err != nil {
				return nil, err
			}
		}
	}
	data := make([]vector.Datum, 0, len(list))
	for _, e := range all[1:] {
		d, ok := b.datum(e)
		if !ok {
			return b.inChain(all[0], all[1:], argPos, places, pos)
		}
		data = append(data, d)
	}
	return &expr.In{Arg: all[0], List: data}, nil
}

func (b *Binder) inChain(arg expr.Expr, list []expr.Expr, argPos sqlerr.Pos, places []sqlerr.Pos, pos sqlerr.Pos) (expr.Expr, error) {
	var chain expr.Expr
	for i, e := range list {
		eq, err := b.operator("=", arg, e, pos, argPos, places[i])
		if err != nil {
			return nil, err
		}
		if chain == nil {
			chain = eq
		} else {
			chain = &expr.Or{Left: chain, Right: eq}
		}
	}
	return chain, nil
}

// quantified binds x op ANY | ALL (ARRAY[…]): = ANY and <> ALL as IN and NOT IN, others as a chain of comparisons.
func (b *Binder) quantified(p *place, e *ast.Quantified) (expr.Expr, error) {
	word := "ANY"
	if e.All {
		word = "ALL"
	}
	if e.Query != nil {
		return nil, sqlerr.Unsupported(e.At, word+" (SELECT …)")
	}
	if err := systemSchema(e.Schema); err != nil {
		return nil, err
	}
	array, isList := e.Array.(*ast.ArrayCons)
	if !isList {
		return b.quantifiedArray(p, e, word)
	}
	if len(array.Elems) == 0 {
		return boolean(e.All), nil
	}
	negated := e.Op == "<>" || e.Op == "!="
	if e.Op == "=" && !e.All || negated && e.All {
		return b.inList(p, &ast.InList{Place: e.Place, Expr: e.Left, List: array.Elems, Not: e.All})
	}
	var chain expr.Expr
	for _, elem := range array.Elems {
		next, err := b.compare(p, e.Op, e.Left, elem, e.At)
		switch {
		case err != nil:
			return nil, err
		case chain == nil:
			chain = next
		case e.All:
			chain = &expr.And{Left: chain, Right: next}
		default:
			chain = &expr.Or{Left: chain, Right: next}
		}
	}
	return b.condition(chain, word, e.At)
}

// anyFunction is x = ANY (array) as the functions know it.
const anyFunction = "equals_any"

// quantifiedArray binds x = ANY and x <> ALL of an array that is a column, a parameter or another value.
func (b *Binder) quantifiedArray(p *place, e *ast.Quantified, word string) (expr.Expr, error) {
	negated := e.All && (e.Op == "<>" || e.Op == "!=")
	if !negated && (e.All || e.Op != "=") {
		return nil, sqlerr.Unsupported(e.At, e.Op+" "+word+" of an array that is not written out")
	}
	value, err := b.expression(p, e.Left)
	if err != nil {
		return nil, err
	}
	array, err := b.expression(p, e.Array)
	if err != nil {
		return nil, err
	}
	switch of := array.Type(); {
	case of.ID == types.Unknown && value.Type().ID == types.Unknown:
		array, err = b.settle(array, types.ArrayOf(types.Of(types.String)), e.Array.Pos())
	case of.ID == types.Unknown:
		array, err = b.settle(array, types.ArrayOf(value.Type()), e.Array.Pos())
	case of.ID != types.Array:
		return nil, sqlerr.Newf(sqlerr.WrongObjectType, e.Array.Pos(), "ANY and ALL need an array on the right side")
	}
	if err != nil {
		return nil, err
	}
	if value, array, err = b.alike(value, array, e); err != nil {
		return nil, err
	}
	call, err := b.resolve(anyFunction, []expr.Expr{value, array}, []sqlerr.Pos{e.Left.Pos(), e.Array.Pos()}, e.At)
	if err != nil {
		return nil, err
	}
	return negate(call, negated), nil
}

// alike casts a value to the type of an array's elements, or the array to one of the value's type.
func (b *Binder) alike(value, array expr.Expr, e *ast.Quantified) (expr.Expr, expr.Expr, error) {
	of := array.Type()
	cast, err := b.coerce(value, *of.Elem, types.Implicit, e.Left.Pos())
	if err != nil || cast != nil {
		return cast, array, err
	}
	list, err := b.coerce(array, types.ArrayOf(value.Type()), types.Implicit, e.Array.Pos())
	if err == nil && list == nil {
		err = sqlerr.Newf(sqlerr.UndefinedFunction, e.At, "operator does not exist: %s = %s", value.Type().String(), of.Elem.String())
	}
	return value, list, err
}
