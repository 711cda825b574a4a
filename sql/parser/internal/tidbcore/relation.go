package tidbcore

import (
	tidb "github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/freshetdb/freshet/sql/ast"
)

// from converts the list of FROM: a join without a condition of ours is a comma.
func (c *converter) from(n *tidb.Join) []ast.Relation {
	if n.Right == nil {
		if left, ok := n.Left.(*tidb.Join); ok && left.On == nil {
			return c.from(left)
		}
		return []ast.Relation{c.relation(n.Left)}
	}
	if n.On != nil {
		return []ast.Relation{c.relation(n)}
	}
	if left, ok := n.Left.(*tidb.Join); ok {
		return append(c.from(left), c.relation(n.Right))
	}
	return []ast.Relation{c.relation(n.Left), c.relation(n.Right)}
}

// relation converts one item of FROM.
func (c *converter) relation(n tidb.ResultSetNode) ast.Relation {
	switch n := n.(type) {
	case *tidb.Join:
		if n.Right == nil {
			return c.relation(n.Left)
		}
		return c.join(n)
	case *tidb.TableSource:
		return c.source(n)
	}
	c.disagree(0, "%T is not a relation", n)
	return nil
}

func (c *converter) join(n *tidb.Join) ast.Relation {
	if n.On == nil {
		c.disagree(0, "join without a condition")
	}
	call := c.call(n.On.Expr, JoinCall)
	j, ok := c.need(call).Node.(*ast.Join)
	if !ok || (j.Kind == ast.JoinLeft) != (n.Tp == tidb.LeftJoin) || (j.Kind == ast.JoinRight) != (n.Tp == tidb.RightJoin) {
		c.disagree(0, "kind of join")
	}
	j.Left = c.relation(n.Left)
	j.Right = c.relation(n.Right)
	if len(call.Args) > 0 {
		j.On = c.expr(call.Args[0])
	}
	return j
}

func (c *converter) source(n *tidb.TableSource) ast.Relation {
	r := c.text.Relations[c.index(n.AsName.O, len(c.text.Relations))]
	switch node := r.Node.(type) {
	case *ast.Derived:
		node.Query = c.query(n.Source)
	default:
		if r.Fill == nil {
			break
		}
		s, ok := n.Source.(*tidb.SelectStmt)
		if !ok {
			c.disagree(node.Pos(), "relation with expressions")
		}
		r.Fill(c.exprs(c.call(s.Fields.Fields[0].Expr, HeadCall).Args))
	}
	return r.Node
}
