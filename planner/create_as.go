package planner

import (
	"slices"
	"strings"

	"github.com/freshetdb/freshet/planner/bind"
	"github.com/freshetdb/freshet/planner/logical"
	"github.com/freshetdb/freshet/planner/physical"
	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/catalog"
	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
)

// kept is the query of a CREATE … AS, bound and taken apart: what its rows are.
type kept struct {
	bound   *bind.Query
	source  *catalog.Relation // the first relation read
	sources []string
	table   bool             // rows replace each other by key
	columns []catalog.Column // with Key and Hidden set
	// keyOrder is the key's order when it is not that of the columns.
	keyOrder []int
	node     logical.Node // yields columns, then the window's start and end when windowed
	window   *logical.Window
}

// createAs plans CREATE STREAM | TABLE … AS SELECT.
func (p *planning) createAs(s *ast.CreateRelation, rel *catalog.Relation, props *properties, tag string) (*Result, error) {
	if props.window != nil {
		return nil, sqlerr.Newf(sqlerr.InvalidParameterValue, props.at(propertyWindowType, s.At), "WINDOW_TYPE is not for CREATE … AS: the query says its window")
	}
	k, err := p.bindKept(s.As, s.Names)
	if err != nil {
		return nil, err
	}
	if k.table != (rel.Kind == catalog.Table) {
		return nil, wrongKind(s, k.table)
	}
	rel.Columns, rel.KeyOrder = k.columns, k.keyOrder
	if k.window != nil {
		rel.Window = &catalog.Window{Kind: k.window.Kind, SizeMS: k.window.SizeMS, AdvanceMS: k.window.AdvanceMS, GraceMS: k.window.GraceMS, RetentionMS: k.window.RetentionMS}
	}
	if err := p.formats(rel, props, k.source, s.Name.Pos()); err != nil {
		return nil, err
	}
	inherited := TopicFacts{Partitions: k.source.Partitions}
	if facts := p.Topics[k.source.Topic]; facts.Exists {
		inherited = facts
	}
	topic, err := p.topicOf(rel, props, inherited, s.Name.Pos())
	if err != nil {
		return nil, err
	}
	if err := p.notCircular(k.sources, rel.Topic, props.at(propertyTopic, s.Name.Pos())); err != nil {
		return nil, err
	}
	rel.Start, rel.StopOnError, rel.Materialised = props.start, props.stopOnError, rel.Kind == catalog.Table
	word := "CSAS_"
	if rel.Kind == catalog.Table {
		word = "CTAS_"
	}
	query := &catalog.Query{
		ID: word + strings.ToUpper(rel.ID), Text: p.text, Sink: rel.Name, Sources: k.sources, State: catalog.Running, Settings: p.planSettings(),
	}
	rel.WritingQuery = query.ID
	plan, err := p.keptPlan(k, rel)
	if err != nil {
		return nil, err
	}
	query.Fingerprint = physical.Fingerprint(plan)
	r := p.command(tag, catalog.Change{Topics: []catalog.Topic{topic}, Create: &catalog.Create{Relation: rel, Query: query, Replace: s.OrReplace && p.Catalog.Relation(rel.Name) != nil}})
	r.Plan, r.Queries = plan, []QueryPlan{{ID: query.ID, Plan: plan}}
	return r, nil
}

func (p *planning) planSettings() map[string]string {
	out := map[string]string{}
	for _, name := range planSettings {
		if v := p.setting(name); v != "" {
			out[name] = v
		}
	}
	return out
}

// wrongKind is ksqlDB's advice when a query's rows are the other kind.
func wrongKind(s *ast.CreateRelation, table bool) error {
	if table {
		return sqlerr.Newf(sqlerr.WrongObjectType, s.At, "the query makes a table, not a stream: its rows replace each other").WithHint("use CREATE TABLE … AS SELECT")
	}
	return sqlerr.Newf(sqlerr.WrongObjectType, s.At, "the query makes a stream, not a table: its rows have no primary key").
		WithHint("use CREATE STREAM … AS SELECT, or GROUP BY what the key shall be")
}

