package operator

import (
	"github.com/freshetdb/freshet/executor/dataflow"
	"github.com/freshetdb/freshet/executor/state"
	"github.com/freshetdb/freshet/planner/physical"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// distinct passes the first of equal rows.
type distinct struct {
	dataflow.Operator // next

	table *state.Table
	keys  state.Keys
	rows  []uint16
	first []bool
	sel   []uint16
	out   vector.Chunk
}

func (b *builder) buildDistinct(s *physical.Distinct, next dataflow.Operator, limits []*limit) error {
	if err := b.boundedOnly("DISTINCT"); err != nil {
		return err
	}
	store, noUndo := b.store()
	table, err := store.Table(state.Layout{
		Name: b.tableName("distinct"), KeyTypes: columnTypes(s.Schema()), ValueWords: 1, WindowKey: -1, NoUndo: noUndo,
	})
	if err != nil {
		return err
	}
	return b.build(s.Input, &distinct{Operator: next, table: table}, limits)
}

func columnTypes(cols types.Columns) []types.Type {
	out := make([]types.Type, len(cols))
	for i, c := range cols {
		out[i] = c.Type
	}
	return out
}

// Push implements dataflow.Operator.
func (d *distinct) Push(c *vector.Chunk) error {
	d.rows = selected(c, d.rows)
	d.table.Encode(&d.keys, c.Cols, d.rows)
	if cap(d.first) < c.N {
		d.first = make([]bool, c.N)
	}
	d.first = d.first[:c.N]
	clear(d.first)
	err := d.table.Probe(&d.keys, func(p *state.Part) error {
		for j, s := range p.Slots {
			if w := &p.Words[int(s)*p.Stride+p.Offset]; *w == 0 {
				*w = 1
				d.first[p.Rows[j]] = true
			}
		}
		return nil
	})
	if err != nil {
		return fromBudget(err)
	}
	d.sel = d.sel[:0]
	for _, r := range d.rows {
		if d.first[r] {
			d.sel = append(d.sel, r)
		}
	}
	if len(d.sel) == 0 {
		return nil
	}
	d.out = *c
	d.out.Sel = d.sel
	return d.Operator.Push(&d.out)
}
