package pull

import (
	"slices"
	"sync"

	"github.com/freshetdb/freshet/executor/state"
	"github.com/freshetdb/freshet/planner/physical"
	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// lookUp answers a plan that is nothing but key look-ups with bare columns picked, without building operators. It tells whether it was one.
func (r *run) lookUp(root physical.Step) (bool, error) {
	scan, indexes := pointRead(root)
	if scan == nil || r.deps.Views == nil {
		return false, nil
	}
	if err := r.canceled(); err != nil {
		return true, err
	}
	var err error
	if r.pinned, err = r.deps.Views.Pin(r.ctx, []string{scan.View}); err != nil {
		return true, err
	}
	return true, r.readKeys(scan, r.pinned[0], indexes, r.out)
}

// pointRead recognises ViewScan with keys, under a projection of bare columns or not, and gives the view's columns it yields.
func pointRead(root physical.Step) (*physical.ViewScan, []int) {
	if s, ok := root.(*physical.ViewScan); ok && s.Keys != nil {
		return s, s.Indexes
	}
	p, ok := root.(*physical.Project)
	if !ok {
		return nil, nil
	}
	s, ok := p.Input.(*physical.ViewScan)
	if !ok || s.Keys == nil {
		return nil, nil
	}
	indexes := make([]int, len(p.Exprs))
	for i, e := range p.Exprs {
		c, ok := e.(*expr.Column)
		if !ok || c.Index >= len(s.Indexes) {
			return nil, nil
		}
		indexes[i] = s.Indexes[c.Index]
	}
	return s, indexes
}

// scanView pushes the rows of a pinned view: those of the keys, or all.
func (r *run) scanView(s *physical.ViewScan, push func(*vector.Chunk) error) error {
	view := r.views[s]
	if s.Keys != nil {
		return r.readKeys(s, view, s.Indexes, push)
	}
	sorted, place := ascending(s.Indexes)
	order := projection{indexes: place}
	return view.Snapshot.Scan(view.Rows, sorted, func(c *vector.Chunk) error { return order.push(c, push) })
}

// pointMemory is the memory of a look-up, used again by the next one: rows are handed on before it is given back.
type pointMemory struct {
	found   vector.Chunk
	vectors []*vector.Vector
}

var pointMemories = sync.Pool{New: func() any { return new(pointMemory) }}

// columns makes found's columns, of the types of the given columns of a view.
func (m *pointMemory) columns(view types.Columns, indexes []int) error {
	m.found.Cols = m.found.Cols[:0]
	for j, c := range indexes {
		if c < 0 || c >= len(view) {
			return sqlerr.Newf(sqlerr.Internal, 0, "column %d of a view of %d is asked for", c, len(view))
		}
		if j == len(m.vectors) {
			m.vectors = append(m.vectors, &vector.Vector{})
		}
		v := m.vectors[j]
		v.Reset(view[c].Type, 0)
		v.Truncate()
		m.found.Cols = append(m.found.Cols, v)
	}
	m.found.N, m.found.Time = 0, m.found.Time[:0]
	return nil
}

// readKeys looks the keys of a scan up and pushes the rows found.
func (r *run) readKeys(s *physical.ViewScan, view Pinned, indexes []int, push func(*vector.Chunk) error) error {
	m := pointMemories.Get().(*pointMemory)
	defer pointMemories.Put(m)
	sorted, place := ascending(indexes)
	if err := m.columns(view.Rows.Columns(), sorted); err != nil {
		return err
	}
	order := projection{indexes: place}
	seen := newKeySet(len(s.Keys))
	for _, exprs := range s.Keys {
		key, err := r.key(exprs)
		if err != nil {
			return err
		}
		if key == nil || !seen.add(key) {
			continue
		}
		if _, err := view.Snapshot.Get(view.Rows, key, sorted, &m.found); err != nil {
			return err
		}
		if m.found.N == vector.MaxRows {
			if err := order.push(&m.found, push); err != nil {
				return err
			}
			if err := m.columns(view.Rows.Columns(), sorted); err != nil {
				return err
			}
		}
	}
	if m.found.N == 0 {
		return nil
	}
	return order.push(&m.found, push)
}

// key evaluates a key's expressions; nil when one is null, which equals nothing.
func (r *run) key(exprs []expr.Expr) ([]vector.Datum, error) {
	key := make([]vector.Datum, len(exprs))
	for i, e := range exprs {
		if l, ok := e.(*expr.Literal); ok {
			key[i] = l.Value
		} else {
			p, err := expr.Compile(e, r.deps.Context)
			if err != nil {
				return nil, err
			}
			v, err := p.Eval(&vector.Chunk{N: 1})
			if err != nil {
				return nil, err
			}
			key[i] = vector.DatumAt(v, 0)
		}
		if key[i].Null {
			return nil, nil
		}
	}
	return key, nil
}

// keySet drops repeated keys; nil when there is only one.
type keySet map[string]bool

func newKeySet(keys int) keySet {
	if keys < 2 {
		return nil
	}
	return make(keySet, keys)
}

// add tells whether key is new.
func (s keySet) add(key []vector.Datum) bool {
	if s == nil {
		return true
	}
	var b []byte
	for i := range key {
		b = state.AppendDatum(b, &key[i])
	}
	if s[string(b)] {
		return false
	}
	s[string(b)] = true
	return true
}

// ascending sorts column indexes and drops repeats; place tells where each asked one is among them, nil: where it was.
func ascending(indexes []int) (sorted, place []int) {
	strictly := true
	for i := 1; i < len(indexes); i++ {
		strictly = strictly && indexes[i-1] < indexes[i]
	}
	if strictly {
		return indexes, nil
	}
	sorted = slices.Clone(indexes)
	slices.Sort(sorted)
	sorted = slices.Compact(sorted)
	place = make([]int, len(indexes))
	for i, c := range indexes {
		place[i], _ = slices.BinarySearch(sorted, c)
	}
	return sorted, place
}
