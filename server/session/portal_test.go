package session

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// numbers yields 0..n-1 in chunks of size rows; with sel, every second row of twice as many.
func numbers(n, size int, sel bool) *Result {
	return &Result{
		Columns: types.Columns{{Name: "n", Type: types.Of(types.BigInt)}}, Tag: "SELECT", Counted: true,
		Rows: func(ctx context.Context, yield Yield) error {
			for at := 0; at < n; at += size {
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				if err := yield(chunk(at, min(at+size, n), sel)); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func chunk(from, to int, sel bool) *vector.Chunk {
	v := &vector.Vector{Type: types.Of(types.BigInt)}
	c := &vector.Chunk{Cols: []*vector.Vector{v}}
	for i := from; i < to; i++ {
		v.I = append(v.I, int64(i))
		if sel {
			v.I = append(v.I, -1)
			c.Sel = append(c.Sel, uint16(2*(i-from)))
		}
	}
	c.N = len(v.I)
	return c
}

func collect(dst *[]int64) Yield {
	return func(c *vector.Chunk) error {
		for i := range c.Rows() {
			row := i
			if c.Sel != nil {
				row = int(c.Sel[i])
			}
			*dst = append(*dst, c.Cols[0].I[row])
		}
		return nil
	}
}

func TestFetchInPieces(t *testing.T) {
	for _, limit := range []int{0, 1, 3, 4, 5, 7, 100} {
		for _, sel := range []bool{false, true} {
			s := New(Identity{}, nil)
			p := NewPortal(context.Background(), "c", numbers(17, 5, sel))
			if err := s.Open(p); err != nil {
				t.Fatal(err)
			}
			var got []int64
			for range 100 {
				rows, done, err := s.Fetch(context.Background(), p, limit, collect(&got))
				if err != nil {
					t.Fatal(err)
				}
				if done {
					break
				}
				if rows != limit {
					t.Fatalf("limit %d: %d rows", limit, rows)
				}
			}
			if len(got) != 17 {
				t.Fatalf("limit %d sel %v: %v", limit, sel, got)
			}
			for i, n := range got {
				if int(n) != i {
					t.Fatalf("limit %d sel %v: %v", limit, sel, got)
				}
			}
			s.Close()
		}
	}
}

func TestPortalClosedInTheMiddle(t *testing.T) {
	s := New(Identity{}, nil)
	r := numbers(1000, 5, false)
	closed := 0
	r.OnClose = func() { closed++ }
	p := NewPortal(context.Background(), "c", r)
	if err := s.Open(p); err != nil {
		t.Fatal(err)
	}
	var got []int64
	if _, _, err := s.Fetch(context.Background(), p, 3, collect(&got)); err != nil {
		t.Fatal(err)
	}
	s.Portals.Remove("c")
	s.Close()
	if closed != 1 || len(got) != 3 {
		t.Fatalf("closed %d times after %v", closed, got)
	}
}

func TestCancelBetweenFetchesIsSticky(t *testing.T) {
	s := New(Identity{}, nil)
	n := 0
	p := NewPortal(context.Background(), "c", &Result{Columns: types.Columns{}, Next: func(context.Context) (*vector.Chunk, error) {
		n++
		return chunk(n, n+1, false), nil
	}})
	if err := s.Open(p); err != nil {
		t.Fatal(err)
	}
	var got []int64
	if rows, done, err := s.Fetch(context.Background(), p, 2, collect(&got)); rows != 2 || done || err != nil {
		t.Fatal(rows, done, err)
	}
	s.Cancel()
	for range 2 {
		if _, _, err := s.Fetch(context.Background(), p, 2, collect(&got)); sqlerr.From(err).Code != sqlerr.QueryCanceled {
			t.Fatal(err)
		}
	}
}

func TestFetchTimeoutGivesWhatIsThere(t *testing.T) {
	s := New(Identity{}, nil)
	n := 0
	p := NewPortal(context.Background(), "c", &Result{Columns: types.Columns{}, Next: func(ctx context.Context) (*vector.Chunk, error) {
		if n == 2 {
			<-ctx.Done()
			return nil, context.Cause(ctx)
		}
		n++
		return chunk(n, n+1, false), nil
	}})
	ctx, cancel := context.WithCancelCause(context.Background())
	var got []int64
	rows, done, err := s.Fetch(ctx, p, 10, func(c *vector.Chunk) error {
		if n == 2 {
			cancel(ErrFetchTimeout)
		}
		return collect(&got)(c)
	})
	if rows != 2 || done || err != nil {
		t.Fatal(rows, done, err)
	}
}

func TestStatementCancelEndsAPortal(t *testing.T) {
	s := New(Identity{}, nil)
	p := NewPortal(context.Background(), "", numbers(100, 5, false))
	ctx, done := s.Begin(context.Background())
	defer done()
	var got []int64
	if _, _, err := s.Fetch(ctx, p, 5, collect(&got)); err != nil {
		t.Fatal(err)
	}
	s.Cancel()
	<-ctx.Done()
	var err error
	for err == nil && !p.Done() {
		_, _, err = s.Fetch(ctx, p, 5, collect(&got))
	}
	if sqlerr.From(err).Code != sqlerr.QueryCanceled {
		t.Fatalf("%v after %d rows", err, len(got))
	}
	if errors.Is(err, io.EOF) {
		t.Fatal("end of result")
	}
	p.Close()
}
