package rewrite

import (
	"github.com/freshetdb/freshet/planner/logical"
	"github.com/freshetdb/freshet/sql/expr"
)

// PushFilters moves conditions towards the sources: through projections of plain columns, sorts and DISTINCT, to the side of a join
// they speak of; equalities over both sides of a cross join make it an inner join.
func PushFilters(n logical.Node) logical.Node { return push(n, nil) }

func push(n logical.Node, conds []expr.Expr) logical.Node {
	switch n := n.(type) {
	case *logical.Filter:
		return push(n.Input, append(logical.Conjuncts(n.Cond), conds...))
	case *logical.Project:
		return pushProject(n, conds)
	case *logical.Sort:
		c := *n
		if n.Top < 0 {
			c.Input = push(n.Input, conds)
			return &c
		}
		c.Input = push(n.Input, nil)
		return filter(&c, conds)
	case *logical.Distinct:
		return &logical.Distinct{Input: push(n.Input, conds)}
	case *logical.Join:
		return pushJoin(n, conds)
	case *logical.Limit:
		c := *n
		c.Input = push(n.Input, nil)
		return filter(&c, conds)
	case *logical.Aggregate:
		c := *n
		c.Input = push(n.Input, nil)
		return filter(&c, conds)
	case *logical.Union:
		c := *n
		c.Parts = make([]logical.Node, len(n.Parts))
		for i, p := range n.Parts {
			c.Parts[i] = push(p, nil)
		}
		return filter(&c, conds)
	}
	return filter(n, conds)
}

func filter(n logical.Node, conds []expr.Expr) logical.Node {
	if len(conds) == 0 {
		return n
	}
	return &logical.Filter{Input: n, Cond: logical.Conjunction(conds)}
}

// pushProject takes conditions below a projection when what they read is a plain column or a constant there.
func pushProject(p *logical.Project, conds []expr.Expr) logical.Node {
	var below, above []expr.Expr
	for _, c := range conds {
		plain := true
		logical.Columns(c, func(i int) {
			switch p.Exprs[i].(type) {
			case *expr.Column, *expr.Literal:
			default:
				plain = false
			}
		})
		if !plain || logical.Volatile(c) {
			above = append(above, c)
			continue
		}
		below = append(below, logical.Replace(c, func(e expr.Expr) expr.Expr {
			if col, ok := e.(*expr.Column); ok {
				return p.Exprs[col.Index]
			}
			return nil
		}))
	}
	next := *p
	next.Input = push(p.Input, below)
	return filter(&next, above)
}

// pushJoin sorts the conditions above and in a join to where they may be tested. Below the side that a join fills with nulls, only
// the join's own conditions may go; above it, only those of the side that is kept.
func pushJoin(j *logical.Join, conds []expr.Expr) logical.Node {
	width := len(j.Left.Schema())
	next := *j
	on := logical.Conjuncts(j.On)
	var left, right, above, kept []expr.Expr
	inner := j.Kind == logical.Inner || j.Kind == logical.Cross
	for _, c := range conds {
		l, r := sides(c, width)
		switch {
		case logical.Volatile(c):
			above = append(above, c)
		case l && !r && (inner || j.Kind == logical.Left):
			left = append(left, c)
		case r && !l && (inner || j.Kind == logical.Right):
			right = append(right, logical.Shift(c, -width))
		case inner && l && r:
			on = append(on, c)
		default:
			above = append(above, c)
		}
	}
	for _, c := range on {
		l, r := sides(c, width)
		switch {
		case logical.Volatile(c) || isTrue(c) && inner:
			if !isTrue(c) {
				kept = append(kept, c)
			}
		case l && !r && (inner || j.Kind == logical.Right):
			left = append(left, c)
		case r && !l && (inner || j.Kind == logical.Left):
			right = append(right, logical.Shift(c, -width))
		default:
			kept = append(kept, c)
		}
	}
	next.On = logical.Conjunction(kept)
	if inner {
		next.Kind = logical.Inner
		if next.On == nil {
			next.Kind = logical.Cross
		}
	}
	next.Left, next.Right = push(j.Left, left), push(j.Right, right)
	return filter(&next, above)
}

// sides tells which inputs of a join an expression reads.
func sides(e expr.Expr, width int) (left, right bool) {
	logical.Columns(e, func(i int) {
		if i < width {
			left = true
		} else {
			right = true
		}
	})
	return left, right
}
