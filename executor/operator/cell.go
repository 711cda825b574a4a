package operator

import (
	"github.com/freshetdb/freshet/executor/state"
)

// cell is one event time that outlives commits and goes back with aborts: a table with a single, empty key.
type cell struct {
	table *state.Table
	keys  state.Keys
	value int64
	write bool
	visit func(*state.Part) error
}

func newCell(store *state.Store, name string) (*cell, error) {
	table, err := store.Table(state.Layout{Name: name, ValueWords: 1, WindowKey: -1})
	if err != nil {
		return nil, err
	}
	c := &cell{table: table}
	table.Encode(&c.keys, nil, []uint16{0})
	c.visit = func(p *state.Part) error {
		w := &p.Words[int(p.Slots[0])*p.Stride+p.Offset]
		if c.write {
			*w = uint64(c.value) ^ signBit
		}
		c.value = int64(*w ^ signBit)
		return nil
	}
	return c, nil
}

// get gives the time, beforeAll when none was set.
func (c *cell) get() (int64, error) {
	c.write = false
	err := c.table.Probe(&c.keys, c.visit)
	return c.value, err
}

func (c *cell) set(t int64) error {
	c.write, c.value = true, t
	return c.table.Probe(&c.keys, c.visit)
}
