// Package rewrite makes logical plans cheaper without changing their answer: rules, each one function and one datadriven file.
package rewrite

import (
	"github.com/freshetdb/freshet/planner/logical"
	"github.com/freshetdb/freshet/sql/expr"
)

// Rule is one rewrite: a tree in, an equivalent tree with the same columns out.
type Rule struct {
	Name  string
	Apply func(logical.Node) logical.Node
}

// Options say what the rules may assume.
type Options struct {
	OneShot bool                      // look-ups and top-n are for bounded plans
	Fold    func(expr.Expr) expr.Expr // computes constant expressions; what it cannot compute it returns as it is
}

// Default is the rules in the order they are applied.
func Default(o Options) []Rule {
	rules := []Rule{
		{"fold constants", func(n logical.Node) logical.Node { return FoldConstants(n, o.Fold) }},
		{"push filters", PushFilters},
	}
	if o.OneShot {
		rules = append(rules, Rule{"find keys", FindKeys}, Rule{"top-n", TopN})
	}
	return append(rules, Rule{"prune columns", PruneColumns}, Rule{"drop projections", DropProjections})
}

// Apply runs the rules, each once.
func Apply(n logical.Node, rules []Rule) logical.Node {
	for _, r := range rules {
		n = r.Apply(n)
	}
	return n
}

// FoldConstants computes what is constant, and drops filters that are always true.
func FoldConstants(n logical.Node, fold func(expr.Expr) expr.Expr) logical.Node {
	return logical.Transform(n, func(n logical.Node) logical.Node {
		n = logical.MapExprs(n, fold)
		if f, ok := n.(*logical.Filter); ok && isTrue(f.Cond) {
			return f.Input
		}
		return n
	})
}

func isTrue(e expr.Expr) bool {
	lit, ok := e.(*expr.Literal)
	return ok && !lit.Value.Null && lit.Value.I != 0
}
