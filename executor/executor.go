// Package executor is all queries and pulls of this node: plans in, rows out.
//
// It stands on both towers: it runs the planner's plans over the log's topics, which it sees through broker/client alone, and keeps
// their state. A node is one commit group: outputs, changelogs and input offsets of all its kept queries commit together.
package executor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sort"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/executor/pull"
	"github.com/freshetdb/freshet/executor/query"
	"github.com/freshetdb/freshet/executor/state"
	"github.com/freshetdb/freshet/executor/task"
	"github.com/freshetdb/freshet/executor/worker"
	"github.com/freshetdb/freshet/planner/physical"
	"github.com/freshetdb/freshet/sql/format"
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/vector"
	"github.com/freshetdb/freshet/storage/vfs"
)

// Options shape an executor. Client, Formats, FS and Dir are needed; the rest has defaults.
type Options struct {
	Client  client.Client
	Formats *format.Registry
	FS      vfs.FS
	Dir     string // state dumps live here
	NodeID  int32

	Workers        int              // goroutines running tasks; 0: one
	CommitInterval time.Duration    // 0: 100 ms
	IdleTimeout    time.Duration    // silence after which a drained partition is idle; 0: 10 s
	MemoryBytes    int64            // of kept state; 0: no limit
	StatementBytes int64            // of one SELECT; 0: no limit
	DumpBytes      int64            // of changelog between two dumps of a state, at least; 0: 64 MiB
	Now            func() time.Time // nil: the wall clock
	Log            *slog.Logger
	Registerer     prometheus.Registerer
}

// Executor runs the queries of a node.
type Executor struct {
	opts Options
	env  task.Env
	pool *worker.Pool

	mu      sync.Mutex
	queries map[string]*running // guarded by mu, by query id
	views   map[string]*running // guarded by mu, by view id
	closed  bool                // guarded by mu

	life    context.Context //nolint:containedctx // the parent of every query's life, ended by Close
	stop    context.CancelFunc
	pooling chan error // what the pool ended with
}

// running is a query and the goroutine that keeps it alive.
type running struct {
	*query.Query
	cancel context.CancelFunc
	done   chan struct{}
}

// Open starts the workers; queries come with StartQuery. ctx is for the start only.
func Open(ctx context.Context, opts Options) (*Executor, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	buffers := &task.BufferPool{}
	x := &Executor{
		opts: opts,
		env: task.Env{
			Client: opts.Client, Formats: opts.Formats, FS: opts.FS, Dir: opts.Dir, Buffers: buffers,
			Budget: state.NewBudget(opts.MemoryBytes), IdleTimeout: opts.IdleTimeout, DumpBytes: opts.DumpBytes, Now: opts.Now, Log: opts.Log,
		},
		queries: map[string]*running{}, views: map[string]*running{}, pooling: make(chan error, 1),
	}
	if err := x.errorTopic(ctx); err != nil {
		return nil, err
	}
	x.pool = worker.New(worker.Options{
		Workers: opts.Workers, CommitInterval: opts.CommitInterval, Now: opts.Now,
		TransactionalID: fmt.Sprintf("_freshet-node-%d", opts.NodeID),
	}, opts.Client, buffers, opts.Registerer, opts.Log)
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	x.life, x.stop = run, stop
	go func() { x.pooling <- x.pool.Run(run) }()
	select {
	case <-x.pool.Ready():
		return x, nil
	case err := <-x.pooling:
		stop()
		return nil, err
	case <-ctx.Done():
		stop()
		return nil, errors.Join(ctx.Err(), <-x.pooling)
	}
}

// errorTopic makes the error stream's topic.
func (x *Executor) errorTopic(ctx context.Context) error {
	_, err := x.opts.Client.CreateTopic(ctx, client.TopicSpec{Name: task.ErrorTopic, Partitions: 1})
	if err != nil && !errors.Is(err, client.ErrTopicExists) {
		return fmt.Errorf("create topic %q: %w", task.ErrorTopic, err)
	}
	return nil
}

// StartQuery starts a kept query; it returns at once, Status and WaitCaughtUp tell how it goes. layout is the fingerprint of the plan's state.
func (x *Executor) StartQuery(id, layout string, plan *physical.Plan) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return client.ErrClosed
	}
	if x.queries[id] != nil {
		return fmt.Errorf("query %q already runs", id)
	}
	ctx, cancel := context.WithCancel(x.life)
	r := &running{
		Query:  query.New(x.env, task.Spec{ID: id, Layout: layout, Plan: plan}, x.pool),
		cancel: cancel, done: make(chan struct{}),
	}
	x.queries[id] = r
	for _, v := range r.Views() {
		x.views[v] = r
	}
	go func() {
		defer close(r.done)
		r.Run(ctx)
	}()
	return nil
}

