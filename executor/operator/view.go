package operator

import (
	"math"
	"slices"

	"github.com/freshetdb/freshet/executor/dataflow"
	"github.com/freshetdb/freshet/executor/state"
	"github.com/freshetdb/freshet/planner/physical"
	"github.com/freshetdb/freshet/sql/vector"
)

const (
	viewRetentionMin = 24 * 60 * 60 * 1000 // ms a view keeps closed windows by default
	viewBuckets      = 24                  // buckets a view's retention is cut into
)

// view keeps the rows that reach it as a table and passes the changes on.
type view struct {
	dataflow.Operator // next

	b      *builder
	rows   *state.RowTable
	key    []int
	keepMS int64 // windows that begin so long before the newest event are dropped; 0: nothing is
	newest int64 // largest event time seen by this run
	keys   state.Keys
	sel    []uint16
}

func (b *builder) buildView(s *physical.View, next dataflow.Operator, limits []*limit) error {
	rows, keep, err := b.viewTable(s)
	if err != nil {
		return err
	}
	b.pipe.Views = append(b.pipe.Views, View{Step: s, Rows: rows})
	if up, ok := s.Input.(*physical.Upsert); ok && slices.Equal(up.Key, s.Key) { // one table serves both
		return b.build(up.Input, newUpsert(b, up, rows, next), limits)
	}
	v := &view{Operator: next, b: b, rows: rows, key: s.Key, keepMS: keep, newest: math.MinInt64}
	return b.build(s.Input, v, limits)
}

// viewTable makes the table of a view and tells how long before the newest event a window's start may lie.
func (b *builder) viewTable(s *physical.View) (*state.RowTable, int64, error) {
	store, _ := b.store()
	layout := state.RowLayout{Name: "view " + s.ID, Columns: s.Schema(), Key: s.Key, WindowColumn: -1}
	var keep int64
	if s.Window.Kind != physical.NoWindow && s.WindowStart >= 0 {
		retention := s.Window.RetentionMS
		if retention <= 0 {
			retention = max(s.Window.SizeMS+s.Window.GraceMS, viewRetentionMin)
		}
		keep = s.Window.SizeMS + max(retention, s.Window.GraceMS)
		layout.WindowColumn = s.WindowStart
		layout.BucketMS = max(keep/viewBuckets, s.Window.SizeMS, 1)
	}
	rows, err := store.RowTable(layout)
	return rows, keep, err
}

// Push implements dataflow.Operator.
func (v *view) Push(c *vector.Chunk) error {
	var nulls int
	v.sel, nulls = keyed(c, v.key, v.sel)
	v.b.deps.Stats.NullKey.Add(int64(nulls))
	v.rows.Encode(&v.keys, c.Cols, v.sel)
	v.rows.Touch(&v.keys)
	for i, r := range v.sel {
		op := c.Op(int(r))
		if op == vector.UpdateOld { // its new half follows; should the key differ, the old row goes
			if !v.movesAway(c, i) {
				continue
			}
		}
		if !op.Adds() {
			v.rows.Delete(&v.keys, i)
			continue
		}
		var at int64
		if c.Time != nil {
			at = c.Time[r]
			v.newest = max(v.newest, at)
		}
		if err := v.rows.Set(&v.keys, i, c.Cols, int(r), at); err != nil {
			return fromBudget(err)
		}
	}
	return v.Operator.Push(c)
}

// movesAway tells whether the update whose old half is row sel[i] gives its row another key.
func (v *view) movesAway(c *vector.Chunk, i int) bool {
	if i+1 >= len(v.sel) || c.Op(int(v.sel[i+1])) != vector.UpdateNew {
		return true
	}
	for _, k := range v.key {
		if !vector.Equal(c.Cols[k], int(v.sel[i]), c.Cols[k], int(v.sel[i+1])) {
			return true
		}
	}
	return false
}

// Barrier implements dataflow.Operator: old windows go, without deletes downstream.
func (v *view) Barrier(e dataflow.Epoch) error {
	if v.keepMS > 0 && v.newest > math.MinInt64+v.keepMS {
		v.rows.DropBefore(v.newest - v.keepMS)
	}
	return v.Operator.Barrier(e)
}

// keyed lists the rows of c whose key has no null, and counts the others.
func keyed(c *vector.Chunk, key []int, dst []uint16) ([]uint16, int) {
	dst = selected(c, dst)
	if !slices.ContainsFunc(key, func(k int) bool { return c.Cols[k].HasNulls() }) {
		return dst, 0
	}
	n := len(dst)
	dst = slices.DeleteFunc(dst, func(r uint16) bool {
		return slices.ContainsFunc(key, func(k int) bool { return c.Cols[k].IsNull(int(r)) })
	})
	return dst, n - len(dst)
}
