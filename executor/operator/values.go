package operator

import (
	"github.com/freshetdb/freshet/executor/dataflow"
	"github.com/freshetdb/freshet/planner/physical"
	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/vector"
)

// Feed pushes the rows of a Values step into its head; End is left to the caller.
func Feed(v *physical.Values, head dataflow.Operator, ctx *functions.Context) error {
	none := &vector.Chunk{N: 1}
	out := &vector.Chunk{}
	for _, c := range v.Columns {
		out.Cols = append(out.Cols, vector.New(c.Type, len(v.Rows)))
	}
	for _, row := range v.Rows {
		for i, e := range row {
			p, err := expr.Compile(e, ctx)
			if err != nil {
				return err
			}
			value, err := p.Eval(none)
			if err != nil {
				return err
			}
			out.Cols[i].AppendFrom(value, 0)
		}
		if out.N++; out.N == vector.MaxRows {
			if err := flushRows(out, head); err != nil {
				return err
			}
		}
	}
	return flushRows(out, head)
}

// flushRows pushes an appended chunk, if it holds any rows, and empties it.
func flushRows(out *vector.Chunk, next dataflow.Operator) error {
	if out.N == 0 {
		return nil
	}
	err := next.Push(out)
	for _, v := range out.Cols {
		v.Truncate()
	}
	out.N, out.Ops, out.Time = 0, out.Ops[:0], out.Time[:0]
	return err
}