// bindKept binds a query that is kept. names rename its columns.
func (p *planning) bindKept(q *ast.Query, names []ast.Ident) (*kept, error) {
	b := p.binder(true)
	bound, err := b.BindQuery(q)
	if err != nil {
		return nil, err
	}
	if err := noParams(b, q.Pos()); err != nil {
		return nil, err
	}
	if bound.Limit != nil {
		return nil, sqlerr.Unsupported(q.Limit.Pos(), "LIMIT in a kept query")
	}
	sources := logical.Sources(bound.Node)
	if len(sources) == 0 || bound.Core == nil {
		return nil, sqlerr.Newf(sqlerr.WrongObjectType, q.Pos(), "a kept query must read a stream or a table")
	}
	k := &kept{bound: bound, source: sources[0], window: bound.Core.Window}
	for _, r := range sources {
		if r.Window != nil && r.Kind == catalog.Table {
			return nil, sqlerr.Unsupported(q.Pos(), "a kept query over the windowed table \""+r.Name+"\"")
		}
		k.sources = append(k.sources, r.Name)
		k.table = k.table || r.Kind == catalog.Table
	}
	k.table = k.table || bound.Core.Grouped
	if err := k.project(p, q, names); err != nil {
		return nil, err
	}
	if q.Emit == ast.EmitFinal {
		if _, err := final(bound, q.EmitAt.At); err != nil {
			return nil, err
		}
		k.node = finalised(k.node)
		k.window = finalGrace(q, k.window, k)
	}
	return k, nil
}

// finalGrace: with EMIT FINAL a window closes at its end unless GRACE PERIOD says otherwise. Source: ksqlDB.
func finalGrace(q *ast.Query, w *logical.Window, k *kept) *logical.Window {
	sel, ok := q.Body.(*ast.Select)
	if !ok || sel.Window == nil || sel.Window.Grace != nil {
		return w
	}
	none := *w
	none.GraceMS = 0
	k.node = logical.Transform(k.node, func(n logical.Node) logical.Node {
		if a, ok := n.(*logical.Aggregate); ok && a.Window != nil {
			c := *a
			c.Window = &none
			return &c
		}
		return n
	})
	return &none
}

// project finds the key among the selected columns and adds what the projection left out: a table's key, hidden, and a window's bounds.
func (k *kept) project(p *planning, q *ast.Query, names []ast.Ident) error {
	core := k.bound.Core
	top, ok := k.bound.Node.(*logical.Project)
	if !ok {
		return sqlerr.Unsupported(q.Pos(), "this shape of a kept query")
	}
	out := &logical.Project{Input: top.Input, Exprs: slices.Clone(top.Exprs), Columns: slices.Clone(top.Columns)}
	for i, id := range names {
		if i >= len(out.Columns) {
			return sqlerr.Newf(sqlerr.SyntaxError, id.At, "too many column names were specified")
		}
		out.Columns[i].Name = bind.Fold(p.Catalog.Dialect(), id)
	}
	if err := uniqueNames(out.Columns, q.Body.Pos()); err != nil {
		return err
	}
	for _, c := range out.Columns {
		k.columns = append(k.columns, catalog.Column{Name: c.Name, Type: c.Type})
	}
	schema := core.Input.Schema()
	keys, keyNames := k.keys(core, schema)
	hide := k.table || len(core.Partition) > 0
	var at []int
	for i, key := range keys {
		found := indexOf(out.Exprs[:len(k.columns)], key)
		if found < 0 && !hide {
			at = nil // a stream without its key is keyless
			break
		}
		if found < 0 {
			name := unusedName(k.columns, keyNames[i])
			found = len(k.columns)
			out.Exprs = append(out.Exprs, key)
			out.Columns = append(out.Columns, types.Column{Name: name, Type: key.Type()})
			k.columns = append(k.columns, catalog.Column{Name: name, Type: key.Type(), Hidden: true})
		}
		at = append(at, found)
	}
	for _, i := range at {
		k.columns[i].Key = true
	}
	if !slices.IsSorted(at) {
		k.keyOrder = at
	}
	if k.window != nil {
		for i := range 2 {
			c := schema[core.GroupKeys+i]
			if at := indexOf(out.Exprs[:len(k.columns)], &expr.Column{Index: core.GroupKeys + i, Typ: c.Type}); at >= 0 {
				k.columns[at].Bound = []string{"start", "end"}[i]
			}
			out.Exprs = append(out.Exprs, &expr.Column{Index: core.GroupKeys + i, Name: c.Name, Typ: c.Type})
			out.Columns = append(out.Columns, c)
		}
	}
	k.node = out
	return nil
}

