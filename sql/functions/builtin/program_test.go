package builtin

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// testColumns is the input of the programs below.
var testColumns = types.Columns{
	{Name: "i", Type: types.Of(types.Int)},
	{Name: "j", Type: types.Of(types.BigInt)},
	{Name: "f", Type: types.Of(types.Double)},
	{Name: "d", Type: types.DecimalOf(10, 2)},
	{Name: "n", Type: types.Of(types.Decimal)},
	{Name: "s", Type: types.Of(types.String)},
	{Name: "b", Type: types.Of(types.Boolean)},
	{Name: "t", Type: types.Of(types.Timestamp)},
	{Name: "a", Type: types.ArrayOf(types.Of(types.Int))},
}

// testPrograms touches every kind of node and kernel.
var testPrograms = []string{
	"i + 1", "i * j", "j * j", "i - i", "j / i", "j % 123", "i / 7", "-i", "i * 1000000", "j + 9223372036854775000",
	"f * 2.5::float8", "f / i", "f + f", "d * 0.908", "d + n", "d - d", "d / 3", "n / d", "n % 7", "d * d",
	"i = j", "i < 3", "3 >= i", "f > 0.5::float8", "s = 'b'", "s < 'c'", "s <> s", "d >= 1", "n < d", "t > TIMESTAMP '2026-01-01'", "b = true", "f <= f",
	"i > 0 AND j < 5", "i > 0 OR s = 'a' OR b", "NOT (i > 0 AND b)", "b IS NULL OR NOT b", "i IS DISTINCT FROM j",
	"i IN (1, 2, 3)", "s IN ('a', 'bb')", "d IN (1.00, 2.50)", "i IN (1, NULL)", "j IN (1,2,3,4,5,6,7,8,9,10)",
	"case when i > 2 then 'big' when i > 0 then s end", "case when b then j / i else 0 end", "case when i > 0 then a when b then ARRAY[9] end",
	"coalesce(i, j, 7)", "coalesce(s, 'none')", "coalesce(a, ARRAY[0])",
	"upper(s) || '!'", "s || i", "substring(s, 2, 1)", "length(s) + i", "s LIKE 'b%'", "s LIKE s", "replace(s, 'b', 'xyz')", "concat(s, i, b)", "s ~ '^b+$'", "split(s, 'b')",
	"a[i]", "array_length(a)", "a = a", "a || a", "date_trunc('day', t)", "t + INTERVAL '1 day'", "extract(epoch FROM t)", "to_char(t, 'YYYY')",
	"i::text", "s::int", "f::int", "d::int", "i::numeric(3,1)", "try_cast(s AS int)", "n::float8", "t::date", "a::text[]", "j::int", "b::text", "i::float8",
	"greatest(i, j)", "least(s, 'b')", "abs(d)", "round(n, 1)", "sqrt(f)", "1 + 2", "now()", "random() < 2",
}

// randomChunk fills the test's columns with small values, nulls, and sometimes constants, under a selection.
func randomChunk(r *rand.Rand) *vector.Chunk {
	c := &vector.Chunk{N: 1 + r.IntN(100)}
	for _, col := range testColumns {
		v := vector.New(col.Type, c.N)
		constant, nulls := r.IntN(6) == 0, r.IntN(3)
		rows := c.N
		if constant {
			rows = 1
		}
		for range rows {
			if r.IntN(4) < nulls {
				v.AppendNull()
			} else {
				vector.AppendDatum(v, randomDatum(r, col.Type))
			}
		}
		v.Const = constant
		c.Cols = append(c.Cols, v)
	}
	if r.IntN(2) == 0 {
		c.Sel = []uint16{}
		for i := range c.N {
			if r.IntN(3) > 0 {
				c.Sel = append(c.Sel, uint16(i))
			}
		}
	}
	return c
}

