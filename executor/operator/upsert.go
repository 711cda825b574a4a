package operator

import (
	"github.com/freshetdb/freshet/executor/dataflow"
	"github.com/freshetdb/freshet/executor/state"
	"github.com/freshetdb/freshet/planner/physical"
	"github.com/freshetdb/freshet/sql/vector"
)

// upsert turns rows that replace each other by key into changes: it keeps the newest row of each key, by arrival.
type upsert struct {
	dataflow.Operator // next

	b     *builder
	rows  *state.RowTable
	key   []int
	all   []int // every column
	keys  state.Keys
	sel   []uint16
	out   vector.Chunk
	final *state.Store // bounded: only the rows left at the end are passed on, from here
}

func (b *builder) buildUpsert(s *physical.Upsert, next dataflow.Operator, limits []*limit) error {
	store, noUndo := b.store()
	rows, err := store.RowTable(state.RowLayout{
		Name: b.tableName("upsert"), Columns: s.Schema(), Key: s.Key, WindowColumn: -1, NoUndo: noUndo,
	})
	if err != nil {
		return err
	}
	u := newUpsert(b, s, rows, next)
	if b.deps.Bounded {
		u.final = store
	}
	return b.build(s.Input, u, limits)
}

func newUpsert(b *builder, s *physical.Upsert, rows *state.RowTable, next dataflow.Operator) *upsert {
	u := &upsert{Operator: next, b: b, rows: rows, key: s.Key}
	for i, c := range s.Schema() {
		u.all = append(u.all, i)
		u.out.Cols = append(u.out.Cols, vector.New(c.Type, 0))
	}
	return u
}

// Push implements dataflow.Operator.
func (u *upsert) Push(c *vector.Chunk) error {
	var nulls int
	u.sel, nulls = keyed(c, u.key, u.sel)
	u.b.deps.Stats.NullKey.Add(int64(nulls))
	u.rows.Encode(&u.keys, c.Cols, u.sel)
	u.rows.Touch(&u.keys)
	for i, r := range u.sel {
		if u.out.N > vector.MaxRows-2 {
			if err := flushRows(&u.out, u.Operator); err != nil {
				return err
			}
		}
		var err error
		switch op := c.Op(int(r)); op {
		case vector.UpdateOld: // the new half replaces the row anyway
		case vector.Delete:
			err = u.remove(i)
		default:
			err = u.replace(c, i, int(r))
		}
		if err != nil {
			return err
		}
	}
	return flushRows(&u.out, u.Operator)
}

// remove drops the row of key i; a key that is not there is no change.
func (u *upsert) remove(i int) error {
	row, ok := u.rows.Find(&u.keys, i)
	if !ok {
		return nil
	}
	if u.final != nil {
		u.rows.Delete(&u.keys, i)
		return nil
	}
	if err := u.emitOld(&row, vector.Delete); err != nil {
		return err
	}
	u.rows.Delete(&u.keys, i)
	return nil
}

// replace makes row r of c the row of key i.
func (u *upsert) replace(c *vector.Chunk, i, r int) error {
	var at int64
	if c.Time != nil {
		at = c.Time[r]
	}
	if u.final != nil {
		return fromBudget(u.rows.Set(&u.keys, i, c.Cols, r, at))
	}
	op := vector.Insert
	if row, ok := u.rows.Find(&u.keys, i); ok {
		if err := u.emitOld(&row, vector.UpdateOld); err != nil {
			return err
		}
		op = vector.UpdateNew
	}
	for j, v := range u.out.Cols {
		v.AppendFrom(c.Cols[j], r)
	}
	u.append(op, at)
	return fromBudget(u.rows.Set(&u.keys, i, c.Cols, r, at))
}

func (u *upsert) emitOld(row *state.Row, op vector.Op) error {
	if err := u.rows.ReadRow(row, u.all, u.out.Cols); err != nil {
		return err
	}
	u.append(op, row.TimeMS)
	return nil
}

func (u *upsert) append(op vector.Op, at int64) {
	u.out.Ops = append(u.out.Ops, op)
	u.out.Time = append(u.out.Time, at)
	u.out.N++
}

// End implements dataflow.Operator.
func (u *upsert) End() error {
	if u.final != nil {
		snap := u.final.Pin()
		defer snap.Release()
		if err := snap.Scan(u.rows, u.all, u.Operator.Push); err != nil {
			return err
		}
	}
	return u.Operator.End()
}
