package ast

import (
	"math"
	"testing"
	"time"

	"github.com/freshetdb/freshet/sql/sqlerr"
)

func TestEqualLeavesPositionsOut(t *testing.T) {
	column := func(at int, name string) Expr {
		place := Place{At: sqlerr.At(at)}
		return &ColumnRef{Place: place, Name: Name{{Place: place, Name: name}}}
	}
	a := &Binary{Place: Place{At: 3}, Op: "+", Left: column(1, "a"), Right: column(5, "b")}
	b := &Binary{Place: Place{At: 9}, Op: "+", Left: column(7, "a"), Right: column(11, "b")}
	if !Equal(a, b) {
		t.Error("differ")
	}
	for _, other := range []*Binary{
		{Op: "-", Left: a.Left, Right: a.Right},
		{Op: "+", Left: a.Left, Right: column(5, "c")},
		{Op: "+", Left: a.Left},
		{Op: "+", Left: a.Left, Right: &NullLit{}},
	} {
		if Equal(a, other) {
			t.Errorf("%s equals %s", Format(a), Format(other))
		}
	}
}

func TestDurationLength(t *testing.T) {
	for _, c := range []struct {
		d    Duration
		want time.Duration
		ok   bool
	}{
		{Duration{Count: 10, Unit: time.Second}, 10 * time.Second, true},
		{Duration{Count: 0, Unit: time.Hour}, 0, true},
		{Duration{Count: math.MaxInt64, Unit: time.Hour}, 0, false},
		{Duration{Count: 1}, 0, false},
		{Duration{Count: -1, Unit: time.Hour}, 0, false},
	} {
		if got, ok := c.d.Length(); ok != c.ok || ok && got != c.want {
			t.Errorf("%+v: %s, %t", c.d, got, ok)
		}
	}
}

func TestNames(t *testing.T) {
	n := Name{{Place: Place{At: 4}, Name: "public"}, {Place: Place{At: 11}, Name: `odd"name`, Quoted: true}}
	if got := n.String(); got != `public."odd""name"` {
		t.Error(got)
	}
	if n.Pos() != 4 || n.Last().At != 11 || len(n.Qualifier()) != 1 {
		t.Error("parts")
	}
	var none Name
	if none.Pos().Known() || none.Last().Given() || none.String() != "" {
		t.Error("empty name")
	}
}

func TestExtentText(t *testing.T) {
	const text = "SELECT 1; WAIT"
	e := Extent{At: sqlerr.At(10), End: sqlerr.At(14)}
	if got := e.Text(text); got != "WAIT" {
		t.Error(got)
	}
	if got := (Extent{}).Text(text); got != text {
		t.Error(got)
	}
}

// Walk leaves out what a visitor does not want, and survives what is missing.
func TestWalkPrunes(t *testing.T) {
	inner := &Binary{Op: "*", Left: &NumberLit{Text: "1"}, Right: &NumberLit{Text: "2"}}
	outer := &Binary{Op: "+", Left: inner, Right: &Case{}}
	n := 0
	Walk(outer, func(node Node) bool {
		n++
		return node != Node(inner)
	})
	if n != 3 {
		t.Errorf("%d nodes", n)
	}
	Walk((*Query)(nil), func(Node) bool { t.Error("visited nil"); return true })
	Walk(&Query{}, func(Node) bool { return true })
}
