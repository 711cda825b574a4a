package vector

import (
	"math/big"
	"math/rand/v2"
	"testing"
	"time"
)

// random gives numbers of every size, so that carries and both division paths are met.
func random(r *rand.Rand) Int128 {
	x := Int128{Hi: int64(r.Uint64()), Lo: r.Uint64()}
	shift := r.IntN(128)
	b := x.Big()
	b.Rsh(b, uint(shift))
	v, ok := FromBig(b)
	if !ok {
		return Int128{Lo: 1}
	}
	return v
}

func TestInt128AgainstBig(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for range 20000 {
		x, y := random(r), random(r)
		check := func(name string, got Int128, ok bool, want *big.Int) {
			t.Helper()
			w, fits := FromBig(want)
			if fits != ok && want.BitLen() <= 126 || ok && fits && got != w {
				t.Fatalf("%s(%s, %s) = %s, %v; want %s", name, x.Big(), y.Big(), got.Big(), ok, want)
			}
		}
		bx, by := x.Big(), y.Big()
		got, ok := x.Add(y)
		check("add", got, ok, new(big.Int).Add(bx, by))
		got, ok = x.Sub(y)
		check("sub", got, ok, new(big.Int).Sub(bx, by))
		got, ok = x.Mul(y)
		check("mul", got, ok, new(big.Int).Mul(bx, by))
		if x.Cmp(y) != bx.Cmp(by) {
			t.Fatalf("cmp(%s, %s)", bx, by)
		}
		if y.Sign() != 0 {
			q, rem := x.QuoRem(y)
			wq, wr := new(big.Int).QuoRem(bx, by, new(big.Int))
			check("quo", q, true, wq)
			check("rem", rem, true, wr)
		}
		if s := string(x.AppendText(nil)); s != bx.String() {
			t.Fatalf("text %s, want %s", s, bx)
		}
	}
}

func TestDecimalText(t *testing.T) {
	for _, c := range []struct{ in, out string }{
		{"0", "0"},
		{"1.50", "1.50"},
		{"-0.05", "-0.05"},
		{".5", "0.5"},
		{"1e3", "1000"},
		{"1.5e-3", "0.0015"},
		{"5.", "5"},
		{"99999999999999999999999999999999999999", "99999999999999999999999999999999999999"},
		{"999999999999999999999999999999999999999", "range"},
		{"1e40", "range"},
		{"", "syntax"},
		{"abc", "syntax"},
		{"1e", "syntax"},
		{"1.2.3", "syntax"},
	} {
		x, scale, ok, fits := ParseDecimal(c.in)
		got := string(AppendDecimal(nil, x, scale))
		if !ok {
			got = "syntax"
		} else if !fits {
			got = "range"
		}
		if got != c.out {
			t.Errorf("%q: %s, want %s", c.in, got, c.out)
		}
	}
}

// TestDivision compares with what PostgreSQL 15 answers.
func TestDivision(t *testing.T) {
	for _, c := range []struct{ x, y, want string }{
		{"1", "3", "0.33333333333333333333"},
		{"10", "4", "2.5000000000000000"},
		{"7", "2", "3.5000000000000000"},
		{"2", "3", "0.66666666666666666667"},
		{"-2", "3", "-0.66666666666666666667"},
		{"1000000", "7", "142857.142857142857"},
		{"100000000000000000000", "3", "33333333333333333333"},
		{"1.00", "0.0003", "3333.3333333333333333"},
	} {
		x, xs, _, _ := ParseDecimal(c.x)
		y, ys, _, _ := ParseDecimal(c.y)
		scale := DivScale(x, xs, y, ys)
		q, ok := DivDecimal(x, xs, y, ys, scale)
		if got := string(AppendDecimal(nil, q, scale)); !ok || got != c.want {
			t.Errorf("%s/%s = %s, want %s", c.x, c.y, got, c.want)
		}
	}
}