func randomDatum(r *rand.Rand, t types.Type) vector.Datum {
	d := vector.Datum{Type: t}
	switch t.ID {
	case types.Int:
		d.I = int64(r.IntN(9) - 4)
		if r.IntN(20) == 0 {
			d.I = 2147483647
		}
	case types.BigInt:
		d.I = int64(r.IntN(9) - 4)
		if r.IntN(20) == 0 {
			d.I = -9223372036854775808
		}
	case types.Double:
		d.F = float64(r.IntN(9)-4) / 2
	case types.Decimal:
		d.D, d.Scale = vector.FromInt64(int64(r.IntN(2000)-1000)), 2
		if t.Precision == 0 {
			d.Scale = int16(r.IntN(4))
		}
	case types.String:
		d.S = []string{"", "a", "b", "bb", "cbc", "12", "é"}[r.IntN(7)]
	case types.Boolean:
		d.I = int64(r.IntN(2))
	case types.Timestamp:
		d.I = testNow + r.Int64N(1e15) - 5e14
	case types.Array:
		for range r.IntN(4) {
			d.Kids = append(d.Kids, randomDatum(r, *t.Elem))
		}
	}
	return d
}

// oneRow is row i of a chunk as a chunk of its own.
func oneRow(c *vector.Chunk, i int) *vector.Chunk {
	one := &vector.Chunk{N: 1}
	for _, v := range c.Cols {
		w := vector.New(v.Type, 1)
		w.AppendFrom(v, i)
		one.Cols = append(one.Cols, w)
	}
	return one
}

