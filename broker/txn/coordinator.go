package txn

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/freshetdb/freshet/broker/coordinator"
)

// Coordinator serves every transactional id that this node coordinates. It is safe for concurrent use; callbacks come
// from any goroutine and must not block.
type Coordinator struct {
	runtime    *coordinator.Runtime[*Shard]
	partitions atomic.Int32 // of __transaction_state
	ids        *ProducerIDs
	writer     *Writer
	options    atomic.Pointer[Options]
	held       Partitions
	sweeping   chan struct{} // full while AbortHanging is at work
	log        *slog.Logger

	working sync.WaitGroup // of those who fetch producer ids beside the shards
}

// Deps are what a coordinator works with.
type Deps struct {
	Log        coordinator.Log // __transaction_state
	Partitions Partitions
	Blocks     Blocks
	// Ended is told of every committed marker; it must call done.
	Ended      func(m Marker, done func())
	Registerer prometheus.Registerer // nil registers no metrics
	Logger     *slog.Logger
}

// NewCoordinator makes a coordinator of a topic with so many partitions; Elect brings them.
func NewCoordinator(opts Options, shards coordinator.Options, partitions int32, deps Deps) *Coordinator {
	c := &Coordinator{
		ids: NewProducerIDs(deps.Blocks), held: deps.Partitions, log: deps.Logger, sweeping: make(chan struct{}, 1),
		writer: NewWriter(deps.Partitions, deps.Ended, deps.Logger),
	}
	c.partitions.Store(partitions)
	c.SetOptions(opts)
	m := newMetrics(deps.Registerer)
	c.runtime = coordinator.New(shards, deps.Log, deps.Logger, func(int32) *Shard { return newShard(c.options.Load, c.writer, m) })
	return c
}

// SetOptions changes the options of all shards from now on.
func (c *Coordinator) SetOptions(opts Options) { c.options.Store(opts.withDefaults()) }

// Elect makes this node the coordinator of a partition of __transaction_state.
func (c *Coordinator) Elect(partition, leaderEpoch int32) { c.runtime.Elect(partition, leaderEpoch) }

// Resign ends that.
func (c *Coordinator) Resign(partition int32) { c.runtime.Resign(partition) }

// Close ends every shard and waits.
func (c *Coordinator) Close() {
	c.writer.Close()
	c.runtime.Close()
	c.working.Wait()
}

// PartitionFor gives the partition of __transaction_state that keeps an id.
func (c *Coordinator) PartitionFor(id string) int32 {
	return coordinator.PartitionFor(id, c.partitions.Load())
}

func (c *Coordinator) do(id string, run func(s *Shard, now time.Time), drop func(coordinator.Code)) {
	c.runtime.Do(c.PartitionFor(id), run, func(err error) { drop(codeOf(err)) })
}

// ProducerID gives a new id for an idempotent producer.
func (c *Coordinator) ProducerID(ctx context.Context) (int64, error) { return c.ids.Next(ctx) }

// InitProducerID fences earlier producers of a transactional id; see Shard.InitProducerID. It blocks.
func (c *Coordinator) InitProducerID(ctx context.Context, req InitRequest) InitResponse {
	req.FreshID = -1
	for {
		answer := make(chan InitResponse, 1)
		reply := func(r InitResponse) { answer <- r }
		c.do(req.ID, func(s *Shard, now time.Time) { s.InitProducerID(now, req, reply) },
			func(code coordinator.Code) { reply(InitResponse{Code: code}) })
		var r InitResponse
		select {
		case r = <-answer:
		case <-ctx.Done():
			return InitResponse{Code: coordinator.RequestTimedOut}
		}
		if !r.NeedID {
			return r
		}
		var err error
		if req.FreshID, err = c.ids.Next(ctx); err != nil {
			c.log.Warn("no producer id", "error", err)
			return InitResponse{Code: coordinator.NotAvailable}
		}
	}
}

// AddPartitions lets partitions take part; see Shard.AddPartitions.
func (c *Coordinator) AddPartitions(req AddRequest, reply func(coordinator.Code)) {
	c.do(req.ID, func(s *Shard, now time.Time) { s.AddPartitions(now, req, reply) }, reply)
}

// VerifyPartitions tells of each partition whether it takes part; see Shard.VerifyPartitions.
func (c *Coordinator) VerifyPartitions(req AddRequest, reply func([]coordinator.Code)) {
	c.do(req.ID, func(s *Shard, _ time.Time) { reply(s.VerifyPartitions(req)) }, func(code coordinator.Code) {
		codes := make([]coordinator.Code, len(req.Partitions))
		for i := range codes {
			codes[i] = code
		}
		reply(codes)
	})
}

// Begin joins partitions for a producer of this process; see Shard.Begin.
func (c *Coordinator) Begin(id string, p coordinator.Producer, partitions []TopicPartition, reply func(coordinator.Code)) {
	c.do(id, func(s *Shard, now time.Time) { s.Begin(now, id, p, partitions, reply) }, reply)
}

