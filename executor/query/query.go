// Package query is a kept query's life: start, pause, fail, restart, stop.
//
//	            Start                 recovered
//	(none) ─────────────► Starting ─────────────► Running ──── Pause ────► Paused
//	                         ▲   ▲                   │                        │
//	            back-off     │   └────── Resume ─────┼────────────────────────┘
//	                         │                       │ task or commit failed
//	                      Failed ◄───────────────────┘
//
// A failed query restarts by itself after a back-off that doubles up to a minute; its cause and next try are in its Status.
package query

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/executor/state"
	"github.com/freshetdb/freshet/executor/task"
	"github.com/freshetdb/freshet/executor/worker"
	"github.com/freshetdb/freshet/planner/physical"
)

// State is where a query is in its life.
type State string

// The states.
const (
	Starting State = "STARTING"
	Running  State = "RUNNING"
	Paused   State = "PAUSED"
	Failed   State = "FAILED"
)

// Status is what SHOW QUERIES tells of a query.
type Status struct {
	ID         string
	State      State
	Cause      string    // of the last failure
	NextTry    time.Time // of a failed query
	Restarts   int
	Records    int64 // read since the task was started
	Committed  int64 // of them, those whose effects are committed
	BadRecords int64 // refused, in the error stream
	Late       int64 // dropped as too late
	StateBytes int64
}

// Back-off between a failure and the next try.
const (
	backoffMin = 200 * time.Millisecond
	backoffMax = time.Minute
	// steadyAfter is how long a query must have run for its next failure to begin with the shortest back-off again.
	steadyAfter = 2 * backoffMax
)

// Query is one kept query of this node.
type Query struct {
	env  task.Env
	spec task.Spec
	pool *worker.Pool
	log  *slog.Logger

	mu      sync.Mutex
	state   State         // guarded by mu
	task    *task.Task    // guarded by mu; nil unless Running
	cause   error         // guarded by mu
	nextTry time.Time     // guarded by mu
	tries   int           // guarded by mu: failures in a row
	total   int           // guarded by mu: restarts ever
	changed chan struct{} // guarded by mu; closed when state changes

	paused chan bool  // asks run to pause or go on
	failed chan error // from the pool
}

// New makes a query that has not started.
func New(env task.Env, spec task.Spec, pool *worker.Pool) *Query {
	return &Query{
		env: env, spec: spec, pool: pool, log: env.Log.With("component", "query", "query_id", spec.ID),
		state: Starting, changed: make(chan struct{}), paused: make(chan bool), failed: make(chan error, 1),
	}
}

// Spec is what the query runs.
func (q *Query) Spec() task.Spec { return q.spec }

// Run keeps the query running until ctx ends; then what it has done is committed and the task closed.
func (q *Query) Run(ctx context.Context) {
	select {
	case <-q.pool.Ready():
	case <-ctx.Done():
		return
	}
	for ctx.Err() == nil {
		began := q.env.Now()
		t, err := task.New(ctx, q.env, q.spec)
		if err == nil {
			q.set(Running, t, nil, time.Time{})
			q.pool.Add(t, func(err error) { q.failed <- err })
			err = q.watch(ctx, t)
		}
		if ctx.Err() != nil {
			return
		}
		if err == nil { // resumed after a pause
			continue
		}
		q.backoff(ctx, err, q.env.Now().Sub(began))
	}
}

// Partitions added to an input are looked for every growthEvery, for growthMax at most.
const (
	growthEvery = 10 * time.Second
	growthMax   = 5 * time.Second
)

// grown tells whether a task's inputs have got partitions.
func grown(ctx context.Context, t *task.Task) bool {
	ctx, cancel := context.WithTimeout(ctx, growthMax)
	defer cancel()
	return t.Grown(ctx)
}

// watch waits while a task runs. nil means that the query was paused and resumed, or its input has got partitions: start again.
func (q *Query) watch(ctx context.Context, t *task.Task) error {
	growth := time.NewTicker(growthEvery)
	defer growth.Stop()
	for {
		select {
		case <-growth.C:
			if !grown(ctx, t) {
				continue
			}
			q.log.Info("an input has more partitions, the query starts again with them")
			q.remove(ctx, t)
			q.set(Starting, nil, nil, time.Time{})
			return nil
		case err := <-q.failed:
			return err
		case <-ctx.Done():
			q.remove(ctx, t)
			return ctx.Err()
		case pause := <-q.paused:
			if !pause {
				continue
			}
			q.remove(ctx, t)
			q.set(Paused, nil, nil, time.Time{})
			return q.waitResume(ctx)
		}
	}
}

