// Package operator is running operators, a file each: filter, project, aggregate, upsert, view, limit, sort, distinct, union,
// hash join, values.
//
// Build turns a physical plan into chains of operators, from one head a source to the output. Whoever drives (a task, or package pull) pushes
// chunks into the heads, under the store's chunk lock when the store is shared with readers. Operators keep no state outside the store that must
// outlive a commit, so a rollback of the store is all an abort needs.
package operator

import (
	"fmt"
	"sync/atomic"

	"github.com/freshetdb/freshet/executor/dataflow"
	"github.com/freshetdb/freshet/executor/state"
	"github.com/freshetdb/freshet/planner/physical"
	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/sqlerr"
)

// Deps is what operators need from whoever drives them.
type Deps struct {
	// Store keeps the state; nil: a private one in memory, freed by Pipeline.Close (bounded runs, and plans that keep nothing).
	Store *state.Store
	// Context is handed to expressions; the driver may change Now between chunks. Build sets its RowError when Errors is given.
	Context *functions.Context
	// Errors takes errors of single rows (kept queries), whose expression is then null; nil: the first one ends the statement.
	Errors func(step string, err *sqlerr.Error)
	// Budget limits the memory of sorts, joins, distincts and of a private store; nil: unlimited.
	Budget *state.Budget
	// Stats counts what is dropped; nil: not counted.
	Stats *Stats
	// Output takes the root's rows. Not needed when the root is a Sink.
	Output dataflow.Collector
	// Sink makes the operator that writes a topic. It is the end of its chain.
	Sink func(*physical.Sink) (dataflow.Operator, error)
	// Time tells how far event time is, for lateness; the driver sets it before each Push. Nil: the inputs are one partition, or are merged by time.
	Time *StreamTime
	// Bounded: the inputs end (one-shot).
	Bounded bool
}

// StreamTime is how far event time (ms) is in the partition whose chunk is pushed and in the others, so that a partition that is read
// first does not make the rows of the others late.
type StreamTime struct {
	Own    int64 // largest event time of the partition before the chunk; math.MinInt64: none
	Others int64 // smallest of the largest event times of the other active partitions; math.MaxInt64: there are none
}

// Stats counts rows that a query dropped by rule.
type Stats struct {
	Late    atomic.Int64 // later than their window's end + grace
	NullKey atomic.Int64 // null in a key that must not be null
}

// Input is a source of the plan: push the step's rows into Head. Step is a Scan, ViewScan, VirtualScan or Values.
type Input struct {
	Step physical.Step
	Head dataflow.Operator

	limits []*limit
}

// Done tells that a LIMIT above the source has all its rows: pushing more is in vain. End must still be called.
func (in *Input) Done() bool {
	for _, l := range in.limits {
		if l.done() {
			return true
		}
	}
	return false
}

// Pipeline is a plan ready to be driven.
type Pipeline struct {
	// Inputs, in the order in which a bounded driver must exhaust them one by one (build sides of joins first). An unbounded driver
	// interleaves Push at will and calls Advance, Barrier and End on every head.
	Inputs []Input
	// Views are the tables kept by View steps.
	Views []View

	private  *state.Store
	reserves []*reserve
}

// View is a table kept by a View step.
type View struct {
	Step *physical.View
	Rows *state.RowTable
}

// Close gives the memory of joins, sorts and a private store back; a store that was given stays.
func (p *Pipeline) Close() {
	for _, r := range p.reserves {
		r.release()
	}
	if p.private != nil {
		p.private.Close()
	}
}

// Build makes the operators of a plan's root. Errors: sqlerr FeatureNotSupported for steps or modes that cannot run, or whatever
// compiling an expression answers. The order in which tables of state are made follows the plan, so that they are found again after a restart.
func Build(root physical.Step, deps Deps) (*Pipeline, error) {
	b := &builder{deps: deps, pipe: &Pipeline{}}
	if deps.Context == nil {
		b.deps.Context = &functions.Context{}
	}
	if deps.Stats == nil {
		b.deps.Stats = &Stats{}
	}
	if deps.Errors != nil {
		b.deps.Context.RowError = func(_ int, err *sqlerr.Error) { deps.Errors(b.running, err) }
	}
	if err := b.build(root, deps.Output, nil); err != nil {
		b.pipe.Close()
		return nil, fromBudget(err)
	}
	return b.pipe, nil
}

