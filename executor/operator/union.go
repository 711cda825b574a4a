package operator

import (
	"math"

	"github.com/freshetdb/freshet/executor/dataflow"
	"github.com/freshetdb/freshet/planner/physical"
	"github.com/freshetdb/freshet/sql/vector"
)

// union lets several chains flow into one: rows pass as they come, time is the slowest part's, barriers and the end pass once all
// parts have seen them.
type union struct {
	next    dataflow.Operator
	parts   []unionPart
	passed  int64 // the watermark passed on
	arrived int   // parts that have seen the current barrier
	ended   int
}

// unionPart is the end of one chain.
type unionPart struct {
	u    *union
	time int64
}

func (b *builder) buildUnion(s *physical.Union, next dataflow.Operator, limits []*limit) error {
	u := &union{next: next, parts: make([]unionPart, len(s.Parts)), passed: math.MinInt64}
	for i := range s.Parts {
		u.parts[i] = unionPart{u: u, time: math.MinInt64}
	}
	for i, part := range s.Parts {
		if err := b.build(part, &u.parts[i], limits); err != nil {
			return err
		}
	}
	return nil
}

// Push implements dataflow.Operator.
func (p *unionPart) Push(c *vector.Chunk) error { return p.u.next.Push(c) }

// Advance implements dataflow.Operator.
func (p *unionPart) Advance(watermark int64) error {
	p.time = max(p.time, watermark)
	lowest := int64(math.MaxInt64)
	for i := range p.u.parts {
		lowest = min(lowest, p.u.parts[i].time)
	}
	if lowest <= p.u.passed {
		return nil
	}
	p.u.passed = lowest
	return p.u.next.Advance(lowest)
}

// Barrier implements dataflow.Operator.
func (p *unionPart) Barrier(e dataflow.Epoch) error {
	if p.u.arrived++; p.u.arrived < len(p.u.parts) {
		return nil
	}
	p.u.arrived = 0
	return p.u.next.Barrier(e)
}

// End implements dataflow.Operator.
func (p *unionPart) End() error {
	if p.u.ended++; p.u.ended < len(p.u.parts) {
		return nil
	}
	return p.u.next.End()
}
