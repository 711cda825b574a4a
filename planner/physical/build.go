package physical

import (
	"strings"

	"github.com/freshetdb/freshet/planner/logical"
	"github.com/freshetdb/freshet/sql/catalog"
	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
)

// BuildOptions say how a logical plan will run.
type BuildOptions struct {
	Mode   Mode
	Latest bool // where streams begin that do not say
	Each   bool // aggregates emit every step
}

// Build chooses the steps of a logical plan. Errors are 0A000: what the algebra can say and no step can do.
func Build(n logical.Node, o BuildOptions) (Step, error) {
	b := &builder{BuildOptions: o, needsTime: o.Mode != OneShot || readsTime(n)}
	return b.step(n)
}

type builder struct {
	BuildOptions
	needsTime bool // some step asks for rows' event times
}

// readsTime tells whether a bounded plan needs event times: for windows, or for ROWTIME itself.
func readsTime(n logical.Node) bool {
	found := false
	logical.Walk(n, func(n logical.Node) {
		switch n := n.(type) {
		case *logical.Aggregate:
			found = found || n.Window != nil
		case *logical.Source:
			for _, c := range n.Columns {
				found = found || c.Pseudo == logical.RowTime
			}
		}
	})
	return found
}

func (b *builder) step(n logical.Node) (Step, error) {
	switch n := n.(type) {
	case *logical.Source:
		return b.source(n)
	case *logical.Virtual:
		return &VirtualScan{Name: n.Name, Columns: n.Schema(), Indexes: n.Indexes}, nil
	case *logical.Values:
		return &Values{Columns: n.Columns, Rows: n.Rows}, nil
	case *logical.Join:
		return b.join(n)
	case *logical.Union:
		u := &Union{Columns: n.Columns}
		for _, p := range n.Parts {
			part, err := b.step(p)
			if err != nil {
				return nil, err
			}
			u.Parts = append(u.Parts, part)
		}
		return u, nil
	}
	input, err := b.step(n.Inputs()[0])
	if err != nil {
		return nil, err
	}
	switch n := n.(type) {
	case *logical.Filter:
		return &Filter{Input: input, Cond: n.Cond}, nil
	case *logical.Project:
		return &Project{Input: input, Exprs: n.Exprs, Columns: n.Columns}, nil
	case *logical.Aggregate:
		return b.aggregate(n, input)
	case *logical.Sort:
		s := &Sort{Input: input, Limit: n.Top}
		for _, k := range n.Keys {
			s.Keys = append(s.Keys, SortKey{Expr: k.Expr, Desc: k.Desc, NullsFirst: k.NullsFirst})
		}
		return s, nil
	case *logical.Limit:
		return limit(n, input), nil
	case *logical.Distinct:
		return &Distinct{Input: input}, nil
	}
	return nil, sqlerr.Unsupported(0, "this plan")
}

// source reads a stream's topic; a table's view when it is read once, else its topic as changes.
func (b *builder) source(n *logical.Source) (Step, error) {
	rel := n.Relation
	if rel.Kind == catalog.Stream {
		return b.scan(n, false), nil
	}
	if b.Mode == OneShot {
		return viewScan(n), nil
	}
	wide, keys := withKeys(n)
	scan := b.scan(wide, true)
	var step Step = &Upsert{Input: scan, Key: keys}
	if len(wide.Columns) > len(n.Columns) {
		p := &Project{Input: step, Columns: n.Schema()}
		for i, c := range n.Columns {
			p.Exprs = append(p.Exprs, &expr.Column{Index: i, Name: c.Name, Typ: c.Type})
		}
		step = p
	}
	return step, nil
}

