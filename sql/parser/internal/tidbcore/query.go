package tidbcore

import (
	tidb "github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/freshetdb/freshet/sql/ast"
)

// query converts a statement or subquery.
func (c *converter) query(n tidb.Node) *ast.Query {
	switch n := n.(type) {
	case *tidb.SelectStmt:
		return c.finish(n.With, n.OrderBy, func(*Query) ast.Body { return c.selectBody(n) })
	case *tidb.SetOprStmt:
		return c.finish(n.With, n.OrderBy, func(q *Query) ast.Body { return c.setList(q, n.SelectList.Selects) })
	case *tidb.SetOprSelectList:
		return c.finish(n.With, n.OrderBy, func(q *Query) ast.Body { return c.setList(q, n.Selects) })
	}
	c.disagree(0, "%T is not a query", n)
	return nil
}

// finish fills a query's skeleton, which is the last item of its ORDER BY.
func (c *converter) finish(with *tidb.WithClause, order *tidb.OrderByClause, body func(*Query) ast.Body) *ast.Query {
	if order == nil {
		c.disagree(0, "query without a tail")
	}
	last := len(order.Items) - 1
	tail := c.call(order.Items[last].Expr, TailCall)
	q, ok := c.need(tail).Node.(*Query)
	if !ok {
		c.disagree(0, "tail without a skeleton")
	}
	c.with(q, with)
	q.Body = body(q)
	if last != len(q.OrderBy) {
		c.disagree(q.At, "%d order items, not %d", last, len(q.OrderBy))
	}
	for i, item := range order.Items[:last] {
		if item.Desc != q.OrderBy[i].Desc {
			c.disagree(q.At, "direction of order item %d", i+1)
		}
		q.OrderBy[i].Expr = c.expr(item.Expr)
	}
	if q.Fill != nil {
		q.Fill(c.exprs(tail.Args))
	}
	if inner, ok := q.Body.(*ast.Query); ok && q.bare() {
		return inner
	}
	return q.Query
}

// bare tells whether a query is nothing but its body.
func (q *Query) bare() bool {
	return q.With == nil && q.OrderBy == nil && q.Fill == nil && q.Emit == ast.EmitNone && q.Locks == nil
}

// call expects one of our own calls.
func (c *converter) call(e tidb.ExprNode, name string) *tidb.FuncCallExpr {
	for {
		p, ok := e.(*tidb.ParenthesesExpr)
		if !ok {
			break
		}
		e = p.Expr
	}
	f, ok := e.(*tidb.FuncCallExpr)
	if !ok || f.FnName.O != name {
		c.disagree(0, "%T where %s belongs", e, name)
	}
	return f
}

func (c *converter) with(q *Query, with *tidb.WithClause) {
	if (with == nil) != (q.With == nil) {
		c.disagree(q.At, "WITH")
	}
	if with == nil {
		return
	}
	for i, cte := range with.CTEs {
		table := c.text.Tables[c.index(cte.Name.O, len(c.text.Tables))]
		if table.Query == nil && table.Changelog == nil {
			table.Query = c.query(cte.Query.Query)
		}
		q.With.Tables[i] = *table
	}
}

// setList converts a list of bodies with the operators between them.
func (c *converter) setList(q *Query, list []tidb.Node) ast.Body {
	var left ast.Body
	for i, n := range list {
		if i == 0 {
			left = c.operand(q, n)
			continue
		}
		if len(q.Ops) == 0 {
			c.disagree(q.At, "too many set operators")
		}
		op := q.Ops[0]
		q.Ops = q.Ops[1:]
		c.checkOp(op, operator(n))
		op.Left = left
		op.Right = c.operand(q, n)
		left = op
	}
	return left
}

// operator is the set operator in front of a body.
func operator(n tidb.Node) *tidb.SetOprType {
	switch n := n.(type) {
	case *tidb.SelectStmt:
		return n.AfterSetOperator
	case *tidb.SetOprSelectList:
		return n.AfterSetOperator
	}
	return nil
}