// keys are the expressions of the key, over the core's input, and names for those not selected.
func (k *kept) keys(core *bind.Core, schema types.Columns) ([]expr.Expr, []string) {
	var keys []expr.Expr
	var names []string
	add := func(i int) {
		keys = append(keys, &expr.Column{Index: i, Name: schema[i].Name, Typ: schema[i].Type})
		names = append(names, schema[i].Name)
	}
	switch {
	case core.Grouped:
		for i := range core.GroupKeys {
			add(i)
		}
	case core.PartNone:
	case len(core.Partition) > 0:
		return core.Partition, core.PartNames
	default:
		for _, i := range sourceKeys(core.Input) {
			add(i)
		}
	}
	return keys, names
}

// sourceKeys are the columns of a node that are its source's whole key, in order; nil when some part is missing.
func sourceKeys(n logical.Node) []int {
	switch n := n.(type) {
	case *logical.Source:
		var keys []int
		for _, want := range n.Relation.Keys() {
			found := -1
			for i, c := range n.Columns {
				if c.Index == want {
					found = i
				}
			}
			if found < 0 {
				return nil
			}
			keys = append(keys, found)
		}
		return keys
	case *logical.Filter:
		return sourceKeys(n.Input)
	case *logical.Project:
		return through(n, sourceKeys(n.Input))
	case *logical.Aggregate:
		keys := make([]int, len(n.Keys))
		for i := range keys {
			keys[i] = i
		}
		return keys
	}
	return nil
}

func through(p *logical.Project, below []int) []int {
	var keys []int
	for _, want := range below {
		found := indexOf(p.Exprs, &expr.Column{Index: want, Typ: p.Input.Schema()[want].Type})
		if found < 0 {
			return nil
		}
		keys = append(keys, found)
	}
	return keys
}

func indexOf(list []expr.Expr, e expr.Expr) int {
	return slices.IndexFunc(list, func(have expr.Expr) bool { return logical.Equal(have, e) })
}

func unusedName(columns []catalog.Column, name string) string {
	if name == "" || name == "?column?" {
		name = "key"
	}
	for slices.ContainsFunc(columns, func(c catalog.Column) bool { return c.Name == name }) {
		name += "_"
	}
	return name
}

// uniqueNames holds what the columns of a relation must: a name each, none reserved.
func uniqueNames(columns types.Columns, pos sqlerr.Pos) error {
	seen := map[string]bool{}
	for _, c := range columns {
		if seen[c.Name] {
			return sqlerr.Newf(sqlerr.DuplicateColumn, pos, "column %q specified more than once", c.Name).WithHint("give one of them another name with AS")
		}
		if slices.Contains(reserved, strings.ToLower(c.Name)) {
			return sqlerr.Newf(sqlerr.ReservedName, pos, "column name %q is reserved", c.Name).WithHint("give it another name with AS")
		}
		seen[c.Name] = true
	}
	return nil
}

// keptPlan is the plan that fills rel: for a stream its rows to the topic, for a table a view and its changes to the topic.
func (p *planning) keptPlan(k *kept, rel *catalog.Relation) (*physical.Plan, error) {
	root, err := p.steps(k.node, physical.Kept)
	if err != nil {
		return nil, err
	}
	windowStart := -1
	if k.window != nil {
		windowStart = len(rel.Columns)
	}
	if rel.Kind == catalog.Table {
		view := &physical.View{Input: root, ID: rel.ID, Name: rel.Name, Key: rel.Keys(), Window: physical.WindowOf(k.window), WindowStart: windowStart}
		if windowStart >= 0 {
			view.Key = append(view.Key, windowStart)
		}
		root = view
	}
	sink := sinkOf(rel, root)
	sink.WindowStart = windowStart
	return &physical.Plan{Mode: physical.Kept, Dialect: p.dialect(), Root: sink, Output: sink.Schema(), Limit: -1}, nil
}