// withKeys adds the key columns, and the window's start of a windowed table, to those read; and tells where they are.
func withKeys(n *logical.Source) (*logical.Source, []int) {
	wide := *n
	wide.Columns = append([]logical.SourceColumn(nil), n.Columns...)
	var keys []int
	add := func(c logical.SourceColumn) {
		for i, have := range wide.Columns {
			if have.Index == c.Index && have.Pseudo == c.Pseudo {
				keys = append(keys, i)
				return
			}
		}
		keys = append(keys, len(wide.Columns))
		wide.Columns = append(wide.Columns, c)
	}
	for _, k := range n.Relation.Keys() {
		c := n.Relation.Columns[k]
		add(logical.SourceColumn{Index: k, Name: c.Name, Type: c.Type})
	}
	if n.Relation.Window != nil {
		add(logical.SourceColumn{Index: -1, Pseudo: logical.WindowStart, Name: "window_start", Type: types.Of(types.Timestamp)})
	}
	return &wide, keys
}

// viewScan reads a view: its columns are the relation's, then the window's start and end.
func viewScan(n *logical.Source) Step {
	v := &ViewScan{Relation: n.Relation.Name, View: n.Relation.ID, Columns: n.Schema(), Keys: n.Keys}
	for _, c := range n.Columns {
		at := c.Index
		switch c.Pseudo {
		case logical.WindowStart:
			at = len(n.Relation.Columns)
		case logical.WindowEnd:
			at = len(n.Relation.Columns) + 1
		}
		v.Indexes = append(v.Indexes, at)
	}
	return v
}

var pseudos = map[logical.Pseudo]Pseudo{
	logical.RowTime: RowTime, logical.RowPartition: RowPartition, logical.RowOffset: RowOffset,
	logical.WindowStart: WindowStart, logical.WindowEnd: WindowEnd,
}

// scan reads a relation's topic. A column that holds the event time is read even where nothing else asks for it: it then comes last, and
// a projection takes it away.
func (b *builder) scan(n *logical.Source, table bool) Step {
	rel := n.Relation
	s := &Scan{
		Relation: rel.Name, Topic: rel.Topic,
		KeyFormat: FormatOf(rel.KeyFormat), ValueFormat: FormatOf(rel.ValueFormat),
		Columns: n.Schema(), TimeColumn: -1, TimeFormat: rel.TimeFormat,
		Start:       Start{Latest: rel.Start.Latest || b.Latest && !table, TimestampMS: rel.Start.TimestampMS},
		StopOnError: rel.StopOnError, Tombstones: table,
	}
	if n.Start != nil {
		s.Start = Start{Latest: n.Start.Latest, TimestampMS: n.Start.TimestampMS}
	}
	if b.Mode == OneShot && n.Start == nil {
		s.Start = Start{TimestampMS: rel.Start.TimestampMS}
	}
	if rel.Window != nil {
		s.WindowSizeMS = rel.Window.SizeMS
	}
	for i, c := range n.Columns {
		if c.Pseudo != logical.NotPseudo {
			s.Origins = append(s.Origins, Origin{Pseudo: pseudos[c.Pseudo], IsPseudo: true})
			continue
		}
		column := rel.Columns[c.Index]
		s.Origins = append(s.Origins, OriginOf(column))
		if column.Name == rel.TimeColumn {
			s.TimeColumn = i
		}
	}
	if rel.TimeColumn == "" || s.TimeColumn >= 0 || !b.needsTime {
		return s
	}
	column := rel.Columns[rel.Column(rel.TimeColumn)]
	s.TimeColumn = len(s.Columns)
	s.Columns = append(s.Columns, types.Column{Name: column.Name, Type: column.Type})
	s.Origins = append(s.Origins, OriginOf(column))
	p := &Project{Input: s, Columns: n.Schema()}
	for i, c := range p.Columns {
		p.Exprs = append(p.Exprs, &expr.Column{Index: i, Name: c.Name, Typ: c.Type})
	}
	return p
}

// OriginOf is where a declared column comes from.
func OriginOf(c catalog.Column) Origin { return Origin{Key: c.Key, Field: c.Field} }

