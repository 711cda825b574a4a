package operator_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/freshetdb/freshet/executor/dataflow"
	"github.com/freshetdb/freshet/executor/operator"
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
	text   = types.Of(types.String)
	bigint = types.Of(types.BigInt)
	stamp  = types.Of(types.Timestamp)
)

// input is rows of k STRING, v BIGINT.
var input = types.Columns{{Name: "k", Type: text}, {Name: "v", Type: bigint}}

func col(i int, t types.Type) expr.Expr { return &expr.Column{Index: i, Typ: t} }

func lit(x int64) expr.Expr { return &expr.Literal{Value: vector.IntOf(x)} }

func call(name string, args ...expr.Expr) expr.Expr {
	argTypes := make([]types.Type, len(args))
	for i, a := range args {
		argTypes[i] = a.Type()
	}
	fn, _, err := builtin.New().Resolve(name, argTypes, functions.KsqlDB)
	if err != nil {
		panic(err)
	}
	t, err := fn.Result(argTypes)
	if err != nil {
		panic(err)
	}
	return &expr.Call{Fn: fn, Args: args, Typ: t}
}

func agg(name string, distinct bool, args ...expr.Expr) physical.Agg {
	argTypes := make([]types.Type, len(args))
	for i, a := range args {
		argTypes[i] = a.Type()
	}
	fn, _, err := builtin.New().ResolveAggregate(name, argTypes, len(args) == 0, functions.KsqlDB)
	if err != nil {
		panic(err)
	}
	t, build, err := fn.Bind(argTypes, false)
	if err != nil {
		panic(err)
	}
	return physical.Agg{Name: name, New: build, Args: args, Type: t, Distinct: distinct}
}

func aggregate(in physical.Step, w physical.Window, aggs ...physical.Agg) *physical.Aggregate {
	a := &physical.Aggregate{Input: in, Keys: []expr.Expr{col(0, text)}, Window: w, Aggs: aggs, Columns: types.Columns{{Name: "k", Type: text}}}
	if w.Kind != physical.NoWindow {
		a.Columns = append(a.Columns, types.Column{Name: "ws", Type: stamp}, types.Column{Name: "we", Type: bigint})
	}
	for _, g := range aggs {
		a.Columns = append(a.Columns, types.Column{Name: g.Name, Type: g.Type})
	}
	return a
}

func scan() physical.Step { return &physical.Scan{Relation: "s", Columns: input} }

var tumbling = physical.Window{Kind: physical.Tumbling, SizeMS: 10, GraceMS: 5}

// plans are what the scripts run.
var plans = map[string]func() physical.Step{
	"filter": func() physical.Step {
		return &physical.Filter{Input: scan(), Cond: call(">", col(1, bigint), lit(10))}
	},
	"project": func() physical.Step {
		return &physical.Project{
			Input: scan(), Exprs: []expr.Expr{call("+", col(1, bigint), lit(1)), col(0, text)},
			Columns: types.Columns{{Name: "v1", Type: bigint}, {Name: "k", Type: text}},
		}
	},
	"divide": func() physical.Step {
		return &physical.Project{
			Input: scan(), Exprs: []expr.Expr{col(0, text), call("/", lit(10), col(1, bigint))},
			Columns: types.Columns{{Name: "k", Type: text}, {Name: "q", Type: bigint}},
		}
	},
	"count": func() physical.Step {
		return view(aggregate(scan(), physical.Window{}, agg("count", false), agg("sum", false, col(1, bigint))), 0)
	},
	"max": func() physical.Step { return aggregate(scan(), physical.Window{}, agg("max", false, col(1, bigint))) },
	"distinct-count": func() physical.Step {
		return aggregate(scan(), physical.Window{}, agg("count", true, col(1, bigint)), agg("count", false))
	},
	"filtered": func() physical.Step {
		g := agg("count", false)
		g.Filter = call(">", col(1, bigint), lit(10))
		return aggregate(scan(), physical.Window{}, g, agg("count", false))
	},
	"each": func() physical.Step {
		a := aggregate(scan(), physical.Window{}, agg("count", false))
		a.Each = true
		return a
	},
	"total": func() physical.Step {
		return &physical.Aggregate{Input: scan(), Aggs: []physical.Agg{agg("count", false)}, Columns: types.Columns{{Name: "n", Type: bigint}}}
	},
	"tumbling": func() physical.Step {
		v := view(aggregate(scan(), tumbling, agg("count", false)), 0, 1)
		v.Window, v.WindowStart = tumbling, 1
		v.Window.RetentionMS = 30
		return v
	},
	"hopping": func() physical.Step {
		return aggregate(scan(), physical.Window{Kind: physical.Hopping, SizeMS: 10, AdvanceMS: 5}, agg("count", false))
	},
	"final": func() physical.Step {
		a := aggregate(scan(), tumbling, agg("count", false))
		a.Final = true
		return a
	},
	"upsert": func() physical.Step { return &physical.Upsert{Input: scan(), Key: []int{0}} },
	"upsert-view": func() physical.Step {
		return view(&physical.Upsert{Input: scan(), Key: []int{0}}, 0)
	},
	"table-count": func() physical.Step { // how many keys have each value
		a := aggregate(&physical.Upsert{Input: scan(), Key: []int{0}}, physical.Window{}, agg("count", false))
		a.Keys, a.Columns[0].Type, a.Changes = []expr.Expr{col(1, bigint)}, bigint, true
		return a
	},
	"limit": func() physical.Step { return &physical.Limit{Input: scan(), Offset: 1, Count: 2} },
	"sort": func() physical.Step {
		return &physical.Sort{Input: scan(), Keys: []physical.SortKey{{Expr: col(1, bigint), Desc: true, NullsFirst: true}, {Expr: col(0, text)}}, Limit: -1}
	},
	"top": func() physical.Step {
		return &physical.Sort{Input: scan(), Keys: []physical.SortKey{{Expr: col(1, bigint)}}, Limit: 2}
	},
	"distinct": func() physical.Step { return &physical.Distinct{Input: scan()} },
	"union":    func() physical.Step { return &physical.Union{Parts: []physical.Step{scan(), scan()}, Columns: input} },
	"inner":    func() physical.Step { return join(physical.InnerJoin) },
	"left":     func() physical.Step { return join(physical.LeftJoin) },
	"right":    func() physical.Step { return join(physical.RightJoin) },
	"full":     func() physical.Step { return join(physical.FullJoin) },
	"cross": func() physical.Step {
		return &physical.HashJoin{Left: scan(), Right: scan(), Kind: physical.CrossJoin}
	},
	"less": func() physical.Step {
		j := join(physical.LeftJoin)
		j.Residual = call("<", col(1, bigint), col(3, bigint))
		return j
	},
	"values": func() physical.Step {
		return &physical.Values{Columns: input, Rows: [][]expr.Expr{{&expr.Literal{Value: vector.StringOf("a")}, call("+", lit(1), lit(2))}}}
	},
}

