package aggregate

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// memory is an arena over a map: the executor's has its own tests.
type memory struct {
	texts map[uint64][]byte
	next  uint64
}

func (m *memory) Put(old uint64, b []byte) uint64 {
	if old == 0 {
		m.next++
		old = m.next
	}
	m.texts[old] = append([]byte(nil), b...)
	return old
}

func (m *memory) Get(h uint64) []byte { return m.texts[h] }

func (m *memory) Free(h uint64) { delete(m.texts, h) }

// group is one aggregate with its state: slots of words with room before and behind, as the executor lays them out.
type group struct {
	t   types.Type
	acc functions.Accumulator
	st  functions.States
}

const testSlots = 4

func newGroup(name string, d functions.Dialect, distinct bool, args ...types.Type) (*group, []types.Type, error) {
	reg := functions.NewRegistry()
	Register(reg)
	a, casts, err := reg.ResolveAggregate(name, args, len(args) == 0, d)
	if err != nil {
		return nil, nil, err
	}
	t, build, err := a.Bind(casts, distinct)
	if err != nil {
		return nil, nil, err
	}
	acc := build()
	stride := acc.Width() + 2
	return &group{t: t, acc: acc, st: functions.States{
		Words: make([]uint64, testSlots*stride), Stride: stride, Offset: 1,
		Arena: &memory{texts: map[uint64][]byte{}},
	}}, casts, nil
}

func (g *group) results() (string, error) {
	out := vector.New(g.t, testSlots)
	if err := g.acc.Result(g.st, []uint32{0, 1, 2, 3}, out, 0); err != nil {
		return "", err
	}
	var parts []string
	for i := range testSlots {
		parts = append(parts, vector.DatumAt(out, i).Text())
	}
	return strings.Join(parts, " | "), nil
}

func column(t types.Type, texts []string) (*vector.Vector, error) {
	v := vector.New(t, len(texts))
	for _, s := range texts {
		if s == "NULL" {
			v.AppendNull()
			continue
		}
		d, err := vector.ParseText(t, s, nil)
		if err != nil {
			return nil, err
		}
		vector.AppendDatum(v, d)
	}
	return v, nil
}

func parseType(s string) types.Type {
	var p, scale int16
	if n, _ := fmt.Sscanf(s, "numeric(%d,%d)", &p, &scale); n == 2 {
		return types.DecimalOf(p, scale)
	}
	t, _ := types.ByName(s)
	return t
}

// TestAggregates: "agg name type [ksqldb]" over slots given as lines of values; answers the result's type and the groups' values,
// then those after the last value of each line is taken back.
func TestAggregates(t *testing.T) {
	datadriven.RunTest(t, "testdata/aggregates", func(t *testing.T, d *datadriven.TestData) string {
		var name, typ string
		d.ScanArgs(t, "name", &name)
		dialect := functions.Postgres
		if d.HasArg("ksqldb") {
			dialect = functions.KsqlDB
		}
		var args []types.Type
		if d.HasArg("type") {
			d.ScanArgs(t, "type", &typ)
			args = append(args, parseType(strings.ReplaceAll(typ, ";", ",")))
		}
		out, err := runAggregate(name, dialect, d.HasArg("distinct"), args, d.Input)
		if err != nil {
			e := sqlerr.From(err)
			return fmt.Sprintf("%s %s\n", e.Code, e.Message)
		}
		return out
	})
}

func runAggregate(name string, dialect functions.Dialect, distinct bool, args []types.Type, input string) (string, error) {
	g, casts, err := newGroup(name, dialect, distinct, args...)
	if err != nil {
		return "", err
	}
	var texts []string
	var rows, last []uint16
	var slots, lastSlots []uint32
	for slot, line := range strings.Split(input, "\n") {
		for s := range strings.FieldsSeq(line) {
			rows, slots = append(rows, uint16(len(texts))), append(slots, uint32(slot))
			texts = append(texts, s)
		}
		last, lastSlots = append(last, uint16(len(texts)-1)), append(lastSlots, uint32(slot))
	}
	var vecs []*vector.Vector
	if len(casts) > 0 {
		v, err := column(casts[0], texts)
		if err != nil {
			return "", err
		}
		vecs = append(vecs, v)
	}
	if err := g.acc.Add(g.st, vecs, rows, slots); err != nil {
		return "", err
	}
	all, err := g.results()
	if err != nil {
		return "", err
	}
	out := g.t.String() + ": " + all + "\n"
	if g.acc.Undoable() {
		if err := g.acc.Undo(g.st, vecs, last, lastSlots); err != nil {
			return "", err
		}
		rest, err := g.results()
		if err != nil {
			return "", err
		}
		out += "undone: " + rest + "\n"
	}
	return out, nil
}

