package keycode

import (
	"bytes"
	"cmp"
	"math"
	"math/rand/v2"
	"testing"
)

func TestOrderAndRoundTrip(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	ints := []int64{math.MinInt64, -1, 0, 1, math.MaxInt64}
	floats := []float64{math.Inf(-1), -math.MaxFloat64, -1.5, -math.SmallestNonzeroFloat64, 0, math.SmallestNonzeroFloat64, 1.5, math.Inf(1)}
	texts := [][]byte{{}, {0}, {0, 0}, {0, 1}, {0, 255}, {1}, {255}, {255, 0}, []byte("a"), []byte("ab")}
	for range 300 {
		ints = append(ints, int64(rng.Uint64())>>rng.IntN(64))
		floats = append(floats, math.Ldexp(rng.Float64()-0.5, rng.IntN(600)-300))
		text := make([]byte, rng.IntN(5))
		for i := range text {
			text[i] = []byte{0, 1, 2, 254, 255}[rng.IntN(5)]
		}
		texts = append(texts, text)
	}
	check(t, ints, cmp.Compare[int64], AppendInt64, NextInt64)
	check(t, floats, cmp.Compare[float64], AppendFloat64, NextFloat64)
	check(t, texts, bytes.Compare, AppendBytes, func(b []byte) ([]byte, []byte, error) { return NextBytes(nil, b) })
}

func check[T any](t *testing.T, values []T, compare func(a, b T) int, encode func([]byte, T) []byte, next func([]byte) (T, []byte, error)) {
	t.Helper()
	for _, a := range values {
		ea := encode(nil, a)
		back, rest, err := next(append(bytes.Clone(ea), 7))
		if err != nil || compare(a, back) != 0 || !bytes.Equal(rest, []byte{7}) {
			t.Fatalf("%v came back as %v, rest %v, %v", a, back, rest, err)
		}
		for cut := range ea {
			if _, _, err := next(ea[:cut]); err == nil {
				t.Fatalf("%v cut at %d was accepted", a, cut)
			}
		}
		for _, b := range values {
			eb := encode(nil, b)
			if got := bytes.Compare(append(ea, 9), append(eb, 0)); compare(a, b) != 0 && got != compare(a, b) {
				t.Fatalf("%v against %v: %d", a, b, got)
			}
			da, db := bytes.Clone(ea), bytes.Clone(eb)
			Desc(da)
			Desc(db)
			if got := bytes.Compare(da, db); got != -compare(a, b) {
				t.Fatalf("descending %v against %v: %d", a, b, got)
			}
		}
	}
}

func TestNaNSortsLast(t *testing.T) {
	nan := AppendFloat64(nil, math.Float64frombits(0xfff8000000000001))
	if bytes.Compare(nan, AppendFloat64(nil, math.Inf(1))) <= 0 || !bytes.Equal(nan, AppendFloat64(nil, math.NaN())) {
		t.Fatal("NaN")
	}
	if !bytes.Equal(AppendFloat64(nil, math.Copysign(0, -1)), AppendFloat64(nil, 0)) {
		t.Fatal("negative zero")
	}
}

func FuzzNext(f *testing.F) {
	f.Add(AppendBytes(nil, []byte("a\x00b")))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _, _ = NextInt64(b)
		_, _, _ = NextFloat64(b)
		if v, rest, err := NextBytes(nil, b); err == nil && !bytes.Equal(AppendBytes(nil, v), b[:len(b)-len(rest)]) {
			t.Fatalf("%x is not the only encoding of %x", b, v)
		}
	})
}