func (q *Query) waitResume(ctx context.Context) error {
	for {
		select {
		case pause := <-q.paused:
			if !pause {
				q.set(Starting, nil, nil, time.Time{})
				return nil
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// removeMax bounds the commit with which a query leaves the pool.
const removeMax = 10 * time.Second

func (q *Query) remove(ctx context.Context, t *task.Task) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeMax)
	defer cancel()
	if err := q.pool.Remove(ctx, t); err != nil && !errors.Is(err, worker.ErrStopped) {
		q.log.Warn("query stopped without its last commit", "err", err)
	}
}

// backoff waits before the next try.
func (q *Query) backoff(ctx context.Context, cause error, ran time.Duration) {
	q.mu.Lock()
	if ran > steadyAfter {
		q.tries = 0
	}
	wait := min(backoffMin<<min(q.tries, 16), backoffMax)
	q.tries++
	q.total++
	q.mu.Unlock()
	next := q.env.Now().Add(wait)
	q.log.Warn("query failed", "err", cause, "next_try_ms", wait.Milliseconds())
	q.set(Failed, nil, cause, next)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		case pause := <-q.paused:
			if pause {
				q.set(Paused, nil, nil, time.Time{})
				_ = q.waitResume(ctx)
				return
			}
		}
	}
}

func (q *Query) set(s State, t *task.Task, cause error, next time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.state, q.task, q.nextTry = s, t, next
	if cause != nil {
		q.cause = cause
	}
	close(q.changed)
	q.changed = make(chan struct{})
}

// Pause stops reading after a commit, and waits for it; what the query keeps cannot be asked meanwhile. Resume goes on where it stopped.
func (q *Query) Pause(ctx context.Context) error { return q.ask(ctx, true) }

// Resume ends a pause.
func (q *Query) Resume(ctx context.Context) error { return q.ask(ctx, false) }

// ask hands a wish to Run and waits until the state tells of it.
func (q *Query) ask(ctx context.Context, pause bool) error {
	select {
	case q.paused <- pause:
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		q.mu.Lock()
		state, changed := q.state, q.changed
		q.mu.Unlock()
		if (state == Paused) == pause {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Status tells how the query is.
func (q *Query) Status() Status {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := Status{ID: q.spec.ID, State: q.state, NextTry: q.nextTry, Restarts: q.total}
	if q.cause != nil {
		s.Cause = q.cause.Error()
	}
	if t := q.task; t != nil {
		s.Records, s.Committed, s.BadRecords = t.Counts()
		s.Late = t.Stats().Late.Load()
		s.StateBytes = t.StateBytes()
	}
	return s
}

// running waits until the query runs and gives its task; an error tells why it does not.
func (q *Query) running(ctx context.Context) (*task.Task, error) {
	for {
		q.mu.Lock()
		t, state, cause, changed := q.task, q.state, q.cause, q.changed
		q.mu.Unlock()
		if t != nil {
			return t, nil
		}
		if state == Failed || state == Paused {
			return nil, &NotRunningError{ID: q.spec.ID, State: state, Cause: cause}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// NotRunningError says that a query cannot answer now.
type NotRunningError struct {
	ID    string
	State State
	Cause error
}

// Error implements error.
func (e *NotRunningError) Error() string {
	if e.Cause != nil && e.State == Failed {
		return "query " + e.ID + " has failed: " + e.Cause.Error()
	}
	return "query " + e.ID + " is paused"
}

// View finds a table that the query keeps, waiting for the query to have started.
func (q *Query) View(ctx context.Context, id string) (*state.Store, *state.RowTable, error) {
	t, err := q.running(ctx)
	if err != nil {
		return nil, nil, err
	}
	views, store := t.Views()
	for _, v := range views {
		if v.Step.ID == id {
			return store, v.Rows, nil
		}
	}
	return nil, nil, &NotRunningError{ID: q.spec.ID, State: Failed, Cause: errors.New("it keeps no view " + id)}
}

// Views lists the ids of the tables the query's plan keeps.
func (q *Query) Views() []string { return viewIDs(q.spec) }

// WaitCaughtUp waits until the query has processed and committed everything readable in its inputs now.
func (q *Query) WaitCaughtUp(ctx context.Context) error {
	t, err := q.running(ctx)
	if err != nil {
		return err
	}
	want := map[client.TopicPartition]int64{}
	for _, tp := range t.Inputs() {
		bounds, err := q.env.Client.Offsets(ctx, tp)
		if errors.Is(err, client.ErrUnknownTopic) {
			continue
		}
		if err != nil {
			return err
		}
		want[tp] = bounds.LastStable
	}
	return t.WaitFor(ctx, want)
}

// viewIDs finds the View steps of a plan.
func viewIDs(spec task.Spec) []string {
	var ids []string
	var walk func(physical.Step)
	walk = func(s physical.Step) {
		if v, ok := s.(*physical.View); ok {
			ids = append(ids, v.ID)
		}
		for _, in := range s.Inputs() {
			walk(in)
		}
	}
	walk(spec.Plan.Root)
	return ids
}