// End ends a transaction; see Shard.End. V2 needs EndV2.
func (c *Coordinator) End(req EndRequest, calls EndCallbacks) {
	req.FreshID = noProducer
	c.postEnd(req, calls.orNothing())
}

// EndV2 is End for a producer whose epoch each end bumps. It brings a new producer id where the epochs have run out; ctx bounds
// that.
func (c *Coordinator) EndV2(ctx context.Context, req EndRequest, calls EndCallbacks) {
	req.Version, req.FreshID = V2, noProducer
	calls = calls.orNothing()
	first := calls
	first.Decided = func(r EndResponse) {
		if !r.NeedID {
			calls.Decided(r)
			return
		}
		c.working.Go(func() { // the shard can't wait for the id; waited for by Close
			id, err := c.ids.Next(ctx)
			if err != nil {
				c.log.Warn("no producer id", "error", err)
				calls.Decided(refusal(coordinator.NotAvailable))
				return
			}
			req.FreshID = id
			c.postEnd(req, calls)
		})
	}
	c.postEnd(req, first)
}

func (c *Coordinator) postEnd(req EndRequest, calls EndCallbacks) {
	c.do(req.ID, func(s *Shard, now time.Time) { s.End(now, req, calls) },
		func(code coordinator.Code) { calls.Decided(refusal(code)) })
}

// Describe tells of a transactional id.
func (c *Coordinator) Describe(ctx context.Context, id string) Description {
	answer := make(chan Description, 1)
	c.do(id, func(s *Shard, _ time.Time) { answer <- s.Describe(id) },
		func(code coordinator.Code) { answer <- Description{Code: code, ID: id} })
	select {
	case d := <-answer:
		return d
	case <-ctx.Done():
		return Description{Code: coordinator.RequestTimedOut, ID: id}
	}
}

// List gives every transactional id of this node.
func (c *Coordinator) List(ctx context.Context) ([]Description, error) {
	var all []Description
	err := c.everywhere(ctx, func(s *Shard) { all = append(all, s.List()...) })
	return all, err
}

// everywhere runs fn on every shard of this node, one at a time.
func (c *Coordinator) everywhere(ctx context.Context, fn func(s *Shard)) error {
	for _, p := range c.runtime.Led() {
		done := make(chan error, 1)
		c.runtime.Do(p, func(s *Shard, _ time.Time) { fn(s); done <- nil }, func(err error) { done <- err })
		select {
		case err := <-done:
			if err != nil && !errors.Is(err, coordinator.NotCoordinator) {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// AbortHanging ends what partitions hold open and no coordinator knows of: transactions of producers in a process that
// died. producerID -1 means all. epoch, when not negative, is the producer's new epoch, which the markers carry so that
// nothing late of the old one is accepted.
//
// The partitions are asked before and after the coordinator: a transaction that is open at both times, at the same first
// offset, and unknown in between, cannot be one that is just beginning or ending.
//
// One call at a time is at work, so that when it returns no other's marker is still on its way to the disk.
func (c *Coordinator) AbortHanging(ctx context.Context, producerID int64, epoch int16) error {
	select {
	case c.sweeping <- struct{}{}:
		defer func() { <-c.sweeping }()
	case <-ctx.Done():
		return ctx.Err()
	}
	before, err := c.held.OpenTransactions(ctx, producerID)
	if err != nil || len(before) == 0 {
		return err
	}
	suspects := map[Open]bool{}
	for _, o := range before {
		suspects[o] = true
	}
	err = c.everywhere(ctx, func(s *Shard) {
		for o := range suspects {
			if s.Holds(o.Producer.ID, o.TopicPartition) {
				delete(suspects, o)
			}
		}
	})
	if err != nil || len(suspects) == 0 {
		return err
	}
	after, err := c.held.OpenTransactions(ctx, producerID)
	if err != nil {
		return err
	}
	var pending sync.WaitGroup
	for _, o := range after {
		if !suspects[o] {
			continue
		}
		c.log.Info("aborting what a dead process left open", "topic", o.Topic, "partition", o.Partition,
			"producer_id", o.Producer.ID, "first_offset", o.FirstOffset)
		p := o.Producer
		p.Epoch = max(p.Epoch, epoch)
		pending.Add(1)
		m := Marker{TopicPartition: o.TopicPartition, Producer: p, CoordinatorEpoch: max(o.CoordinatorEpoch, 0)}
		c.writer.Write(m, func(error) { pending.Done() })
	}
	return await(ctx, &pending)
}

// await waits for what is pending, but not longer than ctx allows.
func await(ctx context.Context, pending *sync.WaitGroup) error {
	done := make(chan struct{})
	go func() { // ends when the writer has written or given up every marker, at the latest with its Close
		pending.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
