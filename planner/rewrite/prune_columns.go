package rewrite

import (
	"slices"

	"github.com/freshetdb/freshet/planner/logical"
	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/types"
)

// PruneColumns leaves out every column that nothing reads, down to the sources: a scan decodes only what it yields.
func PruneColumns(n logical.Node) logical.Node {
	all := make([]bool, len(n.Schema()))
	for i := range all {
		all[i] = true
	}
	pruned, at := prune(n, all)
	return compact(pruned, at, all, n.Schema())
}

// compact puts a projection over n when its columns are not exactly those needed, in order.
func compact(n logical.Node, at []int, need []bool, names types.Columns) logical.Node {
	p := &logical.Project{Input: n}
	exact := true
	for i, needed := range need {
		if !needed {
			continue
		}
		exact = exact && at[i] == len(p.Exprs)
		p.Exprs = append(p.Exprs, &expr.Column{Index: at[i], Name: names[i].Name, Typ: names[i].Type})
		p.Columns = append(p.Columns, names[i])
	}
	if exact && len(n.Schema()) == len(p.Exprs) {
		return n
	}
	return p
}

func mark(need []bool, e expr.Expr) {
	logical.Columns(e, func(i int) { need[i] = true })
}

func remap(e expr.Expr, at []int) expr.Expr {
	return logical.Remap(e, func(i int) int { return at[i] })
}

// prune gives n without the columns not needed, and where each column went (-1: left out). It may keep more than was needed.
func prune(n logical.Node, need []bool) (logical.Node, []int) {
	switch n := n.(type) {
	case *logical.Source:
		next := *n
		next.Columns = nil
		at := keep(need, func(i int) { next.Columns = append(next.Columns, n.Columns[i]) })
		return &next, at
	case *logical.Virtual:
		next := *n
		next.Indexes = nil
		at := keep(need, func(i int) { next.Indexes = append(next.Indexes, n.Indexes[i]) })
		return &next, at
	case *logical.Filter:
		below := append([]bool(nil), need...)
		mark(below, n.Cond)
		in, at := prune(n.Input, below)
		return &logical.Filter{Input: in, Cond: remap(n.Cond, at)}, at
	case *logical.Project:
		return pruneProject(n, need)
	case *logical.Aggregate:
		return pruneAggregate(n, need)
	case *logical.Join:
		return pruneJoin(n, need)
	case *logical.Sort:
		below := append([]bool(nil), need...)
		for _, k := range n.Keys {
			mark(below, k.Expr)
		}
		in, at := prune(n.Input, below)
		next := &logical.Sort{Input: in, Top: n.Top}
		for _, k := range n.Keys {
			k.Expr = remap(k.Expr, at)
			next.Keys = append(next.Keys, k)
		}
		return next, at
	case *logical.Limit:
		next := *n
		in, at := prune(n.Input, need)
		next.Input = in
		return &next, at
	case *logical.Distinct:
		return &logical.Distinct{Input: PruneColumns(n.Input)}, identity(len(need))
	case *logical.Union:
		return pruneUnion(n, need)
	}
	return n, identity(len(need))
}

func identity(n int) []int {
	at := make([]int, n)
	for i := range at {
		at[i] = i
	}
	return at
}

// keep calls f for each needed column in order, and tells where each went.
func keep(need []bool, f func(i int)) []int {
	at := make([]int, len(need))
	next := 0
	for i, needed := range need {
		at[i] = -1
		if needed {
			f(i)
			at[i] = next
			next++
		}
	}
	return at
}

func pruneProject(n *logical.Project, need []bool) (logical.Node, []int) {
	below := make([]bool, len(n.Input.Schema()))
	for i, e := range n.Exprs {
		if need[i] {
			mark(below, e)
		}
	}
	in, from := prune(n.Input, below)
	next := &logical.Project{Input: in}
	at := keep(need, func(i int) {
		next.Exprs = append(next.Exprs, remap(n.Exprs[i], from))
		next.Columns = append(next.Columns, n.Columns[i])
	})
	return next, at
}

// pruneAggregate keeps all keys: they say what a group is.
func pruneAggregate(n *logical.Aggregate, need []bool) (logical.Node, []int) {
	fixed := len(n.Columns) - len(n.Aggs)
	below := make([]bool, len(n.Input.Schema()))
	for _, k := range n.Keys {
		mark(below, k)
	}
	wanted := append([]bool(nil), need...)
	for i := range fixed {
		wanted[i] = true
	}
	if len(n.Keys) == 0 && len(n.Aggs) > 0 && !slices.Contains(wanted, true) {
		wanted[fixed] = true // a row of something, even when nobody looks at it
	}
	for i, a := range n.Aggs {
		if wanted[fixed+i] {
			for _, arg := range a.Args {
				mark(below, arg)
			}
			mark(below, a.Filter)
		}
	}
	in, from := prune(n.Input, below)
	next := &logical.Aggregate{Input: in, Window: n.Window, Final: n.Final}
	for _, k := range n.Keys {
		next.Keys = append(next.Keys, remap(k, from))
	}
	at := keep(wanted, func(i int) {
		next.Columns = append(next.Columns, n.Columns[i])
		if i < fixed {
			return
		}
		a := n.Aggs[i-fixed]
		args := make([]expr.Expr, len(a.Args))
		for j, arg := range a.Args {
			args[j] = remap(arg, from)
		}
		a.Args = args
		if a.Filter != nil {
			a.Filter = remap(a.Filter, from)
		}
		next.Aggs = append(next.Aggs, a)
	})
	return next, at
}

func pruneJoin(n *logical.Join, need []bool) (logical.Node, []int) {
	below := append([]bool(nil), need...)
	mark(below, n.On)
	width := len(n.Left.Schema())
	left, leftAt := prune(n.Left, below[:width])
	right, rightAt := prune(n.Right, below[width:])
	leftWidth := len(left.Schema())
	at := append([]int(nil), leftAt...)
	for _, to := range rightAt {
		if to >= 0 {
			to += leftWidth
		}
		at = append(at, to)
	}
	next := &logical.Join{Kind: n.Kind, Left: left, Right: right}
	if n.On != nil {
		next.On = remap(n.On, at)
	}
	return next, at
}

func pruneUnion(n *logical.Union, need []bool) (logical.Node, []int) {
	next := &logical.Union{}
	at := keep(need, func(i int) { next.Columns = append(next.Columns, n.Columns[i]) })
	for _, p := range n.Parts {
		part, from := prune(p, need)
		next.Parts = append(next.Parts, compact(part, from, need, n.Columns))
	}
	return next, at
}

// DropProjections takes out projections that change nothing but names.
func DropProjections(n logical.Node) logical.Node {
	return logical.Transform(n, func(n logical.Node) logical.Node {
		p, ok := n.(*logical.Project)
		if !ok || len(p.Exprs) != len(p.Input.Schema()) {
			return n
		}
		for i, e := range p.Exprs {
			if !isColumn(e, i) {
				return n
			}
		}
		return p.Input
	})
}
