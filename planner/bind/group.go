package bind

import (
	"strconv"
	"strings"
	"time"

	"github.com/freshetdb/freshet/planner/logical"
	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/catalog"
	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
)

// defaultGrace is how long a window stays open for late rows, its size included, unless GRACE PERIOD says otherwise. Source: ksqlDB.
const defaultGrace = 24 * time.Hour

// windowClause binds WINDOW: the bounds become names of the select list.
func (s *selection) windowClause() error {
	w := s.ast.Window
	if w == nil {
		return nil
	}
	if w.Kind != ast.WindowTumbling {
		return sqlerr.Unsupported(w.At, map[ast.WindowKind]string{ast.WindowHopping: "WINDOW HOPPING", ast.WindowSession: "WINDOW SESSION"}[w.Kind])
	}
	if len(s.ast.GroupBy) == 0 {
		return sqlerr.Newf(sqlerr.WindowingError, w.At, "WINDOW clause requires a GROUP BY clause")
	}
	for _, rel := range logical.Sources(s.node) {
		if rel.Kind == catalog.Table {
			return sqlerr.Newf(sqlerr.WrongObjectType, w.At, "WINDOW clause needs a stream: %q is a table", rel.Name)
		}
	}
	size, err := length(w.Size)
	if err != nil {
		return err
	}
	if size <= 0 {
		return sqlerr.Newf(sqlerr.InvalidParameterValue, w.Size.At, "the size of a window must be positive")
	}
	s.window = &logical.Window{Kind: "TUMBLING", SizeMS: size, AdvanceMS: size, GraceMS: max(0, defaultGrace.Milliseconds()-size)}
	if w.Grace != nil {
		if s.window.GraceMS, err = length(*w.Grace); err != nil {
			return err
		}
	}
	if w.Retention != nil {
		if s.window.RetentionMS, err = length(*w.Retention); err != nil {
			return err
		}
		if s.window.RetentionMS < size+s.window.GraceMS && w.Grace != nil {
			return sqlerr.Newf(sqlerr.InvalidParameterValue, w.Retention.At, "RETENTION must not be below the window's size plus its grace period")
		}
		s.window.GraceMS = min(s.window.GraceMS, max(0, s.window.RetentionMS-size))
	}
	s.addBounds()
	return nil
}

// addBounds makes WINDOWSTART and WINDOWEND found by name; they hide pseudo columns of the same names below.
func (s *selection) addBounds() {
	visible := s.scope.columns[:0:0]
	for _, c := range s.scope.columns {
		if c.pseudo != logical.WindowStart && c.pseudo != logical.WindowEnd {
			visible = append(visible, c)
		}
	}
	for _, ps := range pseudoNames {
		if ps.pseudo != logical.WindowStart && ps.pseudo != logical.WindowEnd {
			continue
		}
		index := windowBase
		if ps.pseudo == logical.WindowEnd {
			index++
		}
		visible = append(visible, scopeColumn{name: s.b.Fold(ast.Ident{Name: ps.name}), typ: s.b.instant(), index: index, hidden: true, pseudo: ps.pseudo})
	}
	s.scope = &scope{columns: visible, tables: s.scope.tables}
}

func length(d ast.Duration) (int64, error) {
	l, ok := d.Length()
	if !ok {
		return 0, sqlerr.Newf(sqlerr.DatetimeOverflow, d.At, "duration is out of range")
	}
	return l.Milliseconds(), nil
}

// groupBy binds the keys: ordinals, then names of the input, then names of the output, then expressions.
func (s *selection) groupBy() error {
	p := &place{scope: s.scope, clause: "GROUP BY"}
	for _, item := range s.ast.GroupBy {
		if g, ok := item.(*ast.Grouping); ok && g.Kind == ast.GroupingEmpty {
			continue
		}
		e, err := s.groupKey(p, item)
		if err != nil {
			return err
		}
		if e, err = s.b.text(e, item.Pos()); err != nil {
			return err
		}
		bad := false
		logical.Columns(e, func(i int) { bad = bad || i >= aggregateBase })
		if bad {
			return sqlerr.Newf(sqlerr.GroupingError, item.Pos(), "aggregate functions are not allowed in GROUP BY")
		}
		// The window is part of the group anyway: naming its bounds, as other systems want, adds nothing.
		if c, ok := e.(*expr.Column); ok && c.Index >= windowBase {
			continue
		}
		if err := noBounds(e, "GROUP BY", item.Pos()); err != nil {
			return err
		}
		known := false
		for _, k := range s.keys {
			known = known || logical.Equal(k, e)
		}
		if !known {
			s.keys = append(s.keys, e)
		}
	}
	return nil
}

