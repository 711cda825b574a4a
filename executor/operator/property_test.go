package operator_test

import (
	"flag"
	"fmt"
	"math"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freshetdb/freshet/executor/operator"
	"github.com/freshetdb/freshet/executor/state"
	"github.com/freshetdb/freshet/planner/physical"
	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/vector"
)

var seedFlag = flag.Int64("seed", 0, "seed of the property tests; 0: by the clock")

func randomRows(rnd *rand.Rand, n int) []row {
	out := make([]row, n)
	for i := range out {
		out[i] = row{op: vector.Insert, k: string(rune('a' + rnd.Intn(20))), v: int64(rnd.Intn(15)), time: int64(i / 7)}
		out[i].null[1] = rnd.Intn(10) == 0
		if rnd.Intn(20) == 0 {
			out[i].k = strings.Repeat(out[i].k, 40)
		}
	}
	return out
}

// TestKeptEqualsBatch feeds the same rows to a kept query, with any chunk size, barriers, commits and aborts anywhere, and to a one-shot one: the
// view ends up with the batch answer.
func TestKeptEqualsBatch(t *testing.T) {
	seed := *seedFlag
	if seed == 0 {
		seed = time.Now().UnixNano()
	}
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewSource(seed))
	queries := map[string]func() *physical.View{
		"count": func() *physical.View { return plans["count"]().(*physical.View) },
		"distinct": func() *physical.View {
			return view(aggregate(scan(), physical.Window{}, agg("count", true, col(1, bigint)), agg("max", false, col(1, bigint))), 0)
		},
		"tumbling": func() *physical.View {
			v := view(aggregate(scan(), physical.Window{Kind: physical.Tumbling, SizeMS: 10, GraceMS: 10}, agg("count", false), agg("count", true, col(1, bigint))), 0, 1)
			v.WindowStart = 1
			return v
		},
		"table": func() *physical.View {
			a := plans["table-count"]().(*physical.Aggregate)
			a.Aggs = append(a.Aggs, agg("count", true, col(0, text)))
			a.Columns = append(a.Columns, a.Columns[1])
			a.Keys = []expr.Expr{call("+", col(1, bigint), lit(1))}
			return view(a, 0)
		},
		"upsert": func() *physical.View { return plans["upsert-view"]().(*physical.View) },
	}
	for name, query := range queries {
		t.Run(name, func(t *testing.T) {
			for range 5 {
				rows := randomRows(rnd, 400)
				want := batch(t, query().Input, rows)
				if got := kept(t, rnd, query(), rows); !slices.Equal(want, got) {
					t.Fatalf("batch:\n%s\nkept:\n%s", strings.Join(want, "\n"), strings.Join(got, "\n"))
				}
			}
		})
	}
}

func batch(t *testing.T, root physical.Step, rows []row) []string {
	h, err := buildHarness(root, true, 100, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer h.pipe.Close()
	if err := h.push(0, rows); err != nil {
		t.Fatal(err)
	}
	if err := h.pipe.Inputs[0].Head.End(); err != nil {
		t.Fatal(err)
	}
	out := slices.DeleteFunc(h.out, func(s string) bool { return s == "end" })
	for i := range out {
		out[i] = untimed(out[i])
	}
	slices.Sort(out)
	return out
}

// untimed cuts the event time off: the newest row of a group that has left it still counts in a kept query.
func untimed(s string) string {
	s, _, _ = strings.Cut(s, " @")
	return s
}

func kept(t *testing.T, rnd *rand.Rand, root physical.Step, rows []row) []string {
	h, err := buildHarness(root, false, 1+rnd.Intn(60), nil)
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	done, sealed, read := 0, []int{}, 0 // rows committed, rows of sealed epochs, rows read
	for done < len(rows) {
		switch rnd.Intn(8) {
		default:
			n := min(1+rnd.Intn(50), len(rows)-read)
			must(h.push(0, rows[read:read+n]))
			read += n
			must(h.advance(int64(read / 7)))
		case 0:
			must(h.seal())
			sealed = append(sealed, read)
		case 1, 2:
			if len(sealed) > 0 {
				h.store.Committed(h.epoch-uint64(len(sealed))+1, nil)
				done, sealed = sealed[0], sealed[1:]
			}
		case 3:
			h.store.Rollback()
			h.epoch -= uint64(len(sealed))
			read, sealed = done, sealed[:0]
		}
	}
	out, err := h.scanView()
	must(err)
	for i := range out {
		out[i] = untimed(out[i])
	}
	slices.Sort(out)
	h.store.Close()
	return out
}

func (h *harness) advance(at int64) error {
	h.store.Lock()
	defer h.store.Unlock()
	return h.pipe.Inputs[0].Head.Advance(at)
}

// TestBudgetNamesTheOperator: memory is a limit with an error, for kept and one-shot queries.
func TestBudgetNamesTheOperator(t *testing.T) {
	for _, plan := range []string{"distinct", "sort", "count", "inner"} {
		h, err := buildHarness(plans[plan](), true, 100, state.NewBudget(200<<10))
		if plan == "count" {
			h, err = buildHarness(plans[plan](), false, 100, state.NewBudget(200<<10))
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; err == nil && i < 100; i++ {
			rows := make([]row, 100)
			for j := range rows {
				rows[j] = row{op: vector.Insert, k: fmt.Sprintf("key number %d", i*100+j), v: 1}
			}
			err = h.push(0, rows)
		}
		if err == nil || !strings.Contains(err.Error(), "ran out of memory") {
			t.Errorf("%s: %v", plan, err)
		}
		t.Log(err)
	}
}

// TestPartitionsDoNotMakeEachOtherLate reads a partition that is far ahead first: the other one's rows still count.
func TestPartitionsDoNotMakeEachOtherLate(t *testing.T) {
	for _, known := range []bool{true, false} {
		h := &harness{size: 100, store: state.NewStore(state.Options{})}
		deps := operator.Deps{Output: h, Stats: &h.stats, Store: h.store}
		if known {
			deps.Time = &operator.StreamTime{Own: math.MinInt64, Others: math.MinInt64}
		}
		var err error
		if h.pipe, err = operator.Build(plans["tumbling"](), deps); err != nil {
			t.Fatal(err)
		}
		push := func(rows string, own, others int64) {
			t.Helper()
			if known {
				*deps.Time = operator.StreamTime{Own: own, Others: others}
			}
			if err := h.push(0, parseRows(rows)); err != nil {
				t.Fatal(err)
			}
		}
		push("a 1 @1\na 1 @100", math.MinInt64, math.MinInt64) // nothing was read of the other
		push("b 1 @2", math.MinInt64, 100)
		push("b 1 @60", 2, 100)
		push("b 1 @3", 60, 100) // late by its own partition
		if late := h.stats.Late.Load(); known && late != 1 || !known && late != 3 {
			t.Errorf("known=%v: %d late rows", known, late)
		}
	}
}
