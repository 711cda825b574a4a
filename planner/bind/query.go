package bind

import (
	"strconv"

	"github.com/freshetdb/freshet/planner/logical"
	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// query binds a query and what applies to its result.
func (b *Binder) query(q *ast.Query) (*Query, error) {
	if err := b.unsupportedQuery(q); err != nil {
		return nil, err
	}
	outer := b.ctes
	defer func() { b.ctes = outer }()
	if q.With != nil {
		for i := range q.With.Tables {
			t := &q.With.Tables[i]
			if q.With.Recursive && mentions(t.Query, t.Name.Name) {
				return nil, sqlerr.Unsupported(q.With.At, "WITH RECURSIVE")
			}
			b.ctes = &cteScope{outer: b.ctes, name: b.Fold(t.Name), table: t}
		}
	}
	bound, err := b.body(q)
	if err != nil {
		return nil, err
	}
	bound.Emit = q.Emit
	bound.Node = b.settleOutput(bound.Node)
	bound.Columns = renamed(bound.Columns, bound.Node.Schema())
	return bound, b.limit(bound, q)
}

// renamed are names with the types of a schema.
func renamed(names, schema types.Columns) types.Columns {
	out := make(types.Columns, len(names))
	for i := range names {
		out[i] = types.Column{Name: names[i].Name, Type: schema[i].Type}
	}
	return out
}

func (b *Binder) unsupportedQuery(q *ast.Query) error {
	switch {
	case len(q.Locks) > 0:
		return sqlerr.Unsupported(q.Locks[0].At, "FOR "+q.Locks[0].Strength)
	case q.Ties:
		return sqlerr.Unsupported(q.Limit.Pos(), "WITH TIES")
	case q.Emit != ast.EmitNone && b.depth > 0:
		return sqlerr.Newf(sqlerr.SyntaxError, q.EmitAt.At, "EMIT is only allowed at the end of a statement")
	case b.Kept && len(q.OrderBy) > 0:
		return sqlerr.Unsupported(q.OrderBy[0].Expr.Pos(), "ORDER BY in a kept query")
	case b.Kept && q.Offset != nil:
		return sqlerr.Unsupported(q.Offset.Pos(), "OFFSET in a kept query")
	case b.Kept && q.Limit != nil && b.depth > 0:
		return sqlerr.Unsupported(q.Limit.Pos(), "LIMIT in a kept query")
	}
	return nil
}

// mentions tells whether a statement reads a table of a name.
func mentions(stmt ast.Statement, name string) bool {
	found := false
	ast.Walk(stmt, func(n ast.Node) bool {
		if t, ok := n.(*ast.Table); ok && len(t.Name) == 1 && t.Name[0].Name == name {
			found = true
		}
		return !found
	})
	return found
}

// body binds what a query computes, in order.
func (b *Binder) body(q *ast.Query) (*Query, error) {
	switch body := q.Body.(type) {
	case *ast.Select:
		return b.selectBody(body, q.OrderBy)
	case *ast.Query:
		if err := b.enter(body.Pos()); err != nil {
			return nil, err
		}
		defer b.leave()
		bound, err := b.query(body)
		if err != nil {
			return nil, err
		}
		bound.Core = nil
		return b.orderOutput(bound, q.OrderBy)
	case *ast.SetOp:
		bound, err := b.setOp(body)
		if err != nil {
			return nil, err
		}
		return b.orderOutput(bound, q.OrderBy)
	case *ast.Values:
		bound, err := b.values(body)
		if err != nil {
			return nil, err
		}
		return b.orderOutput(bound, q.OrderBy)
	}
	return nil, sqlerr.Unsupported(q.Pos(), "this query")
}

func (b *Binder) values(v *ast.Values) (*Query, error) {
	width := len(v.Rows[0])
	node := &logical.Values{Rows: make([][]expr.Expr, len(v.Rows)), Columns: make(types.Columns, width)}
	p := &place{scope: &scope{}, clause: "VALUES"}
	for i, row := range v.Rows {
		if len(row) != width {
			return nil, sqlerr.Newf(sqlerr.SyntaxError, row[0].Pos(), "VALUES lists must all be the same length")
		}
		for _, e := range row {
			bound, err := b.expression(p, e)
			if err != nil {
				return nil, err
			}
			node.Rows[i] = append(node.Rows[i], bound)
		}
	}
	for c := range width {
		column, places := make([]expr.Expr, len(v.Rows)), make([]sqlerr.Pos, len(v.Rows))
		for r := range v.Rows {
			column[r], places[r] = node.Rows[r][c], v.Rows[r][c].Pos()
		}
		column, t, err := b.common("VALUES", column, places)
		if err != nil {
			return nil, err
		}
		for r := range column {
			if column[r], err = b.text(column[r], places[r]); err != nil {
				return nil, err
			}
			node.Rows[r][c] = column[r]
		}
		if t.ID == types.Unknown {
			t = types.Of(types.String)
		}
		node.Columns[c] = types.Column{Name: b.Fold(ast.Ident{Name: "column" + strconv.Itoa(c+1)}), Type: t}
	}
	return &Query{Node: node, Columns: node.Columns}, nil
}

func (b *Binder) setOp(s *ast.SetOp) (*Query, error) {
	switch {
	case s.Kind == ast.SetIntersect:
		return nil, sqlerr.Unsupported(s.At, "INTERSECT")
	case s.Kind == ast.SetExcept:
		return nil, sqlerr.Unsupported(s.At, "EXCEPT")
	case b.Kept:
		return nil, sqlerr.Unsupported(s.At, "UNION in a kept query")
	}
	if err := b.enter(s.At); err != nil {
		return nil, err
	}
	defer b.leave()
	left, err := b.body(&ast.Query{Body: s.Left})
	if err != nil {
		return nil, err
	}
	right, err := b.body(&ast.Query{Body: s.Right})
	if err != nil {
		return nil, err
	}
	if len(left.Columns) != len(right.Columns) {
		return nil, sqlerr.Newf(sqlerr.SyntaxError, s.Right.Pos(), "each UNION query must have the same number of columns")
	}
	union := &logical.Union{Columns: make(types.Columns, len(left.Columns))}
	for i := range left.Columns {
		lt, rt := left.Columns[i].Type, right.Columns[i].Type
		t, ok := types.Common(lt, rt)
		if !ok {
			return nil, sqlerr.Newf(sqlerr.DatatypeMismatch, s.Right.Pos(), "UNION types %s and %s cannot be matched", lt.String(), rt.String())
		}
		if t.ID == types.Unknown {
			t = types.Of(types.String)
		}
		union.Columns[i] = types.Column{Name: left.Columns[i].Name, Type: t}
	}
	for _, side := range []*Query{left, right} {
		part, err := b.castOutput(side.Node, union.Columns, s.At)
		if err != nil {
			return nil, err
		}
		union.Parts = append(union.Parts, part)
	}
	var node logical.Node = union
	if !s.All {
		node = &logical.Distinct{Input: union}
	}
	return &Query{Node: node, Columns: union.Columns}, nil
}

// castOutput gives a node's columns types.
func (b *Binder) castOutput(n logical.Node, want types.Columns, pos sqlerr.Pos) (logical.Node, error) {
	schema := n.Schema()
	top, isProject := n.(*logical.Project)
	exprs := make([]expr.Expr, len(want))
	changed := false
	for i := range want {
		exprs[i] = &expr.Column{Index: i, Name: schema[i].Name, Typ: schema[i].Type}
		if isProject {
			exprs[i] = top.Exprs[i]
		}
		if schema[i].Type.Equal(want[i].Type) {
			continue
		}
		changed = true
		cast, err := b.coerce(exprs[i], want[i].Type, types.Implicit, pos)
		if err != nil {
			return nil, err
		}
		if cast == nil {
			cast = &expr.Cast{Arg: exprs[i], Typ: want[i].Type, Pos: pos}
		}
		exprs[i] = cast
	}
	switch {
	case !changed:
		return n, nil
	case isProject:
		return &logical.Project{Input: top.Input, Exprs: exprs, Columns: want}, nil
	}
	return &logical.Project{Input: n, Exprs: exprs, Columns: want}, nil
}

// settleOutput makes text of the columns of a projection that are still untyped.
func (b *Binder) settleOutput(n logical.Node) logical.Node {
	return logical.Transform(n, func(n logical.Node) logical.Node {
		p, ok := n.(*logical.Project)
		if !ok {
			return n
		}
		c := &logical.Project{Input: p.Input, Exprs: append([]expr.Expr(nil), p.Exprs...), Columns: append(types.Columns(nil), p.Columns...)}
		schema := p.Input.Schema()
		for i, e := range c.Exprs {
			if col, isColumn := e.(*expr.Column); isColumn && e.Type().ID == types.Unknown {
				c.Exprs[i] = &expr.Column{Index: col.Index, Name: col.Name, Typ: schema[col.Index].Type}
			}
			if settled, err := b.text(c.Exprs[i], 0); err == nil {
				c.Exprs[i] = settled
			}
			c.Columns[i].Type = c.Exprs[i].Type()
		}
		return c
	})
}

// orderOutput sorts rows by output columns: names and ordinals only.
func (b *Binder) orderOutput(q *Query, items []ast.OrderItem) (*Query, error) {
	if len(items) == 0 {
		return q, nil
	}
	s := &scope{}
	for i, c := range q.Columns {
		s.columns = append(s.columns, scopeColumn{name: c.Name, typ: c.Type, index: i})
	}
	sort := &logical.Sort{Input: q.Node, Top: -1}
	for _, item := range items {
		if err := orderUsing(item); err != nil {
			return nil, err
		}
		e, err := b.ordinal(item.Expr, q.Columns)
		if err == nil && e == nil {
			e, err = b.expression(&place{scope: s, clause: "ORDER BY"}, item.Expr)
		}
		if err != nil {
			return nil, err
		}
		sort.Keys = append(sort.Keys, sortKey(e, item))
	}
	return &Query{Node: sort, Columns: q.Columns}, nil
}

func orderUsing(item ast.OrderItem) error {
	if item.Using != "" {
		return sqlerr.Unsupported(item.Expr.Pos(), "ORDER BY … USING")
	}
	return nil
}

// sortKey is an order item; nulls sort as if larger than anything, as in Postgres.
func sortKey(e expr.Expr, item ast.OrderItem) logical.SortKey {
	first := item.Desc
	if item.Nulls != ast.NullsDefault {
		first = item.Nulls == ast.NullsFirst
	}
	return logical.SortKey{Expr: e, Desc: item.Desc, NullsFirst: first}
}

// ordinal is the output column a whole number names; nil when e is something else.
func (b *Binder) ordinal(e ast.Expr, columns types.Columns) (expr.Expr, error) {
	num, ok := e.(*ast.NumberLit)
	if !ok {
		return nil, nil
	}
	n, err := strconv.Atoi(num.Text)
	if err != nil || n < 1 || n > len(columns) {
		return nil, sqlerr.Newf(sqlerr.InvalidColumnReference, num.At, "ORDER BY position %s is not in select list", num.Text)
	}
	return &expr.Column{Index: n - 1, Name: columns[n-1].Name, Typ: columns[n-1].Type}, nil
}

// limit binds LIMIT and OFFSET. A kept query's LIMIT stays beside the node.
func (b *Binder) limit(bound *Query, q *ast.Query) error {
	count, err := b.rowCount(q.Limit, "LIMIT", sqlerr.InvalidLimit)
	if err != nil {
		return err
	}
	offset, err := b.rowCount(q.Offset, "OFFSET", sqlerr.InvalidOffset)
	if err != nil || count == nil && offset == nil {
		return err
	}
	if b.Kept {
		bound.Limit = count
		return nil
	}
	bound.Node = &logical.Limit{Input: bound.Node, Count: count, Offset: offset}
	bound.Core = nil
	return nil
}

func (b *Binder) rowCount(e ast.Expr, clause string, negative sqlerr.Code) (expr.Expr, error) {
	if e == nil {
		return nil, nil
	}
	bound, err := b.expression(&place{scope: &scope{}, clause: clause}, e)
	if err != nil {
		return nil, err
	}
	if param, isParam := bound.(*expr.Param); isParam && (param.Typ.ID == types.Int || param.Typ.ID == types.SmallInt) {
		return param, nil // BindParams looks at the number only
	}
	c, err := b.coerce(bound, types.Of(types.BigInt), types.Assignment, e.Pos())
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, sqlerr.Newf(sqlerr.DatatypeMismatch, e.Pos(), "argument of %s must be type bigint, not type %s", clause, bound.Type().String())
	}
	if _, isParam := c.(*expr.Param); isParam {
		return c, nil
	}
	d, ok := b.datum(c)
	switch {
	case !ok:
		return nil, sqlerr.Unsupported(e.Pos(), "an expression in "+clause)
	case d.Null:
		return nil, nil
	case d.I < 0:
		return nil, sqlerr.Newf(negative, e.Pos(), "%s must not be negative", clause)
	}
	return &expr.Literal{Value: vector.Datum{Type: types.Of(types.BigInt), I: d.I}}, nil
}

// Scalar binds an expression that reads no rows: a value of INSERT, a setting.
func (b *Binder) Scalar(e ast.Expr) (expr.Expr, error) {
	return b.expression(&place{scope: &scope{}, clause: "VALUES"}, e)
}