func (s *selection) groupKey(p *place, item ast.Expr) (expr.Expr, error) {
	if num, ok := item.(*ast.NumberLit); ok {
		n, err := strconv.Atoi(num.Text)
		if err != nil || n < 1 || n > len(s.exprs) {
			return nil, sqlerr.Newf(sqlerr.InvalidColumnReference, num.At, "GROUP BY position %s is not in select list", num.Text)
		}
		return s.exprs[n-1], nil
	}
	if ref, ok := item.(*ast.ColumnRef); ok && len(ref.Name) == 1 {
		c, err := s.scope.find("", s.b.Fold(ref.Name[0]), ref.At)
		if err != nil {
			return nil, err
		}
		if c == nil {
			if e, err := s.outputColumn(item); e != nil || err != nil {
				return e, err
			}
		}
	}
	return s.b.expression(p, item)
}

// group puts the Aggregate in, and rewrites what stands above it to its columns, HAVING too.
func (s *selection) group(having expr.Expr, sorts []logical.SortKey) error {
	agg := &logical.Aggregate{Input: s.node, Keys: s.keys, Window: s.window, Aggs: s.aggs.list}
	for i, k := range s.keys {
		agg.Columns = append(agg.Columns, types.Column{Name: s.keyName(k, i), Type: k.Type()})
	}
	if s.window != nil {
		agg.Columns = append(agg.Columns,
			types.Column{Name: s.b.Fold(ast.Ident{Name: "window_start"}), Type: s.b.instant()},
			types.Column{Name: s.b.Fold(ast.Ident{Name: "window_end"}), Type: s.b.instant()})
	}
	for _, a := range s.aggs.list {
		agg.Columns = append(agg.Columns, types.Column{Name: a.Name, Type: a.Type})
	}
	s.node = agg
	for i, e := range s.exprs {
		above, err := s.above(agg, e, s.places[i])
		if err != nil {
			return err
		}
		s.exprs[i] = above
	}
	for i := range sorts {
		above, err := s.above(agg, sorts[i].Expr, 0)
		if err != nil {
			return err
		}
		sorts[i].Expr = above
	}
	if having == nil {
		return nil
	}
	cond, err := s.above(agg, having, s.ast.Having.Pos())
	if err != nil {
		return err
	}
	s.node = &logical.Filter{Input: agg, Cond: cond}
	return nil
}

// keyName names a grouping key: the column's own name, the name it is selected under, or key_n.
func (s *selection) keyName(k expr.Expr, i int) string {
	if c, ok := k.(*expr.Column); ok {
		return c.Name
	}
	for j, e := range s.exprs {
		if logical.Equal(k, e) {
			return s.names[j]
		}
	}
	return s.b.Fold(ast.Ident{Name: "key_" + strconv.Itoa(i+1)})
}

// above rewrites an expression over the input to one over the groups. Errors: 42803 for a column that is neither grouped nor aggregated.
func (s *selection) above(agg *logical.Aggregate, e expr.Expr, pos sqlerr.Pos) (expr.Expr, error) {
	bounds := 0
	if s.window != nil {
		bounds = 2
	}
	var failed error
	rewritten := logical.Replace(e, func(e expr.Expr) expr.Expr {
		for i, k := range agg.Keys {
			if logical.Equal(k, e) {
				return &expr.Column{Index: i, Name: agg.Columns[i].Name, Typ: k.Type()}
			}
		}
		c, ok := e.(*expr.Column)
		if !ok {
			return nil
		}
		switch {
		case c.Index >= aggregateBase:
			at := len(agg.Keys) + bounds + c.Index - aggregateBase
			return &expr.Column{Index: at, Name: c.Name, Typ: c.Typ}
		case c.Index >= windowBase:
			return &expr.Column{Index: len(agg.Keys) + c.Index - windowBase, Name: c.Name, Typ: c.Typ}
		}
		if failed == nil {
			failed = s.ungrouped(c, pos)
		}
		return c
	})
	return rewritten, failed
}