// builder walks a plan from its root to its sources.
type builder struct {
	deps    Deps
	pipe    *Pipeline
	tables  int    // made so far, for names
	running string // the step whose expressions are being evaluated, for row errors
}

// build makes the operator of a step that sends its rows to next, and everything below. limits are those above the step.
func (b *builder) build(step physical.Step, next dataflow.Operator, limits []*limit) error {
	if next == nil {
		if _, isSink := step.(*physical.Sink); !isSink {
			return sqlerr.Newf(sqlerr.Internal, 0, "a plan without a sink has no output")
		}
	}
	switch s := step.(type) {
	case *physical.Scan, *physical.ViewScan, *physical.VirtualScan, *physical.Values:
		b.pipe.Inputs = append(b.pipe.Inputs, Input{Step: step, Head: next, limits: limits})
		return nil
	case *physical.Filter:
		return b.buildFilter(s, next, limits)
	case *physical.Project:
		return b.buildProject(s, next, limits)
	case *physical.Aggregate:
		return b.buildAggregate(s, next, limits)
	case *physical.Upsert:
		return b.buildUpsert(s, next, limits)
	case *physical.View:
		return b.buildView(s, next, limits)
	case *physical.Sink:
		return b.buildSink(s, limits)
	case *physical.Limit:
		return b.buildLimit(s, next, limits)
	case *physical.Sort:
		return b.buildSort(s, next, limits)
	case *physical.Distinct:
		return b.buildDistinct(s, next, limits)
	case *physical.Union:
		return b.buildUnion(s, next, limits)
	case *physical.HashJoin:
		return b.buildHashJoin(s, next, limits)
	}
	return sqlerr.Unsupported(0, fmt.Sprintf("the plan step %T", step))
}

func (b *builder) buildSink(s *physical.Sink, limits []*limit) error {
	if b.deps.Sink == nil {
		return sqlerr.Unsupported(0, "writing to a topic here")
	}
	end, err := b.deps.Sink(s)
	if err != nil {
		return err
	}
	return b.build(s.Input, end, limits)
}

// reserve counts the memory of an operator that keeps rows.
func (b *builder) reserve(owner string) *reserve {
	r := &reserve{budget: b.deps.Budget, owner: owner}
	b.pipe.reserves = append(b.pipe.reserves, r)
	return r
}

// boundedOnly refuses steps that need their input's end.
func (b *builder) boundedOnly(what string) error {
	if b.deps.Bounded {
		return nil
	}
	return sqlerr.Unsupported(0, what+" in a query that never ends").
		WithHint("materialise the query's input and ask the view with a one-shot SELECT")
}

// store is where the plan's state lives, and whether nothing needs undoing there.
func (b *builder) store() (*state.Store, bool) {
	if b.deps.Store != nil {
		return b.deps.Store, false
	}
	if b.pipe.private == nil {
		b.pipe.private = state.NewStore(state.Options{Budget: b.deps.Budget})
	}
	return b.pipe.private, b.deps.Bounded
}

// tableName names the next table of state.
func (b *builder) tableName(kind string) string {
	b.tables++
	return fmt.Sprintf("%s %d", kind, b.tables)
}

func (b *builder) compile(e expr.Expr) (*expr.Program, error) { return expr.Compile(e, b.deps.Context) }

func (b *builder) compileAll(exprs []expr.Expr) ([]*expr.Program, error) {
	out := make([]*expr.Program, len(exprs))
	for i, e := range exprs {
		var err error
		if out[i], err = b.compile(e); err != nil {
			return nil, err
		}
	}
	return out, nil
}
