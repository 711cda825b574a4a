package aggregate

import (
	"bytes"
	"math"

	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

func extremes() []*functions.Aggregate {
	var out []*functions.Aggregate
	for _, e := range []struct {
		name, help string
		want       int
	}{{"min", "Smallest value that is not null; of none: null.", -1}, {"max", "Largest value that is not null; of none: null.", 1}} {
		add := func(build func(t types.Type) functions.Accumulator, params ...types.ID) {
			for _, p := range params {
				out = append(out, aggregate(e.name, e.help, functions.Any, first,
					func(a []types.Type) functions.Accumulator { return build(a[0]) }, types.Of(p)))
			}
		}
		add(func(types.Type) functions.Accumulator { return &extremeInt{want: e.want} },
			types.SmallInt, types.Int, types.BigInt, types.Timestamp, types.Date, types.Time)
		add(func(types.Type) functions.Accumulator { return &extremeFloat{want: e.want} }, types.Real, types.Double)
		add(func(t types.Type) functions.Accumulator { return newExtremeWide(t, e.want) }, types.Decimal, types.Interval)
		add(func(types.Type) functions.Accumulator { return &extremeText{want: e.want} }, types.String, types.Bytes)
	}
	return out
}

// forgetful is what accumulators share that cannot take a row out again.
type forgetful struct{}

func (forgetful) Undoable() bool { return false }

func (forgetful) Undo(functions.States, []*vector.Vector, []uint16, []uint32) error {
	return sqlerr.Newf(sqlerr.FeatureNotSupported, 0, "MIN and MAX cannot take back a row")
}

// extremeInt is MIN or MAX of what lies in Vector.I. Words: value, 1 when there is one.
type extremeInt struct {
	flat
	forgetful
	want int
}

func (*extremeInt) Width() int { return 2 }

func (e *extremeInt) Add(st functions.States, args []*vector.Vector, rows []uint16, slots []uint32) error {
	v := args[0]
	if v.Const || v.HasNulls() {
		return fold(st, v, rows, slots, func(w []uint64, i int) error {
			e.offer(w, v.I[i])
			return nil
		})
	}
	words, stride, offset, col := st.Words, st.Stride, st.Offset, v.I
	for k, r := range rows {
		e.offer(words[int(slots[k])*stride+offset:], col[r])
	}
	return nil
}

func (e *extremeInt) offer(w []uint64, x int64) {
	have := int64(w[0])
	if w[1] == 0 || e.want > 0 && x > have || e.want < 0 && x < have {
		w[0], w[1] = uint64(x), 1
	}
}

func (e *extremeInt) Result(st functions.States, slots []uint32, out *vector.Vector, _ int) error {
	return emit(st, slots, func(w []uint64) error {
		if w[1] == 0 {
			out.AppendNull()
			return nil
		}
		out.AppendInt(int64(w[0]))
		return nil
	})
}

// extremeFloat is MIN or MAX of floats; NaN is above all. Words: bits, 1 when there is one.
type extremeFloat struct {
	flat
	forgetful
	want int
}

func (*extremeFloat) Width() int { return 2 }

func (e *extremeFloat) Add(st functions.States, args []*vector.Vector, rows []uint16, slots []uint32) error {
	v := args[0]
	return fold(st, v, rows, slots, func(w []uint64, i int) error {
		x := v.F[i]
		if w[1] == 0 || vector.CompareFloat(x, math.Float64frombits(w[0]))*e.want > 0 {
			w[0], w[1] = math.Float64bits(x), 1
		}
		return nil
	})
}

func (e *extremeFloat) Result(st functions.States, slots []uint32, out *vector.Vector, _ int) error {
	return emit(st, slots, func(w []uint64) error {
		if w[1] == 0 {
			out.AppendNull()
			return nil
		}
		out.AppendFloat(math.Float64frombits(w[0]))
		return nil
	})
}

// extremeWide is MIN or MAX of decimals and intervals. Words: low, high, 1 when there is one, scale where values carry their own.
type extremeWide struct {
	flat
	forgetful
	t     types.Type
	want  int
	width int
}

func newExtremeWide(t types.Type, want int) *extremeWide {
	e := &extremeWide{t: t, want: want, width: 3}
	if t.ID == types.Decimal && t.Precision == 0 {
		e.width = 4
	}
	return e
}

func (e *extremeWide) Width() int { return e.width }

func (e *extremeWide) Add(st functions.States, args []*vector.Vector, rows []uint16, slots []uint32) error {
	v := args[0]
	return fold(st, v, rows, slots, func(w []uint64, i int) error {
		x, scale := v.D[i], int16(0)
		if e.width == 4 {
			scale = v.Scales[i]
		}
		if w[2] == 0 || e.compare(x, scale, w)*e.want > 0 {
			put128(w, x)
			w[2] = 1
			if e.width == 4 {
				w[3] = uint64(scale)
			}
		}
		return nil
	})
}

func (e *extremeWide) compare(x vector.Int128, scale int16, w []uint64) int {
	switch {
	case e.t.ID == types.Interval:
		return vector.CompareInterval(x, get128(w))
	case e.width == 4:
		return vector.CompareDecimal(x, scale, get128(w), int16(w[3]))
	}
	return x.Cmp(get128(w))
}

func (e *extremeWide) Result(st functions.States, slots []uint32, out *vector.Vector, _ int) error {
	return emit(st, slots, func(w []uint64) error {
		if w[2] == 0 {
			out.AppendNull()
			return nil
		}
		scale := e.t.Scale
		if e.width == 4 {
			scale = int16(w[3])
		}
		out.AppendDecimal(get128(w), scale)
		return nil
	})
}

// extremeText is MIN or MAX of texts, by bytes. Words: the arena's handle, 1 when there is a value.
type extremeText struct {
	forgetful
	want int
}

func (*extremeText) Width() int        { return 2 }
func (*extremeText) ArenaWords() []int { return []int{0} }

func (e *extremeText) Add(st functions.States, args []*vector.Vector, rows []uint16, slots []uint32) error {
	v := args[0]
	return fold(st, v, rows, slots, func(w []uint64, i int) error {
		b := v.Bytes(i)
		if w[1] == 0 || bytes.Compare(b, st.Arena.Get(w[0]))*e.want > 0 {
			w[0], w[1] = st.Arena.Put(w[0], b), 1
		}
		return nil
	})
}

func (e *extremeText) Result(st functions.States, slots []uint32, out *vector.Vector, _ int) error {
	return emit(st, slots, func(w []uint64) error {
		if w[1] == 0 {
			out.AppendNull()
			return nil
		}
		out.AppendBytes(st.Arena.Get(w[0]))
		return nil
	})
}
