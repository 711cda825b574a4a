package operator

import (
	"github.com/freshetdb/freshet/executor/dataflow"
	"github.com/freshetdb/freshet/planner/physical"
	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/vector"
)

// filter narrows the selection; columns pass as they are.
type filter struct {
	dataflow.Operator // next: Advance, Barrier and End pass through

	b    *builder
	cond *expr.Program
	sel  []uint16
	ops  []vector.Op
	out  vector.Chunk
}

func (b *builder) buildFilter(s *physical.Filter, next dataflow.Operator, limits []*limit) error {
	cond, err := b.compile(s.Cond)
	if err != nil {
		return err
	}
	return b.build(s.Input, &filter{Operator: next, b: b, cond: cond}, limits)
}

// Push implements dataflow.Operator.
func (f *filter) Push(c *vector.Chunk) error {
	f.b.running = "filter"
	sel, err := f.cond.Filter(c, f.sel)
	if err != nil {
		return err
	}
	f.sel = sel
	if len(sel) == 0 {
		return nil
	}
	f.out = *c
	f.out.Sel = sel
	if c.Ops != nil {
		f.ops = halvePairs(append(f.ops[:0], c.Ops[:c.N]...), sel)
		f.out.Ops = f.ops
	}
	return f.Operator.Push(&f.out)
}

// halvePairs makes an update of which one half was dropped a delete or an insert. The halves are neighbours: rows i and i+1.
func halvePairs(ops []vector.Op, sel []uint16) []vector.Op {
	for k, i := range sel {
		switch ops[i] {
		case vector.UpdateOld:
			if k+1 == len(sel) || sel[k+1] != i+1 {
				ops[i] = vector.Delete
			}
		case vector.UpdateNew:
			if k == 0 || sel[k-1] != i-1 {
				ops[i] = vector.Insert
			}
		}
	}
	return ops
}