func (s *selection) ungrouped(c *expr.Column, pos sqlerr.Pos) error {
	if at, ok := s.b.places[c]; ok {
		pos = at
	}
	name := c.Name
	for _, sc := range s.scope.columns {
		if sc.index == c.Index && sc.table != "" {
			name = sc.table + "." + sc.name
			break
		}
	}
	return sqlerr.Newf(sqlerr.GroupingError, pos, "column %q must appear in the GROUP BY clause or be used in an aggregate function", name)
}

// outputName is the name Postgres gives an unnamed select item, "" when it has none to give; in the ksqldb dialect only columns and
// fields have one.
func (b *Binder) outputName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.ColumnRef:
		return b.Fold(e.Name.Last())
	case *ast.Field:
		return b.Fold(e.Name)
	}
	if b.Ksql() {
		return ""
	}
	name, _ := b.figureName(e)
	return name
}

// Strengths of names: a cast or CASE gives way to the name of what it is about only when that one is strong.
// Source: Postgres, FigureColnameInternal.
const (
	noName = iota
	weakName
	strongName
)

func (b *Binder) figureName(e ast.Expr) (string, int) {
	switch e := e.(type) {
	case *ast.ColumnRef:
		return b.Fold(e.Name.Last()), strongName
	case *ast.Field:
		return b.Fold(e.Name), strongName
	case *ast.Call:
		name := strings.ToLower(e.Name.Last().Name)
		if name == "trim" {
			name = "btrim"
		}
		return name, strongName
	case *ast.Cast:
		if inner, strength := b.figureName(e.Expr); strength == strongName {
			return inner, strength
		}
		return castName(e.Type), weakName
	case *ast.TypedLit:
		return castName(e.Type), weakName
	case *ast.IntervalLit:
		return "interval", weakName
	case *ast.Case:
		if e.Else != nil {
			if inner, strength := b.figureName(e.Else); strength == strongName {
				return inner, strength
			}
		}
		return "case", weakName
	case *ast.AtTimeZone:
		return "timezone", strongName
	case *ast.Collate:
		return b.figureName(e.Expr)
	case *ast.Subscript:
		return b.figureName(e.Expr)
	case *ast.ArrayCons:
		return "array", strongName
	}
	return "", noName
}

// castName is the internal name of a type, which Postgres gives to an unnamed cast.
func castName(t *ast.TypeName) string {
	internal := map[string]string{
		"integer": "int4", "int": "int4", "bigint": "int8", "smallint": "int2", "double precision": "float8", "double": "float8", "real": "float4",
		"boolean": "bool", "character varying": "varchar", "decimal": "numeric", "timestamp with time zone": "timestamptz", "string": "text",
		"timestamp without time zone": "timestamp", "time without time zone": "time", "bytes": "bytea",
	}
	if t.Kind == ast.TypeArray {
		return castName(t.Elem)
	}
	name := strings.ToLower(t.Name.Last().Name)
	if short, ok := internal[name]; ok {
		return short
	}
	return name
}

// generateNames fills the names left empty: ?column?, or KSQL_COL_n, passing over names in use.
func (s *selection) generateNames() {
	used := map[string]bool{}
	for _, n := range s.names {
		used[n] = true
	}
	next := 0
	for i, n := range s.names {
		if n != "" {
			continue
		}
		if !s.b.Ksql() {
			s.names[i] = "?column?"
			continue
		}
		for name := "KSQL_COL_" + strconv.Itoa(next); ; name = "KSQL_COL_" + strconv.Itoa(next) {
			next++
			if !used[name] {
				used[name] = true
				s.names[i] = name
				break
			}
		}
	}
}
