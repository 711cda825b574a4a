package operator

import (
	"github.com/freshetdb/freshet/executor/dataflow"
	"github.com/freshetdb/freshet/executor/state"
	"github.com/freshetdb/freshet/planner/physical"
	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// hashJoin joins bounded inputs: the right side is kept in rows with a table from key to a chain of them, then the left side is probed. Both sides'
// heads end in it.
type hashJoin struct {
	next dataflow.Operator

	b        *builder
	step     *physical.HashJoin
	left     int // columns of the left side
	keys     []*expr.Program
	residual *expr.Program

	built   *rowStore
	chains  []uint32 // chains[i] is the next row with the key of row i, plus 1; 0 ends
	matched []bool   // right rows that have met a left one, for RIGHT and FULL
	table   *state.Table
	heads   []uint32 // of each left row: its chain
	packed  state.Keys
	memory  *reserve

	keyVecs []*vector.Vector
	rows    []uint16
	out     vector.Chunk
	from    []uint16 // left row of each row of out
	ids     []uint32 // right row of each row of out, plus 1; 0 is none
	met     []bool   // left rows of the chunk that have met a right one
	sel     []uint16
}

// buildSide is the end of the right chain.
type buildSide struct {
	*hashJoin
	keys []*expr.Program
}

func (b *builder) buildHashJoin(s *physical.HashJoin, next dataflow.Operator, limits []*limit) error {
	if err := b.boundedOnly("this join"); err != nil {
		return err
	}
	j := &hashJoin{
		next: next, b: b, step: s, left: len(s.Left.Schema()), built: newRowStore(columnTypes(s.Right.Schema())),
		memory: b.reserve("join"),
	}
	for _, t := range columnTypes(s.Schema()) {
		j.out.Cols = append(j.out.Cols, vector.New(t, 0))
	}
	var err error
	if j.keys, err = b.compileAll(s.LeftKeys); err != nil {
		return err
	}
	right := &buildSide{hashJoin: j}
	if right.keys, err = b.compileAll(s.RightKeys); err != nil {
		return err
	}
	if s.Residual != nil {
		if j.residual, err = b.compile(s.Residual); err != nil {
			return err
		}
	}
	keyTypes := make([]types.Type, len(right.keys))
	for i, k := range right.keys {
		keyTypes[i] = k.Type()
	}
	store, noUndo := b.store()
	if j.table, err = store.Table(state.Layout{
		Name: b.tableName("join"), KeyTypes: keyTypes, ValueWords: 1, WindowKey: -1, NoUndo: noUndo,
	}); err != nil {
		return err
	}
	if err := b.build(s.Right, right, nil); err != nil { // a limit above must not cut the build side off
		return err
	}
	return b.build(s.Left, j, limits)
}

// Push implements dataflow.Operator: a row of the build side joins the chain of its key, unless a part of the key is null.
func (r *buildSide) Push(c *vector.Chunk) error {
	first := r.built.n
	if err := r.built.append(c, c.Cols); err != nil {
		return err
	}
	r.chains = append(r.chains, make([]uint32, r.built.n-first)...)
	if err := r.memory.grow(r.built.bytes() + 4*int64(cap(r.chains))); err != nil {
		return err
	}
	rows := selected(c, r.rows)
	r.rows = rows
	var place map[uint16]uint32 // of selected rows
	dense := c.Sel == nil
	if !dense {
		place = make(map[uint16]uint32, len(rows))
		for k, row := range rows {
			place[row] = uint32(first + k)
		}
	}
	keyed, err := r.encode(c, r.keys, rows)
	if err != nil || keyed == 0 {
		return err
	}
	return fromBudget(r.table.Probe(&r.packed, func(p *state.Part) error {
		for k, s := range p.Slots {
			id := uint32(first) + uint32(p.Rows[k])
			if !dense {
				id = place[p.Rows[k]]
			}
			w := &p.Words[int(s)*p.Stride+p.Offset]
			r.chains[id] = uint32(*w)
			*w = uint64(id) + 1
		}
		return nil
	}))
}

// encode packs the keys of the rows whose key has no null, and counts them.
func (j *hashJoin) encode(c *vector.Chunk, keys []*expr.Program, rows []uint16) (int, error) {
	j.b.running = "join"
	j.keyVecs = j.keyVecs[:0]
	for _, k := range keys {
		v, err := k.Eval(c)
		if err != nil {
			return 0, err
		}
		j.keyVecs = append(j.keyVecs, v)
	}
	j.sel = j.sel[:0]
	for _, r := range rows {
		null := false
		for _, v := range j.keyVecs {
			null = null || v.IsNull(int(r))
		}
		if !null {
			j.sel = append(j.sel, r)
		}
	}
	j.table.Encode(&j.packed, j.keyVecs, j.sel)
	return len(j.sel), nil
}

// End implements dataflow.Operator: the build side is complete. Chains were built newest first; they are turned to arrival order.
func (r *buildSide) End() error {
	r.matched = make([]bool, r.built.n)
	return r.table.Each(beforeAll, everything, vector.MaxRows, func(p *state.Part) error {
		for _, s := range p.Slots {
			w := &p.Words[int(s)*p.Stride+p.Offset]
			var last uint32
			for id := uint32(*w); id != 0; {
				next := r.chains[id-1]
				r.chains[id-1] = last
				last, id = id, next
			}
			*w = uint64(last)
		}
		return nil
	})
}

// Advance implements dataflow.Operator.
func (r *buildSide) Advance(int64) error { return nil }

// Barrier implements dataflow.Operator.
func (r *buildSide) Barrier(dataflow.Epoch) error { return nil }

// Advance implements dataflow.Operator.
func (j *hashJoin) Advance(watermark int64) error { return j.next.Advance(watermark) }

// Barrier implements dataflow.Operator.
func (j *hashJoin) Barrier(e dataflow.Epoch) error { return j.next.Barrier(e) }

// Push implements dataflow.Operator: the left side looks up its matches.
func (j *hashJoin) Push(c *vector.Chunk) error {
	j.rows = selected(c, j.rows)
	if _, err := j.encode(c, j.keys, j.rows); err != nil {
		return err
	}
	j.heads = append(j.heads[:0], make([]uint32, c.N)...)
	j.met = append(j.met[:0], make([]bool, c.N)...)
	j.table.Lookup(&j.packed, func(row uint16, value []uint64) { j.heads[row] = uint32(value[0]) })
	for _, r := range j.rows {
		for id := j.heads[r]; id != 0; id = j.chains[id-1] {
			j.from, j.ids = append(j.from, r), append(j.ids, id)
			if len(j.ids) == vector.MaxRows {
				if err := j.emit(c); err != nil {
					return err
				}
			}
		}
	}
	if err := j.emit(c); err != nil {
		return err
	}
	if j.step.Kind != physical.LeftJoin && j.step.Kind != physical.FullJoin {
		return nil
	}
	for _, r := range j.rows {
		if !j.met[r] {
			j.from, j.ids = append(j.from, r), append(j.ids, 0)
		}
	}
	return j.emitRows(c, nil)
}

// emit pushes the candidate pairs that the residual keeps, and notes who has met somebody.
func (j *hashJoin) emit(c *vector.Chunk) error {
	if len(j.ids) == 0 {
		return nil
	}
	keep := func(sel []uint16) {
		if sel == nil {
			for k, id := range j.ids {
				j.met[j.from[k]], j.matched[id-1] = true, true
			}
			return
		}
		for _, k := range sel {
			j.met[j.from[k]], j.matched[j.ids[k]-1] = true, true
		}
	}
	return j.emitRows(c, keep)
}

// emitRows makes out's rows from the pairs and pushes them; keep, when not nil, is told which the residual kept (nil: all).
func (j *hashJoin) emitRows(c *vector.Chunk, keep func([]uint16)) error {
	if len(j.ids) == 0 {
		return nil
	}
	for i, v := range j.out.Cols[:j.left] {
		if c == nil {
			for range j.ids {
				v.AppendNull()
			}
			continue
		}
		v.Gather(c.Cols[i], c.N, j.from)
	}
	for i, v := range j.out.Cols[j.left:] {
		for _, id := range j.ids {
			if id == 0 {
				v.AppendNull()
				continue
			}
			cols, at := j.built.at(int(id - 1))
			v.AppendFrom(cols[i], at)
		}
	}
	j.out.N = len(j.ids)
	var sel []uint16
	if keep != nil {
		if j.residual != nil {
			var err error
			if sel, err = j.residual.Filter(&j.out, j.sel); err != nil {
				return err
			}
			j.sel = sel
		}
		keep(sel)
	}
	j.from, j.ids = j.from[:0], j.ids[:0]
	j.out.Sel = sel
	if sel != nil && len(sel) == 0 {
		j.out.N = 0
		for _, v := range j.out.Cols {
			v.Truncate()
		}
	}
	err := flushRows(&j.out, j.next)
	j.out.Sel = nil
	return err
}

// End implements dataflow.Operator: right rows that met nobody follow, for RIGHT and FULL.
func (j *hashJoin) End() error {
	defer j.memory.release()
	if j.step.Kind == physical.RightJoin || j.step.Kind == physical.FullJoin {
		for id, met := range j.matched {
			if met {
				continue
			}
			j.from, j.ids = append(j.from, 0), append(j.ids, uint32(id)+1)
			if len(j.ids) == vector.MaxRows {
				if err := j.emitRows(nil, nil); err != nil {
					return err
				}
			}
		}
		if err := j.emitRows(nil, nil); err != nil {
			return err
		}
	}
	return j.next.End()
}
