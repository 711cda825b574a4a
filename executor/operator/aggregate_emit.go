package operator

import (
	"slices"

	"github.com/freshetdb/freshet/executor/dataflow"
	"github.com/freshetdb/freshet/executor/state"
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// Barrier implements dataflow.Operator: the net change of each group touched in the epoch, then windows that can take no more rows go.
func (a *aggregate) Barrier(e dataflow.Epoch) error {
	if err := a.ensureGroup(); err != nil {
		return err
	}
	if !a.step.Final && !a.step.Each {
		if err := a.emitChanges(); err != nil {
			return err
		}
	}
	if a.windowed() && !a.step.Final {
		seen, err := a.clock.get()
		if err != nil {
			return fromBudget(err)
		}
		if seen != beforeAll {
			a.dropBefore(a.windows.OpenFrom(seen))
		}
	}
	return a.Operator.Barrier(e)
}

// Advance implements dataflow.Operator: with Final the windows that are over are emitted, once, and forgotten.
func (a *aggregate) Advance(watermark int64) error {
	if a.step.Final && a.windowed() && !a.b.deps.Bounded {
		for _, start := range a.table.Buckets() {
			if !a.windows.Closed(start, watermark) {
				break
			}
			if err := a.emitAll(start, start+1); err != nil {
				return err
			}
			a.dropBefore(start + 1)
			a.table.DropBucket(start)
		}
	}
	return a.Operator.Advance(watermark)
}

// dropBefore forgets windows that begin below start, as far as whole buckets of them do.
func (a *aggregate) dropBefore(start int64) {
	a.table.DropBefore(start)
	for _, f := range a.fns {
		if f.once != nil {
			f.once.table.DropBefore(start)
		}
	}
}

// End implements dataflow.Operator.
func (a *aggregate) End() error {
	if err := a.ensureGroup(); err != nil {
		return err
	}
	if err := a.emitAll(beforeAll, everything); err != nil {
		return err
	}
	return a.Operator.End()
}

// ensureGroup makes the one group of an aggregate without keys, which has a row over no input too.
func (a *aggregate) ensureGroup() error {
	if len(a.keyVecs) > 0 || a.table.Len() > 0 {
		return nil
	}
	a.table.Encode(&a.packed, nil, []uint16{0})
	return fromBudget(a.table.Probe(&a.packed, func(*state.Part) error { return nil }))
}

// emitChanges pushes old and new of every group changed in the open epoch, where they differ.
func (a *aggregate) emitChanges() error {
	a.table.Changes(&a.changes)
	for a.changes.Next(emitKeys) {
		if err := a.fillChanges(); err != nil {
			return err
		}
		sel := a.dropUnchanged()
		if sel != nil && len(sel) == 0 {
			a.clearOut()
			continue
		}
		a.out.Sel = sel
		if err := flushRows(&a.out, a.Operator); err != nil {
			return err
		}
		a.out.Sel = nil
	}
	return nil
}

// fillChanges makes the rows of the current run: its keys, windows and results.
func (a *aggregate) fillChanges() error {
	ch := &a.changes
	a.slots = a.slots[:0]
	for i := range ch.N {
		if ch.Old[i] {
			op := vector.UpdateOld
			if !ch.New[i] {
				op = vector.Delete
			}
			if err := a.appendChange(i, uint32(2*i), op); err != nil {
				return err
			}
		}
		if ch.New[i] {
			op := vector.UpdateNew
			if !ch.Old[i] {
				op = vector.Insert
			}
			if err := a.appendChange(i, uint32(2*i+1), op); err != nil {
				return err
			}
		}
	}
	a.finishKeys(0)
	return a.results(functions.States{Words: ch.Words, Stride: ch.Stride, Arena: ch.Arena}, 0, a.slots)
}

func (a *aggregate) appendChange(i int, slot uint32, op vector.Op) error {
	a.slots = append(a.slots, slot)
	a.appendRow(op, a.changes.Words[int(slot)*a.changes.Stride+aggTime])
	return a.changes.AppendKey(i, a.out.Cols[:len(a.keyVecs)])
}

func (a *aggregate) appendRow(op vector.Op, timeWord uint64) {
	a.out.Ops = append(a.out.Ops, op)
	var at int64
	if timeWord != 0 {
		at = int64(timeWord ^ signBit)
	}
	a.out.Time = append(a.out.Time, at)
	a.out.N++
}

// finishKeys completes rows from at on: the window start column holds ms, and the end is missing.
func (a *aggregate) finishKeys(at int) {
	if !a.windowed() {
		return
	}
	start, end := a.out.Cols[len(a.keys)], a.out.Cols[len(a.keys)+1]
	for _, s := range start.I[at:] {
		end.I = append(end.I, s+a.windows.SizeMS)
	}
	for _, v := range []*vector.Vector{start, end} {
		if v.Type.ID == types.Timestamp {
			for i := at; i < len(v.I); i++ {
				v.I[i] *= microPerMilli
			}
		}
	}
}

// results appends every function's value of slots.
func (a *aggregate) results(st functions.States, offset int, slots []uint32) error {
	first := len(a.keys)
	if a.windowed() {
		first += 2
	}
	for i, f := range a.fns {
		st.Offset = offset + f.offset
		v := a.out.Cols[first+i]
		if err := f.acc.Result(st, slots, v, v.Len()); err != nil {
			return err
		}
	}
	return nil
}

// dropUnchanged selects the rows of out that are not an update to the same values; nil when that is all of them.
func (a *aggregate) dropUnchanged() []uint16 {
	first := len(a.out.Cols) - len(a.fns)
	rows := a.rows[:0]
	for i := 0; i < a.out.N; i++ {
		if a.out.Ops[i] == vector.UpdateOld && a.sameRow(a.out.Cols[first:], i) {
			i++
			continue
		}
		rows = append(rows, uint16(i))
		if a.out.Ops[i] == vector.UpdateOld {
			i++
			rows = append(rows, uint16(i))
		}
	}
	a.rows = rows
	if len(rows) == a.out.N {
		return nil
	}
	return slices.Clip(rows)
}

// sameRow tells whether row i and the one behind it are equal.
func (a *aggregate) sameRow(cols []*vector.Vector, i int) bool {
	for _, v := range cols {
		if !vector.Equal(v, i, v, i+1) {
			return false
		}
	}
	return true
}

func (a *aggregate) clearOut() {
	for _, v := range a.out.Cols {
		v.Truncate()
	}
	a.out.N, a.out.Ops, a.out.Time, a.out.Sel = 0, a.out.Ops[:0], a.out.Time[:0], nil
}

// emitAll pushes all groups of windows that begin in [lo, hi) as inserts.
func (a *aggregate) emitAll(lo, hi int64) error {
	err := a.table.Each(lo, hi, vector.MaxRows, func(p *state.Part) error {
		if a.out.N+len(p.Slots) > vector.MaxRows {
			if err := flushRows(&a.out, a.Operator); err != nil {
				return err
			}
		}
		at := a.out.N
		for _, s := range p.Slots {
			a.appendRow(vector.Insert, p.Words[int(s)*p.Stride+p.Offset+aggTime])
			if err := p.AppendKey(s, a.out.Cols[:len(a.keyVecs)]); err != nil {
				return err
			}
		}
		a.finishKeys(at)
		return a.results(functions.States{Words: p.Words, Stride: p.Stride, Arena: p.Arena}, p.Offset, p.Slots)
	})
	if err != nil {
		return err
	}
	return flushRows(&a.out, a.Operator)
}

// foldEach folds row by row and emits every step.
func (a *aggregate) foldEach(c *vector.Chunk, rows []uint16) error {
	rows = slices.Clone(rows)
	for _, r := range rows {
		if err := a.meetValues(c, []uint16{r}); err != nil {
			return err
		}
		a.table.Encode(&a.packed, a.keyVecs, []uint16{r})
		err := a.table.Probe(&a.packed, func(p *state.Part) error { return a.step1(c, p) })
		if err != nil {
			return fromBudget(err)
		}
		if a.out.N > vector.MaxRows-2 {
			if err := flushRows(&a.out, a.Operator); err != nil {
				return err
			}
		}
	}
	return flushRows(&a.out, a.Operator)
}

// step1 folds the one row of a part and appends its group's values before and after.
func (a *aggregate) step1(c *vector.Chunk, p *state.Part) error {
	slot := p.Slots[0]
	word := func(i int) uint64 { return p.Words[int(slot)*p.Stride+p.Offset+i] }
	old := word(aggRows) > 0
	if old {
		if err := a.appendStep(p, slot, vector.Delete, word(aggTime)); err != nil {
			return err
		}
	}
	if err := a.update(c, p); err != nil {
		return err
	}
	if word(aggRows) == 0 {
		return nil
	}
	op := vector.Insert
	if old {
		a.out.Ops[a.out.N-1] = vector.UpdateOld
		op = vector.UpdateNew
	}
	return a.appendStep(p, slot, op, word(aggTime))
}

func (a *aggregate) appendStep(p *state.Part, slot uint32, op vector.Op, timeWord uint64) error {
	at := a.out.N
	a.appendRow(op, timeWord)
	if err := p.AppendKey(slot, a.out.Cols[:len(a.keyVecs)]); err != nil {
		return err
	}
	a.finishKeys(at)
	a.slots = append(a.slots[:0], slot)
	return a.results(functions.States{Words: p.Words, Stride: p.Stride, Arena: p.Arena}, p.Offset, a.slots)
}
