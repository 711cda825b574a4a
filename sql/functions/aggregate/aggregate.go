// Package aggregate is the aggregate functions: folds of columns into words of state that hold no pointers.
package aggregate

import (
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// Register puts every aggregate into r.
func Register(r *functions.Registry) {
	for _, family := range [][]*functions.Aggregate{counts(), sums(), averages(), extremes(), booleans()} {
		for _, a := range family {
			r.AddAggregate(a)
		}
	}
}

// aggregate is one signature with a fixed result and constructor.
func aggregate(name, help string, d functions.Dialect, result func(args []types.Type) types.Type, build func(args []types.Type) functions.Accumulator, params ...types.Type) *functions.Aggregate {
	return &functions.Aggregate{
		Name: name, Help: help, Dialect: d, Params: params,
		Bind: func(args []types.Type, distinct bool) (types.Type, func() functions.Accumulator, error) {
			if distinct && name != "min" && name != "max" && name != "bool_and" && name != "bool_or" && name != "every" {
				return types.Type{}, nil, sqlerr.Unsupported(0, "DISTINCT in an aggregate")
			}
			return result(args), func() functions.Accumulator { return build(args) }, nil
		},
	}
}

// always is a result type that does not depend on the arguments.
func always(t types.Type) func([]types.Type) types.Type {
	return func([]types.Type) types.Type { return t }
}

// first is the first argument's type.
func first(args []types.Type) types.Type { return args[0] }

// fold calls f with the state words and the value's place of every row that is not null.
func fold(st functions.States, v *vector.Vector, rows []uint16, slots []uint32, f func(words []uint64, i int) error) error {
	nulls := v.HasNulls()
	for k, r := range rows {
		if nulls && v.IsNull(int(r)) {
			continue
		}
		if err := f(st.Words[int(slots[k])*st.Stride+st.Offset:], v.Row(int(r))); err != nil {
			return err
		}
	}
	return nil
}

// emit calls f with the state words of every slot.
func emit(st functions.States, slots []uint32, f func(words []uint64) error) error {
	for _, s := range slots {
		if err := f(st.Words[int(s)*st.Stride+st.Offset:]); err != nil {
			return err
		}
	}
	return nil
}

// flat is what accumulators without texts share.
type flat struct{}

func (flat) ArenaWords() []int { return nil }

func overflow(t types.Type) error {
	if t.ID == types.Decimal {
		return sqlerr.Newf(sqlerr.NumericOutOfRange, 0, "sum overflows numeric format")
	}
	return sqlerr.Newf(sqlerr.NumericOutOfRange, 0, "%s out of range", t)
}

// get128 and put128 keep an Int128 in two words.
func get128(w []uint64) vector.Int128 { return vector.Int128{Hi: int64(w[1]), Lo: w[0]} }

func put128(w []uint64, x vector.Int128) { w[0], w[1] = x.Lo, uint64(x.Hi) }
