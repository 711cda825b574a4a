// Package pull answers one-shot SELECTs: key look-ups by a short path, any other plan by the ordinary operators over committed snapshots.
package pull

import (
	"context"

	"github.com/freshetdb/freshet/executor/state"
	"github.com/freshetdb/freshet/planner/physical"
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/vector"
)

// Pinned is a view as of a commit. The caller of ViewSource releases the snapshot.
type Pinned struct {
	Rows     *state.RowTable
	Snapshot *state.Snapshot
}

// ViewSource finds views. One call pins all the views of a statement, so that they are read at one common commit.
type ViewSource interface {
	Pin(ctx context.Context, views []string) ([]Pinned, error)
}

// TopicScanner reads a topic up to its committed end at the time of the call.
type TopicScanner interface {
	// ScanTopic pushes the scan's decoded rows, in order of partition and offset; it stops at push's first error and returns it.
	ScanTopic(ctx context.Context, scan *physical.Scan, push func(*vector.Chunk) error) error
}

// VirtualTables yields the rows of virtual tables, all columns.
type VirtualTables interface {
	Rows(ctx context.Context, name string, push func(*vector.Chunk) error) error
}

// Deps is what a statement reads from. A nil member refuses the steps that need it.
type Deps struct {
	Views   ViewSource
	Topics  TopicScanner
	Virtual VirtualTables
	Context *functions.Context
	Budget  *state.Budget // of the statement; nil: unlimited
}

// Run answers a one-shot plan: out takes the rows and must not keep the chunk. It stops between chunks when ctx ends (sqlerr
// QueryCanceled) and at out's first error.
func Run(ctx context.Context, plan *physical.Plan, deps Deps, out func(*vector.Chunk) error) error {
	return nil
}
