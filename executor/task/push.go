package task

import (
	"context"
	"errors"
	"time"

	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/executor/dataflow"
	"github.com/freshetdb/freshet/executor/operator"
	"github.com/freshetdb/freshet/executor/state"
	"github.com/freshetdb/freshet/planner/physical"
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/vector"
)

// pushEpoch is the longest a push query holds an aggregate's changes back while input keeps coming.
const pushEpoch = 100 * time.Millisecond

// Push runs SELECT … EMIT CHANGES until ctx ends, out fails or the plan's limit is reached: it reads committed records and commits nothing.
// out must not keep the chunk. budget bounds the query's memory.
func Push(ctx context.Context, env Env, plan *physical.Plan, params functions.Context, budget *state.Budget, out func(*vector.Chunk) error) error {
	if env.IdleTimeout == 0 {
		env.IdleTimeout = idleTimeoutDefault
	}
	q := &pushQuery{out: out, left: plan.Limit, wake: make(chan struct{}, 1)}
	spec := Spec{ID: "push", Plan: plan}
	t := &Task{env: env, spec: spec, log: env.Log.With("component", "push"), context: params}
	defer t.Close()
	if keepsState(plan.Root) {
		t.store = state.NewStore(state.Options{Budget: budget})
	}
	pipe, err := operator.Build(plan.Root, operator.Deps{
		Store: t.store, Context: &t.context, Budget: budget, Stats: &t.stats, Output: q, Time: &t.time,
		Errors: func(string, *sqlerr.Error) { t.badRows.Add(1) },
		Sink: func(*physical.Sink) (dataflow.Operator, error) {
			return nil, sqlerr.Newf(sqlerr.Internal, 0, "a push query writes no topic")
		},
	})
	if err != nil {
		return err
	}
	t.pipe = pipe
	if err := t.addInputs("a push query", func(*physical.Scan, BadRecord) { t.badRows.Add(1) }); err != nil {
		return err
	}
	t.OnWake(q.notify)
	if err := t.openInputs(ctx, map[client.TopicPartition]client.Committed{}); err != nil {
		return err
	}
	err = q.run(ctx, t)
	if errors.Is(err, errLimit) {
		return nil
	}
	return err
}

// errLimit ends a push query that has sent what was asked for.
var errLimit = errors.New("limit reached")

// pushQuery drives a task whose output is a client.
type pushQuery struct {
	out  func(*vector.Chunk) error
	left int64 // rows to send; -1: no limit
	wake chan struct{}
}

func (q *pushQuery) notify() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// run alternates between input and barriers.
func (q *pushQuery) run(ctx context.Context, t *Task) error {
	tick := time.NewTicker(pushEpoch)
	defer tick.Stop()
	epoch, began := dataflow.Epoch(0), time.Now()
	for ctx.Err() == nil {
		n, err := t.Work(ctx)
		if err != nil {
			return err
		}
		if n > 0 && time.Since(began) < pushEpoch {
			continue
		}
		epoch++
		began = time.Now()
		if err := q.barrier(t, epoch); err != nil {
			return err
		}
		if n > 0 {
			continue
		}
		select {
		case <-ctx.Done():
		case <-q.wake:
		case <-tick.C:
			if _, err := t.Tick(ctx); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// barrier emits what operators hold back.
func (q *pushQuery) barrier(t *Task, e dataflow.Epoch) error {
	if !t.dirty {
		return nil
	}
	t.lock()
	for _, in := range t.inputs {
		if err := in.head.Barrier(e); err != nil {
			t.unlock()
			return err
		}
	}
	t.unlock()
	t.dirty = false
	if t.store == nil {
		return nil
	}
	if err := t.store.DirtyInto(uint64(e), nil); err != nil {
		return err
	}
	t.store.Committed(uint64(e), nil)
	return nil
}

// Push implements dataflow.Operator: rows to the client, up to the limit.
func (q *pushQuery) Push(c *vector.Chunk) error {
	if q.left == 0 {
		return errLimit
	}
	if q.left > 0 && int64(c.Rows()) >= q.left {
		cut := *c
		cut.Sel = firstRows(c, int(q.left))
		q.left = 0
		if err := q.out(&cut); err != nil {
			return err
		}
		return errLimit
	}
	if q.left > 0 {
		q.left -= int64(c.Rows())
	}
	return q.out(c)
}

// firstRows selects the first n rows that count.
func firstRows(c *vector.Chunk, n int) []uint16 {
	if c.Sel != nil {
		return c.Sel[:n]
	}
	sel := make([]uint16, n)
	for i := range sel {
		sel[i] = uint16(i)
	}
	return sel
}

// Advance implements dataflow.Operator.
func (q *pushQuery) Advance(int64) error { return nil }

// Barrier implements dataflow.Operator.
func (q *pushQuery) Barrier(dataflow.Epoch) error { return nil }

// End implements dataflow.Operator.
func (q *pushQuery) End() error { return nil }
