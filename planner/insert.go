package planner

import (
	"strings"

	"github.com/freshetdb/freshet/planner/bind"
	"github.com/freshetdb/freshet/planner/logical"
	"github.com/freshetdb/freshet/planner/physical"
	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/catalog"
	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// insert plans INSERT INTO … VALUES, written once, and INSERT INTO stream SELECT, a kept query.
func (p *planning) insert(s *ast.Insert) (*Result, error) {
	switch {
	case s.With != nil:
		return nil, sqlerr.Unsupported(s.With.At, "WITH before INSERT")
	case s.OnConflict != nil:
		return nil, sqlerr.Unsupported(s.OnConflict.At, "ON CONFLICT").WithHint("a row of a table replaces the one of the same key as it is")
	case len(s.Returning) > 0:
		return nil, sqlerr.Unsupported(s.Returning[0].Expr.Pos(), "RETURNING")
	case s.Query == nil:
		return nil, sqlerr.Unsupported(s.At, "DEFAULT VALUES")
	}
	rel, err := bind.Relation(p.Catalog, s.Table)
	if err != nil {
		return nil, err
	}
	if err := insertable(rel, s.Table.Pos()); err != nil {
		return nil, err
	}
	values, ok := s.Query.Body.(*ast.Values)
	if !ok {
		return p.insertSelect(s, rel)
	}
	if s.Query.Limit != nil || s.Query.Offset != nil || len(s.Query.OrderBy) > 0 || s.Query.Emit != ast.EmitNone {
		return nil, sqlerr.Unsupported(s.Query.Pos(), "ORDER BY, LIMIT or EMIT of inserted VALUES")
	}
	return p.insertValues(s, rel, values)
}

// insertable refuses relations that only others may write.
func insertable(rel *catalog.Relation, pos sqlerr.Pos) error {
	kind := strings.ToLower(string(rel.Kind))
	switch {
	case rel.ReadOnly:
		return sqlerr.Newf(sqlerr.WrongObjectType, pos, "cannot insert into %q: it is a read-only source %s", rel.Name, kind)
	case rel.Window != nil:
		return sqlerr.Newf(sqlerr.WrongObjectType, pos, "cannot insert into %q: its keys carry a window", rel.Name)
	case rel.Kind == catalog.Table && rel.WritingQuery != "":
		return sqlerr.Newf(sqlerr.WrongObjectType, pos, "cannot insert into table %q: query %s fills it", rel.Name, rel.WritingQuery)
	}
	return nil
}

// rowTimeTarget stands for ROWTIME among the columns inserted into.
const rowTimeTarget = -1

// targets are the columns a statement gives values to: those listed, else all.
func (p *planning) targets(s *ast.Insert, rel *catalog.Relation) ([]int, error) {
	var list []int
	if len(s.Columns) == 0 {
		for i, c := range rel.Columns {
			if !c.Hidden {
				list = append(list, i)
			}
		}
		return list, nil
	}
	seen := map[int]bool{}
	for _, id := range s.Columns {
		name := bind.Fold(p.Catalog.Dialect(), id)
		at := rel.Column(name)
		if at < 0 && strings.EqualFold(name, "rowtime") {
			at = rowTimeTarget
		} else if at < 0 {
			e := sqlerr.Newf(sqlerr.UndefinedColumn, id.At, "column %q of relation %q does not exist", name, rel.Name)
			if near := bind.Nearest(name, columnNames(rel)); near != "" {
				return nil, e.WithHint("did you mean %q?", near)
			}
			return nil, e
		}
		if seen[at] {
			return nil, sqlerr.Newf(sqlerr.DuplicateColumn, id.At, "column %q specified more than once", name)
		}
		seen[at] = true
		list = append(list, at)
	}
	return list, nil
}

func (p *planning) insertValues(s *ast.Insert, rel *catalog.Relation, values *ast.Values) (*Result, error) {
	targets, err := p.targets(s, rel)
	if err != nil {
		return nil, err
	}
	b := p.binder(false)
	columns := rel.Types()
	timeAt := -1
	for _, t := range targets {
		if t == rowTimeTarget {
			timeAt = len(columns)
			columns = append(columns, types.Column{Name: "rowtime", Type: types.Of(types.Timestamp)})
		}
	}
	node := &logical.Values{Columns: columns}
	for _, row := range values.Rows {
		bound, err := p.insertRow(b, row, targets, columns, timeAt)
		if err != nil {
			return nil, err
		}
		if err := keysGiven(rel, bound, row[0].Pos()); err != nil {
			return nil, err
		}
		node.Rows = append(node.Rows, bound)
	}
	root, err := p.steps(node, physical.OneShot)
	if err != nil {
		return nil, err
	}
	sink := sinkOf(rel, root)
	if timeAt >= 0 {
		sink.TimeColumn = timeAt
	}
	return &Result{
		Kind: KindInsert, Tag: "INSERT", ParamTypes: b.Params(),
		Insert: &Insert{
			Relation: rel, Sink: sink,
			Plan: &physical.Plan{Mode: physical.OneShot, Dialect: p.dialect(), Root: root, Output: columns, Limit: -1},
		},
	}, nil
}

// insertRow binds one row of VALUES to the relation's columns; those not given are null.
func (p *planning) insertRow(b *bind.Binder, row []ast.Expr, targets []int, columns types.Columns, timeAt int) ([]expr.Expr, error) {
	switch {
	case len(row) > len(targets):
		return nil, sqlerr.Newf(sqlerr.SyntaxError, row[len(targets)].Pos(), "INSERT has more expressions than target columns")
	case len(row) < len(targets):
		return nil, sqlerr.Newf(sqlerr.SyntaxError, row[len(row)-1].Pos(), "INSERT has more target columns than expressions")
	}
	bound := make([]expr.Expr, len(columns))
	for i, c := range columns {
		bound[i] = &expr.Literal{Value: vector.NullOf(c.Type)}
	}
	for i, at := range targets {
		if at == rowTimeTarget {
			at = timeAt
		}
		if _, isDefault := row[i].(*ast.Default); isDefault {
			continue
		}
		e, err := b.Scalar(row[i])
		if err != nil {
			return nil, err
		}
		if at == timeAt && e.Type().Integer() {
			// ROWTIME as ksqlDB gives it: milliseconds since 1970.
			if lit, ok := e.(*expr.Literal); ok && !lit.Value.Null {
				bound[at] = &expr.Literal{Value: vector.Datum{Type: columns[at].Type, I: lit.Value.I * 1000}}
				continue
			}
		}
		if bound[at], err = b.Assign(e, columns[at].Name, columns[at].Type, row[i].Pos()); err != nil {
			return nil, err
		}
	}
	return bound, nil
}

// keysGiven refuses a row of a table whose key is known to be null. Source: Postgres' wording of 23502.
func keysGiven(rel *catalog.Relation, row []expr.Expr, pos sqlerr.Pos) error {
	if rel.Kind != catalog.Table {
		return nil
	}
	for _, k := range rel.Keys() {
		if lit, ok := row[k].(*expr.Literal); ok && lit.Value.Null {
			return sqlerr.Newf(sqlerr.NotNullViolation, pos, "null value in column %q of relation %q violates not-null constraint", rel.Columns[k].Name, rel.Name)
		}
	}
	return nil
}

// insertSelect plans a second writer of a stream.
func (p *planning) insertSelect(s *ast.Insert, rel *catalog.Relation) (*Result, error) {
	if rel.Kind == catalog.Table {
		return nil, sqlerr.Unsupported(s.Query.Pos(), "INSERT INTO a table from SELECT")
	}
	sources, plan, err := p.insertPlan(s, rel)
	if err != nil {
		return nil, err
	}
	if err := p.notCircular(sources, rel.Topic, s.Query.Pos()); err != nil {
		return nil, err
	}
	query := &catalog.Query{
		ID: "INSERTQUERY_" + strings.ToUpper(p.id(rel.Name)), Text: p.text, Sink: rel.Name, Sources: sources, State: catalog.Running,
		Settings: p.planSettings(), Fingerprint: physical.Fingerprint(plan),
	}
	r := p.command("INSERT 0 0", catalog.Change{Insert: query})
	r.Plan, r.Queries = plan, []QueryPlan{{ID: query.ID, Plan: plan}}
	return r, nil
}

// insertPlan is the kept plan of INSERT INTO stream SELECT: by position, with assignment casts.
func (p *planning) insertPlan(s *ast.Insert, rel *catalog.Relation) ([]string, *physical.Plan, error) {
	targets, err := p.targets(s, rel)
	if err != nil {
		return nil, nil, err
	}
	if len(s.Properties) > 0 {
		return nil, nil, sqlerr.Unsupported(s.Properties[0].Name.At, "INSERT INTO … WITH")
	}
	k, err := p.bindKept(s.Query, nil)
	if err != nil {
		return nil, nil, err
	}
	if k.table {
		return nil, nil, sqlerr.Newf(sqlerr.WrongObjectType, s.Query.Pos(), "cannot insert into stream %q the rows of a table", rel.Name)
	}
	visible := 0
	for _, c := range k.columns {
		if !c.Hidden {
			visible++
		}
	}
	if visible != len(targets) {
		return nil, nil, sqlerr.Newf(sqlerr.SyntaxError, s.Query.Pos(), "INSERT has %d target columns but the query yields %d", len(targets), visible)
	}
	b := p.binder(true)
	node := &logical.Project{Input: k.node, Columns: rel.Types(), Exprs: make([]expr.Expr, len(rel.Columns))}
	for i, c := range rel.Columns {
		node.Exprs[i] = &expr.Literal{Value: vector.NullOf(c.Type)}
	}
	for i, at := range targets {
		if at == rowTimeTarget {
			return nil, nil, sqlerr.Unsupported(s.At, "ROWTIME of INSERT … SELECT")
		}
		from := k.columns[i]
		e := &expr.Column{Index: i, Name: from.Name, Typ: from.Type}
		if node.Exprs[at], err = b.Assign(e, rel.Columns[at].Name, rel.Columns[at].Type, s.Query.Pos()); err != nil {
			return nil, nil, err
		}
	}
	root, err := p.steps(node, physical.Kept)
	if err != nil {
		return nil, nil, err
	}
	sink := sinkOf(rel, root)
	return k.sources, &physical.Plan{Mode: physical.Kept, Dialect: p.dialect(), Root: sink, Output: sink.Schema(), Limit: -1}, nil
}
