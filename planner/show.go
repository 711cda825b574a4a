package planner

import (
	"strings"

	"github.com/freshetdb/freshet/planner/bind"
	"github.com/freshetdb/freshet/planner/explain"
	"github.com/freshetdb/freshet/planner/physical"
	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/catalog"
	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// table makes rows of text a result like any SELECT's, so that clients need nothing special for SHOW.
func (p *planning) table(tag string, columns types.Columns, rows [][]string) *Result {
	values := &physical.Values{Columns: columns, Rows: make([][]expr.Expr, len(rows))}
	for i, row := range rows {
		for _, text := range row {
			values.Rows[i] = append(values.Rows[i], &expr.Literal{Value: vector.Datum{Type: types.Of(types.String), S: text}})
		}
	}
	return &Result{
		Kind: KindSelect, Tag: tag, Columns: columns,
		Plan: &physical.Plan{Mode: physical.OneShot, Dialect: p.dialect(), Root: values, Output: columns, Limit: -1},
	}
}

// show plans SHOW and LIST: from the catalogue here, what only the engine knows there.
func (p *planning) show(s *ast.Show) (*Result, error) {
	if s.Like != nil || s.Where != nil {
		return nil, sqlerr.Unsupported(s.At, "LIKE or WHERE in SHOW")
	}
	switch s.What {
	case "STREAMS":
		return p.showRelations(catalog.Stream), nil
	case "TABLES":
		return p.showRelations(catalog.Table), nil
	case "FUNCTIONS":
		return p.showFunctions(), nil
	case "TOPICS":
		return &Result{
			Kind: KindShow, Tag: "SHOW", Show: Show{What: s.What, All: s.All, Extended: s.Extended},
			Columns: types.Columns{{Name: "topic", Type: types.Of(types.String)}, {Name: "partitions", Type: types.Of(types.Int)}, {Name: "replicas", Type: types.Of(types.Int)}},
		}, nil
	case "QUERIES":
		return &Result{
			Kind: KindShow, Tag: "SHOW", Show: Show{What: s.What, All: s.All, Extended: s.Extended},
			Columns: queryColumns(),
		}, nil
	case "PROPERTIES":
		return &Result{Kind: KindShow, Tag: "SHOW", Show: Show{What: s.What}, Columns: textColumns("property", "value", "description")}, nil
	case "COLUMNS":
		rel, err := bind.Relation(p.Catalog, s.From)
		if err != nil {
			return nil, err
		}
		return p.describeRelation(rel), nil
	case "CREATE TABLE", "CREATE STREAM":
		rel, err := bind.Relation(p.Catalog, s.From)
		if err != nil {
			return nil, err
		}
		return p.table("SHOW", textColumns("name", "create_sql"), [][]string{{rel.Name, rel.Text}}), nil
	}
	return nil, sqlerr.Unsupported(s.At, "SHOW "+s.What)
}

// queryColumns are those of SHOW QUERIES: what the catalogue knows, and how the query runs on this node. Counts are since its last start.
func queryColumns() types.Columns {
	columns := textColumns("query_id", "state", "sink", "sources")
	for _, name := range []string{"records", "committed_records", "bad_records", "late_records", "state_bytes", "restarts"} {
		columns = append(columns, types.Column{Name: name, Type: types.Of(types.BigInt)})
	}
	return append(columns, textColumns("cause", "sql")...)
}

func (p *planning) showRelations(kind catalog.Kind) *Result {
	var rows [][]string
	for _, r := range p.Catalog.Relations() {
		if r.Kind != kind {
			continue
		}
		window := ""
		if r.Window != nil {
			window = strings.ToLower(r.Window.Kind)
		}
		rows = append(rows, []string{r.Name, r.Topic, r.KeyFormat.Name, r.ValueFormat.Name, window, r.WritingQuery})
	}
	return p.table("SHOW", textColumns(strings.ToLower(string(kind)), "topic", "key_format", "value_format", "window", "query"), rows)
}

func (p *planning) showFunctions() *Result {
	var rows [][]string
	for _, f := range p.Functions.Functions() {
		if strings.ContainsAny(f.Name[:1], "abcdefghijklmnopqrstuvwxyz") {
			rows = append(rows, []string{f.Name, "scalar", f.Category, f.Help})
		}
	}
	last := ""
	for _, a := range p.Functions.Aggregates() {
		if a.Name != last {
			rows = append(rows, []string{a.Name, "aggregate", "aggregate", a.Help})
		}
		last = a.Name
	}
	return p.table("SHOW", textColumns("function", "kind", "category", "description"), rows)
}

// describe plans DESCRIBE of a relation or a function.
func (p *planning) describe(s *ast.Describe) (*Result, error) {
	switch {
	case s.All == "STREAMS":
		return p.showRelations(catalog.Stream), nil
	case s.All == "TABLES":
		return p.showRelations(catalog.Table), nil
	case s.Kind == ast.Function:
		return p.describeFunction(s)
	case s.Kind != "" && s.Kind != ast.Stream && s.Kind != ast.TableObject:
		return nil, sqlerr.Unsupported(s.At, "DESCRIBE "+string(s.Kind))
	}
	rel, err := bind.Relation(p.Catalog, s.Name)
	if err != nil {
		return nil, err
	}
	if s.Extended {
		return p.describeExtended(rel), nil
	}
	return p.describeRelation(rel), nil
}

func (p *planning) typeName(t types.Type) string {
	if p.Catalog.Dialect() == catalog.KsqlDB {
		return t.KsqlName()
	}
	return t.String()
}

func (p *planning) describeRelation(rel *catalog.Relation) *Result {
	var rows [][]string
	for _, c := range rel.Columns {
		if c.Hidden {
			continue
		}
		key := ""
		switch {
		case c.Key && rel.Kind == catalog.Table:
			key = "primary key"
		case c.Key:
			key = "key"
		}
		rows = append(rows, []string{c.Name, p.typeName(c.Type), key})
	}
	if rel.Window != nil && rel.Kind == catalog.Table {
		for _, bound := range p.windowBounds() {
			rows = append(rows, []string{bound.Name, p.typeName(bound.Type), "window"})
		}
	}
	return p.table("DESCRIBE", textColumns("column", "type", "key"), rows)
}

// windowBounds are the columns that * of a windowed table shows after its own.
func (p *planning) windowBounds() types.Columns {
	if p.Catalog.Dialect() == catalog.KsqlDB {
		return types.Columns{{Name: "WINDOWSTART", Type: types.Of(types.BigInt)}, {Name: "WINDOWEND", Type: types.Of(types.BigInt)}}
	}
	return types.Columns{{Name: "window_start", Type: types.Of(types.Timestamp)}, {Name: "window_end", Type: types.Of(types.Timestamp)}}
}

func (p *planning) describeExtended(rel *catalog.Relation) *Result {
	rows := [][]string{
		{"name", rel.Name},
		{"kind", strings.ToLower(string(rel.Kind))},
		{"topic", rel.Topic},
		{"partitions", itoa(int64(rel.Partitions))},
		{"key format", rel.KeyFormat.Name},
		{"value format", rel.ValueFormat.Name},
		{"event time", first(rel.TimeColumn, "of the record")},
	}
	if w := rel.Window; w != nil {
		rows = append(rows, []string{"window", strings.ToLower(w.Kind) + ", size " + itoa(w.SizeMS) + " ms, grace " + itoa(w.GraceMS) + " ms"})
	}
	for _, q := range p.Catalog.Writers(rel.Name) {
		rows = append(rows, []string{"written by", q.ID})
	}
	for _, q := range p.Catalog.Readers(rel.Name) {
		rows = append(rows, []string{"read by", q.ID})
	}
	if rel.Comment != "" {
		rows = append(rows, []string{"comment", rel.Comment})
	}
	rows = append(rows, []string{"sql", rel.Text})
	for _, c := range rel.Columns {
		if !c.Hidden {
			rows = append(rows, []string{"column " + c.Name, p.typeName(c.Type)})
		}
	}
	return p.table("DESCRIBE", textColumns("property", "value"), rows)
}

func (p *planning) describeFunction(s *ast.Describe) (*Result, error) {
	name := strings.ToLower(s.Name.Last().Name)
	var rows [][]string
	if f := p.Functions.Function(name); f != nil {
		for _, o := range f.Overloads {
			rows = append(rows, []string{o.Signature(), f.Help})
		}
	}
	for _, a := range p.Functions.Aggregates() {
		if a.Name != name {
			continue
		}
		args := make([]string, len(a.Params))
		for i, t := range a.Params {
			args[i] = t.String()
		}
		shown := name + "(" + strings.Join(args, ", ") + ")"
		if a.Star {
			shown = name + "(*)"
		}
		rows = append(rows, []string{shown, a.Help})
	}
	if rows == nil {
		e := sqlerr.Newf(sqlerr.UndefinedFunction, s.Name.Pos(), "function %q does not exist", name)
		if near := bind.Nearest(name, p.Functions.Names()); near != "" {
			return nil, e.WithHint("did you mean %q?", near)
		}
		return nil, e
	}
	return p.table("DESCRIBE", textColumns("function", "description"), rows), nil
}

// explain plans EXPLAIN: the plan of a statement as rows; of a running query the engine finds the statement.
func (p *planning) explain(s *ast.Explain) (*Result, error) {
	asJSON, err := explainOptions(s)
	if err != nil {
		return nil, err
	}
	if s.Statement == nil {
		id, err := p.queryID(s.QueryID)
		if err != nil {
			return nil, err
		}
		return &Result{Kind: KindShow, Tag: "EXPLAIN", Show: Show{What: "EXPLAIN", Name: id}, Columns: planColumns()}, nil
	}
	inner, err := p.statement(s.Statement)
	if err != nil {
		return nil, err
	}
	shown := inner.Plan
	if inner.Insert != nil {
		sink := *inner.Insert.Plan
		sink.Root = inner.Insert.Sink
		shown = &sink
	}
	if shown == nil {
		return nil, sqlerr.Newf(sqlerr.WrongObjectType, s.Statement.Pos(), "this statement has no plan to explain")
	}
	lines, err := lines(shown, asJSON)
	if err != nil {
		return nil, err
	}
	r := p.table("EXPLAIN", planColumns(), lines)
	r.ParamTypes = inner.ParamTypes
	return r, nil
}

func planColumns() types.Columns { return textColumns("QUERY PLAN") }

func lines(plan *physical.Plan, asJSON bool) ([][]string, error) {
	if asJSON {
		text, err := explain.JSON(plan)
		return [][]string{{text}}, err
	}
	var rows [][]string
	for _, line := range explain.Tree(plan) {
		rows = append(rows, []string{line})
	}
	return rows, nil
}

func explainOptions(s *ast.Explain) (asJSON bool, err error) {
	if s.Analyze {
		return false, sqlerr.Unsupported(s.At, "EXPLAIN ANALYZE")
	}
	for _, o := range s.Options {
		switch strings.ToLower(o.Name.Name) {
		case "format":
			text, err := propertyText(o)
			if err != nil {
				return false, err
			}
			switch strings.ToLower(text) {
			case "json":
				asJSON = true
			case "text":
			default:
				return false, sqlerr.Unsupported(o.Name.At, "EXPLAIN in the format "+text)
			}
		case "costs", "verbose", "summary", "settings":
		default:
			return false, sqlerr.Unsupported(o.Name.At, "the EXPLAIN option "+strings.ToUpper(o.Name.Name))
		}
	}
	return asJSON, nil
}
