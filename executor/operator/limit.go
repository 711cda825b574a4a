package operator

import (
	"slices"

	"github.com/freshetdb/freshet/executor/dataflow"
	"github.com/freshetdb/freshet/planner/physical"
	"github.com/freshetdb/freshet/sql/vector"
)

// limit passes so many rows after skipping some.
type limit struct {
	dataflow.Operator // next

	skip, left int64 // left -1: all
	sel        []uint16
	out        vector.Chunk
}

func (b *builder) buildLimit(s *physical.Limit, next dataflow.Operator, limits []*limit) error {
	l := &limit{Operator: next, skip: max(s.Offset, 0), left: max(s.Count, -1)}
	return b.build(s.Input, l, append(slices.Clip(limits), l))
}

func (l *limit) done() bool { return l.left == 0 }

// Push implements dataflow.Operator.
func (l *limit) Push(c *vector.Chunk) error {
	n := int64(c.Rows())
	if n == 0 || l.done() {
		return nil
	}
	if l.skip >= n {
		l.skip -= n
		return nil
	}
	if l.skip == 0 && (l.left < 0 || l.left >= n) {
		if l.left > 0 {
			l.left -= n
		}
		return l.Operator.Push(c)
	}
	l.sel = selected(c, l.sel)
	l.out = *c
	l.out.Sel = l.sel[l.skip:]
	l.skip = 0
	if l.left >= 0 {
		l.out.Sel = l.out.Sel[:min(l.left, int64(len(l.out.Sel)))]
		l.left -= int64(len(l.out.Sel))
	}
	return l.Operator.Push(&l.out)
}

// selected lists the rows of c that count, in dst's memory.
func selected(c *vector.Chunk, dst []uint16) []uint16 {
	dst = dst[:0]
	if c.Sel != nil {
		return append(dst, c.Sel...)
	}
	for i := range c.N {
		dst = append(dst, uint16(i))
	}
	return dst
}
