package executor

import (
	"github.com/freshetdb/freshet/executor/task"
	"github.com/freshetdb/freshet/planner/physical"
	"github.com/freshetdb/freshet/sql/functions"
)

// NewInserter encodes rows for a topic of n partitions as record batches, with the formats of this executor.
func (x *Executor) NewInserter(sink *physical.Sink, n int32, dialect functions.Dialect) (*task.Inserter, error) {
	return task.NewInserter(sink, n, x.opts.Formats, dialect)
}