func view(in physical.Step, key ...int) *physical.View {
	return &physical.View{Input: in, ID: "v", Name: "v", Key: key, WindowStart: -1}
}

func join(kind physical.JoinKind) *physical.HashJoin {
	return &physical.HashJoin{
		Left: scan(), Right: scan(), Kind: kind, LeftKeys: []expr.Expr{col(0, text)}, RightKeys: []expr.Expr{col(0, text)},
	}
}

// harness drives one pipeline.
type harness struct {
	store *state.Store
	stats operator.Stats
	pipe  *operator.Pipeline
	out   []string
	size  int // rows a chunk
	epoch uint64
}

func newHarness(plan string, bounded bool, size int, budget *state.Budget) (*harness, error) {
	build := plans[plan]
	if build == nil {
		return nil, fmt.Errorf("there is no plan %q", plan)
	}
	return buildHarness(build(), bounded, size, budget)
}

func buildHarness(root physical.Step, bounded bool, size int, budget *state.Budget) (*harness, error) {
	h := &harness{size: size}
	deps := operator.Deps{Output: h, Stats: &h.stats, Bounded: bounded, Budget: budget, Context: &functions.Context{Dialect: functions.KsqlDB}}
	if !bounded {
		h.store = state.NewStore(state.Options{Budget: budget})
		deps.Store = h.store
		deps.Errors = func(step string, err *sqlerr.Error) {
			h.out = append(h.out, fmt.Sprintf("error in %s: %s", step, err.Message))
		}
	}
	var err error
	h.pipe, err = operator.Build(root, deps)
	return h, err
}

func (h *harness) Push(c *vector.Chunk) error {
	rows := c.Sel
	if rows == nil {
		for i := range c.N {
			rows = append(rows, uint16(i))
		}
	}
	for _, r := range rows {
		h.out = append(h.out, printRow(c, int(r)))
	}
	return nil
}

func (h *harness) Advance(wm int64) error {
	h.out = append(h.out, fmt.Sprintf("watermark %d", wm))
	return nil
}

func (h *harness) Barrier(dataflow.Epoch) error { return nil }

func (h *harness) End() error {
	h.out = append(h.out, "end")
	return nil
}

var opNames = map[vector.Op]string{vector.Insert: "+", vector.Delete: "-", vector.UpdateOld: "<", vector.UpdateNew: ">"}

func printRow(c *vector.Chunk, i int) string {
	parts := []string{opNames[c.Op(i)]}
	for _, v := range c.Cols {
		parts = append(parts, printValue(v, i))
	}
	if len(c.Time) > i {
		parts = append(parts, fmt.Sprintf("@%d", c.Time[i]))
	}
	return strings.Join(parts, " ")
}

func printValue(v *vector.Vector, i int) string {
	switch {
	case v.IsNull(i):
		return "null"
	case v.Type.ID == types.String:
		return string(v.Bytes(i))
	}
	return strconv.FormatInt(v.I[v.Row(i)], 10)
}

