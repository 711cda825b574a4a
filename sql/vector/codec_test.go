package vector

import (
	"bytes"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/freshetdb/freshet/sql/types"
)

// codecTypes are all types with a text and a binary form of their own.
func codecTypes() []types.Type {
	flat := []types.Type{}
	for id := types.Boolean; id <= types.Interval; id++ {
		flat = append(flat, types.Of(id))
	}
	out := append([]types.Type{types.DecimalOf(20, 4)}, flat...)
	for _, t := range flat {
		out = append(out, types.ArrayOf(t))
	}
	return out
}

// randomValue is any value of a type, extremes included.
func randomValue(r *rand.Rand, t types.Type) Datum {
	d := Datum{Type: t}
	switch t.ID {
	case types.Boolean:
		d.I = int64(r.IntN(2))
	case types.SmallInt:
		d.I = int64(int16(r.Uint32()))
	case types.Int:
		d.I = int64(int32(r.Uint32()))
	case types.BigInt:
		d.I = int64(r.Uint64() >> r.IntN(64))
	case types.Real:
		d.F = float64(float32(r.NormFloat64() * math.Pow(10, float64(r.IntN(60)-30))))
	case types.Double:
		d.F = r.NormFloat64() * math.Pow(10, float64(r.IntN(600)-300))
	case types.Decimal:
		d.D = random(r)
		for !d.D.FitsPrecision(0) {
			d.D = random(r)
		}
		d.Scale = int16(r.IntN(30))
		if t.Precision > 0 {
			d.D, d.Scale = FromInt64(int64(r.Uint64())), t.Scale
		}
	case types.String, types.Bytes:
		b := make([]byte, r.IntN(20))
		for i := range b {
			b[i] = "abc, {}\"\\NULnul\t\n"[r.IntN(17)]
		}
		d.S = string(b)
	case types.Timestamp:
		d.I = r.Int64N(1e17) - 5e16
	case types.Date:
		d.I = r.Int64N(2_000_000) - 1_000_000
	case types.Time:
		d.I = r.Int64N(Day)
	case types.Interval:
		sign := int32(1 - 2*r.IntN(2))
		d.D = MakeInterval(sign*r.Int32N(5000), sign*r.Int32N(400), int64(sign)*r.Int64N(3*Day))
	case types.Array:
		for range r.IntN(4) {
			if r.IntN(4) == 0 {
				d.Kids = append(d.Kids, NullOf(*t.Elem))
			} else {
				d.Kids = append(d.Kids, randomValue(r, *t.Elem))
			}
		}
	}
	return d
}

// TestCodecsRoundTrip holds that what is written, as text or binary, reads back as the same value, with the same hash.
func TestCodecsRoundTrip(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 2))
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("no time zone data on this machine")
	}
	for _, typ := range codecTypes() {
		for range 300 {
			d := randomValue(r, typ)
			v := ConstOf(d)
			for _, zone := range []*time.Location{nil, berlin} {
				text := AppendText(nil, v, 0, Style{Zone: zone})
				back, err := ParseText(typ, string(text), zone)
				if err != nil {
					t.Fatalf("%s %q: %v", typ, text, err)
				}
				same(t, typ, v, ConstOf(back), string(text))
			}
			wire := AppendBinary(nil, v, 0)
			back, err := ParseBinary(typ, wire)
			if err != nil {
				t.Fatalf("%s %x of %s: %v", typ, wire, d.Text(), err)
			}
			same(t, typ, v, ConstOf(back), d.Text())
		}
	}
}

func same(t *testing.T, typ types.Type, a, b *Vector, text string) {
	t.Helper()
	if !Equal(a, 0, b, 0) || HashRow(a, 0) != HashRow(b, 0) {
		t.Fatalf("%s: %s read back as %s", typ, text, DatumAt(b, 0).Text())
	}
	if at, bt := DatumAt(a, 0).Text(), DatumAt(b, 0).Text(); at != bt {
		t.Fatalf("%s: %s read back as %s", typ, at, bt)
	}
}

