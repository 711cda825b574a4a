package bind

import (
	"strings"

	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
)

// place is where an expression stands: what its names mean and which calls it may hold.
type place struct {
	scope  *scope
	clause string      // for errors: "WHERE", "GROUP BY" …
	aggs   *aggregates // nil: aggregate functions are not allowed here
	inAgg  bool        // inside an aggregate's arguments
}

// expression binds an expression. Its type may be Unknown: an untyped literal or parameter.
func (b *Binder) expression(p *place, e ast.Expr) (expr.Expr, error) {
	switch e := e.(type) {
	case *ast.NullLit:
		return untyped("", true), nil
	case *ast.BoolLit:
		return boolean(e.Value), nil
	case *ast.NumberLit:
		return b.number(e.Text, false, e.At)
	case *ast.StringLit:
		return untyped(e.Value, false), nil
	case *ast.TypedLit:
		t, err := Type(b.Catalog.Dialect(), e.Type)
		if err != nil {
			return nil, err
		}
		return b.typed(t, e.Value, e.At)
	case *ast.IntervalLit:
		return b.interval(e)
	case *ast.Param:
		return b.param(e)
	case *ast.ColumnRef:
		return b.column(p.scope, e)
	case *ast.Unary:
		return b.unary(p, e)
	case *ast.Binary:
		return b.binary(p, e)
	case *ast.Call:
		return b.call(p, e)
	case *ast.Case:
		return b.caseOf(p, e)
	case *ast.Cast:
		return b.cast(p, e)
	}
	return b.predicate(p, e)
}

// predicate binds the tests and the rarer forms.
func (b *Binder) predicate(p *place, e ast.Expr) (expr.Expr, error) {
	switch e := e.(type) {
	case *ast.IsNull:
		arg, err := b.typedArg(p, e.Expr)
		if err != nil {
			return nil, err
		}
		return negate(&expr.IsNull{Arg: arg}, e.Not), nil
	case *ast.IsTruth:
		return b.isTruth(p, e)
	case *ast.IsDistinct:
		return b.isDistinct(p, e)
	case *ast.Between:
		return b.between(p, e)
	case *ast.Like:
		return b.like(p, e)
	case *ast.InList:
		return b.inList(p, e)
	case *ast.Quantified:
		return b.quantified(p, e)
	case *ast.AtTimeZone:
		return b.operatorCall(p, "timezone", e.At, e.Zone, e.Expr)
	case *ast.Collate:
		return b.expression(p, e.Expr)
	case *ast.Subscript:
		return b.operatorCall(p, subscriptFunction, e.At, e.Expr, e.Index)
	case *ast.Field:
		arg, err := b.expression(p, e.Expr)
		if err != nil {
			return nil, err
		}
		return b.field(arg, e.Name)
	case *ast.ArrayCons:
		return b.operatorCall(p, arrayFunction, e.At, e.Elems...)
	}
	return nil, unsupportedExpr(e)
}

// unsupportedExpr names what the grammar knows and the planner does not.
func unsupportedExpr(e ast.Expr) error {
	feature := "this expression"
	switch e := e.(type) {
	case *ast.Subquery:
		feature = "a subquery as a value"
	case *ast.Exists:
		feature = "EXISTS"
	case *ast.InQuery:
		feature = "IN (SELECT …)"
	case *ast.ArrayQuery:
		feature = "ARRAY(SELECT …)"
	case *ast.MapCons:
		feature = "MAP(…)"
	case *ast.StructCons:
		feature = "STRUCT(…)"
	case *ast.Row:
		feature = "a row value"
	case *ast.Slice:
		feature = "an array slice"
	case *ast.FieldStar:
		feature = "expanding all fields of a value"
	case *ast.Lambda:
		feature = "a lambda"
	case *ast.NamedArg:
		feature = "a named argument"
	case *ast.IsJSON:
		feature = "IS JSON"
	case *ast.BitLit:
		feature = "a bit string"
	case *ast.Grouping:
		feature = "GROUPING SETS"
	case *ast.Star:
		return sqlerr.Newf(sqlerr.SyntaxError, e.At, "* is not allowed here")
	case *ast.Default:
		return sqlerr.Newf(sqlerr.SyntaxError, e.At, "DEFAULT is not allowed in this context")
	}
	return sqlerr.Unsupported(e.Pos(), feature)
}