// StopQuery commits what the query has done and ends it. With forget everything it kept is removed too (DROP, TERMINATE).
func (x *Executor) StopQuery(ctx context.Context, id string, forget bool) error {
	x.mu.Lock()
	r := x.queries[id]
	delete(x.queries, id)
	if r != nil {
		for _, v := range r.Views() {
			if x.views[v] == r {
				delete(x.views, v)
			}
		}
	}
	x.mu.Unlock()
	if r == nil {
		return nil
	}
	r.cancel()
	<-r.done
	if !forget {
		return nil
	}
	return task.Forget(ctx, x.env, r.Spec())
}

// find gives a query by id.
func (x *Executor) find(id string) (*running, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if r := x.queries[id]; r != nil {
		return r, nil
	}
	return nil, sqlerr.Newf(sqlerr.UndefinedObject, 0, "query %q does not run", id)
}

// PauseQuery stops a query after a commit; its views answer an error until ResumeQuery.
func (x *Executor) PauseQuery(ctx context.Context, id string) error {
	r, err := x.find(id)
	if err != nil {
		return err
	}
	return r.Pause(ctx)
}

// ResumeQuery ends a pause.
func (x *Executor) ResumeQuery(ctx context.Context, id string) error {
	r, err := x.find(id)
	if err != nil {
		return err
	}
	return r.Resume(ctx)
}

// Running tells whether a query with this id has been started and not stopped.
func (x *Executor) Running(id string) bool {
	_, err := x.find(id)
	return err == nil
}

// Statuses tells of every query, by id.
func (x *Executor) Statuses() []query.Status {
	x.mu.Lock()
	all := make([]*running, 0, len(x.queries))
	for _, r := range x.queries {
		all = append(all, r)
	}
	x.mu.Unlock()
	out := make([]query.Status, len(all))
	for i, r := range all {
		out[i] = r.Status()
	}
	sort.Slice(out, func(i, j int) bool { return out[i].ID < out[j].ID })
	return out
}

// WaitCaughtUp waits until the queries, in the given order (upstream first), have processed and committed everything that is readable
// in their inputs when their turn comes.
func (x *Executor) WaitCaughtUp(ctx context.Context, ids ...string) error {
	for _, id := range ids {
		r, err := x.find(id)
		if err != nil {
			return err
		}
		if err := r.WaitCaughtUp(ctx); err != nil {
			return queryError(err)
		}
	}
	return nil
}

// Pull answers a one-shot plan. out must not keep the chunk.
func (x *Executor) Pull(ctx context.Context, plan *physical.Plan, fctx functions.Context, virtual pull.VirtualTables, out func(*vector.Chunk) error) error {
	return pull.Run(ctx, plan, pull.Deps{
		Views: x, Virtual: virtual, Context: &fctx, Budget: state.NewBudget(x.opts.StatementBytes),
		Topics: &task.Scanner{Client: x.opts.Client, Formats: x.opts.Formats, Dialect: plan.Dialect},
	}, out)
}

// Push runs SELECT … EMIT CHANGES until ctx ends, out fails or the plan's limit is reached. out must not keep the chunk.
func (x *Executor) Push(ctx context.Context, plan *physical.Plan, fctx functions.Context, out func(*vector.Chunk) error) error {
	return task.Push(ctx, x.env, plan, fctx, state.NewBudget(x.opts.StatementBytes), out)
}

// Pin implements pull.ViewSource: all views at one commit.
func (x *Executor) Pin(ctx context.Context, views []string) ([]pull.Pinned, error) {
	pinned := make([]pull.Pinned, len(views))
	stores := make([]*state.Store, len(views))
	for i, id := range views {
		x.mu.Lock()
		r := x.views[id]
		x.mu.Unlock()
		if r == nil {
			return nil, sqlerr.Newf(sqlerr.ObjectNotInState, 0, "no running query keeps the view %q", id)
		}
		store, rows, err := r.View(ctx, id)
		if err != nil {
			return nil, queryError(err)
		}
		stores[i], pinned[i].Rows = store, rows
	}
	x.pool.View(func() {
		for i, s := range stores {
			pinned[i].Snapshot = s.Pin()
		}
	})
	return pinned, nil
}

// queryError turns a query's state into an error for a client.
func queryError(err error) error {
	if not, ok := errors.AsType[*query.NotRunningError](err); ok {
		return sqlerr.Wrap(err, sqlerr.ObjectNotInState, "%s", not.Error()).WithHint("SHOW QUERIES tells the state of every query")
	}
	return err
}

// Close commits what every query has done and stops. Idempotent.
func (x *Executor) Close() error {
	x.mu.Lock()
	if x.closed {
		x.mu.Unlock()
		return nil
	}
	x.closed = true
	all := x.queries
	x.queries = map[string]*running{}
	x.mu.Unlock()
	for _, r := range all {
		r.cancel()
	}
	for _, r := range all {
		<-r.done
	}
	x.stop()
	return <-x.pooling
}
