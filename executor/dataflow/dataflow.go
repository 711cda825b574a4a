// Package dataflow is what flows between operators and what an operator is.
//
// Operators are push-driven and fused: a task calls the first, each calls the next directly. The same operators run unbounded
// (kept queries) and bounded (one-shot SELECT: End follows the last Push).
package dataflow

import "github.com/freshetdb/freshet/sql/vector"

// Epoch numbers the commits of a node's commit group: 1, 2, 3 ….
type Epoch uint64

// Operator is a step running. One goroutine calls it at a time.
type Operator interface {
	// Push hands over rows. The operator must not keep the chunk, nor change it, after returning.
	Push(c *vector.Chunk) error

	// Advance says that no row with an event time below watermark (ms) is expected any more. It never goes back.
	Advance(watermark int64) error

	// Barrier ends an epoch: the operator emits what it holds back (net changes of touched groups) downstream with Push,
	// then passes the barrier on. Its state after the call is what the epoch commits.
	Barrier(e Epoch) error

	// End says that the input is over (bounded runs only): emit what is left, then pass End on.
	End() error
}

// Collector is the end of a chain: a sink, a view, a client's result. It has the same shape as an operator, so that the last
// step needs no special case.
type Collector = Operator
