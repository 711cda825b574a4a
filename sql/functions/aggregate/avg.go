package aggregate

import (
	"math"

	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

const avgHelp = "Mean of the values that are not null; of none: null (0 in the ksqldb dialect)."

func averages() []*functions.Aggregate {
	double, numeric := types.Of(types.Double), types.Of(types.Decimal)
	var out []*functions.Aggregate
	add := func(d functions.Dialect, t types.Type, build func([]types.Type) functions.Accumulator, params ...types.ID) {
		for _, p := range params {
			out = append(out, aggregate("avg", avgHelp, d, always(t), build, types.Of(p)))
		}
	}
	add(functions.Postgres, numeric, func([]types.Type) functions.Accumulator { return &avgInt{} }, types.SmallInt, types.Int, types.BigInt)
	add(functions.Postgres, numeric, func(a []types.Type) functions.Accumulator {
		return &avgDecimal{sumDecimal: newSumDecimal(a[0], numeric)}
	}, types.Decimal)
	add(functions.Postgres, double, func([]types.Type) functions.Accumulator { return &avgFloat{} }, types.Real, types.Double)
	add(functions.KsqlDB, double, func([]types.Type) functions.Accumulator { return &avgInt{double: true} }, types.SmallInt, types.Int, types.BigInt)
	add(functions.KsqlDB, double, func(a []types.Type) functions.Accumulator {
		return &avgDecimal{sumDecimal: newSumDecimal(a[0], numeric), double: true}
	}, types.Decimal)
	add(functions.KsqlDB, double, func([]types.Type) functions.Accumulator { return &avgFloat{zero: true} }, types.Real, types.Double)
	return out
}

// avgInt is the mean of whole numbers: a 128-bit sum and a count, divided to Postgres' digits or as a double.
type avgInt struct {
	sumWide
	double bool
}

func (a *avgInt) Result(st functions.States, slots []uint32, out *vector.Vector, _ int) error {
	return emit(st, slots, func(w []uint64) error {
		return emitMean(get128(w), 0, w[2], a.double, out)
	})
}

// emitMean appends sum·10^-scale / count.
func emitMean(sum vector.Int128, scale int16, count uint64, double bool, out *vector.Vector) error {
	switch {
	case count == 0 && double:
		out.AppendFloat(0)
	case count == 0:
		out.AppendNull()
	case double:
		out.AppendFloat(vector.DecimalFloat(sum, scale) / float64(count))
	default:
		n := vector.FromInt64(int64(count))
		digits := vector.DivScale(sum, scale, n, 0)
		mean, ok := vector.DivDecimal(sum, scale, n, 0, digits)
		if !ok {
			return overflow(out.Type)
		}
		out.AppendDecimal(mean, digits)
	}
	return nil
}

// avgDecimal is the mean of decimals.
type avgDecimal struct {
	*sumDecimal
	double bool
}

func (a *avgDecimal) Result(st functions.States, slots []uint32, out *vector.Vector, _ int) error {
	return emit(st, slots, func(w []uint64) error {
		sum, scale := a.value(w)
		return emitMean(sum, scale, w[2], a.double, out)
	})
}

// avgFloat is the mean of floats.
type avgFloat struct {
	sumFloat
	zero bool
}

func (a *avgFloat) Result(st functions.States, slots []uint32, out *vector.Vector, _ int) error {
	return emit(st, slots, func(w []uint64) error {
		switch {
		case w[1] > 0:
			out.AppendFloat(math.Float64frombits(w[0]) / float64(w[1]))
		case a.zero:
			out.AppendFloat(0)
		default:
			out.AppendNull()
		}
		return nil
	})
}