// TestUndo holds that adding rows and taking some back leaves what adding the others gives.
func TestUndo(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	cases := []struct {
		name string
		typ  types.Type
	}{
		{"count", types.Of(types.Int)},
		{"sum", types.Of(types.Int)},
		{"sum", types.Of(types.BigInt)},
		{"sum", types.DecimalOf(12, 2)},
		{"avg", types.Of(types.Int)},
		{"avg", types.DecimalOf(12, 2)},
		{"bool_and", types.Of(types.Boolean)},
		{"bool_or", types.Of(types.Boolean)},
	}
	for _, c := range cases {
		with, _, err := newGroup(c.name, functions.Postgres, false, c.typ)
		if err != nil {
			t.Fatal(err)
		}
		without, _, _ := newGroup(c.name, functions.Postgres, false, c.typ)
		v := vector.New(c.typ, 200)
		var all, undo, keep []uint16
		var allSlots, undoSlots, keepSlots []uint32
		for i := range 200 {
			switch {
			case r.IntN(5) == 0:
				v.AppendNull()
			case c.typ.ID == types.Boolean:
				v.AppendBool(r.IntN(2) == 0)
			case c.typ.ID == types.Decimal:
				v.AppendDecimal(vector.FromInt64(r.Int64N(1e9)-5e8), 2)
			default:
				v.AppendInt(int64(int32(r.Uint32())))
			}
			slot := uint32(r.IntN(testSlots))
			all, allSlots = append(all, uint16(i)), append(allSlots, slot)
			if r.IntN(2) == 0 {
				undo, undoSlots = append(undo, uint16(i)), append(undoSlots, slot)
			} else {
				keep, keepSlots = append(keep, uint16(i)), append(keepSlots, slot)
			}
		}
		args := []*vector.Vector{v}
		for _, err := range []error{with.acc.Add(with.st, args, all, allSlots), with.acc.Undo(with.st, args, undo, undoSlots), without.acc.Add(without.st, args, keep, keepSlots)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		a, _ := with.results()
		b, _ := without.results()
		if a != b {
			t.Errorf("%s(%s): %s after undo, %s without", c.name, c.typ, a, b)
		}
	}
}

func benchmarkAdd(b *testing.B, name string, typ types.Type) {
	var args []types.Type
	if typ.ID != types.Unknown {
		args = append(args, typ)
	}
	g, casts, err := newGroup(name, functions.Postgres, false, args...)
	if err != nil {
		b.Fatal(err)
	}
	rows, slots := make([]uint16, vector.MaxRows), make([]uint32, vector.MaxRows)
	var vecs []*vector.Vector
	for i := range rows {
		rows[i], slots[i] = uint16(i), uint32(i%testSlots)
	}
	if len(casts) > 0 {
		v := vector.New(casts[0], len(rows))
		for i := range rows {
			switch casts[0].ID {
			case types.Double:
				v.AppendFloat(float64(i))
			case types.Decimal:
				v.AppendDecimal(vector.FromInt64(int64(i)), 2)
			default:
				v.AppendInt(int64(i))
			}
		}
		vecs = append(vecs, v)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := g.acc.Add(g.st, vecs, rows, slots); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/vector.MaxRows, "ns/row")
}

func BenchmarkCount(b *testing.B)      { benchmarkAdd(b, "count", types.Type{}) }
func BenchmarkSumInt(b *testing.B)     { benchmarkAdd(b, "sum", types.Of(types.Int)) }
func BenchmarkSumBigInt(b *testing.B)  { benchmarkAdd(b, "sum", types.Of(types.BigInt)) }
func BenchmarkSumDecimal(b *testing.B) { benchmarkAdd(b, "sum", types.DecimalOf(10, 2)) }
func BenchmarkMaxBigInt(b *testing.B)  { benchmarkAdd(b, "max", types.Of(types.BigInt)) }
func BenchmarkAvgBigInt(b *testing.B)  { benchmarkAdd(b, "avg", types.Of(types.BigInt)) }
