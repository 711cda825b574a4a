package aggregate

import (
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

func counts() []*functions.Aggregate {
	big := always(types.Of(types.BigInt))
	star := aggregate("count", "Number of rows.", functions.Any, big, func([]types.Type) functions.Accumulator { return countRows{} })
	star.Star = true
	return []*functions.Aggregate{
		star,
		aggregate("count", "Number of rows at which the argument is not null.", functions.Any, big,
			func([]types.Type) functions.Accumulator { return countValues{} }, types.Of(types.Unknown)),
	}
}

// countRows is COUNT(*); word 0 is the count.
type countRows struct{ flat }

func (countRows) Width() int     { return 1 }
func (countRows) Undoable() bool { return true }

func (countRows) Add(st functions.States, _ []*vector.Vector, _ []uint16, slots []uint32) error {
	words, stride, offset := st.Words, st.Stride, st.Offset
	for _, s := range slots {
		words[int(s)*stride+offset]++
	}
	return nil
}

func (countRows) Undo(st functions.States, _ []*vector.Vector, _ []uint16, slots []uint32) error {
	for _, s := range slots {
		st.Words[int(s)*st.Stride+st.Offset]--
	}
	return nil
}

func (countRows) Result(st functions.States, slots []uint32, out *vector.Vector, _ int) error {
	for _, s := range slots {
		out.AppendInt(int64(st.Words[int(s)*st.Stride+st.Offset]))
	}
	return nil
}

// countValues is COUNT(x).
type countValues struct{ countRows }

func (c countValues) Add(st functions.States, args []*vector.Vector, rows []uint16, slots []uint32) error {
	return c.count(st, args[0], rows, slots, 1)
}

func (c countValues) Undo(st functions.States, args []*vector.Vector, rows []uint16, slots []uint32) error {
	return c.count(st, args[0], rows, slots, ^uint64(0))
}

func (c countValues) count(st functions.States, v *vector.Vector, rows []uint16, slots []uint32, step uint64) error {
	nulls := v.HasNulls()
	for k, r := range rows {
		if nulls && v.IsNull(int(r)) {
			continue
		}
		st.Words[int(slots[k])*st.Stride+st.Offset] += step
	}
	return nil
}
