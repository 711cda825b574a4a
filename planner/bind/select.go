package bind

import (
	"github.com/freshetdb/freshet/planner/logical"
	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
)

// selection is a SELECT while it is bound.
type selection struct {
	b      *Binder
	ast    *ast.Select
	node   logical.Node
	scope  *scope
	aggs   aggregates
	window *logical.Window
	keys   []expr.Expr // GROUP BY, over the input

	exprs  []expr.Expr
	names  []string
	places []sqlerr.Pos
	core   *Core
}

// selectBody binds a SELECT and its ORDER BY.
func (b *Binder) selectBody(sel *ast.Select, order []ast.OrderItem) (*Query, error) {
	s := &selection{b: b, ast: sel}
	if err := s.unsupported(); err != nil {
		return nil, err
	}
	var err error
	if s.node, s.scope, err = b.from(sel.From); err != nil {
		return nil, err
	}
	if sel.Where != nil {
		cond, err := b.expression(&place{scope: s.scope, clause: "WHERE"}, sel.Where)
		if err != nil {
			return nil, err
		}
		if cond, err = b.condition(cond, "WHERE", sel.Where.Pos()); err != nil {
			return nil, err
		}
		s.node = &logical.Filter{Input: s.node, Cond: cond}
	}
	if err := s.windowClause(); err != nil {
		return nil, err
	}
	if err := s.items(); err != nil {
		return nil, err
	}
	if err := s.groupBy(); err != nil {
		return nil, err
	}
	having, err := s.having()
	if err != nil {
		return nil, err
	}
	sorts, err := s.orderBy(order)
	if err != nil {
		return nil, err
	}
	partition, err := s.partitionBy()
	if err != nil {
		return nil, err
	}
	grouped := len(sel.GroupBy) > 0 || len(s.aggs.list) > 0 || having != nil || s.window != nil
	if grouped && len(s.keys) == 0 && b.Kept {
		// One group for all rows: a kept one has a key like any other, so that its row can be stored and replaced.
		s.keys = []expr.Expr{integer(types.Int, 0)}
	}
	if grouped {
		if err := s.group(having, sorts); err != nil {
			return nil, err
		}
	}
	s.core = &Core{Input: s.node, Exprs: s.exprs, Names: s.names, Grouped: grouped, Window: s.window, Partition: partition.exprs, PartNames: partition.names, PartNone: partition.none}
	if grouped {
		s.core.GroupKeys = len(s.keys)
	}
	return s.output(sorts)
}

func (s *selection) unsupported() error {
	sel := s.ast
	switch {
	case len(sel.DistinctOn) > 0:
		return sqlerr.Unsupported(sel.DistinctOn[0].Pos(), "DISTINCT ON")
	case sel.Distinct && s.b.Kept:
		return sqlerr.Unsupported(sel.At, "DISTINCT in a kept query").WithHint("GROUP BY the columns instead")
	case sel.Into != nil:
		return sqlerr.Unsupported(sel.At, "SELECT INTO").WithHint("use CREATE TABLE … AS SELECT")
	case len(sel.Windows) > 0:
		return sqlerr.Unsupported(sel.At, "a named window")
	}
	return nil
}

// columnsMax is the most columns of a row: Postgres' bound; the protocol counts them in 16 bits.
const columnsMax = 1664

// items binds the select list, stars expanded.
func (s *selection) items() error {
	p := &place{scope: s.scope, clause: "SELECT", aggs: &s.aggs}
	for _, item := range s.ast.Items {
		if star, ok := item.Expr.(*ast.Star); ok {
			if err := s.star(star); err != nil {
				return err
			}
			continue
		}
		e, err := s.b.expression(p, item.Expr)
		if err != nil {
			return err
		}
		var name string
		if item.Alias.Given() {
			name = s.b.Fold(item.Alias)
		} else {
			name = s.b.outputName(item.Expr)
		}
		s.exprs, s.names, s.places = append(s.exprs, e), append(s.names, name), append(s.places, item.Expr.Pos())
	}
	if len(s.exprs) > columnsMax {
		return sqlerr.Newf(sqlerr.TooManyColumns, s.places[columnsMax], "target lists can have at most %d entries", columnsMax)
	}
	s.generateNames()
	return nil
}

// star expands * and t.*.
func (s *selection) star(star *ast.Star) error {
	table := ""
	if len(star.Qualifier) > 0 {
		table = s.b.Fold(star.Qualifier.Last())
		if !s.scope.hasTable(table) {
			return sqlerr.Newf(sqlerr.UndefinedTable, star.At, "missing FROM-clause entry for table %q", table)
		}
	}
	if len(s.scope.tables) == 0 {
		return sqlerr.Newf(sqlerr.SyntaxError, star.At, "SELECT * with no tables specified is not valid")
	}
	except := map[string]bool{}
	for _, id := range star.Except {
		name := s.b.Fold(id)
		if c, err := s.scope.find(table, name, id.At); err != nil || c == nil {
			return s.b.noColumn(s.scope, table, name, id.At)
		}
		except[name] = true
	}
	shown := map[string]bool{}
	for i := range s.scope.columns {
		c := &s.scope.columns[i]
		// Of the two spellings of a window's bound one is enough.
		if c.hidden || table != "" && c.table != table || table == "" && c.merged || except[c.name] {
			continue
		}
		if c.pseudo != logical.NotPseudo && shown[c.table+"."+c.name] {
			continue
		}
		shown[c.table+"."+c.name] = true
		s.exprs = append(s.exprs, s.b.at(s.scope.expr(c), star.At))
		s.names, s.places = append(s.names, c.name), append(s.places, star.At)
	}
	return nil
}

