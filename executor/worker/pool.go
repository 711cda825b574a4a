// Package worker is one goroutine per core running tasks, and the node's commit group: a barrier through all tasks, then one
// transaction over outputs, changelog and offsets.
//
//	committer                 worker (each)                        log
//	  dirty? ────────────────►
//	  quiet, or interval over
//	  barrier e ─────────────► between two chunks: Task.Barrier(e)
//	  ◄──────────── batches, changelog, offsets
//	  produce all, end transaction ───────────────────────────────► two sync rounds
//	                            runs on in epoch e+1
//	  ◄──────────────────────────────────────────────────────────── done
//	  Committed(e) on every task: readers see e
//
// A task fails alone before its barrier: its outputs of the epoch were never produced. A commit that fails fails every task
// of the group; each recovers from the last commit.
package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/executor/dataflow"
	"github.com/freshetdb/freshet/executor/task"
)

// Options shape a pool. The zero value works.
type Options struct {
	Workers        int           // goroutines running tasks; 0: one
	CommitInterval time.Duration // longest an epoch lasts under load; 0: 100 ms
	// EpochBytes is how much output an epoch may gather before it is committed early; 0: 16 MiB. A task that has
	// gathered twice as much while a commit runs waits for it.
	EpochBytes      int
	TransactionalID string // of the node's producer
	Now             func() time.Time
}

