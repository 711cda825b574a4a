package tidbcore

import (
	tidb "github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/opcode"

	"github.com/freshetdb/freshet/sql/ast"
)

func (c *converter) exprs(list []tidb.ExprNode) []ast.Expr {
	out := make([]ast.Expr, len(list))
	for i, e := range list {
		out[i] = c.expr(e)
	}
	return out
}

// expr converts an expression. A compound one stands in parentheses, whose mark holds its skeleton.
func (c *converter) expr(e tidb.ExprNode) ast.Expr {
	switch e := e.(type) {
	case *tidb.ParenthesesExpr:
		if m := c.mark(e.OriginTextPosition()); m != nil && m.Node != nil {
			return c.compound(m, e.Expr)
		}
		return c.expr(e.Expr)
	case *tidb.FuncCallExpr:
		return c.function(e)
	case *tidb.ColumnNameExpr:
		m := c.need(e)
		ref, ok := m.Node.(*ast.ColumnRef)
		if !ok || ref.Name.Last().Name != e.Name.Name.O {
			c.disagree(m.Pos, "column %q", e.Name.Name.O)
		}
		return ref
	case *tidb.SubqueryExpr:
		m := c.need(e)
		s, ok := m.Node.(*ast.Subquery)
		if !ok {
			c.disagree(m.Pos, "subquery")
		}
		s.Query = c.query(e.Query)
		return s
	case tidb.ParamMarkerExpr, tidb.ValueExpr:
		return c.literal(e)
	}
	c.disagree(0, "%T", e)
	return nil
}

// literal is a leaf: the mark has it whole.
func (c *converter) literal(e tidb.ExprNode) ast.Expr {
	m := c.need(e)
	switch n := m.Node.(type) {
	case *ast.NumberLit, *ast.StringLit, *ast.NullLit, *ast.BoolLit, *ast.Param:
		return n.(ast.Expr)
	}
	c.disagree(m.Pos, "literal")
	return nil
}

func (c *converter) function(e *tidb.FuncCallExpr) ast.Expr {
	m := c.need(e)
	if m.Build != nil {
		return m.Build(c.exprs(e.Args))
	}
	f, ok := m.Node.(*ast.Call)
	if !ok || f.Name.Last().Name != e.FnName.O {
		c.disagree(m.Pos, "function %q", e.FnName.O)
	}
	if len(e.Args) > 0 {
		f.Args = c.exprs(e.Args)
	}
	return f
}

var operators = map[string]opcode.Op{
	"AND": opcode.LogicAnd, "OR": opcode.LogicOr,
	"+": opcode.Plus, "-": opcode.Minus, "*": opcode.Mul, "/": opcode.Div, "%": opcode.Mod,
	"=": opcode.EQ, "==": opcode.EQ, "<>": opcode.NE, "!=": opcode.NE,
	"<": opcode.LT, "<=": opcode.LE, ">": opcode.GT, ">=": opcode.GE,
}

// compound fills the skeleton of an operator with its operands.
func (c *converter) compound(m *Mark, e tidb.ExprNode) ast.Expr {
	switch n := m.Node.(type) {
	case *ast.Binary:
		if b, ok := e.(*tidb.BinaryOperationExpr); ok && operators[n.Op] == b.Op {
			n.Left, n.Right = c.expr(b.L), c.expr(b.R)
			return n
		}
	case *ast.Unary:
		if u, ok := e.(*tidb.UnaryOperationExpr); ok {
			n.Expr = c.expr(u.V)
			return n
		}
	case *ast.IsNull:
		if i, ok := e.(*tidb.IsNullExpr); ok && i.Not == n.Not {
			n.Expr = c.expr(i.Expr)
			return n
		}
	case *ast.IsTruth:
		if i, ok := e.(*tidb.IsTruthExpr); ok && i.Not == n.Not && (i.True == 1) == (n.Value == ast.True) {
			n.Expr = c.expr(i.Expr)
			return n
		}
	default:
		return c.predicate(m, e)
	}
	c.disagree(m.Pos, "%T is not %T", e, m.Node)
	return nil
}

// predicate fills the skeletons of the wordier operators.
func (c *converter) predicate(m *Mark, e tidb.ExprNode) ast.Expr {
	switch n := m.Node.(type) {
	case *ast.Between:
		if b, ok := e.(*tidb.BetweenExpr); ok && b.Not == n.Not {
			n.Expr, n.Low, n.High = c.expr(b.Expr), c.expr(b.Left), c.expr(b.Right)
			return n
		}
	case *ast.Like:
		if l, ok := e.(*tidb.PatternLikeOrIlikeExpr); ok && l.Not == n.Not && l.IsLike == (n.Kind == ast.LikeLike) {
			n.Expr, n.Pattern = c.expr(l.Expr), c.expr(l.Pattern)
			return n
		}
	case *ast.InList:
		if p, ok := e.(*tidb.PatternInExpr); ok && p.Not == n.Not && p.Sel == nil {
			n.Expr, n.List = c.expr(p.Expr), c.exprs(p.List)
			return n
		}
	case *ast.InQuery:
		if p, ok := e.(*tidb.PatternInExpr); ok && p.Not == n.Not && p.Sel != nil {
			n.Expr, n.Query = c.expr(p.Expr), c.subquery(p.Sel)
			return n
		}
	case *ast.Exists:
		if x, ok := e.(*tidb.ExistsSubqueryExpr); ok && !x.Not {
			n.Query = c.subquery(x.Sel)
			return n
		}
	case *ast.Case:
		if x, ok := e.(*tidb.CaseExpr); ok {
			return c.caseExpr(n, x)
		}
	}
	c.disagree(m.Pos, "%T is not %T", e, m.Node)
	return nil
}

func (c *converter) subquery(e tidb.ExprNode) *ast.Query {
	s, ok := e.(*tidb.SubqueryExpr)
	if !ok {
		c.disagree(0, "%T is not a subquery", e)
	}
	return c.query(s.Query)
}

func (c *converter) caseExpr(n *ast.Case, x *tidb.CaseExpr) ast.Expr {
	if x.Value != nil {
		n.Operand = c.expr(x.Value)
	}
	if len(n.Whens) != len(x.WhenClauses) {
		c.disagree(n.At, "branches of CASE")
	}
	for i, w := range x.WhenClauses {
		n.Whens[i].Cond, n.Whens[i].Result = c.expr(w.Expr), c.expr(w.Result)
	}
	if x.ElseClause != nil {
		n.Else = c.expr(x.ElseClause)
	}
	return n
}