// FormatOf is a catalogue's format as steps know it.
func FormatOf(f catalog.Format) FormatSpec {
	return FormatSpec{Name: f.Name, Properties: f.Properties, Wrapped: f.Wrapped}
}

var windowKinds = map[string]WindowKind{"TUMBLING": Tumbling, "HOPPING": Hopping, "SESSION": SessionWindow}

func (b *builder) aggregate(n *logical.Aggregate, input Step) (Step, error) {
	a := &Aggregate{
		Input: input, Keys: n.Keys, Final: n.Final, Each: b.Each && b.Mode != OneShot && !n.Final,
		Changes: b.Mode != OneShot && logical.Changes(n.Input), Columns: n.Columns,
	}
	if n.Window != nil {
		a.Window = WindowOf(n.Window)
	}
	for _, agg := range n.Aggs {
		if a.Changes && !agg.New().Undoable() {
			return nil, sqlerr.Unsupported(0, strings.ToUpper(agg.Name)+" over a table's changes")
		}
		a.Aggs = append(a.Aggs, Agg{Name: agg.Name, New: agg.New, Args: agg.Args, Filter: agg.Filter, Distinct: agg.Distinct, Type: agg.Type})
	}
	return a, nil
}

// WindowOf is a WINDOW clause as steps know it; nil is no window.
func WindowOf(w *logical.Window) Window {
	if w == nil {
		return Window{}
	}
	return Window{Kind: windowKinds[w.Kind], SizeMS: w.SizeMS, AdvanceMS: w.AdvanceMS, GraceMS: w.GraceMS, RetentionMS: w.RetentionMS}
}

var joinKinds = map[logical.JoinKind]JoinKind{
	logical.Inner: InnerJoin, logical.Left: LeftJoin, logical.Right: RightJoin, logical.Full: FullJoin, logical.Cross: CrossJoin,
}

// join takes the equalities over both sides as keys of a hash join, the rest as residual.
func (b *builder) join(n *logical.Join) (Step, error) {
	if b.Mode != OneShot {
		return nil, sqlerr.Unsupported(0, "a join in a kept query")
	}
	left, err := b.step(n.Left)
	if err != nil {
		return nil, err
	}
	right, err := b.step(n.Right)
	if err != nil {
		return nil, err
	}
	j := &HashJoin{Left: left, Right: right, Kind: joinKinds[n.Kind]}
	width := len(left.Schema())
	var residual []expr.Expr
	for _, c := range logical.Conjuncts(n.On) {
		if l, r, ok := equality(c, width); ok {
			j.LeftKeys, j.RightKeys = append(j.LeftKeys, l), append(j.RightKeys, r)
		} else {
			residual = append(residual, c)
		}
	}
	j.Residual = logical.Conjunction(residual)
	return j, nil
}

// equality splits left = right where each side reads one input only; the right side is moved to the right input's columns.
func equality(e expr.Expr, width int) (left, right expr.Expr, ok bool) {
	call, isCall := e.(*expr.Call)
	if !isCall || call.Fn.Name != "=" || len(call.Args) != 2 {
		return nil, nil, false
	}
	sides := [2]struct{ left, right bool }{}
	for i, a := range call.Args {
		logical.Columns(a, func(at int) {
			if at < width {
				sides[i].left = true
			} else {
				sides[i].right = true
			}
		})
	}
	for i := range sides {
		o := 1 - i
		if sides[i].left && !sides[i].right && sides[o].right && !sides[o].left {
			return call.Args[i], logical.Shift(call.Args[o], -width), true
		}
	}
	return nil, nil, false
}

func limit(n *logical.Limit, input Step) Step {
	l := &Limit{Input: input, Count: -1}
	switch c := n.Count.(type) {
	case *expr.Literal:
		l.Count = c.Value.I
	case nil:
	default:
		l.CountParam = c
	}
	switch o := n.Offset.(type) {
	case *expr.Literal:
		l.Offset = o.Value.I
	case nil:
	default:
		l.OffsetParam = o
	}
	return l
}