func (c *converter) checkOp(op *ast.SetOp, found *tidb.SetOprType) {
	kinds := map[tidb.SetOprType]ast.SetOp{
		tidb.Union:        {Kind: ast.SetUnion},
		tidb.UnionAll:     {Kind: ast.SetUnion, All: true},
		tidb.Intersect:    {Kind: ast.SetIntersect},
		tidb.IntersectAll: {Kind: ast.SetIntersect, All: true},
		tidb.Except:       {Kind: ast.SetExcept},
		tidb.ExceptAll:    {Kind: ast.SetExcept, All: true},
	}
	if found == nil || kinds[*found].Kind != op.Kind || kinds[*found].All != op.All {
		c.disagree(op.At, "set operator")
	}
}

// operand converts one side of a set operator: a body, or a query with a tail of its own.
func (c *converter) operand(q *Query, n tidb.Node) ast.Body {
	switch n := n.(type) {
	case *tidb.SelectStmt:
		if n.OrderBy == nil && n.With == nil {
			return c.selectBody(n)
		}
	case *tidb.SetOprSelectList:
		if n.OrderBy == nil && n.With == nil {
			return c.setList(q, n.Selects)
		}
	}
	return c.query(n)
}

// selectBody converts one SELECT; its skeleton is its first item.
func (c *converter) selectBody(n *tidb.SelectStmt) ast.Body {
	if n.Kind != tidb.SelectStmtKindSelect || n.Fields == nil || len(n.Fields.Fields) == 0 {
		c.disagree(0, "body without a head")
	}
	head := c.call(n.Fields.Fields[0].Expr, HeadCall)
	switch node := c.need(head).Node.(type) {
	case *ast.Values:
		rest := c.exprs(head.Args)
		for i, row := range node.Rows {
			node.Rows[i], rest = rest[:len(row):len(row)], rest[len(row):]
		}
		return node
	case *Select:
		c.selectClauses(node, n, head)
		return node.Select
	case *ast.Query:
		// A query in parentheses with another tail outside travels as a derived table.
		source, ok := n.From.TableRefs.Left.(*tidb.TableSource)
		if !ok {
			c.disagree(0, "nested query")
		}
		return c.query(source.Source)
	}
	c.disagree(0, "head without a skeleton")
	return nil
}

func (c *converter) selectClauses(s *Select, n *tidb.SelectStmt, head *tidb.FuncCallExpr) {
	if s.Fill != nil {
		s.Fill(c.exprs(head.Args))
	}
	c.items(s.Select, n.Fields.Fields[1:])
	if n.From != nil && !s.NoFrom {
		s.From = c.from(n.From.TableRefs)
	}
	if n.Where != nil {
		s.Where = c.expr(n.Where)
	}
	if n.GroupBy != nil {
		for _, item := range n.GroupBy.Items {
			s.GroupBy = append(s.GroupBy, c.expr(item.Expr))
		}
	}
	if n.Having == nil {
		return
	}
	if s.Rest == nil {
		s.Having = c.expr(n.Having.Expr)
		return
	}
	s.Rest(c.exprs(c.call(n.Having.Expr, RestCall).Args))
}

func (c *converter) items(s *ast.Select, fields []*tidb.SelectField) {
	if len(fields) != len(s.Items) {
		c.disagree(s.At, "%d items, not %d", len(fields), len(s.Items))
	}
	for i, f := range fields {
		if f.AsName.O != s.Items[i].Alias.Name {
			c.disagree(s.At, "alias of item %d", i+1)
		}
		if f.WildCard != nil {
			m := c.mark(f.Offset)
			star, ok := m.Node.(*ast.Star)
			if m == nil || !ok || star.Qualifier.Last().Name != f.WildCard.Table.O {
				c.disagree(s.At, "star as item %d", i+1)
			}
			s.Items[i].Expr = star
			continue
		}
		s.Items[i].Expr = c.expr(f.Expr)
	}
}
