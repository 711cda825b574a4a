// Package task is a fused pipeline over its partitions: decode, run, flush at the barrier.
//
// A Task belongs to one worker goroutine, which calls Work, Tick and Barrier; Committed, Announce and the waiting methods may be called
// from others. Its state is in one state.Store; its outputs of an epoch wait in an outbox until the epoch commits.
package task

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/executor/dataflow"
	"github.com/freshetdb/freshet/executor/operator"
	"github.com/freshetdb/freshet/executor/state"
	"github.com/freshetdb/freshet/planner/physical"
	"github.com/freshetdb/freshet/sql/format"
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/vector"
	"github.com/freshetdb/freshet/storage/record"
	"github.com/freshetdb/freshet/storage/vfs"
)

// Env is what the tasks of a node share.
type Env struct {
	Client      client.Client
	Formats     *format.Registry
	FS          vfs.FS
	Dir         string // where dumps live
	Buffers     *BufferPool
	Budget      *state.Budget
	IdleTimeout time.Duration // silence after which a drained partition is idle; 0: 10 s
	DumpBytes   int64         // of changelog between two dumps of a state, at least; 0: 64 MiB
	Now         func() time.Time
	Log         *slog.Logger
}

// idleTimeoutDefault is Env.IdleTimeout's default.
const idleTimeoutDefault = 10 * time.Second

// Spec names a query and what it runs.
type Spec struct {
	ID     string
	Layout string // fingerprint of the plan's state: other layouts do not read each other's state
	Plan   *physical.Plan
}

// Group is the consumer group that holds the query's input positions.
func (s Spec) Group() string { return "_freshet-" + s.ID + "-" + s.Layout }

// Changelog is the topic of the query's state.
func (s Spec) Changelog() string { return "_freshet-" + s.ID + "-" + s.Layout + "-changelog" }

// Task is a query running.
type Task struct {
	env   Env
	spec  Spec
	log   *slog.Logger
	store *state.Store // nil: the plan keeps no state
	pipe  *operator.Pipeline
	stats operator.Stats

	inputs  []*input
	clock   *eventClock
	time    operator.StreamTime // for the chunk being pushed
	context functions.Context
	outbox  outbox
	errors  errorEntries
	change  *changelog // nil without a store
	dumps   *dumper    // nil without a store
	dec     record.Decompressor

	dirty     bool           // something was done since the last barrier
	epochRows int            // rows read since the last barrier
	sealed    dataflow.Epoch // the last barrier that ended an epoch
	committed atomic.Uint64  // the last epoch committed
	records   atomic.Int64
	settled   atomic.Int64 // records as of the last commit
	badRows   atomic.Int64
	failure   error // set by callbacks on the task's goroutine: ON ERROR STOP
	wake      atomic.Pointer[func()]
	progress  progress
	closed    bool
}

// input is a Scan of the plan with its partitions.
type input struct {
	scan    *physical.Scan
	source  *source
	head    dataflow.Operator
	cursors []*partition
	missing bool // the topic was deleted
}

// partition is a cursor with what it has read ahead.
type partition struct {
	*cursor
	index   int // in the task's clock
	cols    record.Columns
	at      int   // next row of cols
	lastMax int64 // largest event time delivered
	flushed int64 // position handed over at the last barrier
}

