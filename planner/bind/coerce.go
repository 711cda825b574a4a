package bind

import (
	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// coerce gives e the type to, with a written cast where needed; nil, nil when the context does not allow the cast.
// Untyped literals are parsed, untyped parameters take the type.
func (b *Binder) coerce(e expr.Expr, to types.Type, ctx types.CastContext, pos sqlerr.Pos) (expr.Expr, error) {
	from := e.Type()
	if to.ID == types.Unknown || from.Equal(to) {
		return e, nil
	}
	if from.ID == types.Unknown {
		return b.settle(e, to, pos)
	}
	if from.ID == types.Decimal && to.ID == types.Decimal && to.Precision == 0 {
		return e, nil
	}
	if !types.CanCast(from, to, ctx) {
		return nil, nil
	}
	if lit, ok := e.(*expr.Literal); ok {
		if moved := castLiteral(lit, to); moved != nil {
			return moved, nil
		}
	}
	return &expr.Cast{Arg: e, Typ: to, Pos: pos}, nil
}

// settle gives an untyped literal, parameter or expression of such its type.
func (b *Binder) settle(e expr.Expr, to types.Type, pos sqlerr.Pos) (expr.Expr, error) {
	switch e := e.(type) {
	case *expr.Literal:
		if e.Value.Null {
			return &expr.Literal{Value: vector.NullOf(to)}, nil
		}
		return b.typed(to, e.Value.S, pos)
	case *expr.Param:
		known := b.params[e.Number-1]
		if known.ID == types.Unknown {
			b.params[e.Number-1] = to
			known = to
		}
		p := &expr.Param{Number: e.Number, Typ: known, Pos: e.Pos}
		if known.Equal(to) {
			return p, nil
		}
		return &expr.Cast{Arg: p, Typ: to, Pos: e.Pos}, nil
	case *expr.Case:
		c := &expr.Case{Typ: to}
		for _, w := range e.Whens {
			then, err := b.settle(w.Then, to, pos)
			if err != nil {
				return nil, err
			}
			c.Whens = append(c.Whens, expr.When{Cond: w.Cond, Then: then})
		}
		if e.Else != nil {
			last, err := b.settle(e.Else, to, pos)
			if err != nil {
				return nil, err
			}
			c.Else = last
		}
		return c, nil
	case *expr.Coalesce:
		c := &expr.Coalesce{Typ: to}
		for _, a := range e.Args {
			arg, err := b.settle(a, to, pos)
			if err != nil {
				return nil, err
			}
			c.Args = append(c.Args, arg)
		}
		return c, nil
	}
	return &expr.Cast{Arg: e, Typ: to, Pos: pos}, nil
}

// castLiteral converts whole-number literals where nothing can go wrong; nil: leave it to a cast.
func castLiteral(lit *expr.Literal, to types.Type) expr.Expr {
	v := lit.Value
	if v.Null {
		return &expr.Literal{Value: vector.NullOf(to)}
	}
	if !v.Type.Integer() {
		return nil
	}
	switch to.ID {
	case types.BigInt:
		return integer(types.BigInt, v.I)
	case types.Double:
		return &expr.Literal{Value: vector.Datum{Type: to, F: float64(v.I)}}
	case types.Decimal:
		if to.Precision == 0 {
			return &expr.Literal{Value: vector.Datum{Type: to, D: vector.FromInt64(v.I)}}
		}
	}
	return nil
}

// text makes text of what is still untyped at the end, as Postgres does for output columns.
func (b *Binder) text(e expr.Expr, pos sqlerr.Pos) (expr.Expr, error) {
	if e.Type().ID != types.Unknown {
		return e, nil
	}
	return b.settle(e, types.Of(types.String), pos)
}

// common gives all expressions their common type. what names the construct in the error of 42804.
func (b *Binder) common(what string, list []expr.Expr, places []sqlerr.Pos) ([]expr.Expr, types.Type, error) {
	t := types.Of(types.Unknown)
	for i, e := range list {
		next, ok := types.Common(t, e.Type())
		if !ok {
			return nil, t, sqlerr.Newf(sqlerr.DatatypeMismatch, places[i], "%s types %s and %s cannot be matched", what, t.String(), e.Type().String())
		}
		t = next
	}
	out := make([]expr.Expr, len(list))
	for i, e := range list {
		c, err := b.coerce(e, t, types.Implicit, places[i])
		if err != nil {
			return nil, t, err
		}
		if c == nil {
			c = &expr.Cast{Arg: e, Typ: t, Pos: places[i]}
		}
		out[i] = c
	}
	return out, t, nil
}

// condition is a boolean expression for a clause. Errors: 42804 "argument of WHERE must be type boolean, not type text".
func (b *Binder) condition(e expr.Expr, clause string, pos sqlerr.Pos) (expr.Expr, error) {
	c, err := b.coerce(e, types.Of(types.Boolean), types.Implicit, pos)
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, sqlerr.Newf(sqlerr.DatatypeMismatch, pos, "argument of %s must be type boolean, not type %s", clause, e.Type().String())
	}
	return c, nil
}

// Assign gives e the type of a column that takes it: assignment casts. Errors: 42804 naming the column.
func (b *Binder) Assign(e expr.Expr, column string, to types.Type, pos sqlerr.Pos) (expr.Expr, error) {
	c, err := b.coerce(e, to, types.Assignment, pos)
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, sqlerr.Newf(sqlerr.DatatypeMismatch, pos, "column %q is of type %s but expression is of type %s", column, to.String(), e.Type().String()).
			WithHint("you will need to rewrite or cast the expression")
	}
	return c, nil
}

// datum is the value of a constant expression, when it is one that can be told now.
func (b *Binder) datum(e expr.Expr) (vector.Datum, bool) {
	if lit, ok := e.(*expr.Literal); ok {
		return lit.Value, true
	}
	if !expr.IsConst(e, true) {
		return vector.Datum{}, false
	}
	lit, ok := b.fold(e).(*expr.Literal)
	if !ok {
		return vector.Datum{}, false
	}
	return lit.Value, true
}
