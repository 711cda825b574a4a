package operator_test

import (
	"fmt"
	"math/rand"
	"syscall"
	"testing"

	"github.com/freshetdb/freshet/executor/dataflow"
	"github.com/freshetdb/freshet/executor/operator"
	"github.com/freshetdb/freshet/executor/state"
	"github.com/freshetdb/freshet/planner/physical"
	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// nowhere swallows rows.
type nowhere struct{ rows int }

func (n *nowhere) Push(c *vector.Chunk) error { n.rows += c.Rows(); return nil }
func (*nowhere) Advance(int64) error          { return nil }
func (*nowhere) Barrier(dataflow.Epoch) error { return nil }
func (*nowhere) End() error                   { return nil }

// BenchmarkTumbling is count, sum and max by a BIGINT key in 10 s windows, into a view, with a commit every 256 chunks.
func BenchmarkTumbling(b *testing.B) {
	for _, keys := range []int{1_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(keys), func(b *testing.B) { benchTumbling(b, keys) })
	}
}

func benchTumbling(b *testing.B, keys int) {
	w := physical.Window{Kind: physical.Tumbling, SizeMS: 10_000, GraceMS: 1000}
	in := &physical.Scan{Columns: types.Columns{{Name: "k", Type: bigint}, {Name: "v", Type: bigint}}}
	a := aggregate(in, w, agg("count", false), agg("sum", false, col(1, bigint)), agg("max", false, col(1, bigint)))
	a.Keys, a.Columns[0].Type = []expr.Expr{col(0, bigint)}, bigint
	v := view(a, 0, 1)
	v.WindowStart, v.Window = 1, w
	store := state.NewStore(state.Options{})
	defer store.Close()
	pipe, err := operator.Build(v, operator.Deps{Store: store, Output: &nowhere{}})
	if err != nil {
		b.Fatal(err)
	}
	chunks := benchChunks(keys)
	head, n, epoch := pipe.Inputs[0].Head, 0, uint64(0)
	step := func() {
		c := chunks[n%len(chunks)]
		for i := range c.Time { // 1 M rows a second of event time
			c.Time[i] = int64(n) + int64(i/1024)
		}
		if err := head.Push(c); err != nil {
			b.Fatal(err)
		}
		if n++; n%commitChunks == 0 {
			epoch++
			if err := head.Barrier(dataflow.Epoch(epoch)); err != nil {
				b.Fatal(err)
			}
			if err := store.DirtyInto(epoch, discardLog{}); err != nil {
				b.Fatal(err)
			}
			store.Committed(epoch, nil)
		}
	}
	for range 2 * len(chunks) { // tables reach their size
		step()
	}
	b.ReportAllocs()
	began := cpuTime()
	for b.Loop() {
		step()
	}
	b.ReportMetric(float64(cpuTime()-began)/float64(b.N)/vector.MaxRows, "ns/row")
}

// commitChunks is the chunks between commits: 262 k rows, less than 100 ms of them at the speed to reach.
const commitChunks = 256

type discardLog struct{}

func (discardLog) Write(int32, []byte, []byte) error { return nil }

func benchChunks(keys int) []*vector.Chunk {
	rnd := rand.New(rand.NewSource(1))
	out := make([]*vector.Chunk, 256)
	for i := range out {
		k, v := vector.New(bigint, vector.MaxRows), vector.New(bigint, vector.MaxRows)
		for range vector.MaxRows {
			k.AppendInt(int64(rnd.Intn(keys)))
			v.AppendInt(int64(rnd.Intn(1000)))
		}
		out[i] = &vector.Chunk{N: vector.MaxRows, Cols: []*vector.Vector{k, v}, Time: make([]int64, vector.MaxRows)}
	}
	return out
}

// BenchmarkFilterProject is q1 and q2's work beside decoding.
func BenchmarkFilterProject(b *testing.B) {
	in := &physical.Scan{Columns: types.Columns{{Name: "k", Type: bigint}, {Name: "v", Type: bigint}}}
	root := &physical.Project{
		Input:   &physical.Filter{Input: in, Cond: call(">", col(1, bigint), lit(500))},
		Exprs:   []expr.Expr{col(0, bigint), call("+", col(1, bigint), lit(1))},
		Columns: types.Columns{{Name: "k", Type: bigint}, {Name: "v", Type: bigint}},
	}
	pipe, err := operator.Build(root, operator.Deps{Output: &nowhere{}})
	if err != nil {
		b.Fatal(err)
	}
	chunks := benchChunks(1000)
	n := 0
	b.ReportAllocs()
	began := cpuTime()
	for b.Loop() {
		n++
		if err := pipe.Inputs[0].Head.Push(chunks[n%len(chunks)]); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(cpuTime()-began)/float64(b.N)/vector.MaxRows, "ns/row")
}

// cpuTime is the CPU time of the process, user and system, in ns: what counts on a shared machine.
func cpuTime() int64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return u.Utime.Nano() + u.Stime.Nano()
}