func negate(e expr.Expr, not bool) expr.Expr {
	if not {
		return &expr.Not{Arg: e}
	}
	return e
}

// typedArg binds an expression and makes text of an untyped one.
func (b *Binder) typedArg(p *place, e ast.Expr) (expr.Expr, error) {
	arg, err := b.expression(p, e)
	if err != nil {
		return nil, err
	}
	return b.text(arg, e.Pos())
}

func (b *Binder) param(e *ast.Param) (expr.Expr, error) {
	if e.Index < 1 || e.Index > maxParams {
		return nil, sqlerr.Newf(sqlerr.UndefinedParameter, e.At, "there is no parameter $%d", e.Index)
	}
	for len(b.params) < e.Index {
		b.params = append(b.params, types.Of(types.Unknown))
	}
	return &expr.Param{Number: e.Index, Typ: b.params[e.Index-1], Pos: e.At}, nil
}

func (b *Binder) unary(p *place, e *ast.Unary) (expr.Expr, error) {
	if num, ok := e.Expr.(*ast.NumberLit); ok && e.Op == "-" {
		return b.number(num.Text, true, e.At)
	}
	arg, err := b.expression(p, e.Expr)
	if err != nil {
		return nil, err
	}
	switch e.Op {
	case "NOT":
		arg, err = b.condition(arg, "NOT", e.Expr.Pos())
		if err != nil {
			return nil, err
		}
		return &expr.Not{Arg: arg}, nil
	case "+":
		if arg.Type().Numeric() {
			return arg, nil
		}
	}
	return b.resolve(e.Op, []expr.Expr{arg}, []sqlerr.Pos{e.Expr.Pos()}, e.At)
}

func (b *Binder) binary(p *place, e *ast.Binary) (expr.Expr, error) {
	if err := systemSchema(e.Schema); err != nil {
		return nil, err
	}
	left, err := b.expression(p, e.Left)
	if err != nil {
		return nil, err
	}
	right, err := b.expression(p, e.Right)
	if err != nil {
		return nil, err
	}
	switch e.Op {
	case "AND", "OR":
		if left, err = b.condition(left, e.Op, e.Left.Pos()); err != nil {
			return nil, err
		}
		if right, err = b.condition(right, e.Op, e.Right.Pos()); err != nil {
			return nil, err
		}
		if e.Op == "AND" {
			return &expr.And{Left: left, Right: right}, nil
		}
		return &expr.Or{Left: left, Right: right}, nil
	}
	return b.operator(e.Op, left, right, e.At, e.Left.Pos(), e.Right.Pos())
}

// systemSchema accepts pg_catalog as the schema of operators and functions.
func systemSchema(name ast.Name) error {
	for _, q := range name {
		if !strings.EqualFold(q.Name, "pg_catalog") && !strings.EqualFold(q.Name, userSchema) {
			return sqlerr.Newf(sqlerr.InvalidSchemaName, q.At, "schema %q does not exist", q.Name)
		}
	}
	return nil
}

// operator binds left op right.
func (b *Binder) operator(op string, left, right expr.Expr, pos, leftPos, rightPos sqlerr.Pos) (expr.Expr, error) {
	if op == "!=" {
		op = "<>"
	}
	if s, ok := likeOperators[op]; ok {
		call, err := b.resolve(s.name, []expr.Expr{left, right}, []sqlerr.Pos{leftPos, rightPos}, pos)
		if err != nil {
			return nil, err
		}
		return negate(call, s.not), nil
	}
	return b.resolve(op, []expr.Expr{left, right}, []sqlerr.Pos{leftPos, rightPos}, pos)
}

