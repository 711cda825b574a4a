package pull_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/freshetdb/freshet/executor/pull"
	"github.com/freshetdb/freshet/executor/state"
	"github.com/freshetdb/freshet/planner/physical"
	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/functions/builtin"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

var (
	bigint  = types.Of(types.BigInt)
	text    = types.Of(types.String)
	columns = types.Columns{{Name: "id", Type: bigint}, {Name: "owner", Type: text}, {Name: "balance", Type: bigint}}
)

// bank is a view of accounts 0 … n-1 and everything else a statement may read.
type bank struct {
	store  *state.Store
	rows   *state.RowTable
	pinned int
}

func newBank(t testing.TB, n int) *bank {
	b := &bank{store: state.NewStore(state.Options{})}
	var err error
	b.rows, err = b.store.RowTable(state.RowLayout{Name: "v", Columns: columns, Key: []int{0}, WindowColumn: -1})
	if err != nil {
		t.Fatal(err)
	}
	var k state.Keys
	for i := range n {
		cols := []*vector.Vector{
			vector.ConstOf(vector.IntOf(int64(i))), vector.ConstOf(vector.StringOf(fmt.Sprintf("owner %d", i))), vector.ConstOf(vector.IntOf(int64(100 * i))),
		}
		b.rows.Encode(&k, cols, []uint16{0})
		if err := b.rows.Set(&k, 0, cols, 0, 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.store.DirtyInto(1, nil); err != nil {
		t.Fatal(err)
	}
	b.store.Committed(1, nil)
	return b
}

func (b *bank) Pin(_ context.Context, views []string) ([]pull.Pinned, error) {
	out := make([]pull.Pinned, len(views))
	for i, v := range views {
		if v != "v" {
			return nil, sqlerr.Newf(sqlerr.UndefinedTable, 0, "view %q does not exist", v)
		}
		out[i] = pull.Pinned{Rows: b.rows, Snapshot: b.store.Pin()}
		b.pinned++
	}
	return out, nil
}

// ScanTopic yields endless rows: only a limit or a cancel ends it.
func (b *bank) ScanTopic(_ context.Context, _ *physical.Scan, push func(*vector.Chunk) error) error {
	for i := int64(0); ; i++ {
		v := vector.New(bigint, 1)
		v.AppendInt(i)
		if err := push(&vector.Chunk{N: 1, Cols: []*vector.Vector{v}}); err != nil {
			return err
		}
	}
}

func (b *bank) Rows(_ context.Context, _ string, push func(*vector.Chunk) error) error {
	x, y := vector.New(text, 1), vector.New(bigint, 1)
	x.AppendString("pg_class")
	y.AppendInt(1)
	return push(&vector.Chunk{N: 1, Cols: []*vector.Vector{x, y}})
}

func (b *bank) run(ctx context.Context, root physical.Step, budget *state.Budget) ([]string, error) {
	var out []string
	deps := pull.Deps{Views: b, Topics: b, Virtual: b, Budget: budget, Context: &functions.Context{}}
	err := pull.Run(ctx, &physical.Plan{Mode: physical.OneShot, Root: root}, deps, func(c *vector.Chunk) error {
		for i := range c.N {
			if c.Sel == nil || contains(c.Sel, i) {
				var parts []string
				for _, v := range c.Cols {
					parts = append(parts, vector.DatumAt(v, i).Text())
				}
				out = append(out, strings.Join(parts, " "))
			}
		}
		return nil
	})
	return out, err
}

func contains(sel []uint16, i int) bool {
	for _, s := range sel {
		if int(s) == i {
			return true
		}
	}
	return false
}

func keys(ids ...int64) [][]expr.Expr {
	out := [][]expr.Expr{}
	for _, id := range ids {
		out = append(out, []expr.Expr{&expr.Literal{Value: vector.IntOf(id)}})
	}
	return out
}

func viewScan(indexes ...int) *physical.ViewScan {
	s := &physical.ViewScan{Relation: "accounts", View: "v", Indexes: indexes}
	for _, i := range indexes {
		s.Columns = append(s.Columns, columns[i])
	}
	return s
}

func column(i int, t types.Type) expr.Expr { return &expr.Column{Index: i, Typ: t} }

func above(in physical.Step, index int, x int64) *physical.Filter {
	fn, _, err := builtin.New().Resolve(">", []types.Type{bigint, bigint}, functions.Postgres)
	if err != nil {
		panic(err)
	}
	return &physical.Filter{Input: in, Cond: &expr.Call{
		Fn: fn, Args: []expr.Expr{column(index, bigint), &expr.Literal{Value: vector.IntOf(x)}}, Typ: types.Of(types.Boolean),
	}}
}

func TestReads(t *testing.T) {
	b := newBank(t, 3000)
	look := viewScan(2, 1)
	look.Keys = keys(7, 5000, 7, 9)
	null := viewScan(0)
	null.Keys = [][]expr.Expr{{&expr.Literal{Value: vector.NullOf(bigint)}}}
	picked := &physical.Project{Input: look, Exprs: []expr.Expr{column(1, text)}, Columns: types.Columns{columns[1]}}
	virtual := &physical.VirtualScan{Name: "pg_catalog.pg_class", Columns: types.Columns{{Name: "oid", Type: bigint}}, Indexes: []int{1}}
	topic := &physical.Scan{Relation: "s", Columns: types.Columns{columns[0]}}
	top := &physical.Sort{
		Input: viewScan(1, 2), Keys: []physical.SortKey{{Expr: column(1, bigint), Desc: true}}, Limit: 2,
	}
	values := &physical.Values{Columns: types.Columns{columns[0]}, Rows: [][]expr.Expr{{&expr.Literal{Value: vector.IntOf(4)}}}}
	self := &physical.HashJoin{
		Left: values, Right: viewScan(0, 1), LeftKeys: []expr.Expr{column(0, bigint)}, RightKeys: []expr.Expr{column(0, bigint)},
	}
	for name, c := range map[string]struct {
		root physical.Step
		want string
	}{
		"keys":             {look, "[700 owner 7 900 owner 9]"},
		"keys, projected":  {picked, "[owner 7 owner 9]"},
		"keys, filtered":   {above(look, 0, 800), "[900 owner 9]"},
		"null key":         {null, "[]"},
		"scan and sort":    {top, "[owner 2999 299900 owner 2998 299800]"},
		"virtual":          {virtual, "[1]"},
		"values":           {values, "[4]"},
		"topic with limit": {&physical.Limit{Input: topic, Offset: 1, Count: 3}, "[1 2 3]"},
		"limit 0":          {&physical.Limit{Input: topic, Count: 0}, "[]"},
		"join":             {self, "[4 4 owner 4]"},
		"union":            {&physical.Union{Parts: []physical.Step{values, &physical.Limit{Input: topic, Count: 1}}, Columns: types.Columns{columns[0]}}, "[4 0]"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := b.run(context.Background(), c.root, nil)
			if err != nil || fmt.Sprint(got) != c.want {
				t.Errorf("got %v, %v, want %s", got, err, c.want)
			}
		})
	}
}

func TestEnds(t *testing.T) {
	b := newBank(t, 3000)
	topic := &physical.Scan{Relation: "s", Columns: types.Columns{columns[0]}}
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	err := pull.Run(ctx, &physical.Plan{Mode: physical.OneShot, Root: topic}, pull.Deps{Topics: b}, func(*vector.Chunk) error {
		if n++; n == 10 {
			cancel()
		}
		return nil
	})
	if code := sqlerr.From(err).Code; code != sqlerr.QueryCanceled || n != 10 {
		t.Errorf("cancel: %v after %d chunks", err, n)
	}
	gone := errors.New("the client is gone")
	if err := pull.Run(context.Background(), &physical.Plan{Root: topic}, pull.Deps{Topics: b}, func(*vector.Chunk) error { return gone }); !errors.Is(err, gone) {
		t.Errorf("a client that is gone: %v", err)
	}
	for code, c := range map[sqlerr.Code]struct {
		root   physical.Step
		budget *state.Budget
	}{
		sqlerr.OutOfMemory:         {&physical.Sort{Input: viewScan(0, 1, 2), Keys: []physical.SortKey{{Expr: column(0, bigint)}}, Limit: -1}, state.NewBudget(100 << 10)},
		sqlerr.UndefinedTable:      {&physical.ViewScan{View: "other", Indexes: []int{0}}, nil},
		sqlerr.FeatureNotSupported: {&physical.Sink{Input: topic}, nil},
	} {
		if _, err := b.run(context.Background(), c.root, c.budget); err == nil || sqlerr.From(err).Code != code {
			t.Errorf("%s: %v", code, err)
		}
		if c.budget != nil && c.budget.Used() != 0 {
			t.Errorf("%d bytes are left in the budget", c.budget.Used())
		}
	}
	b.store.Committed(2, nil) // no pins are left: nothing holds the undo lists
}

// BenchmarkPointRead is SELECT owner, balance … WHERE id = $1 without parser, planner and wire.
func BenchmarkPointRead(b *testing.B) {
	bank := newBank(b, 20_000)
	look := viewScan(0, 1, 2)
	literal := &expr.Literal{Value: vector.IntOf(0)}
	look.Keys = [][]expr.Expr{{literal}}
	root := &physical.Project{Input: look, Exprs: []expr.Expr{column(1, text), column(2, bigint)}, Columns: columns[1:]}
	plan := &physical.Plan{Mode: physical.OneShot, Root: root}
	ctx, n := context.Background(), int64(0)
	fctx := &functions.Context{}
	b.ReportAllocs()
	for b.Loop() {
		n++
		literal.Value.I = n % 20_000
		if err := pull.Run(ctx, plan, pull.Deps{Views: bank, Context: fctx}, func(*vector.Chunk) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
