package logical

import (
	"slices"

	"github.com/freshetdb/freshet/sql/catalog"
	"github.com/freshetdb/freshet/sql/expr"
)

// Walk calls f on n and everything below it, parents first.
func Walk(n Node, f func(Node)) {
	f(n)
	for _, in := range n.Inputs() {
		Walk(in, f)
	}
}

// Transform rebuilds a tree bottom up: f gets each node with its inputs already transformed and gives its replacement.
func Transform(n Node, f func(Node) Node) Node {
	switch n := n.(type) {
	case *Filter:
		c := *n
		c.Input = Transform(n.Input, f)
		return f(&c)
	case *Project:
		c := *n
		c.Input = Transform(n.Input, f)
		return f(&c)
	case *Aggregate:
		c := *n
		c.Input = Transform(n.Input, f)
		return f(&c)
	case *Join:
		c := *n
		c.Left, c.Right = Transform(n.Left, f), Transform(n.Right, f)
		return f(&c)
	case *Sort:
		c := *n
		c.Input = Transform(n.Input, f)
		return f(&c)
	case *Limit:
		c := *n
		c.Input = Transform(n.Input, f)
		return f(&c)
	case *Distinct:
		return f(&Distinct{Input: Transform(n.Input, f)})
	case *Union:
		c := *n
		c.Parts = make([]Node, len(n.Parts))
		for i, p := range n.Parts {
			c.Parts[i] = Transform(p, f)
		}
		return f(&c)
	}
	return f(n)
}

// Sources lists the relations read, each once, in the order met.
func Sources(n Node) []*catalog.Relation {
	var list []*catalog.Relation
	seen := map[string]bool{}
	Walk(n, func(n Node) {
		if s, ok := n.(*Source); ok && !seen[s.Relation.ID] {
			seen[s.Relation.ID] = true
			list = append(list, s.Relation)
		}
	})
	return list
}

// Table tells whether the relation read is a table: its rows replace each other by key.
func (n *Source) Table() bool { return n.Relation.Kind == catalog.Table }

// Changes tells whether the rows of a kept node replace each other (a changelog), rather than only being added.
func Changes(n Node) bool {
	switch n := n.(type) {
	case *Source:
		return n.Table()
	case *Aggregate:
		return !n.Final
	}
	return slices.ContainsFunc(n.Inputs(), Changes)
}

// MapExprs is n with f applied to each of its expressions; its inputs stay.
func MapExprs(n Node, f func(expr.Expr) expr.Expr) Node {
	list := func(in []expr.Expr) []expr.Expr {
		out := make([]expr.Expr, len(in))
		for i, e := range in {
			out[i] = f(e)
		}
		return out
	}
	switch n := n.(type) {
	case *Values:
		c := *n
		c.Rows = make([][]expr.Expr, len(n.Rows))
		for i, row := range n.Rows {
			c.Rows[i] = list(row)
		}
		return &c
	case *Filter:
		return &Filter{Input: n.Input, Cond: f(n.Cond)}
	case *Project:
		return &Project{Input: n.Input, Exprs: list(n.Exprs), Columns: n.Columns}
	case *Aggregate:
		c := *n
		c.Keys = list(n.Keys)
		c.Aggs = append([]Agg(nil), n.Aggs...)
		for i := range c.Aggs {
			c.Aggs[i].Args = list(c.Aggs[i].Args)
			if c.Aggs[i].Filter != nil {
				c.Aggs[i].Filter = f(c.Aggs[i].Filter)
			}
		}
		return &c
	case *Join:
		if n.On == nil {
			return n
		}
		c := *n
		c.On = f(n.On)
		return &c
	case *Sort:
		c := *n
		c.Keys = append([]SortKey(nil), n.Keys...)
		for i := range c.Keys {
			c.Keys[i].Expr = f(c.Keys[i].Expr)
		}
		return &c
	}
	return n
}
