package expr

import (
	"errors"
	"slices"
	"testing"

	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// The meaning of every function and node, chunk by chunk against row by row, is tested with the registry in functions/builtin. Here is
// what a program is to its caller.

var big = types.Of(types.BigInt)

// half is a function of one argument that fails for odd rows and counts the rows it was asked about.
func half(asked *int) *functions.Overload {
	return &functions.Overload{
		Name: "half", Params: []types.Type{big}, Returns: big,
		Kernel: func(ctx *functions.Context, args []*vector.Vector, n int, sel []uint16, out *vector.Vector) error {
			for i := range n {
				if sel != nil && !slices.Contains(sel, uint16(i)) {
					continue
				}
				*asked++
				x := args[0].I[args[0].Row(i)]
				if x%2 != 0 {
					if err := ctx.Fail(out, i, sqlerr.Newf(sqlerr.DataException, 0, "%d is odd", x)); err != nil {
						return err
					}
					continue
				}
				out.I[i] = x / 2
			}
			return nil
		},
	}
}

func chunkOf(values ...int64) *vector.Chunk {
	v := vector.New(big, len(values))
	for _, x := range values {
		if x < 0 {
			v.AppendNull()
		} else {
			v.AppendInt(x)
		}
	}
	return &vector.Chunk{N: len(values), Cols: []*vector.Vector{v}}
}

func TestBareColumnIsNotCopied(t *testing.T) {
	c := chunkOf(1, 2)
	p, err := Compile(&Column{Typ: big}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if v, _ := p.Eval(c); v != c.Cols[0] {
		t.Error("a bare column is the chunk's own vector")
	}
}

func TestErrorsKnowTheirPlace(t *testing.T) {
	asked := 0
	call := &Call{Fn: half(&asked), Args: []Expr{&Column{Typ: big}}, Typ: big, Pos: sqlerr.At(7)}
	p, err := Compile(call, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Eval(chunkOf(2, 3))
	var e *sqlerr.Error
	if !errors.As(err, &e) || e.Pos.Offset() != 7 || e.Message != "3 is odd" {
		t.Errorf("error %v at %d", err, e.Pos.Offset())
	}
	if _, err := Compile(&Param{Number: 2, Typ: big, Pos: sqlerr.At(3)}, nil); err == nil {
		t.Error("a parameter that was not replaced must be refused")
	}
}

func TestRowErrorsBecomeNulls(t *testing.T) {
	asked := 0
	var rows []int
	ctx := &functions.Context{RowError: func(row int, _ *sqlerr.Error) { rows = append(rows, row) }}
	p, err := Compile(&Call{Fn: half(&asked), Args: []Expr{&Column{Typ: big}}, Typ: big}, ctx)
	if err != nil {
		t.Fatal(err)
	}
	v, err := p.Eval(chunkOf(2, 3, -1, 8))
	if err != nil || !slices.Equal(rows, []int{1}) || !v.IsNull(1) || !v.IsNull(2) || v.I[3] != 4 {
		t.Errorf("rows %v, error %v", rows, err)
	}
	if asked != 3 {
		t.Errorf("asked about %d rows: the null row is not the kernel's", asked)
	}
}

// TestBranchesSeeOpenRowsOnly counts the rows each side is asked about.
func TestBranchesSeeOpenRowsOnly(t *testing.T) {
	col := &Column{Typ: big}
	isNull := func(e Expr) Expr { return &IsNull{Arg: e} }
	for _, c := range []struct {
		name  string
		make  func(call Expr) Expr
		asked int
	}{
		{"and", func(call Expr) Expr { return &And{Left: &Not{Arg: isNull(col)}, Right: isNull(call)} }, 2},
		{"or", func(call Expr) Expr { return &Or{Left: &Not{Arg: isNull(col)}, Right: isNull(call)} }, 0},
		{"case", func(call Expr) Expr {
			return &Case{Whens: []When{{Cond: isNull(col), Then: col}}, Else: call, Typ: big}
		}, 2},
		{"coalesce", func(call Expr) Expr { return &Coalesce{Args: []Expr{col, call}, Typ: big} }, 0},
	} {
		asked := 0
		p, err := Compile(c.make(&Call{Fn: half(&asked), Args: []Expr{col}, Typ: big}), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Eval(chunkOf(2, -1, 4)); err != nil {
			t.Fatal(err)
		}
		if asked != c.asked {
			t.Errorf("%s: asked about %d rows, want %d", c.name, asked, c.asked)
		}
	}
}

func TestTransformShares(t *testing.T) {
	asked := 0
	left := &IsNull{Arg: &Column{Index: 1, Typ: big}}
	e := &And{Left: left, Right: &IsNull{Arg: &Call{Fn: half(&asked), Args: []Expr{&Column{Index: 2, Typ: big}}, Typ: big}}}
	same := Transform(e, func(e Expr) Expr { return e })
	if same != Expr(e) {
		t.Error("nothing changed: the tree is itself")
	}
	moved := Transform(e, func(e Expr) Expr {
		if c, ok := e.(*Column); ok && c.Index == 2 {
			return &Column{Index: 5, Typ: big}
		}
		return e
	})
	if got := moved.(*And); got.Left != Expr(left) || !slices.Equal(ColumnsUsed(moved), []int{1, 5}) || !slices.Equal(ColumnsUsed(e), []int{1, 2}) {
		t.Errorf("moved %s from %s", String(moved), String(e))
	}
}

// TestProgramsDoNotAllocate holds the hot path at zero.
func TestProgramsDoNotAllocate(t *testing.T) {
	col := &Column{Typ: big}
	e := &And{Left: &Not{Arg: &IsNull{Arg: col}}, Right: &In{Arg: col, List: []vector.Datum{vector.IntOf(3), vector.IntOf(4)}}}
	p, err := Compile(&Case{Whens: []When{{Cond: e, Then: col}}, Else: &Literal{Value: vector.IntOf(0)}, Typ: big}, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := chunkOf(1, 2, 3, -1, 4)
	if _, err := p.Eval(c); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() {
		if _, err := p.Eval(c); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations a chunk", n)
	}
}