// row is a line of a script: [op] k v [@time].
type row struct {
	op   vector.Op
	k    string
	v    int64
	null [2]bool
	time int64
}

func parseRows(lines string) []row {
	var out []row
	for line := range strings.SplitSeq(strings.TrimSpace(lines), "\n") {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		r := row{op: vector.Insert}
		for op, name := range opNames {
			if f[0] == name {
				r.op = op
				f = f[1:]
				break
			}
		}
		r.k, r.null[0] = f[0], f[0] == "null"
		r.v, _ = strconv.ParseInt(f[1], 10, 64)
		r.null[1] = f[1] == "null"
		if len(f) > 2 {
			r.time, _ = strconv.ParseInt(strings.TrimPrefix(f[2], "@"), 10, 64)
		}
		out = append(out, r)
	}
	return out
}

func chunkOf(rows []row) *vector.Chunk {
	k, v := vector.New(text, 0), vector.New(bigint, 0)
	c := &vector.Chunk{N: len(rows), Cols: []*vector.Vector{k, v}}
	for _, r := range rows {
		if r.null[0] {
			k.AppendNull()
		} else {
			k.AppendString(r.k)
		}
		if r.null[1] {
			v.AppendNull()
		} else {
			v.AppendInt(r.v)
		}
		c.Time = append(c.Time, r.time)
		c.Ops = append(c.Ops, r.op)
	}
	if !slices.ContainsFunc(rows, func(r row) bool { return r.op != vector.Insert }) {
		c.Ops = nil
	}
	return c
}

func (h *harness) push(in int, rows []row) error {
	head := h.pipe.Inputs[in].Head
	if v, ok := h.pipe.Inputs[in].Step.(*physical.Values); ok {
		return operator.Feed(v, head, &functions.Context{})
	}
	for len(rows) > 0 {
		n := min(h.size, len(rows))
		if n < len(rows) && rows[n-1].op == vector.UpdateOld {
			n++ // pairs stay in one chunk
		}
		if h.store != nil {
			h.store.Lock()
		}
		err := head.Push(chunkOf(rows[:n]))
		if h.store != nil {
			h.store.Unlock()
		}
		if err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

func (h *harness) barrier() error {
	h.store.Lock()
	defer h.store.Unlock()
	for _, in := range h.pipe.Inputs {
		if err := in.Head.Barrier(dataflow.Epoch(h.epoch + 1)); err != nil {
			return err
		}
	}
	return nil
}

func (h *harness) seal() error {
	if err := h.barrier(); err != nil {
		return err
	}
	h.epoch++
	return h.store.DirtyInto(h.epoch, nil)
}

func (h *harness) scanView() ([]string, error) {
	var out []string
	snap := h.store.Pin()
	defer snap.Release()
	rows := h.pipe.Views[0].Rows
	all := make([]int, len(rows.Columns()))
	for i := range all {
		all[i] = i
	}
	err := snap.Scan(rows, all, func(c *vector.Chunk) error {
		for i := range c.N {
			out = append(out, printRow(c, i))
		}
		return nil
	})
	slices.Sort(out)
	return out, err
}

// command runs one command of a script.
func (h *harness) command(t *testing.T, d *datadriven.TestData) error {
	in, at := 0, 0
	d.MaybeScanArgs(t, "input", &in)
	d.MaybeScanArgs(t, "at", &at)
	switch d.Cmd {
	case "push":
		return h.push(in, parseRows(d.Input))
	case "barrier":
		return h.seal()
	case "commit":
		if err := h.seal(); err != nil {
			return err
		}
		h.store.Committed(h.epoch, nil)
	case "rollback":
		h.store.Rollback()
	case "advance":
		h.store.Lock()
		defer h.store.Unlock()
		return h.pipe.Inputs[in].Head.Advance(int64(at))
	case "end":
		return h.pipe.Inputs[in].Head.End()
	case "view":
		rows, err := h.scanView()
		h.out = append(h.out, rows...)
		return err
	case "stats":
		h.out = append(h.out, fmt.Sprintf("late %d, null key %d", h.stats.Late.Load(), h.stats.NullKey.Load()))
	case "done":
		h.out = append(h.out, fmt.Sprint(h.pipe.Inputs[in].Done()))
	}
	return nil
}

// TestScripts runs each script with chunks of 1,024 rows and of one; the answers are the same.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		for _, size := range []int{vector.MaxRows, 1} {
			var h *harness
			datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
				if d.Cmd == "plan" {
					var err error
					if h, err = newHarness(d.CmdArgs[0].Key, d.HasArg("bounded"), size, nil); err != nil {
						return "error: " + err.Error() + "\n"
					}
					return ""
				}
				err := h.command(t, d)
				out := h.out
				h.out = nil
				if d.HasArg("sorted") {
					slices.Sort(out)
				}
				if err != nil {
					out = append(out, "error: "+err.Error())
				}
				if len(out) == 0 {
					return ""
				}
				return strings.Join(out, "\n") + "\n"
			})
		}
	})
}
