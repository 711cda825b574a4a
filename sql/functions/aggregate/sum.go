package aggregate

import (
	"math"

	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

const sumHelp = "Sum of the values that are not null; of none: null (0 in the ksqldb dialect)."

func sums() []*functions.Aggregate {
	big, double := types.Of(types.BigInt), types.Of(types.Double)
	wide := types.DecimalOf(types.MaxPrecision, 0)
	var out []*functions.Aggregate
	add := func(d functions.Dialect, result func([]types.Type) types.Type, build func([]types.Type) functions.Accumulator, params ...types.ID) {
		for _, p := range params {
			out = append(out, aggregate("sum", sumHelp, d, result, build, types.Of(p)))
		}
	}
	add(functions.Postgres, always(big), func([]types.Type) functions.Accumulator { return &sumInt{t: big} }, types.SmallInt, types.Int)
	add(functions.Postgres, always(wide), func([]types.Type) functions.Accumulator { return &sumWide{t: wide} }, types.BigInt)
	add(functions.Postgres, first, func(a []types.Type) functions.Accumulator { return &sumFloat{t: a[0]} }, types.Real)
	add(functions.Postgres, always(double), func([]types.Type) functions.Accumulator { return &sumFloat{t: double} }, types.Double)
	add(functions.Postgres, sumDecimalType, func(a []types.Type) functions.Accumulator { return newSumDecimal(a[0], sumDecimalType(a)) }, types.Decimal)
	add(functions.KsqlDB, first, func(a []types.Type) functions.Accumulator { return &sumInt{t: a[0], zero: true, wraps: true} }, types.SmallInt, types.Int, types.BigInt)
	add(functions.KsqlDB, first, func(a []types.Type) functions.Accumulator { return &sumFloat{t: a[0], zero: true} }, types.Real, types.Double)
	add(functions.KsqlDB, first, func(a []types.Type) functions.Accumulator {
		s := newSumDecimal(a[0], a[0])
		s.zero = true
		return s
	}, types.Decimal)
	return out
}

// sumDecimalType keeps the scale and widens to all digits there are.
func sumDecimalType(args []types.Type) types.Type {
	if args[0].Precision == 0 {
		return args[0]
	}
	return types.DecimalOf(types.MaxPrecision, args[0].Scale)
}

// sumInt sums whole numbers in one word. Words: sum, count of values.
type sumInt struct {
	flat
	t     types.Type
	zero  bool // the sum of nothing is 0
	wraps bool
}

func (*sumInt) Width() int     { return 2 }
func (*sumInt) Undoable() bool { return true }

func (s *sumInt) Add(st functions.States, args []*vector.Vector, rows []uint16, slots []uint32) error {
	v := args[0]
	var wrong int64
	if !v.Const && !v.HasNulls() {
		words, stride, offset, col := st.Words, st.Stride, st.Offset, v.I
		for k, r := range rows {
			w := words[int(slots[k])*stride+offset:]
			x, old := col[r], int64(w[0])
			sum := old + x
			wrong |= (x ^ sum) & (old ^ sum)
			w[0] = uint64(sum)
			w[1]++
		}
	} else {
		_ = fold(st, v, rows, slots, func(w []uint64, i int) error {
			x, old := v.I[i], int64(w[0])
			sum := old + x
			wrong |= (x ^ sum) & (old ^ sum)
			w[0] = uint64(sum)
			w[1]++
			return nil
		})
	}
	if wrong < 0 && !s.wraps {
		return overflow(s.t)
	}
	return nil
}

func (s *sumInt) Undo(st functions.States, args []*vector.Vector, rows []uint16, slots []uint32) error {
	return fold(st, args[0], rows, slots, func(w []uint64, i int) error {
		w[0] -= uint64(args[0].I[i])
		w[1]--
		return nil
	})
}

func (s *sumInt) Result(st functions.States, slots []uint32, out *vector.Vector, _ int) error {
	return emit(st, slots, func(w []uint64) error {
		switch {
		case w[1] == 0 && !s.zero:
			out.AppendNull()
		case s.t.ID == types.Int:
			out.AppendInt(int64(int32(w[0])))
		case s.t.ID == types.SmallInt:
			out.AppendInt(int64(int16(w[0])))
		default:
			out.AppendInt(int64(w[0]))
		}
		return nil
	})
}

// sumWide sums whole numbers in 128 bits, which no count of them overflows. Words: low, high, count.
type sumWide struct {
	flat
	t types.Type
}

func (*sumWide) Width() int     { return 3 }
func (*sumWide) Undoable() bool { return true }

func (s *sumWide) Add(st functions.States, args []*vector.Vector, rows []uint16, slots []uint32) error {
	v := args[0]
	if v.Const || v.HasNulls() {
		return fold(st, v, rows, slots, func(w []uint64, i int) error {
			add128(w, v.I[i])
			w[2]++
			return nil
		})
	}
	words, stride, offset, col := st.Words, st.Stride, st.Offset, v.I
	for k, r := range rows {
		at := int(slots[k])*stride + offset
		w := words[at : at+3 : at+3]
		add128(w, col[r])
		w[2]++
	}
	return nil
}

// add128 adds x to the 128-bit number in w[0], w[1].
func add128(w []uint64, x int64) {
	lo := w[0] + uint64(x)
	carry := uint64(0)
	if lo < w[0] {
		carry = 1
	}
	w[0] = lo
	w[1] += uint64(x>>63) + carry
}

func (s *sumWide) Undo(st functions.States, args []*vector.Vector, rows []uint16, slots []uint32) error {
	return fold(st, args[0], rows, slots, func(w []uint64, i int) error {
		sum, _ := get128(w).Sub(vector.FromInt64(args[0].I[i]))
		put128(w, sum)
		w[2]--
		return nil
	})
}

func (s *sumWide) Result(st functions.States, slots []uint32, out *vector.Vector, _ int) error {
	return emit(st, slots, func(w []uint64) error {
		if w[2] == 0 {
			out.AppendNull()
			return nil
		}
		out.AppendDecimal(get128(w), 0)
		return nil
	})
}

// sumFloat sums floats. Words: the sum's bits, count. Undo subtracts, so rounding errors and infinities stay.
type sumFloat struct {
	flat
	t    types.Type
	zero bool
}

func (*sumFloat) Width() int     { return 2 }
func (*sumFloat) Undoable() bool { return true }

func (s *sumFloat) Add(st functions.States, args []*vector.Vector, rows []uint16, slots []uint32) error {
	v := args[0]
	if v.Const || v.HasNulls() {
		return fold(st, v, rows, slots, func(w []uint64, i int) error {
			w[0] = math.Float64bits(math.Float64frombits(w[0]) + v.F[i])
			w[1]++
			return nil
		})
	}
	words, stride, offset, col := st.Words, st.Stride, st.Offset, v.F
	for k, r := range rows {
		w := words[int(slots[k])*stride+offset:]
		w[0] = math.Float64bits(math.Float64frombits(w[0]) + col[r])
		w[1]++
	}
	return nil
}

func (s *sumFloat) Undo(st functions.States, args []*vector.Vector, rows []uint16, slots []uint32) error {
	return fold(st, args[0], rows, slots, func(w []uint64, i int) error {
		w[0] = math.Float64bits(math.Float64frombits(w[0]) - args[0].F[i])
		if w[1]--; w[1] == 0 {
			w[0] = 0 // nothing left: no rounding error either
		}
		return nil
	})
}

func (s *sumFloat) Result(st functions.States, slots []uint32, out *vector.Vector, _ int) error {
	return emit(st, slots, func(w []uint64) error {
		switch {
		case w[1] == 0 && !s.zero:
			out.AppendNull()
		case s.t.ID == types.Real:
			out.AppendFloat(float64(float32(math.Float64frombits(w[0]))))
		default:
			out.AppendFloat(math.Float64frombits(w[0]))
		}
		return nil
	})
}

// sumDecimal sums decimals. Words: low, high, count, and the scale where values carry their own.
type sumDecimal struct {
	flat
	from, to types.Type
	zero     bool
	width    int
}

func newSumDecimal(from, to types.Type) *sumDecimal {
	s := &sumDecimal{from: from, to: to, width: 3}
	if from.Precision == 0 {
		s.width = 4
	}
	return s
}

func (s *sumDecimal) Width() int   { return s.width }
func (*sumDecimal) Undoable() bool { return true }

func (s *sumDecimal) Add(st functions.States, args []*vector.Vector, rows []uint16, slots []uint32) error {
	return s.step(st, args[0], rows, slots, vector.Int128.Add, 1)
}

func (s *sumDecimal) Undo(st functions.States, args []*vector.Vector, rows []uint16, slots []uint32) error {
	return s.step(st, args[0], rows, slots, vector.Int128.Sub, ^uint64(0))
}

func (s *sumDecimal) step(st functions.States, v *vector.Vector, rows []uint16, slots []uint32, op func(x, y vector.Int128) (vector.Int128, bool), one uint64) error {
	return fold(st, v, rows, slots, func(w []uint64, i int) error {
		var ok bool
		x, sum := v.D[i], get128(w)
		if s.width == 4 {
			if x, sum, ok = align(w, x, v.Scales[i], sum); !ok {
				return overflow(s.to)
			}
		}
		if sum, ok = op(sum, x); !ok {
			return overflow(s.to)
		}
		put128(w, sum)
		w[2] += one
		return nil
	})
}

// align brings a value and the sum to the larger of their scales; word 3 keeps the sum's.
func align(w []uint64, x vector.Int128, scale int16, sum vector.Int128) (vector.Int128, vector.Int128, bool) {
	have := int16(w[3])
	if scale > have {
		var ok bool
		if sum, ok = sum.Rescale(have, scale); !ok {
			return x, sum, false
		}
		w[3] = uint64(scale)
		return x, sum, true
	}
	x, ok := x.Rescale(scale, have)
	return x, sum, ok
}

// value is the sum and its scale.
func (s *sumDecimal) value(w []uint64) (vector.Int128, int16) {
	if s.width == 4 {
		return get128(w), int16(w[3])
	}
	return get128(w), s.from.Scale
}

func (s *sumDecimal) Result(st functions.States, slots []uint32, out *vector.Vector, _ int) error {
	return emit(st, slots, func(w []uint64) error {
		if w[2] == 0 && !s.zero {
			out.AppendNull()
			return nil
		}
		x, scale := s.value(w)
		if !x.FitsPrecision(s.to.Precision) {
			return overflow(s.to)
		}
		out.AppendDecimal(x, scale)
		return nil
	})
}
