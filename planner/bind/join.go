package bind

import (
	"github.com/freshetdb/freshet/planner/logical"
	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/sqlerr"
)

var joinKinds = map[ast.JoinKind]logical.JoinKind{
	ast.JoinInner: logical.Inner, ast.JoinLeft: logical.Left, ast.JoinRight: logical.Right, ast.JoinFull: logical.Full, ast.JoinCross: logical.Cross,
}

func (b *Binder) join(j *ast.Join) (logical.Node, *scope, error) {
	switch {
	case b.Kept:
		return nil, nil, sqlerr.Unsupported(j.At, "a join in a kept query")
	case j.Within != nil:
		return nil, nil, sqlerr.Unsupported(j.At, "a join WITHIN a time")
	case j.AsOf:
		return nil, nil, sqlerr.Unsupported(j.At, "ASOF JOIN")
	case j.Alias != nil, j.UsingAlias.Given():
		return nil, nil, sqlerr.Unsupported(j.At, "an alias of a join")
	}
	left, ls, err := b.relation(j.Left)
	if err != nil {
		return nil, nil, err
	}
	right, rs, err := b.relation(j.Right)
	if err != nil {
		return nil, nil, err
	}
	node, s, err := b.joined(joinKinds[j.Kind], left, right, ls, rs, j.At)
	if err != nil {
		return nil, nil, err
	}
	join := node.(*logical.Join)
	using := j.Using
	if j.Natural {
		using = commonColumns(ls, rs, j.At)
	}
	switch {
	case len(using) > 0:
		if join.On, err = b.using(join.Kind, s, ls, using); err != nil {
			return nil, nil, err
		}
	case j.On != nil:
		on, err := b.expression(&place{scope: s, clause: "JOIN conditions"}, j.On)
		if err != nil {
			return nil, nil, err
		}
		if join.On, err = b.condition(on, "JOIN/ON", j.On.Pos()); err != nil {
			return nil, nil, err
		}
	case join.Kind != logical.Cross: // NATURAL without a common column
		join.On = boolean(true)
	}
	return join, s, nil
}

// joined puts two FROM items side by side. Errors: 42712 for the same name twice.
func (b *Binder) joined(kind logical.JoinKind, left, right logical.Node, ls, rs *scope, pos sqlerr.Pos) (logical.Node, *scope, error) {
	for _, t := range rs.tables {
		if t != "" && ls.hasTable(t) {
			return nil, nil, sqlerr.Newf(sqlerr.DuplicateAlias, pos, "table name %q specified more than once", t)
		}
	}
	return &logical.Join{Kind: kind, Left: left, Right: right}, ls.join(rs, len(left.Schema())), nil
}

// commonColumns are the names visible on both sides, in the left's order.
func commonColumns(ls, rs *scope, pos sqlerr.Pos) []ast.Ident {
	var list []ast.Ident
	for _, c := range ls.columns {
		if c.hidden || c.merged {
			continue
		}
		if r, err := rs.find("", c.name, pos); err == nil && r != nil && !r.hidden {
			list = append(list, ast.Ident{Place: ast.Place{At: pos}, Name: c.name, Quoted: true})
		}
	}
	return list
}

// using binds USING (…) to equalities and merges each pair of columns to one: the left's, of a right join the right's, of a full join
// whichever is there. The merged columns come first in *.
func (b *Binder) using(kind logical.JoinKind, s, ls *scope, names []ast.Ident) (expr.Expr, error) {
	var on []expr.Expr
	var first []scopeColumn
	for _, id := range names {
		name := b.Fold(id)
		l, err := b.side(s.columns[:len(ls.columns)], name, id, "left")
		if err != nil {
			return nil, err
		}
		r, err := b.side(s.columns[len(ls.columns):], name, id, "right")
		if err != nil {
			return nil, err
		}
		le, re := s.expr(l), s.expr(r)
		eq, err := b.operator("=", le, re, id.At, id.At, id.At)
		if err != nil {
			return nil, err
		}
		on = append(on, eq)
		merged := *l
		switch kind {
		case logical.Right:
			merged = *r
		case logical.Full:
			list, t, err := b.common("JOIN/USING", []expr.Expr{le, re}, []sqlerr.Pos{id.At, id.At})
			if err != nil {
				return nil, err
			}
			merged = scopeColumn{name: name, typ: t, value: &expr.Coalesce{Args: list, Typ: t}}
		}
		merged.table, merged.hidden = "", false
		l.merged, r.merged = true, true
		first = append(first, merged)
	}
	s.columns = append(first, s.columns...)
	return logical.Conjunction(on), nil
}

func (b *Binder) side(columns []scopeColumn, name string, id ast.Ident, which string) (*scopeColumn, error) {
	var found *scopeColumn
	for i := range columns {
		c := &columns[i]
		if c.name != name || c.hidden || c.merged {
			continue
		}
		if found != nil {
			return nil, sqlerr.Newf(sqlerr.AmbiguousColumn, id.At, "common column name %q appears more than once in %s table", name, which)
		}
		found = c
	}
	if found == nil {
		return nil, sqlerr.Newf(sqlerr.UndefinedColumn, id.At, "column %q specified in USING clause does not exist in %s table", name, which)
	}
	return found, nil
}
