package aggregate

import (
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

func booleans() []*functions.Aggregate {
	b := types.Of(types.Boolean)
	and := func([]types.Type) functions.Accumulator { return &allOrAny{all: true} }
	return []*functions.Aggregate{
		aggregate("bool_and", "Whether all values that are not null are true.", functions.Any, always(b), and, b),
		aggregate("every", "Whether all values that are not null are true.", functions.Any, always(b), and, b),
		aggregate("bool_or", "Whether any value is true.", functions.Any, always(b),
			func([]types.Type) functions.Accumulator { return &allOrAny{} }, b),
	}
}

// allOrAny counts. Words: true values, values.
type allOrAny struct {
	flat
	all bool
}

func (*allOrAny) Width() int     { return 2 }
func (*allOrAny) Undoable() bool { return true }

func (a *allOrAny) Add(st functions.States, args []*vector.Vector, rows []uint16, slots []uint32) error {
	return fold(st, args[0], rows, slots, func(w []uint64, i int) error {
		w[0] += uint64(args[0].I[i])
		w[1]++
		return nil
	})
}

func (a *allOrAny) Undo(st functions.States, args []*vector.Vector, rows []uint16, slots []uint32) error {
	return fold(st, args[0], rows, slots, func(w []uint64, i int) error {
		w[0] -= uint64(args[0].I[i])
		w[1]--
		return nil
	})
}

func (a *allOrAny) Result(st functions.States, slots []uint32, out *vector.Vector, _ int) error {
	return emit(st, slots, func(w []uint64) error {
		switch {
		case w[1] == 0:
			out.AppendNull()
		case a.all:
			out.AppendBool(w[0] == w[1])
		default:
			out.AppendBool(w[0] > 0)
		}
		return nil
	})
}