// resolve finds the overload of a function or operator and casts its arguments.
func (b *Binder) resolve(name string, args []expr.Expr, places []sqlerr.Pos, pos sqlerr.Pos) (expr.Expr, error) {
	argTypes := make([]types.Type, len(args))
	for i, a := range args {
		argTypes[i] = a.Type()
	}
	fn, casts, err := b.Functions.Resolve(name, argTypes, b.dialect)
	if err != nil {
		return nil, sqlerr.From(err).WithPos(pos)
	}
	cast := make([]expr.Expr, len(args))
	for i, a := range args {
		if cast[i], err = b.coerce(a, casts[i], types.Implicit, places[i]); err != nil {
			return nil, err
		}
		if cast[i] == nil {
			cast[i] = &expr.Cast{Arg: a, Typ: casts[i], Pos: places[i]}
		}
		casts[i] = cast[i].Type()
	}
	t, err := fn.Result(casts)
	if err != nil {
		return nil, sqlerr.From(err).WithPos(pos)
	}
	return &expr.Call{Fn: fn, Args: cast, Typ: t, Pos: pos}, nil
}

// operatorCall binds arguments and resolves a function for a piece of syntax.
func (b *Binder) operatorCall(p *place, name string, pos sqlerr.Pos, args ...ast.Expr) (expr.Expr, error) {
	bound := make([]expr.Expr, len(args))
	places := make([]sqlerr.Pos, len(args))
	for i, a := range args {
		e, err := b.expression(p, a)
		if err != nil {
			return nil, err
		}
		bound[i], places[i] = e, a.Pos()
	}
	return b.resolve(name, bound, places, pos)
}

func (b *Binder) caseOf(p *place, e *ast.Case) (expr.Expr, error) {
	var results []expr.Expr
	var places []sqlerr.Pos
	conds := make([]expr.Expr, len(e.Whens))
	for i, w := range e.Whens {
		cond, err := b.whenCond(p, e, w)
		if err != nil {
			return nil, err
		}
		then, err := b.expression(p, w.Result)
		if err != nil {
			return nil, err
		}
		conds[i] = cond
		results, places = append(results, then), append(places, w.Result.Pos())
	}
	if e.Else != nil {
		last, err := b.expression(p, e.Else)
		if err != nil {
			return nil, err
		}
		results, places = append(results, last), append(places, e.Else.Pos())
	}
	results, t, err := b.common("CASE", results, places)
	if err != nil {
		return nil, err
	}
	c := &expr.Case{Typ: t}
	for i, cond := range conds {
		c.Whens = append(c.Whens, expr.When{Cond: cond, Then: results[i]})
	}
	if e.Else != nil {
		c.Else = results[len(results)-1]
	}
	return c, nil
}

// whenCond is the condition of an arm: as written, or operand = value.
func (b *Binder) whenCond(p *place, e *ast.Case, w ast.When) (expr.Expr, error) {
	cond, err := b.expression(p, w.Cond)
	if err != nil {
		return nil, err
	}
	if e.Operand == nil {
		return b.condition(cond, "CASE/WHEN", w.Cond.Pos())
	}
	operand, err := b.expression(p, e.Operand)
	if err != nil {
		return nil, err
	}
	return b.operator("=", operand, cond, w.Cond.Pos(), e.Operand.Pos(), w.Cond.Pos())
}

func (b *Binder) cast(p *place, e *ast.Cast) (expr.Expr, error) {
	t, err := Type(b.Catalog.Dialect(), e.Type)
	if err != nil {
		return nil, err
	}
	arg, err := b.expression(p, e.Expr)
	if err != nil {
		return nil, err
	}
	if kind := objectKind(e.Type); kind != "" {
		if number, ok, err := b.objectNumber(kind, arg, e.Expr.Pos()); ok || err != nil {
			return number, err
		}
	}
	try := e.Style == ast.CastTry
	if lit, ok := arg.(*expr.Literal); ok && try && lit.Value.Type.ID == types.Unknown {
		arg, err = b.text(arg, e.Expr.Pos())
	} else if arg.Type().ID == types.Unknown {
		return b.settle(arg, t, e.Expr.Pos())
	}
	if err != nil || arg.Type().Equal(t) {
		return arg, err
	}
	if !types.CanCast(arg.Type(), t, types.Explicit) {
		return nil, sqlerr.Newf(sqlerr.CannotCoerce, e.At, "cannot cast type %s to %s", arg.Type().String(), t.String())
	}
	return &expr.Cast{Arg: arg, Typ: t, Try: try, Pos: e.At}, nil
}
