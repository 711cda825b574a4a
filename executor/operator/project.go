package operator

import (
	"github.com/freshetdb/freshet/executor/dataflow"
	"github.com/freshetdb/freshet/planner/physical"
	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/vector"
)

// project computes columns; bare columns are passed on without a copy.
type project struct {
	dataflow.Operator // next

	b        *builder
	programs []*expr.Program
	out      vector.Chunk
	cols     []*vector.Vector
}

func (b *builder) buildProject(s *physical.Project, next dataflow.Operator, limits []*limit) error {
	programs, err := b.compileAll(s.Exprs)
	if err != nil {
		return err
	}
	return b.build(s.Input, &project{Operator: next, b: b, programs: programs, cols: make([]*vector.Vector, len(programs))}, limits)
}

// Push implements dataflow.Operator.
func (p *project) Push(c *vector.Chunk) error {
	p.b.running = "project"
	for i, prog := range p.programs {
		v, err := prog.Eval(c)
		if err != nil {
			return err
		}
		p.cols[i] = v
	}
	p.out = *c
	p.out.Cols = p.cols
	return p.Operator.Push(&p.out)
}