// having binds HAVING, nil when there is none.
func (s *selection) having() (expr.Expr, error) {
	if s.ast.Having == nil {
		return nil, nil
	}
	e, err := s.b.expression(&place{scope: s.scope, clause: "HAVING", aggs: &s.aggs}, s.ast.Having)
	if err != nil {
		return nil, err
	}
	return s.b.condition(e, "HAVING", s.ast.Having.Pos())
}

// orderBy binds ORDER BY: ordinals and output names give the output's expression, anything else is over the input.
func (s *selection) orderBy(items []ast.OrderItem) ([]logical.SortKey, error) {
	columns := make(types.Columns, len(s.exprs))
	for i := range s.exprs {
		columns[i] = types.Column{Name: s.names[i], Type: s.exprs[i].Type()}
	}
	var keys []logical.SortKey
	for _, item := range items {
		if err := orderUsing(item); err != nil {
			return nil, err
		}
		e, err := s.b.ordinal(item.Expr, columns)
		if err != nil {
			return nil, err
		}
		if e != nil {
			e = s.exprs[e.(*expr.Column).Index]
		} else if e, err = s.outputColumn(item.Expr); err != nil {
			return nil, err
		}
		if e == nil {
			if e, err = s.b.expression(&place{scope: s.scope, clause: "ORDER BY", aggs: &s.aggs}, item.Expr); err != nil {
				return nil, err
			}
		}
		if e, err = s.b.text(e, item.Expr.Pos()); err != nil {
			return nil, err
		}
		keys = append(keys, sortKey(e, item))
	}
	return keys, nil
}

// outputColumn is the select item a bare name means, nil when there is none. Two different ones are ambiguous.
func (s *selection) outputColumn(e ast.Expr) (expr.Expr, error) {
	ref, ok := e.(*ast.ColumnRef)
	if !ok || len(ref.Name) != 1 {
		return nil, nil
	}
	name := s.b.Fold(ref.Name[0])
	var found expr.Expr
	for i, n := range s.names {
		if n != name {
			continue
		}
		if found != nil && !logical.Equal(found, s.exprs[i]) {
			return nil, sqlerr.Newf(sqlerr.AmbiguousColumn, ref.At, "ORDER BY %q is ambiguous", name)
		}
		found = s.exprs[i]
	}
	return found, nil
}

// partitioning is PARTITION BY, bound.
type partitioning struct {
	exprs []expr.Expr
	names []string
	none  bool
}

func (s *selection) partitionBy() (partitioning, error) {
	var out partitioning
	for _, e := range s.ast.PartitionBy {
		if _, null := e.(*ast.NullLit); null {
			if len(s.ast.PartitionBy) > 1 {
				return out, sqlerr.Newf(sqlerr.SyntaxError, e.Pos(), "PARTITION BY NULL cannot have other expressions beside it")
			}
			out.none = true
			return out, nil
		}
		bound, err := s.outputColumn(e)
		if err == nil && bound == nil {
			bound, err = s.b.typedArg(&place{scope: s.scope, clause: "PARTITION BY"}, e)
		}
		if err != nil {
			return out, err
		}
		if err := noBounds(bound, "PARTITION BY", e.Pos()); err != nil {
			return out, err
		}
		out.exprs, out.names = append(out.exprs, bound), append(out.names, s.b.outputName(e))
	}
	return out, nil
}

// output puts the projection on top, DISTINCT and the order above it. Sort keys that are not selected are computed beside and dropped.
func (s *selection) output(sorts []logical.SortKey) (*Query, error) {
	columns := make(types.Columns, len(s.exprs))
	for i, e := range s.exprs {
		columns[i] = types.Column{Name: s.names[i], Type: e.Type()}
	}
	exprs, wide := s.exprs, columns
	for i := range sorts {
		at := -1
		for j, e := range exprs {
			if logical.Equal(e, sorts[i].Expr) {
				at = j
				break
			}
		}
		if at < 0 {
			if s.ast.Distinct {
				return nil, sqlerr.Newf(sqlerr.InvalidColumnReference, s.ast.At, "for SELECT DISTINCT, ORDER BY expressions must appear in select list")
			}
			at = len(exprs)
			exprs = append(exprs[:at:at], sorts[i].Expr)
			wide = append(wide[:at:at], types.Column{Name: "?order?", Type: sorts[i].Expr.Type()})
		}
		sorts[i].Expr = &expr.Column{Index: at, Name: wide[at].Name, Typ: wide[at].Type}
	}
	var node logical.Node = &logical.Project{Input: s.node, Exprs: exprs, Columns: wide}
	if s.ast.Distinct {
		node = &logical.Distinct{Input: node}
		s.core = nil
	}
	if len(sorts) > 0 {
		node = &logical.Sort{Input: node, Keys: sorts, Top: -1}
		s.core = nil
	}
	if len(wide) > len(columns) {
		drop := &logical.Project{Input: node, Columns: columns}
		for i, c := range columns {
			drop.Exprs = append(drop.Exprs, &expr.Column{Index: i, Name: c.Name, Typ: c.Type})
		}
		node = drop
	}
	return &Query{Node: node, Columns: columns, Core: s.core}, nil
}
