package operator

import (
	"slices"

	"github.com/freshetdb/freshet/executor/state"
	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/vector"
)

// firstSeen makes a function count each value of its arguments once a group: a table from (key, window, arguments) to how many rows hold them.
type firstSeen struct {
	table *state.Table
	keys  state.Keys
	cols  []*vector.Vector
	turns []bool // of the chunk's rows: the row brought the first of its value, or took the last away
	rows  []uint16
}

// newFirstSeen makes the table; groups is the layout of the aggregate's own one.
func newFirstSeen(store *state.Store, groups state.Layout, name string, args []*expr.Program) (*firstSeen, error) {
	layout := groups
	layout.Name, layout.ValueWords, layout.ArenaWords = name, 1, nil
	layout.KeyTypes = slices.Clone(groups.KeyTypes)
	for _, p := range args {
		layout.KeyTypes = append(layout.KeyTypes, p.Type())
	}
	table, err := store.Table(layout)
	return &firstSeen{table: table}, err
}

// meetValues tells every DISTINCT function which of the rows count.
func (a *aggregate) meetValues(c *vector.Chunk, rows []uint16) error {
	for _, f := range a.fns {
		if f.once == nil {
			continue
		}
		if err := f.once.meet(c, a.keyVecs, f, rows); err != nil {
			return fromBudget(err)
		}
	}
	return nil
}

func (o *firstSeen) meet(c *vector.Chunk, keys []*vector.Vector, f *aggregateFunction, rows []uint16) error {
	o.turns = append(o.turns[:0], make([]bool, c.N)...)
	o.cols = append(append(o.cols[:0], keys...), f.vecs...)
	o.rows = o.rows[:0]
	for _, r := range rows {
		if f.filter == nil || !f.keep.IsNull(int(r)) && f.keep.I[f.keep.Row(int(r))] != 0 {
			o.rows = append(o.rows, r)
		}
	}
	o.table.Encode(&o.keys, o.cols, o.rows)
	return o.table.Probe(&o.keys, func(p *state.Part) error {
		o.count(c, p)
		return nil
	})
}

// count adds a part's rows, then takes out those that go, as the aggregate itself does.
func (o *firstSeen) count(c *vector.Chunk, p *state.Part) {
	for j, s := range p.Slots {
		if r := p.Rows[j]; c.Op(int(r)).Adds() {
			w := &p.Words[int(s)*p.Stride+p.Offset]
			*w++
			o.turns[r] = *w == 1
		}
	}
	for j, s := range p.Slots {
		if r := p.Rows[j]; !c.Op(int(r)).Adds() {
			w := &p.Words[int(s)*p.Stride+p.Offset]
			*w--
			if o.turns[r] = *w == 0; *w == 0 {
				p.Remove(s)
			}
		}
	}
}