// sinkOf writes rows whose first columns are rel's. Hidden key columns are part of the record's key.
func sinkOf(rel *catalog.Relation, input physical.Step) *physical.Sink {
	sink := &physical.Sink{
		Input: input, Topic: rel.Topic, KeyFormat: physical.FormatOf(rel.KeyFormat), ValueFormat: physical.FormatOf(rel.ValueFormat),
		Table: rel.Kind == catalog.Table, WindowStart: -1, TimeColumn: -1,
	}
	for _, at := range rel.Keys() {
		sink.KeyColumns, sink.KeyFields = append(sink.KeyColumns, at), append(sink.KeyFields, rel.Columns[at].Field)
	}
	for i, c := range rel.Columns {
		if !c.Key {
			sink.ValueColumns, sink.ValueFields = append(sink.ValueColumns, i), append(sink.ValueFields, c.Field)
		}
		if c.Name == rel.TimeColumn {
			sink.TimeColumn = i
		}
	}
	return sink
}

// restart plans a kept query anew and holds it to the relation it writes.
func restart(facts Facts, q *catalog.Query, stmt ast.Statement) (*physical.Plan, error) {
	facts.Settings = q.Settings
	p := &planning{Facts: facts, text: q.Text}
	rel := p.Catalog.Relation(q.Sink)
	if rel == nil {
		return nil, sqlerr.Newf(sqlerr.UndefinedTable, 0, "relation %q does not exist", q.Sink)
	}
	switch s := stmt.(type) {
	case *ast.CreateRelation:
		if s.As == nil {
			break
		}
		k, err := p.bindKept(s.As, s.Names)
		if err != nil {
			return nil, err
		}
		if err := sameColumns(k.columns, rel); err != nil {
			return nil, err
		}
		return p.keptPlan(k, rel)
	case *ast.Insert:
		_, plan, err := p.insertPlan(s, rel)
		return plan, err
	}
	return nil, sqlerr.Newf(sqlerr.DataCorrupted, stmt.Pos(), "query %q is not a statement that keeps a query", q.ID)
}

func sameColumns(columns []catalog.Column, rel *catalog.Relation) error {
	same := len(columns) == len(rel.Columns)
	for i := 0; same && i < len(columns); i++ {
		same = columns[i].Name == rel.Columns[i].Name && columns[i].Type.Equal(rel.Columns[i].Type)
	}
	if !same {
		return sqlerr.Newf(sqlerr.ObjectNotInState, 0, "the query that fills %q yields other columns than when it was created", rel.Name)
	}
	return nil
}

// materialise reads a table's topic into a view.
func materialise(rel *catalog.Relation, dialect catalog.Dialect) *physical.Plan {
	source := &logical.Source{Relation: rel}
	for i, c := range rel.Columns {
		source.Columns = append(source.Columns, logical.SourceColumn{Index: i, Name: c.Name, Type: c.Type})
	}
	view := &physical.View{ID: rel.ID, Name: rel.Name, Key: rel.Keys(), WindowStart: -1}
	if w := rel.Window; w != nil {
		bound := types.Of(types.Timestamp)
		if dialect == catalog.KsqlDB {
			bound = types.Of(types.BigInt)
		}
		view.WindowStart = len(rel.Columns)
		view.Key = append(view.Key, view.WindowStart)
		view.Window = physical.Window{Kind: physical.Tumbling, SizeMS: w.SizeMS, AdvanceMS: w.AdvanceMS, GraceMS: w.GraceMS, RetentionMS: w.RetentionMS}
		source.Columns = append(source.Columns,
			logical.SourceColumn{Index: -1, Pseudo: logical.WindowStart, Name: "window_start", Type: bound},
			logical.SourceColumn{Index: -1, Pseudo: logical.WindowEnd, Name: "window_end", Type: bound})
	}
	// A source alone always has steps: no part of it can be refused.
	step, err := physical.Build(source, physical.BuildOptions{Mode: physical.Kept})
	if err != nil {
		return nil
	}
	view.Input = step
	return &physical.Plan{Mode: physical.Kept, Dialect: bind.FunctionDialect(dialect), Root: view, Output: view.Schema(), Limit: -1}
}
