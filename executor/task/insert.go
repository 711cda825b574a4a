package task

import (
	"github.com/freshetdb/freshet/planner/physical"
	"github.com/freshetdb/freshet/sql/format"
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/vector"
)

// Inserter encodes rows of a bounded statement (INSERT … VALUES) as record batches, as a kept query's sink does. One goroutine uses it.
type Inserter struct {
	sink *sink
	box  outbox
}

// NewInserter compiles a sink step for a topic of n partitions. The step's input gives the rows' columns.
func NewInserter(spec *physical.Sink, n int32, formats *format.Registry, dialect functions.Dialect) (*Inserter, error) {
	i := &Inserter{box: outbox{pool: &BufferPool{}}}
	var err error
	i.sink, err = newSink(spec, n, formats, dialect, &i.box)
	return i, err
}

// Push encodes the rows of a chunk, which is not kept. Time gives the records' timestamps where no column does.
func (i *Inserter) Push(c *vector.Chunk) error { return i.sink.Push(c) }

// Batches are the encoded rows; they belong to the caller.
func (i *Inserter) Batches() ([]Batch, error) {
	if err := i.sink.Barrier(0); err != nil {
		return nil, err
	}
	return i.box.take(), nil
}
