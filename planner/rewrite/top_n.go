package rewrite

import (
	"github.com/freshetdb/freshet/planner/logical"
	"github.com/freshetdb/freshet/sql/expr"
)

// maxTop is the most rows a sort keeps instead of sorting all of them.
const maxTop = 1 << 20

// TopN lets a Sort below a Limit keep only the rows that can pass it.
func TopN(n logical.Node) logical.Node {
	return logical.Transform(n, func(n logical.Node) logical.Node {
		l, ok := n.(*logical.Limit)
		if !ok || l.Count == nil {
			return n
		}
		count, countKnown := constant(l.Count)
		offset, offsetKnown := constant(l.Offset)
		if !countKnown || !offsetKnown || count > maxTop || offset > maxTop {
			return n
		}
		next := *l
		next.Input = withTop(l.Input, count+offset)
		return &next
	})
}

func constant(e expr.Expr) (int64, bool) {
	if e == nil {
		return 0, true
	}
	lit, ok := e.(*expr.Literal)
	if !ok || lit.Value.Null {
		return 0, false
	}
	return lit.Value.I, true
}

func withTop(n logical.Node, top int64) logical.Node {
	switch n := n.(type) {
	case *logical.Project:
		next := *n
		next.Input = withTop(n.Input, top)
		return &next
	case *logical.Sort:
		next := *n
		next.Top = top
		return &next
	}
	return n
}
