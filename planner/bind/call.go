package bind

import (
	"strings"

	"github.com/freshetdb/freshet/planner/logical"
	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// call binds a function call: forms with rules of their own, aggregates, then scalar functions.
func (b *Binder) call(p *place, e *ast.Call) (expr.Expr, error) {
	if err := systemSchema(e.Name.Qualifier()); err != nil {
		return nil, err
	}
	name := strings.ToLower(e.Name.Last().Name)
	switch {
	case e.Over != nil:
		return nil, sqlerr.Unsupported(e.At, "a window function (OVER)")
	case len(e.WithinGroup) > 0:
		return nil, sqlerr.Unsupported(e.At, "WITHIN GROUP")
	case e.Variadic:
		return nil, sqlerr.Unsupported(e.At, "a VARIADIC argument")
	case b.Functions.IsAggregate(name):
		return b.aggregate(p, e, name)
	case e.Star || e.Distinct || e.Filter != nil || len(e.OrderBy) > 0:
		return nil, sqlerr.Newf(sqlerr.WrongObjectType, e.At, "%s is not an aggregate function", name)
	}
	args, places := make([]expr.Expr, len(e.Args)), make([]sqlerr.Pos, len(e.Args))
	for i, a := range e.Args {
		arg, err := b.expression(p, a)
		if err != nil {
			return nil, err
		}
		args[i], places[i] = arg, a.Pos()
	}
	switch {
	case (name == "coalesce" || name == "ifnull") && len(args) > 0:
		list, t, err := b.common(strings.ToUpper(name), args, places)
		if err != nil {
			return nil, err
		}
		return &expr.Coalesce{Args: list, Typ: t}, nil
	case name == "nullif" && len(args) == 2:
		return b.nullIf(args, places, e.At)
	}
	return b.resolve(name, args, places, e.At)
}

// nullIf is CASE WHEN a = b THEN NULL ELSE a END.
func (b *Binder) nullIf(args []expr.Expr, places []sqlerr.Pos, pos sqlerr.Pos) (expr.Expr, error) {
	eq, err := b.operator("=", args[0], args[1], pos, places[0], places[1])
	if err != nil {
		return nil, err
	}
	first, err := b.text(args[0], places[0])
	if err != nil {
		return nil, err
	}
	null := &expr.Literal{Value: vector.NullOf(first.Type())}
	return &expr.Case{Whens: []expr.When{{Cond: eq, Then: null}}, Else: first, Typ: first.Type()}, nil
}

// Indexes of columns that exist only between binding and grouping: aggregates, and the window's start and end.
const (
	aggregateBase = 1 << 24
	windowBase    = 1 << 23
)

// noBounds refuses a window's bounds where rows have no window yet.
func noBounds(e expr.Expr, where string, pos sqlerr.Pos) error {
	var err error
	logical.Columns(e, func(i int) {
		if i >= windowBase && i < aggregateBase {
			err = sqlerr.Newf(sqlerr.WindowingError, pos, "the bounds of the window are not known in %s", where)
		}
	})
	return err
}

// aggregates collects the aggregates of one SELECT.
type aggregates struct {
	list []logical.Agg
}

// aggregate binds an aggregate call as a column to come; equal calls share one.
func (b *Binder) aggregate(p *place, e *ast.Call, name string) (expr.Expr, error) {
	switch {
	case p.inAgg:
		return nil, sqlerr.Newf(sqlerr.GroupingError, e.At, "aggregate function calls cannot be nested")
	case p.aggs == nil:
		return nil, sqlerr.Newf(sqlerr.GroupingError, e.At, "aggregate functions are not allowed in %s", p.clause)
	case e.Distinct && e.Star:
		return nil, sqlerr.Newf(sqlerr.SyntaxError, e.At, "DISTINCT cannot be used with *")
	case len(e.OrderBy) > 0:
		return nil, sqlerr.Unsupported(e.At, "ORDER BY inside an aggregate")
	}
	inner := &place{scope: p.scope, clause: p.clause, inAgg: true, aggs: p.aggs}
	args, places, argTypes := []expr.Expr{}, []sqlerr.Pos{}, []types.Type{}
	for _, a := range e.Args {
		arg, err := b.expression(inner, a)
		if err != nil {
			return nil, err
		}
		if err := noBounds(arg, "an aggregate function", a.Pos()); err != nil {
			return nil, err
		}
		args, places, argTypes = append(args, arg), append(places, a.Pos()), append(argTypes, arg.Type())
	}
	var filter expr.Expr
	if e.Filter != nil {
		cond, err := b.expression(inner, e.Filter)
		if err != nil {
			return nil, err
		}
		if filter, err = b.condition(cond, "FILTER", e.Filter.Pos()); err != nil {
			return nil, err
		}
		if err := noBounds(filter, "an aggregate function", e.Filter.Pos()); err != nil {
			return nil, err
		}
	}
	agg, casts, err := b.Functions.ResolveAggregate(name, argTypes, e.Star, b.dialect)
	if err != nil {
		return nil, sqlerr.From(err).WithPos(e.At)
	}
	for i := range args {
		cast, err := b.coerce(args[i], casts[i], types.Implicit, places[i])
		if err != nil {
			return nil, err
		}
		if cast != nil {
			args[i] = cast
		}
		casts[i] = args[i].Type()
	}
	// DISTINCT is the aggregating step's work, which passes each value on once: the function itself need not know.
	result, constructor, err := agg.Bind(casts, false)
	if err != nil {
		return nil, sqlerr.From(err).WithPos(e.At)
	}
	return p.aggs.add(logical.Agg{Name: name, Args: args, Filter: filter, Distinct: e.Distinct, New: constructor, Type: result}), nil
}

// add is the column of an aggregate, of an equal one met before when there is one.
func (a *aggregates) add(agg logical.Agg) expr.Expr {
	for i, have := range a.list {
		if have.Name != agg.Name || len(have.Args) != len(agg.Args) || have.Distinct != agg.Distinct || !logical.Equal(have.Filter, agg.Filter) {
			continue
		}
		same := true
		for j := range have.Args {
			same = same && logical.Equal(have.Args[j], agg.Args[j])
		}
		if same {
			return &expr.Column{Index: aggregateBase + i, Name: agg.Name, Typ: have.Type}
		}
	}
	a.list = append(a.list, agg)
	return &expr.Column{Index: aggregateBase + len(a.list) - 1, Name: agg.Name, Typ: agg.Type}
}
