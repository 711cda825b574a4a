// Package pull answers one-shot SELECTs: key look-ups by a short path, any other plan by the ordinary operators over committed snapshots.
package pull

import (
	"context"
	"errors"
	"fmt"

	"github.com/freshetdb/freshet/executor/dataflow"
	"github.com/freshetdb/freshet/executor/operator"
	"github.com/freshetdb/freshet/executor/state"
	"github.com/freshetdb/freshet/planner/physical"
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/vector"
)

// Pinned is a view as of a commit. Run releases the snapshot.
type Pinned struct {
	Rows     *state.RowTable
	Snapshot *state.Snapshot
}

// ViewSource finds views. One call pins all the views of a statement, so that they are read at one common commit; the answer is in the
// order of views, which may repeat.
type ViewSource interface {
	Pin(ctx context.Context, views []string) ([]Pinned, error)
}

// TopicScanner reads a topic up to its committed end at the time of the call.
type TopicScanner interface {
	// ScanTopic pushes the scan's decoded rows, in order of partition and offset; it stops at push's first error and returns it.
	ScanTopic(ctx context.Context, scan *physical.Scan, push func(*vector.Chunk) error) error
}

// VirtualTables yields the rows of virtual tables, all columns; it stops at push's first error and returns it.
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
	if plan.Mode != physical.OneShot {
		return sqlerr.Newf(sqlerr.Internal, 0, "a plan that never ends reached the one-shot driver")
	}
	if deps.Context == nil {
		deps.Context = &functions.Context{Dialect: plan.Dialect}
	}
	r := &run{ctx: ctx, deps: deps, out: out}
	defer r.release()
	if done, err := r.lookUp(plan.Root); done || err != nil {
		return err
	}
	return r.all(plan)
}

// run is one statement.
type run struct {
	ctx    context.Context //nolint:containedctx // run is one request, and lives no longer than it
	deps   Deps
	out    func(*vector.Chunk) error
	pinned []Pinned
	views  map[*physical.ViewScan]Pinned
}

// errEnough stops a source whose rows nobody wants any more.
var errEnough = errors.New("enough rows")

// all runs the plan by the ordinary operators.
func (r *run) all(plan *physical.Plan) error {
	if err := r.pin(plan.Root); err != nil {
		return err
	}
	pipe, err := operator.Build(plan.Root, operator.Deps{
		Context: r.deps.Context, Budget: r.deps.Budget, Output: client{r.out}, Bounded: true,
	})
	if err != nil {
		return err
	}
	defer pipe.Close()
	for i := range pipe.Inputs {
		in := &pipe.Inputs[i]
		if err := r.feed(in); err != nil && !errors.Is(err, errEnough) {
			return err
		}
		if err := in.Head.End(); err != nil {
			return err
		}
	}
	return nil
}

// feed pushes all rows of a source into its head.
func (r *run) feed(in *operator.Input) error {
	push := func(c *vector.Chunk) error {
		if in.Done() {
			return errEnough
		}
		if err := r.canceled(); err != nil {
			return err
		}
		return in.Head.Push(c)
	}
	if in.Done() {
		return nil
	}
	if err := r.canceled(); err != nil {
		return err
	}
	switch s := in.Step.(type) {
	case *physical.Values:
		return operator.Feed(s, in.Head, r.deps.Context)
	case *physical.ViewScan:
		return r.scanView(s, push)
	case *physical.Scan:
		if r.deps.Topics == nil {
			return sqlerr.Unsupported(0, "reading a topic here")
		}
		return r.deps.Topics.ScanTopic(r.ctx, s, push)
	case *physical.VirtualScan:
		if r.deps.Virtual == nil {
			return sqlerr.Newf(sqlerr.UndefinedTable, 0, "relation %q does not exist", s.Name)
		}
		narrow := projection{indexes: s.Indexes}
		return r.deps.Virtual.Rows(r.ctx, s.Name, func(c *vector.Chunk) error {
			return narrow.push(c, push)
		})
	}
	return sqlerr.Unsupported(0, fmt.Sprintf("reading from %T", in.Step))
}

// canceled turns the end of ctx into a client's error.
func (r *run) canceled() error {
	switch err := r.ctx.Err(); {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return sqlerr.Wrap(err, sqlerr.QueryCanceled, "canceling statement due to statement timeout")
	default:
		return sqlerr.Wrap(err, sqlerr.QueryCanceled, "canceling statement due to user request")
	}
}

// pin pins all views of a plan at one commit.
func (r *run) pin(root physical.Step) error {
	var scans []*physical.ViewScan
	collectViews(root, &scans)
	if len(scans) == 0 {
		return nil
	}
	if r.deps.Views == nil {
		return sqlerr.Unsupported(0, "reading a view here")
	}
	ids := make([]string, len(scans))
	for i, s := range scans {
		ids[i] = s.View
	}
	pinned, err := r.deps.Views.Pin(r.ctx, ids)
	if err != nil {
		return err
	}
	r.pinned = pinned
	r.views = make(map[*physical.ViewScan]Pinned, len(scans))
	for i, s := range scans {
		r.views[s] = pinned[i]
	}
	return nil
}

func collectViews(s physical.Step, into *[]*physical.ViewScan) {
	if v, ok := s.(*physical.ViewScan); ok {
		*into = append(*into, v)
	}
	for _, in := range s.Inputs() {
		collectViews(in, into)
	}
}

func (r *run) release() {
	for _, p := range r.pinned {
		p.Snapshot.Release()
	}
}

// projection picks columns of chunks; indexes nil: all.
type projection struct {
	indexes []int
	chunk   vector.Chunk
}

// push hands the picked columns of c on.
func (p *projection) push(c *vector.Chunk, next func(*vector.Chunk) error) error {
	if p.indexes == nil {
		return next(c)
	}
	cols := p.chunk.Cols[:0]
	for _, i := range p.indexes {
		if i < 0 || i >= len(c.Cols) {
			return sqlerr.Newf(sqlerr.Internal, 0, "column %d of %d is asked for", i, len(c.Cols))
		}
		cols = append(cols, c.Cols[i])
	}
	p.chunk = *c
	p.chunk.Cols = cols
	return next(&p.chunk)
}

// client is the end of a plan's chain: rows go to the client.
type client struct{ out func(*vector.Chunk) error }

var _ dataflow.Collector = client{}

// Push implements dataflow.Operator.
func (c client) Push(chunk *vector.Chunk) error { return c.out(chunk) }

// Advance implements dataflow.Operator.
func (client) Advance(int64) error { return nil }

// Barrier implements dataflow.Operator.
func (client) Barrier(dataflow.Epoch) error { return nil }

// End implements dataflow.Operator.
func (client) End() error { return nil }
