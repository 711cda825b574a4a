package planner

import (
	"github.com/freshetdb/freshet/planner/physical"
	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/vector"
)

// bindParams copies a plan with values for its parameters. Steps without any are shared.
func bindParams(p *physical.Plan, params []vector.Datum) (*physical.Plan, error) {
	b := &paramBinder{params: params}
	root := b.step(p.Root)
	if b.err != nil {
		return nil, b.err
	}
	if root == p.Root {
		return p, nil
	}
	bound := *p
	bound.Root = root
	return &bound, nil
}

type paramBinder struct {
	params []vector.Datum
	err    error
}

func (b *paramBinder) expr(e expr.Expr) expr.Expr {
	if e == nil {
		return nil
	}
	return expr.Transform(e, func(e expr.Expr) expr.Expr {
		p, ok := e.(*expr.Param)
		if !ok {
			return e
		}
		if p.Number > len(b.params) {
			b.err = sqlerr.Newf(sqlerr.UndefinedParameter, p.Pos, "there is no value for parameter $%d", p.Number)
			return e
		}
		return &expr.Literal{Value: b.params[p.Number-1]}
	})
}

// list replaces parameters in a list, giving the list itself when there are none.
func (b *paramBinder) list(in []expr.Expr) ([]expr.Expr, bool) {
	var out []expr.Expr
	for i, e := range in {
		next := b.expr(e)
		if next != e && out == nil {
			out = append([]expr.Expr(nil), in...)
		}
		if out != nil {
			out[i] = next
		}
	}
	if out == nil {
		return in, false
	}
	return out, true
}

func (b *paramBinder) rows(in [][]expr.Expr) ([][]expr.Expr, bool) {
	changed := false
	out := make([][]expr.Expr, len(in))
	for i, row := range in {
		next, rowChanged := b.list(row)
		out[i], changed = next, changed || rowChanged
	}
	if !changed {
		return in, false
	}
	return out, true
}

// count is LIMIT's or OFFSET's value, -1 for null.
func (b *paramBinder) count(e expr.Expr, clause string, code sqlerr.Code) int64 {
	lit, ok := b.expr(e).(*expr.Literal)
	switch {
	case !ok || lit.Value.Null:
		return -1
	case lit.Value.I < 0:
		b.err = sqlerr.Newf(code, 0, "%s must not be negative", clause)
	}
	return lit.Value.I
}

func (b *paramBinder) step(s physical.Step) physical.Step {
	switch s := s.(type) {
	case *physical.ViewScan:
		if keys, changed := b.rows(s.Keys); changed {
			c := *s
			c.Keys = keys
			return &c
		}
	case *physical.Values:
		if rows, changed := b.rows(s.Rows); changed {
			c := *s
			c.Rows = rows
			return &c
		}
	case *physical.Filter:
		if in, cond := b.step(s.Input), b.expr(s.Cond); in != s.Input || cond != s.Cond {
			return &physical.Filter{Input: in, Cond: cond}
		}
	case *physical.Project:
		in := b.step(s.Input)
		if exprs, changed := b.list(s.Exprs); changed || in != s.Input {
			return &physical.Project{Input: in, Exprs: exprs, Columns: s.Columns}
		}
	case *physical.Limit:
		return b.limit(s)
	}
	return b.wide(s)
}

func (b *paramBinder) limit(s *physical.Limit) physical.Step {
	in := b.step(s.Input)
	if in == s.Input && s.CountParam == nil && s.OffsetParam == nil {
		return s
	}
	c := *s
	c.Input, c.CountParam, c.OffsetParam = in, nil, nil
	if s.CountParam != nil {
		c.Count = b.count(s.CountParam, "LIMIT", sqlerr.InvalidLimit)
	}
	if s.OffsetParam != nil {
		c.Offset = max(0, b.count(s.OffsetParam, "OFFSET", sqlerr.InvalidOffset))
	}
	return &c
}

// wide rebuilds the steps of bounded plans with several parts.
func (b *paramBinder) wide(s physical.Step) physical.Step {
	switch s := s.(type) {
	case *physical.Aggregate:
		c := *s
		c.Input = b.step(s.Input)
		keys, changed := b.list(s.Keys)
		c.Keys, c.Aggs = keys, append([]physical.Agg(nil), s.Aggs...)
		for i := range c.Aggs {
			args, argsChanged := b.list(c.Aggs[i].Args)
			c.Aggs[i].Args, changed = args, changed || argsChanged
			c.Aggs[i].Filter = b.expr(s.Aggs[i].Filter)
			changed = changed || c.Aggs[i].Filter != s.Aggs[i].Filter
		}
		if changed || c.Input != s.Input {
			return &c
		}
	case *physical.HashJoin:
		c := *s
		c.Left, c.Right, c.Residual = b.step(s.Left), b.step(s.Right), b.expr(s.Residual)
		left, leftChanged := b.list(s.LeftKeys)
		right, rightChanged := b.list(s.RightKeys)
		c.LeftKeys, c.RightKeys = left, right
		if leftChanged || rightChanged || c.Left != s.Left || c.Right != s.Right || c.Residual != s.Residual {
			return &c
		}
	case *physical.Sort:
		c := *s
		c.Input = b.step(s.Input)
		c.Keys = append([]physical.SortKey(nil), s.Keys...)
		changed := c.Input != s.Input
		for i := range c.Keys {
			c.Keys[i].Expr = b.expr(s.Keys[i].Expr)
			changed = changed || c.Keys[i].Expr != s.Keys[i].Expr
		}
		if changed {
			return &c
		}
	case *physical.Distinct:
		if in := b.step(s.Input); in != s.Input {
			return &physical.Distinct{Input: in}
		}
	case *physical.Union:
		c := &physical.Union{Columns: s.Columns}
		changed := false
		for _, p := range s.Parts {
			part := b.step(p)
			c.Parts, changed = append(c.Parts, part), changed || part != p
		}
		if changed {
			return c
		}
	case *physical.Upsert:
		if in := b.step(s.Input); in != s.Input {
			return &physical.Upsert{Input: in, Key: s.Key}
		}
	case *physical.Sink:
		if in := b.step(s.Input); in != s.Input {
			c := *s
			c.Input = in
			return &c
		}
	}
	return s
}