// New builds a query's pipeline and recovers it: state from dump and changelog, positions from its group. The node's producer must be
// open, so that no transaction of an earlier life is undecided.
func New(ctx context.Context, env Env, spec Spec) (*Task, error) {
	if env.IdleTimeout == 0 {
		env.IdleTimeout = idleTimeoutDefault
	}
	t := &Task{env: env, spec: spec, log: env.Log.With("component", "task", "query_id", spec.ID)}
	t.outbox.pool = env.Buffers
	t.errors.task = t
	t.context = functions.Context{Dialect: spec.Plan.Dialect, TimeZone: "UTC", Now: env.Now().UnixMicro()}
	if err := t.build(ctx); err != nil {
		t.Close()
		return nil, err
	}
	if err := t.recover(ctx); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

// ID is the query's id.
func (t *Task) ID() string { return t.spec.ID }

// Views are the tables the task keeps, with the store to pin.
func (t *Task) Views() ([]operator.View, *state.Store) { return t.pipe.Views, t.store }

// Stats are what the task's operators dropped.
func (t *Task) Stats() *operator.Stats { return &t.stats }

// Counts are since the task was made: records read, those of them that are committed, records and rows refused.
func (t *Task) Counts() (read, committed, refused int64) {
	return t.records.Load(), t.settled.Load(), t.badRows.Load()
}

// StateBytes is the memory of the task's state.
func (t *Task) StateBytes() int64 {
	if t.store == nil {
		return 0
	}
	return t.store.Bytes()
}

// build makes the operators and the sources; nothing is read yet.
func (t *Task) build(ctx context.Context) error {
	if keepsState(t.spec.Plan.Root) {
		t.store = state.NewStore(state.Options{Budget: t.env.Budget})
		t.change = newChangelog(t.spec.Changelog(), &t.outbox)
		t.dumps = newDumper(t)
	}
	pipe, err := operator.Build(t.spec.Plan.Root, operator.Deps{
		Store: t.store, Context: &t.context, Budget: t.env.Budget, Stats: &t.stats, Time: &t.time,
		Errors: t.errors.row,
		Output: discard{},
		Sink:   func(s *physical.Sink) (dataflow.Operator, error) { return t.newSink(ctx, s) },
	})
	if err != nil {
		return err
	}
	t.pipe = pipe
	return t.addInputs("a kept query", t.refused)
}

// addInputs makes a source for every scan of the pipeline; refused takes what a source cannot decode. who is for the error.
func (t *Task) addInputs(who string, refused func(*physical.Scan, BadRecord)) error {
	for _, in := range t.pipe.Inputs {
		scan, ok := in.Step.(*physical.Scan)
		if !ok {
			return sqlerr.Unsupported(0, fmt.Sprintf("%s over %T", who, in.Step))
		}
		src, err := newSource(scan, t.env.Formats, t.spec.Plan.Dialect, func(b BadRecord) { refused(scan, b) })
		if err != nil {
			return err
		}
		t.inputs = append(t.inputs, &input{scan: scan, source: src, head: in.Head})
	}
	return nil
}

func (t *Task) newSink(ctx context.Context, s *physical.Sink) (dataflow.Operator, error) {
	topic, err := t.env.Client.Topic(ctx, s.Topic)
	if err != nil {
		return nil, fmt.Errorf("topic %q of the query's output: %w", s.Topic, err)
	}
	return newSink(s, topic.Partitions, t.env.Formats, t.spec.Plan.Dialect, &t.outbox)
}

// keepsState tells whether any step of a plan owns state.
func keepsState(s physical.Step) bool {
	switch s.(type) {
	case *physical.Aggregate, *physical.Upsert, *physical.View, *physical.HashJoin, *physical.Distinct:
		return true
	}
	return slices.ContainsFunc(s.Inputs(), keepsState)
}

// refused takes a record that could not be decoded.
func (t *Task) refused(scan *physical.Scan, b BadRecord) {
	t.badRows.Add(1)
	if scan.StopOnError && t.failure == nil {
		t.failure = sqlerr.Newf(sqlerr.DataException, 0, "record at %s-%d offset %d: %s", b.Topic, b.Partition, b.Offset, b.Cause)
		return
	}
	t.errors.record(b)
}

// OnWake sets what to call when input may have arrived; it is called once at once.
func (t *Task) OnWake(wake func()) {
	t.wake.Store(&wake)
	wake()
}

func (t *Task) woken() {
	if wake := t.wake.Load(); wake != nil {
		(*wake)()
	}
}

// Work runs one chunk and returns its rows; 0 when no input is there. An error fails the task.
func (t *Task) Work(ctx context.Context) (int, error) {
	for {
		in, p := t.pick()
		if p == nil {
			return 0, nil
		}
		if p.at >= len(p.cols.Offsets) {
			at, err := p.fill(ctx, &t.dec, &p.cols, vector.MaxRows)
			if errors.Is(err, client.ErrUnknownTopic) {
				t.gone(in, p)
				continue
			}
			if err != nil {
				return 0, err
			}
			p.at = at
		}
		if p.at >= len(p.cols.Offsets) {
			p.delivered(&p.cols, len(p.cols.Offsets))
			p.at = len(p.cols.Offsets)
			if p.drained() {
				t.clock.atEnd(p.index)
				t.markersOnly()
			}
			continue
		}
		return t.push(in, p)
	}
}

// gone ends the reading of a partition whose topic was deleted: the query keeps what it has.
func (t *Task) gone(in *input, p *partition) {
	if !in.missing {
		t.log.Warn("input topic is gone, the query keeps what it has", "topic", in.scan.Topic)
		in.missing = true
	}
	p.close() // never ready again
	t.clock.atEnd(p.index)
}

// pick chooses the partition to read next: of those with something to read, the one furthest behind in event time, so that no partition runs
// ahead of the others by more than a chunk.
func (t *Task) pick() (*input, *partition) {
	var (
		bestIn *input
		best   *partition
	)
	for _, in := range t.inputs {
		for _, p := range in.cursors {
			if p.at >= len(p.cols.Offsets) && !p.ready() {
				continue
			}
			if best == nil || p.lastMax < best.lastMax {
				bestIn, best = in, p
			}
		}
	}
	return bestIn, best
}

// push decodes and runs up to a chunk of what a partition has read.
func (t *Task) push(in *input, p *partition) (int, error) {
	to := min(p.at+vector.MaxRows, len(p.cols.Offsets))
	now := t.env.Now()
	t.context.Now = now.UnixMicro()
	chunk, maxTime := in.source.decode(&p.cols, p.at, to, p.tp.Partition)
	if t.failure != nil {
		return 0, t.failure
	}
	n := to - p.at
	t.time = t.clock.stream(p.index, now)
	t.lock()
	var err error
	if chunk.Rows() > 0 {
		err = in.head.Push(chunk)
	}
	if err == nil {
		p.lastMax = max(p.lastMax, maxTime)
		t.clock.saw(p.index, maxTime, now)
		err = t.advance(now)
	}
	t.unlock()
	if err != nil {
		return 0, err
	}
	p.at = to
	p.delivered(&p.cols, to)
	t.dirty = true
	t.epochRows += n
	t.records.Add(int64(n))
	return n, nil
}

func (t *Task) lock() {
	if t.store != nil {
		t.store.Lock()
	}
}

func (t *Task) unlock() {
	if t.store != nil {
		t.store.Unlock()
	}
}

// advance moves the watermark of every head.
func (t *Task) advance(now time.Time) error {
	watermark, moved := t.clock.advance(now)
	if !moved {
		return nil
	}
	for _, in := range t.inputs {
		if err := in.head.Advance(watermark); err != nil {
			return err
		}
	}
	t.dirty = true
	return nil
}

// errInputBack fails a task whose deleted input exists again, so that it opens it.
var errInputBack = errors.New("the input topic exists again")

// Tick lets time pass without input; it tells whether anything happened.
func (t *Task) Tick(ctx context.Context) (bool, error) {
	for _, in := range t.inputs {
		if in.missing {
			if _, err := t.env.Client.Topic(ctx, in.scan.Topic); err == nil {
				return false, errInputBack
			}
		}
	}
	before := t.clock.watermark
	t.lock()
	err := t.advance(t.env.Now())
	t.unlock()
	return t.clock.watermark != before, err
}

// changeBytes is about what a row read costs until its epoch commits when the query keeps state: an undo entry and a changelog
// record, for the rows that touch a key of their own.
const changeBytes = 64

// Grown tells whether a topic has partitions that the task does not read: they were added since it began.
func (t *Task) Grown(ctx context.Context) bool {
	for _, in := range t.inputs {
		topic, err := t.env.Client.Topic(ctx, in.scan.Topic)
		if err == nil && len(in.cursors) > 0 && int(topic.Partitions) > len(in.cursors) {
			return true
		}
	}
	return false
}

// PendingBytes is about what the open epoch holds in memory: output waiting for its commit, and changes of state.
func (t *Task) PendingBytes() int {
	if t.store == nil {
		return t.outbox.bytes
	}
	return t.outbox.bytes + t.epochRows*changeBytes
}

// Flush is what a task hands over at a barrier.
type Flush struct {
	Batches  []Batch
	Group    string
	Offsets  map[client.TopicPartition]client.Committed // nil: nothing changed
	task     *Task
	sealed   bool // the epoch ended with this flush, even if there is nothing to write: a watermark moved, say
	records  int64
	position map[client.TopicPartition]int64
}

// Changed tells whether there is anything to commit.
func (f Flush) Changed() bool { return len(f.Batches) > 0 || len(f.Offsets) > 0 }

// Acked notes where a batch has been appended. Any goroutine may call it.
func (f Flush) Acked(b Batch, baseOffset int64) {
	if f.task.change != nil && b.To.Topic == f.task.change.topic {
		f.task.change.acked(b, baseOffset)
	}
}

// Barrier ends an epoch and hands over what it must commit.
func (t *Task) Barrier(e dataflow.Epoch) (Flush, error) {
	if !t.dirty {
		return Flush{task: t}, nil
	}
	if err := t.barrier(e); err != nil {
		return Flush{}, err
	}
	t.errors.flush()
	f := Flush{task: t, sealed: true, Group: t.spec.Group(), records: t.records.Load(), position: map[client.TopicPartition]int64{}}
	f.Offsets = map[client.TopicPartition]client.Committed{}
	watermark := strconv.FormatInt(t.clock.watermark, 10)
	for _, in := range t.inputs {
		for _, p := range in.cursors {
			f.position[p.tp] = p.next
			if p.next != p.flushed {
				f.Offsets[p.tp] = client.Committed{Offset: p.next, LeaderEpoch: -1, Metadata: watermark}
				p.flushed = p.next
			}
		}
	}
	f.Batches = t.outbox.take()
	t.dirty, t.epochRows = false, 0
	t.sealed = e
	return f, nil
}

// barrier flushes the operators and writes the changed state to the changelog.
func (t *Task) barrier(e dataflow.Epoch) error {
	t.lock()
	for _, in := range t.inputs {
		if err := in.head.Barrier(e); err != nil {
			t.unlock()
			return err
		}
	}
	t.unlock()
	if t.store == nil {
		return nil
	}
	if err := t.store.DirtyInto(uint64(e), t.change); err != nil {
		return err
	}
	return t.change.flush()
}

// Committed says that the epoch of f is durable. The committer calls it for all tasks of a commit in one critical section.
func (t *Task) Committed(e dataflow.Epoch, f Flush) {
	if !f.sealed {
		return
	}
	if t.store != nil {
		at := t.change.positions()
		t.store.Committed(uint64(e), &at)
	}
	t.committed.Store(uint64(e))
	t.settled.Store(f.records)
	t.progress.commit(f.position)
}

// Announce wakes who waits for the task's progress and starts a dump when one is due.
func (t *Task) Announce() {
	t.progress.announce()
	if t.dumps != nil {
		t.dumps.consider()
	}
}

// Uncommitted tells whether the task has done anything that no commit holds yet. The task's goroutine calls it.
func (t *Task) Uncommitted() bool { return t.dirty || uint64(t.sealed) > t.committed.Load() }

// markersOnly publishes positions that moved over transaction markers alone: there is nothing to commit about them.
func (t *Task) markersOnly() {
	if t.Uncommitted() {
		return
	}
	moved := map[client.TopicPartition]int64{}
	for _, in := range t.inputs {
		for _, p := range in.cursors {
			moved[p.tp] = p.next
		}
	}
	t.progress.commit(moved)
	t.progress.announce()
}

// WaitFor waits until everything before the given offsets has been processed and committed.
func (t *Task) WaitFor(ctx context.Context, offsets map[client.TopicPartition]int64) error {
	return t.progress.wait(ctx, offsets)
}

// Inputs are the partitions the task reads.
func (t *Task) Inputs() []client.TopicPartition {
	var all []client.TopicPartition
	for _, in := range t.inputs {
		for _, p := range in.cursors {
			all = append(all, p.tp)
		}
	}
	return all
}

// Close gives everything back; what was not committed is forgotten. Idempotent.
func (t *Task) Close() {
	if t.closed {
		return
	}
	t.closed = true
	for _, in := range t.inputs {
		for _, p := range in.cursors {
			p.close()
		}
	}
	t.outbox.drop()
	if t.dumps != nil {
		t.dumps.close()
	}
	if t.pipe != nil {
		t.pipe.Close()
	}
	if t.store != nil {
		t.store.Close()
	}
	t.progress.close()
}

// discard is the output of a plan whose root already wrote everything down.
type discard struct{}

func (discard) Push(*vector.Chunk) error     { return nil }
func (discard) Advance(int64) error          { return nil }
func (discard) Barrier(dataflow.Epoch) error { return nil }
func (discard) End() error                   { return nil }