// TestBinaryNumeric compares with bytes PostgreSQL sends.
func TestBinaryNumeric(t *testing.T) {
	for _, c := range []struct {
		text string
		wire []byte
	}{
		{"0", []byte{0, 0, 0, 0, 0, 0, 0, 0}},
		{"0.00", []byte{0, 0, 0, 0, 0, 0, 0, 2}},
		{"1", []byte{0, 1, 0, 0, 0, 0, 0, 0, 0, 1}},
		{"-12345.678", []byte{0, 3, 0, 1, 0x40, 0, 0, 3, 0, 1, 0x09, 0x29, 0x1a, 0x7c}},
		{"10000", []byte{0, 1, 0, 1, 0, 0, 0, 0, 0, 1}},
		{"0.0001", []byte{0, 1, 0xff, 0xff, 0, 0, 0, 4, 0, 1}},
	} {
		d, err := ParseText(types.Of(types.Decimal), c.text, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := AppendBinary(nil, ConstOf(d), 0); !bytes.Equal(got, c.wire) {
			t.Errorf("%s: %x, want %x", c.text, got, c.wire)
		}
	}
}

// TestRows holds that copied, appended and gathered rows are equal to their source, and order is total.
func TestRows(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 3))
	all := append(codecTypes(), types.MapOf(types.Of(types.String), types.Of(types.Int)), types.StructOf(types.Field{Name: "a", Type: types.Of(types.Int)}, types.Field{Name: "b", Type: types.Of(types.String)}))
	for _, typ := range all {
		src := New(typ, 100)
		for range 100 {
			switch {
			case r.IntN(4) == 0:
				src.AppendNull()
			case typ.ID == types.Map:
				src.Kids[0].AppendString("k")
				src.Kids[1].AppendInt(r.Int64N(3))
				src.EndList()
			case typ.ID == types.Struct:
				src.Kids[0].AppendInt(r.Int64N(3))
				src.Kids[1].AppendString("x")
			default:
				AppendDatum(src, randomValue(r, typ))
			}
		}
		sel := []uint16{3, 5, 50, 99}
		gathered := New(typ, 0)
		gathered.Gather(src, 100, sel)
		for k, i := range sel {
			if !Equal(gathered, k, src, int(i)) {
				t.Fatalf("%s: gathered row %d differs", typ, i)
			}
			if HashRow(gathered, k) != HashRow(src, int(i)) {
				t.Fatalf("%s: hash of row %d differs", typ, i)
			}
		}
		if typ.ID != types.Array && typ.ID != types.Map {
			var dst Vector
			dst.Reset(typ, 2)
			CopyRow(&dst, 1, src, 7)
			if !Equal(&dst, 1, src, 7) {
				t.Fatalf("%s: copied row differs", typ)
			}
		}
		hashes := make([]uint64, 100)
		HashColumns([]*Vector{src}, 100, nil, hashes)
		for range 200 {
			i, j := r.IntN(100), r.IntN(100)
			if Compare(src, i, src, j) != -Compare(src, j, src, i) && sign(Compare(src, i, src, j)) != -sign(Compare(src, j, src, i)) {
				t.Fatalf("%s: order of %d and %d is not antisymmetric", typ, i, j)
			}
			if Equal(src, i, src, j) && hashes[i] != hashes[j] {
				t.Fatalf("%s: equal rows %d and %d hash differently", typ, i, j)
			}
		}
	}
}

func sign(c int) int {
	switch {
	case c < 0:
		return -1
	case c > 0:
		return 1
	}
	return 0
}

// FuzzParseText holds that no text panics, and that what is read prints and reads again as the same.
func FuzzParseText(f *testing.F) {
	for _, s := range []string{"1", "-1.5e3", "{1,NULL,\"a\\\"\"}", `\xdead`, "2026-11-22 17:40:05.5+01", "1 year 2 mons -04:05:06.7", "t", "P1Y2M", "NaN", "0001-01-01 BC", "{{1}}", "24:00:00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, typ := range codecTypes() {
			d, err := ParseText(typ, s, nil)
			if err != nil {
				continue
			}
			v := ConstOf(d)
			text := AppendText(nil, v, 0, Style{})
			back, err := ParseText(typ, string(text), nil)
			if err != nil {
				t.Fatalf("%s: %q printed as %q, which is refused: %v", typ, s, text, err)
			}
			if !Equal(v, 0, ConstOf(back), 0) {
				t.Fatalf("%s: %q printed as %q, read back as %s", typ, s, text, back.Text())
			}
			AppendBinary(nil, v, 0)
			AppendText(nil, v, 0, Style{Ksql: true})
		}
	})
}

// FuzzParseBinary holds that no bytes panic, and that what is read prints.
func FuzzParseBinary(f *testing.F) {
	for _, b := range [][]byte{{1}, {0, 0, 0, 1}, {0, 3, 0, 1, 0x40, 0, 0, 3, 0, 1, 0x09, 0x29, 0x1a, 0x7c}, {0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 23, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 7}} {
		f.Add(b)
	}
	f.Fuzz(func(_ *testing.T, b []byte) {
		for _, typ := range codecTypes() {
			if d, err := ParseBinary(typ, b); err == nil {
				_ = d.Text()
				AppendBinary(nil, ConstOf(d), 0)
			}
		}
	})
}

// TestLeapDaysBeforeChrist: 1 BC is the year 0, so 1, 5 and 213 BC have a 29 February and 4 BC has none.
func TestLeapDaysBeforeChrist(t *testing.T) {
	for text, want := range map[string]bool{
		"0213-02-29 BC": true, "0001-02-29 BC": true, "0005-02-29 BC": true, "0004-02-29 BC": false, "0213-02-29": false,
		"0213-02-29 10:00 BC": true, "4713-01-01 BC": true, "4714-12-31 BC": false,
	} {
		days, ok := ParseDate(text)
		if ok != want {
			t.Errorf("%s: %t, want %t", text, ok, want)
		}
		if date, _, _ := strings.Cut(strings.TrimSuffix(text, " BC"), " "); ok && string(AppendDate(nil, days)) != date+" BC" {
			t.Errorf("%s became %s", text, AppendDate(nil, days))
		}
		if _, ok := ParseTimestamp(text, nil); ok != want {
			t.Errorf("timestamp %s: %t, want %t", text, ok, want)
		}
	}
}
