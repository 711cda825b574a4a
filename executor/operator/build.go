// Package operator is running operators, a file each: filter, project, aggregate, upsert, view, limit, sort, distinct, union,
// hash join, values.
//
// Build turns a physical plan into chains of operators, from one head a source to the output. Whoever drives (a task, or package pull) pushes
// chunks into the heads. Operators keep no state outside the store that must outlive a commit.
package operator

import (
	"sync/atomic"

	"github.com/freshetdb/freshet/executor/dataflow"
	"github.com/freshetdb/freshet/executor/state"
	"github.com/freshetdb/freshet/planner/physical"
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/sqlerr"
)

// Deps is what operators need from whoever drives them.
type Deps struct {
	// Store keeps the state; nil: a private one in memory, freed by Pipeline.Close (bounded runs).
	Store *state.Store
	// Context is handed to expressions; the driver may change Now between chunks. Its RowError is set by Build when Errors is.
	Context *functions.Context
	// Errors takes errors of single rows (kept queries); nil: the first one ends the statement.
	Errors func(step string, err *sqlerr.Error)
	// Budget limits the memory of sorts, joins, distincts and of a private store; nil: unlimited.
	Budget *state.Budget
	// Stats counts what is dropped; nil: not counted.
	Stats *Stats
	// Output takes the root's rows. Not needed when the root is a Sink.
	Output dataflow.Collector
	// Sink makes the operator that writes a topic. It is the end of its chain.
	Sink func(*physical.Sink) (dataflow.Operator, error)
	// Bounded: the inputs end (one-shot).
	Bounded bool
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
}

// Pipeline is a plan ready to be driven.
type Pipeline struct {
	// Inputs, in the order in which a bounded driver must exhaust them one by one (build sides of joins first). An unbounded driver
	// interleaves Push at will and calls Advance, Barrier and End on every head.
	Inputs []Input
	// Views are the tables kept by View steps.
	Views []View

	private *state.Store
}

// View is a table kept by a View step.
type View struct {
	Step *physical.View
	Rows *state.RowTable
}

// Build makes the operators of a plan's root. Errors: sqlerr FeatureNotSupported for steps or modes that cannot run, or whatever
// compiling an expression answers.
func Build(root physical.Step, deps Deps) (*Pipeline, error) { return nil, nil }

// Feed pushes the rows of a Values step into its head, then calls nothing else.
func Feed(v *physical.Values, head dataflow.Operator, ctx *functions.Context) error { return nil }

// Close frees a private store.
func (p *Pipeline) Close() {}