// TestProgramsByRow holds that a chunk's answers, errors included, are those of its rows one by one, and that Filter and Eval agree.
func TestProgramsByRow(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	reg := New()
	for k, text := range testPrograms {
		r := rand.New(rand.NewPCG(seed, uint64(k)))
		e, err := bind(reg, functions.Postgres, testColumns, text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		failed := map[int]string{}
		ctx := &functions.Context{Now: testNow, RowError: func(row int, err *sqlerr.Error) { failed[row] = err.Message }}
		p, err := expr.Compile(e, ctx)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		for range 20 {
			c := randomChunk(r)
			clear(failed)
			v, err := p.Eval(c)
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			if !v.Type.Equal(e.Type()) {
				t.Fatalf("%s: result is %s, expression %s", text, v.Type, e.Type())
			}
			var true_ []uint16
			for i := range c.N {
				if c.Sel != nil && !slices.Contains(c.Sel, uint16(i)) {
					continue
				}
				got := fmt.Sprint(vector.DatumAt(v, i).Text(), v.IsNull(i))
				want, message := alone(t, e, oneRow(c, i))
				if got != want {
					t.Fatalf("%s, row %d of %s: %s, alone %s %s", text, i, describeRow(c, i), got, want, message)
				}
				if message != "" && len(failed) == 0 {
					t.Fatalf("%s: row %d fails alone with %q, the chunk not", text, i, message)
				}
				if v.Type.ID == types.Boolean && !v.IsNull(i) && v.I[v.Row(i)] != 0 {
					true_ = append(true_, uint16(i))
				}
			}
			if v.Type.ID != types.Boolean {
				continue
			}
			rows, err := p.Filter(c, nil)
			if err != nil || !slices.Equal(rows, true_) {
				t.Fatalf("%s: filter %v %v, eval %v", text, rows, err, true_)
			}
		}
	}
}

func alone(t *testing.T, e expr.Expr, c *vector.Chunk) (answer, message string) {
	ctx := &functions.Context{Now: testNow, RowError: func(_ int, err *sqlerr.Error) { message = err.Message }}
	p, err := expr.Compile(e, ctx)
	if err != nil {
		t.Fatal(err)
	}
	v, err := p.Eval(c)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(vector.DatumAt(v, 0).Text(), v.IsNull(0)), message
}

func describeRow(c *vector.Chunk, i int) string {
	out := ""
	for k, v := range c.Cols {
		out += testColumns[k].Name + "=" + vector.DatumAt(v, i).Text() + " "
	}
	return out
}

// TestFoldKeepsMeaning holds that a folded expression answers as the original, and prints.
func TestFoldKeepsMeaning(t *testing.T) {
	reg := New()
	ctx := &functions.Context{Now: testNow}
	for _, c := range []struct{ in, out string }{
		{"i + (1 + 2)", "(i + 3)"},
		{"1 / 0", "(1 / 0)"},
		{"case when 1 = 1 then 'x' end", "'x'"},
		{"now()", "now()"},
		{"upper('a') || s", "('A' || s)"},
		{"t > '2026-01-01'", "(t > TIMESTAMP '2026-01-01 00:00:00+00')"},
		{"i IN (1, 2)", "(i IN (1, 2))"},
		{"d * 2", "(d * 2)"},
		{"s LIKE 'a%' AND b", "((s LIKE 'a%') AND b)"},
	} {
		e, err := bind(reg, functions.Postgres, testColumns, c.in)
		if err != nil {
			t.Fatal(err)
		}
		if got := expr.String(expr.Fold(e, ctx)); got != c.out {
			t.Errorf("%s: %s, want %s", c.in, got, c.out)
		}
	}
	e, _ := bind(reg, functions.Postgres, testColumns, "i + j > 0 AND s = 'x' OR i = 1")
	if used := expr.ColumnsUsed(e); !slices.Equal(used, []int{0, 1, 5}) {
		t.Errorf("columns used: %v", used)
	}
}

// bench runs an expression over a full chunk of price and auction numbers.
func bench(b *testing.B, text string, filter bool) {
	columns := types.Columns{
		{Name: "auction", Type: types.Of(types.BigInt)},
		{Name: "price", Type: types.Of(types.BigInt)},
		{Name: "p", Type: types.DecimalOf(10, 2)},
		{Name: "url", Type: types.Of(types.String)},
	}
	c := &vector.Chunk{N: vector.MaxRows}
	for _, col := range columns {
		v := vector.New(col.Type, c.N)
		for i := range c.N {
			switch col.Type.ID {
			case types.String:
				v.AppendString(fmt.Sprintf("https://www.nexmark.com/abc/%d/item.htm", i))
			case types.Decimal:
				v.AppendDecimal(vector.FromInt64(int64(i*100)), 2)
			default:
				v.AppendInt(int64(1000 + i*7))
			}
		}
		c.Cols = append(c.Cols, v)
	}
	e, err := bind(New(), functions.Postgres, columns, text)
	if err != nil {
		b.Fatal(err)
	}
	p, err := expr.Compile(expr.Fold(e, nil), nil)
	if err != nil {
		b.Fatal(err)
	}
	dst := make([]uint16, vector.MaxRows)
	run := func() {
		if filter {
			_, err = p.Filter(c, dst)
		} else {
			_, err = p.Eval(c)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	run()
	b.ReportAllocs()
	for b.Loop() {
		run()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/vector.MaxRows, "ns/row")
}

func BenchmarkFilterModulo(b *testing.B)    { bench(b, "auction % 123 = 0", true) }
func BenchmarkFilterAnd(b *testing.B)       { bench(b, "auction > 2000 AND price < 5000", true) }
func BenchmarkFilterText(b *testing.B)      { bench(b, "url LIKE '%/777/%'", true) }
func BenchmarkPriceInteger(b *testing.B)    { bench(b, "price * 908 / 1000", false) }
func BenchmarkPriceDecimal(b *testing.B)    { bench(b, "p * 0.908", false) }
func BenchmarkPriceIntDecimal(b *testing.B) { bench(b, "0.908 * price", false) }
func BenchmarkCase(b *testing.B) {
	bench(b, "case when price > 6000 then 'high' when price > 3000 then 'mid' else 'low' end", false)
}
func BenchmarkUpper(b *testing.B)     { bench(b, "upper(url)", false) }
func BenchmarkSplitPart(b *testing.B) { bench(b, "split_part(url, '/', 4)", false) }
func BenchmarkDateTrunc(b *testing.B) { bench(b, "date_trunc('hour', price::timestamp)", false) }