func (o Options) withDefaults() Options {
	if o.Workers <= 0 {
		o.Workers = 1
	}
	if o.CommitInterval <= 0 {
		o.CommitInterval = 100 * time.Millisecond
	}
	if o.EpochBytes <= 0 {
		o.EpochBytes = 16 << 20
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// ErrStopped is what a task that leaves the pool on request ends with.
var ErrStopped = errors.New("stopped")

// Pool runs tasks and commits them together.
type Pool struct {
	opts    Options
	log     *slog.Logger
	metrics *metrics
	client  client.Client
	buffers *task.BufferPool
	workers []*worker

	dirty chan struct{} // a task has done something since the last barrier
	quiet chan struct{} // a worker has run out of input
	full  atomic.Bool   // an outbox has reached EpochBytes
	busy  atomic.Int32  // workers with input

	// commitMu makes the switch from one commit to the next one step for readers of several tasks.
	// Lock order: commitMu, then a store's own lock.
	commitMu sync.RWMutex

	addMu sync.Mutex // guards placing tasks on workers
	ready chan struct{}
	done  chan struct{}
}

// New makes a pool; Run drives it.
func New(opts Options, c client.Client, buffers *task.BufferPool, reg prometheus.Registerer, log *slog.Logger) *Pool {
	opts = opts.withDefaults()
	p := &Pool{
		opts: opts, log: log.With("component", "worker"), metrics: newMetrics(reg), client: c, buffers: buffers,
		dirty: make(chan struct{}, 1), quiet: make(chan struct{}, 1), ready: make(chan struct{}), done: make(chan struct{}),
	}
	for i := range opts.Workers {
		p.workers = append(p.workers, newWorker(p, i))
	}
	return p
}

// Run opens the node's transactional producer, which resolves what an earlier life left open, and serves until ctx ends; then
// a last commit is made and every task closed.
func (p *Pool) Run(ctx context.Context) error {
	defer close(p.done)
	g, gctx := errgroup.WithContext(ctx)
	committing := &committer{pool: p}
	if err := committing.open(ctx); err != nil {
		return err
	}
	close(p.ready)
	// Workers outlive the committer, whose last barrier they have to answer.
	wctx, stopWorkers := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWorkers()
	for _, w := range p.workers {
		g.Go(func() error { w.run(wctx); return nil })
	}
	g.Go(func() error {
		defer stopWorkers()
		return committing.run(gctx)
	})
	return g.Wait()
}

// Ready is closed once the node's producer is open: committed offsets and changelogs may be read from then on.
func (p *Pool) Ready() <-chan struct{} { return p.ready }

// Add gives a recovered task to the worker with the fewest. failed is called once, from a worker, when the task leaves for any reason
// but Remove; the task is closed by then.
func (p *Pool) Add(t *task.Task, failed func(error)) {
	p.addMu.Lock()
	defer p.addMu.Unlock()
	w := p.workers[0]
	for _, other := range p.workers[1:] {
		if other.size.Load() < w.size.Load() {
			w = other
		}
	}
	w.size.Add(1)
	e := &entry{task: t, failed: failed, worker: w}
	t.OnWake(w.notify)
	w.do(func() { w.entries = append(w.entries, e) })
}

// Remove commits what the task has done, takes it out and closes it.
func (p *Pool) Remove(ctx context.Context, t *task.Task) error {
	left := make(chan error, 1)
	for _, w := range p.workers {
		w.do(func() {
			for _, e := range w.entries {
				if e.task == t {
					e.leaving = left
					p.signal(p.dirty)
					return
				}
			}
		})
	}
	p.signal(p.dirty)
	select {
	case err := <-left:
		return err
	case <-p.done:
		return ErrStopped
	case <-ctx.Done():
		return ctx.Err()
	}
}

// View runs read while no commit can happen, so that what it pins in several tasks belongs to one commit.
func (p *Pool) View(read func()) {
	p.commitMu.RLock()
	defer p.commitMu.RUnlock()
	read()
}

func (p *Pool) signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// entry is a task on its worker. The worker's goroutine owns it.
type entry struct {
	task    *task.Task
	worker  *worker
	failed  func(error)
	leaving chan error // set by Remove
}

// worker runs its tasks, one chunk at a time.
type worker struct {
	pool    *Pool
	id      int
	size    atomic.Int32
	entries []*entry
	cmds    chan func()
	wake    chan struct{}
}

// cmdQueue bounds commands waiting for a worker; more senders wait.
const cmdQueue = 64

func newWorker(p *Pool, id int) *worker {
	return &worker{pool: p, id: id, cmds: make(chan func(), cmdQueue), wake: make(chan struct{}, 1)}
}

func (w *worker) notify() { w.pool.signal(w.wake) }

// do runs f on the worker between two chunks; it does not wait. After the pool has ended it does nothing.
func (w *worker) do(f func()) {
	select {
	case w.cmds <- f:
	case <-w.pool.done:
	}
}

// sliceChunks is how many chunks a task may take before the next task has its turn.
const sliceChunks = 16

// idleTick is how often an idle worker looks at its tasks' clocks (idle partitions, wall-clock watermarks).
const idleTick = 250 * time.Millisecond

func (w *worker) run(ctx context.Context) {
	tick := time.NewTicker(idleTick)
	defer tick.Stop()
	defer w.closeAll()
	for {
		select {
		case <-ctx.Done():
			return
		case f := <-w.cmds:
			f()
		case <-w.wake:
		case <-tick.C:
			w.tick(ctx)
		}
		w.pool.busy.Add(1)
		for w.round(ctx) && ctx.Err() == nil {
		}
		w.pool.busy.Add(-1)
		w.pool.signal(w.pool.quiet)
	}
}

// round gives every task a turn; false when none had input and nobody wanted anything.
func (w *worker) round(ctx context.Context) bool {
	worked := false
	for i := 0; i < len(w.entries); i++ {
		e := w.entries[i]
		if e.leaving != nil {
			continue // waits for the commit of what it has done
		}
		for range sliceChunks {
			w.obey()
			if i >= len(w.entries) || w.entries[i] != e { // a command took it out, or one before it
				i--
				break
			}
			if e.leaving != nil || e.task.PendingBytes() > 2*w.pool.opts.EpochBytes {
				break // the barrier wakes us
			}
			n, err := w.step(ctx, e)
			if err != nil {
				w.fail(e, err)
				i--
				break
			}
			if n == 0 {
				break
			}
			worked = true
		}
	}
	return w.obey() || worked // a command may have brought a task, or emptied an outbox
}

// step runs one chunk of a task.
func (w *worker) step(ctx context.Context, e *entry) (n int, err error) {
	defer recoverTask(w.pool.log, e.task, &err)
	n, err = e.task.Work(ctx)
	if n > 0 {
		w.pool.metrics.records.Add(float64(n))
		if e.task.PendingBytes() > w.pool.opts.EpochBytes {
			w.pool.full.Store(true)
			w.pool.signal(w.pool.quiet)
		}
		w.pool.signal(w.pool.dirty)
	}
	return n, err
}

// recoverTask turns a panic in a task into its failure: one query's defect must not take the node down.
func recoverTask(log *slog.Logger, t *task.Task, err *error) {
	if r := recover(); r != nil {
		log.Error("task panicked", "query_id", t.ID(), "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
		*err = fmt.Errorf("internal error: %v", r)
	}
}

// obey runs the commands that wait, without waiting for more, and tells whether there were any.
func (w *worker) obey() (obeyed bool) {
	for {
		select {
		case f := <-w.cmds:
			f()
			obeyed = true
		default:
			return obeyed
		}
	}
}

// tick lets tasks without input look at the clock.
func (w *worker) tick(ctx context.Context) {
	for i := 0; i < len(w.entries); i++ {
		e := w.entries[i]
		moved, err := w.tickTask(ctx, e)
		if err != nil {
			w.fail(e, err)
			i--
			continue
		}
		if moved {
			w.pool.signal(w.pool.dirty)
		}
	}
}

func (w *worker) tickTask(ctx context.Context, e *entry) (moved bool, err error) {
	defer recoverTask(w.pool.log, e.task, &err)
	return e.task.Tick(ctx)
}

// fail takes a task out without a commit.
func (w *worker) fail(e *entry, err error) {
	w.remove(e)
	e.task.Close()
	if e.leaving != nil {
		e.leaving <- err
		return
	}
	e.failed(err)
}

func (w *worker) remove(e *entry) {
	for i := range w.entries {
		if w.entries[i] == e {
			w.entries = append(w.entries[:i], w.entries[i+1:]...)
			w.size.Add(-1)
			return
		}
	}
}

// has tells whether e is still here.
func (w *worker) has(e *entry) bool {
	return slices.Contains(w.entries, e)
}

func (w *worker) closeAll() {
	for _, e := range w.entries {
		e.task.Close()
		if e.leaving != nil {
			e.leaving <- nil
		}
	}
	w.entries = nil
}

// barrier ends the epoch of every task of the worker.
func (w *worker) barrier(e dataflow.Epoch) []flushed {
	var out []flushed
	for i := 0; i < len(w.entries); i++ {
		en := w.entries[i]
		f, err := w.barrierTask(en, e)
		if err != nil {
			w.fail(en, err)
			i--
			continue
		}
		out = append(out, flushed{entry: en, Flush: f})
	}
	return out
}

func (w *worker) barrierTask(e *entry, epoch dataflow.Epoch) (f task.Flush, err error) {
	defer recoverTask(w.pool.log, e.task, &err)
	return e.task.Barrier(epoch)
}

// flushed is what a task hands over at a barrier.
type flushed struct {
	task.Flush
	entry *entry
}
