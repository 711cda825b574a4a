package operator

import (
	"math"

	"github.com/freshetdb/freshet/executor/dataflow"
	"github.com/freshetdb/freshet/executor/state"
	"github.com/freshetdb/freshet/executor/window"
	"github.com/freshetdb/freshet/planner/physical"
	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// The value words of a group, before its accumulators'.
const (
	aggTime  = 0 // largest event time, ms, with the sign bit flipped so that 0 is "none"
	aggRows  = 1 // rows in the group
	aggFirst = 2 // where accumulators begin
)

const (
	signBit       = uint64(1) << 63
	graceBuckets  = 16  // buckets that the windows still open for late rows are cut into
	emitKeys      = 512 // keys a run of emission: two rows each fill a chunk
	everything    = math.MaxInt64
	beforeAll     = math.MinInt64
	microPerMilli = 1000
)

// aggregate groups rows. Its state is one table of keys (with the window start, in ms, behind them) to words.
//
// Unbounded it emits at each barrier the net change of every group touched, or with Final a window's groups once, when it closes. With Each it
// emits every step. Bounded it emits all groups at the end.
type aggregate struct {
	dataflow.Operator // next

	b       *builder
	step    *physical.Aggregate
	keys    []*expr.Program
	fns     []*aggregateFunction
	table   *state.Table
	clock   *cell // largest event time, for lateness; nil without windows
	windows window.Tumbling
	noNulls bool // rows with a null in a key are dropped

	packed  state.Keys
	keyVecs []*vector.Vector
	start   vector.Vector // window start of each row of the chunk, ms
	rows    []uint16
	adds    split
	undos   split

	changes state.Changes
	slots   []uint32
	out     vector.Chunk
}

// aggregateFunction is one aggregate with its arguments.
type aggregateFunction struct {
	acc    functions.Accumulator
	args   []*expr.Program
	filter *expr.Program
	offset int // of its words in the value words
	typ    types.Type

	vecs []*vector.Vector
	keep *vector.Vector
	some split
	once *firstSeen // DISTINCT; nil: every row counts
}

// split is a part's rows of one kind with their slots.
type split struct {
	rows  []uint16
	slots []uint32
}

func (s *split) reset() { s.rows, s.slots = s.rows[:0], s.slots[:0] }

func (s *split) add(row uint16, slot uint32) {
	s.rows, s.slots = append(s.rows, row), append(s.slots, slot)
}

func (b *builder) buildAggregate(s *physical.Aggregate, next dataflow.Operator, limits []*limit) error {
	if s.Window.Kind != physical.NoWindow && s.Window.Kind != physical.Tumbling && s.Window.Kind != physical.Hopping {
		return sqlerr.Unsupported(0, "a session window")
	}
	if s.Final && s.Window.Kind == physical.NoWindow && !b.deps.Bounded {
		return sqlerr.Unsupported(0, "EMIT FINAL without a window")
	}
	want := len(s.Keys) + len(s.Aggs)
	if s.Window.Kind != physical.NoWindow {
		want += 2
	}
	if len(s.Columns) != want {
		return sqlerr.Newf(sqlerr.Internal, 0, "an aggregate of %d columns is declared with %d", want, len(s.Columns))
	}
	a := &aggregate{Operator: next, b: b, step: s}
	a.noNulls = b.deps.Context.Dialect == functions.KsqlDB
	var err error
	if a.keys, err = b.compileAll(s.Keys); err != nil {
		return err
	}
	layout := state.Layout{Name: b.tableName("aggregate"), WindowKey: -1, ValueWords: aggFirst}
	for _, k := range a.keys {
		layout.KeyTypes = append(layout.KeyTypes, k.Type())
	}
	for i := range s.Aggs {
		if err := a.addFunction(&s.Aggs[i], &layout); err != nil {
			return err
		}
	}
	if err := a.addWindow(&layout); err != nil {
		return err
	}
	if err := a.makeTables(layout); err != nil {
		return err
	}
	a.keyVecs = make([]*vector.Vector, len(layout.KeyTypes))
	for _, c := range s.Columns {
		a.out.Cols = append(a.out.Cols, vector.New(c.Type, 0))
	}
	return b.build(s.Input, a, limits)
}

// makeTables makes the aggregate's state: groups, values met by DISTINCT functions, and the clock of lateness.
func (a *aggregate) makeTables(layout state.Layout) (err error) {
	store, noUndo := a.b.store()
	layout.NoUndo = noUndo
	if a.table, err = store.Table(layout); err != nil {
		return err
	}
	for i, f := range a.fns {
		if !a.step.Aggs[i].Distinct || len(f.args) == 0 {
			continue
		}
		if f.once, err = newFirstSeen(store, layout, a.b.tableName("distinct"), f.args); err != nil {
			return err
		}
	}
	if a.windowed() && !a.b.deps.Bounded {
		a.clock, err = newCell(store, a.b.tableName("clock"))
	}
	return err
}

func (a *aggregate) addFunction(g *physical.Agg, layout *state.Layout) error {
	f := &aggregateFunction{acc: g.New(), offset: layout.ValueWords, typ: g.Type}
	if a.step.Changes && !f.acc.Undoable() {
		return sqlerr.Unsupported(0, g.Name+" over a table whose rows change")
	}
	var err error
	if f.args, err = a.b.compileAll(g.Args); err != nil {
		return err
	}
	if g.Filter != nil {
		if f.filter, err = a.b.compile(g.Filter); err != nil {
			return err
		}
	}
	f.vecs = make([]*vector.Vector, len(f.args))
	for _, w := range f.acc.ArenaWords() {
		layout.ArenaWords = append(layout.ArenaWords, f.offset+w)
	}
	layout.ValueWords += f.acc.Width()
	a.fns = append(a.fns, f)
	return nil
}

// addWindow adds the window start to the key and chooses buckets: a window each when windows are emitted as they close, else wide ones.
func (a *aggregate) addWindow(layout *state.Layout) error {
	w := a.step.Window
	if w.Kind == physical.NoWindow {
		return nil
	}
	a.windows = window.Tumbling{SizeMS: w.SizeMS, AdvanceMS: w.AdvanceMS, GraceMS: w.GraceMS}
	if w.Kind == physical.Tumbling {
		a.windows.AdvanceMS = w.SizeMS
	}
	if err := a.windows.Check(); err != nil {
		return sqlerr.Wrap(err, sqlerr.InvalidParameterValue, "%s", err.Error())
	}
	layout.WindowKey = len(layout.KeyTypes)
	layout.KeyTypes = append(layout.KeyTypes, types.Of(types.BigInt))
	layout.BucketWidth = a.windows.AdvanceMS
	if !a.step.Final {
		steps := (w.SizeMS + w.GraceMS) / graceBuckets / a.windows.AdvanceMS
		layout.BucketWidth *= max(steps, 1)
	}
	a.start.Type = types.Of(types.BigInt)
	return nil
}

func (a *aggregate) windowed() bool { return a.step.Window.Kind != physical.NoWindow }

// Push implements dataflow.Operator.
func (a *aggregate) Push(c *vector.Chunk) error {
	if err := a.evaluate(c); err != nil {
		return err
	}
	a.rows = selected(c, a.rows)
	if a.noNulls {
		a.dropNullKeys()
	}
	if len(a.rows) == 0 {
		return nil
	}
	if a.windowed() {
		return a.pushWindows(c)
	}
	return a.fold(c, a.rows)
}

// evaluate computes keys, arguments and filters over the chunk.
func (a *aggregate) evaluate(c *vector.Chunk) (err error) {
	a.b.running = "aggregate"
	for i, k := range a.keys {
		if a.keyVecs[i], err = k.Eval(c); err != nil {
			return err
		}
	}
	for _, f := range a.fns {
		for i, p := range f.args {
			if f.vecs[i], err = p.Eval(c); err != nil {
				return err
			}
		}
		if f.filter != nil {
			if f.keep, err = f.filter.Eval(c); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *aggregate) dropNullKeys() {
	for _, v := range a.keyVecs[:len(a.keys)] {
		if !v.HasNulls() {
			continue
		}
		kept := a.rows[:0]
		for _, r := range a.rows {
			if !v.IsNull(int(r)) {
				kept = append(kept, r)
			}
		}
		a.b.deps.Stats.NullKey.Add(int64(len(a.rows) - len(kept)))
		a.rows = kept
	}
}

// pushWindows folds rows into their windows: once a chunk for tumbling windows, once a window that overlaps for hopping ones.
func (a *aggregate) pushWindows(c *vector.Chunk) error {
	if c.Time == nil {
		return sqlerr.Newf(sqlerr.Internal, 0, "rows without a time reached a window")
	}
	seen := int64(beforeAll)
	if a.clock != nil {
		var err error
		if seen, err = a.clock.get(); err != nil {
			return fromBudget(err)
		}
	}
	if cap(a.start.I) < c.N {
		a.start.I = make([]int64, max(c.N, vector.MaxRows))
	}
	a.start.I = a.start.I[:c.N]
	a.keyVecs[len(a.keys)] = &a.start
	after := seen
	for back := a.windows.Overlap() - 1; back >= 0; back-- { // windows in ascending order of start
		var rows []uint16
		var late int
		rows, late, after = a.assign(c, back, seen)
		if back == 0 {
			a.b.deps.Stats.Late.Add(int64(late))
		}
		if err := a.fold(c, rows); err != nil {
			return err
		}
	}
	if a.clock == nil {
		return nil
	}
	return fromBudget(a.clock.set(after))
}

// assign computes the start of the window that lies back steps before each row's newest one, and lists the rows that are in it and not too late:
// judged row by row against how far event time was before it. after is how far it is behind the chunk.
func (a *aggregate) assign(c *vector.Chunk, back, seen int64) (rows []uint16, late int, after int64) {
	rows = a.adds.rows[:0]
	own, others := seen, int64(everything)
	if a.b.deps.Time != nil {
		own, others = a.b.deps.Time.Own, a.b.deps.Time.Others
	}
	for _, r := range a.rows {
		t := c.Time[r]
		start := a.windows.Start(t) - back*a.windows.AdvanceMS
		a.start.I[r] = start
		in := t-start < a.windows.SizeMS
		if a.clock != nil {
			if in && a.windows.Closed(start, seen) {
				in = false
				late++
			}
			own = max(own, t)
			seen = max(seen, min(own, others))
		}
		if in {
			rows = append(rows, r)
		}
	}
	a.adds.rows = rows
	return rows, late, seen
}

// fold takes rows, whose keys are in keyVecs, into their groups.
func (a *aggregate) fold(c *vector.Chunk, rows []uint16) error {
	if a.step.Each && !a.b.deps.Bounded {
		return a.foldEach(c, rows)
	}
	if err := a.meetValues(c, rows); err != nil {
		return err
	}
	a.table.Encode(&a.packed, a.keyVecs, rows)
	return fromBudget(a.table.Probe(&a.packed, func(p *state.Part) error { return a.update(c, p) }))
}

// update folds a part's rows into its slots: those added first, then those taken out, so that no value is taken out before it came.
func (a *aggregate) update(c *vector.Chunk, p *state.Part) error {
	st := functions.States{Words: p.Words, Stride: p.Stride, Arena: p.Arena}
	if c.Time != nil {
		for j, s := range p.Slots {
			w := &p.Words[int(s)*p.Stride+p.Offset+aggTime]
			*w = max(*w, uint64(c.Time[p.Rows[j]])^signBit)
		}
	}
	if c.Ops == nil {
		for _, s := range p.Slots {
			p.Words[int(s)*p.Stride+p.Offset+aggRows]++
		}
		return a.accumulate(st, p.Offset, p.Rows, p.Slots, functions.Accumulator.Add)
	}
	a.adds.reset()
	a.undos.reset()
	for j, s := range p.Slots {
		w := &p.Words[int(s)*p.Stride+p.Offset+aggRows]
		if c.Op(int(p.Rows[j])).Adds() {
			*w++
			a.adds.add(p.Rows[j], s)
			continue
		}
		*w--
		a.undos.add(p.Rows[j], s)
	}
	if err := a.accumulate(st, p.Offset, a.adds.rows, a.adds.slots, functions.Accumulator.Add); err != nil {
		return err
	}
	if err := a.accumulate(st, p.Offset, a.undos.rows, a.undos.slots, functions.Accumulator.Undo); err != nil {
		return err
	}
	a.vanish(p)
	return nil
}

// vanish removes the groups that a part has emptied; without keys the one group stays.
func (a *aggregate) vanish(p *state.Part) {
	if len(a.keyVecs) == 0 {
		return
	}
	for _, s := range a.undos.slots {
		if p.Words[int(s)*p.Stride+p.Offset+aggRows] == 0 {
			p.Remove(s)
		}
	}
}

type foldFunc func(acc functions.Accumulator, st functions.States, args []*vector.Vector, rows []uint16, slots []uint32) error

// accumulate hands rows to every function, those its filter keeps.
func (a *aggregate) accumulate(st functions.States, offset int, rows []uint16, slots []uint32, fold foldFunc) error {
	if len(rows) == 0 {
		return nil
	}
	for _, f := range a.fns {
		st.Offset = offset + f.offset
		r, s := rows, slots
		if f.filter != nil || f.once != nil {
			f.some.reset()
			for j, row := range rows {
				if f.counts(row) {
					f.some.add(row, slots[j])
				}
			}
			r, s = f.some.rows, f.some.slots
		}
		if err := fold(f.acc, st, f.vecs, r, s); err != nil {
			return err
		}
	}
	return nil
}

// counts tells whether a row passes the function's filter and, with DISTINCT, is the one of its value that counts.
func (f *aggregateFunction) counts(row uint16) bool {
	if f.filter != nil && (f.keep.IsNull(int(row)) || f.keep.I[f.keep.Row(int(row))] == 0) {
		return false
	}
	return f.once == nil || f.once.turns[row]
}
