package group

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/freshetdb/freshet/broker/coordinator"
)

// Coordinator serves every group that this node coordinates. It is safe for concurrent use; callbacks come from any
// goroutine and must not block.
type Coordinator struct {
	runtime    *coordinator.Runtime[*Shard]
	partitions atomic.Int32 // of __consumer_offsets
	opts       *atomic.Pointer[Options]
}

// NewCoordinator makes a coordinator of a topic with so many partitions; Elect brings them. log is __consumer_offsets;
// a nil reg registers no metrics.
func NewCoordinator(opts Options, shards coordinator.Options, partitions int32, deps Deps, log coordinator.Log, reg prometheus.Registerer, logger *slog.Logger) *Coordinator {
	m := newMetrics(reg)
	c := &Coordinator{opts: new(atomic.Pointer[Options])}
	c.SetOptions(opts)
	c.runtime = coordinator.New(shards, log, logger, func(int32) *Shard { return newShard(c.opts, deps, m) })
	c.partitions.Store(partitions)
	return c
}

// SetOptions changes the options for whatever comes from now on.
func (c *Coordinator) SetOptions(opts Options) {
	opts = opts.withDefaults()
	c.opts.Store(&opts)
}

// Elect makes this node the coordinator of a partition of __consumer_offsets.
func (c *Coordinator) Elect(partition, leaderEpoch int32) { c.runtime.Elect(partition, leaderEpoch) }

// Resign ends that.
func (c *Coordinator) Resign(partition int32) { c.runtime.Resign(partition) }

// Close ends every shard and waits.
func (c *Coordinator) Close() { c.runtime.Close() }

// PartitionFor gives the partition of __consumer_offsets that keeps a group.
func (c *Coordinator) PartitionFor(group string) int32 {
	return coordinator.PartitionFor(group, c.partitions.Load())
}

func (c *Coordinator) do(group string, run func(s *Shard, now time.Time), drop func(coordinator.Code)) {
	c.runtime.Do(c.PartitionFor(group), run, func(err error) { drop(codeOf(err)) })
}

// Join is Shard.Join.
func (c *Coordinator) Join(req JoinRequest, reply func(JoinResponse)) {
	c.do(req.Group, func(s *Shard, now time.Time) { s.Join(now, req, reply) }, func(code coordinator.Code) {
		reply(JoinResponse{Code: code, MemberID: req.MemberID, Generation: -1})
	})
}

// Sync is Shard.Sync.
func (c *Coordinator) Sync(req SyncRequest, reply func(SyncResponse)) {
	c.do(req.Group, func(s *Shard, now time.Time) { s.Sync(now, req, reply) },
		func(code coordinator.Code) { reply(SyncResponse{Code: code}) })
}

// Heartbeat is Shard.Heartbeat.
func (c *Coordinator) Heartbeat(who Committer, reply func(coordinator.Code)) {
	c.do(who.Group, func(s *Shard, now time.Time) { s.Heartbeat(now, who, reply) }, reply)
}

// Leave is Shard.Leave.
func (c *Coordinator) Leave(group string, members []LeavingMember, reply func(coordinator.Code, []coordinator.Code)) {
	c.do(group, func(s *Shard, now time.Time) { s.Leave(now, group, members, reply) },
		func(code coordinator.Code) { reply(code, make([]coordinator.Code, len(members))) })
}

// Commit is Shard.Commit.
func (c *Coordinator) Commit(who Committer, offsets []TopicOffset, reply func([]TopicOffset)) {
	c.do(who.Group, func(s *Shard, now time.Time) { s.Commit(now, who, offsets, reply) }, refuseAll(offsets, reply))
}

// CommitTxn is Shard.CommitTxn.
func (c *Coordinator) CommitTxn(who Committer, p coordinator.Producer, offsets []TopicOffset, reply func([]TopicOffset)) {
	c.do(who.Group, func(s *Shard, now time.Time) { s.CommitTxn(now, who, p, offsets, reply) }, refuseAll(offsets, reply))
}

func refuseAll(offsets []TopicOffset, reply func([]TopicOffset)) func(coordinator.Code) {
	return func(code coordinator.Code) {
		for i := range offsets {
			offsets[i].Code = code
		}
		reply(offsets)
	}
}

// ConsumerHeartbeat is Shard.ConsumerHeartbeat.
func (c *Coordinator) ConsumerHeartbeat(req ConsumerHeartbeat, reply func(ConsumerResponse)) {
	c.do(req.Group, func(s *Shard, now time.Time) { s.ConsumerHeartbeat(now, req, reply) },
		func(code coordinator.Code) { reply(ConsumerResponse{Code: code}) })
}

// DescribeConsumers is Shard.DescribeConsumers.
func (c *Coordinator) DescribeConsumers(group string, reply func(ConsumerDescription)) {
	c.do(group, func(s *Shard, _ time.Time) { reply(s.DescribeConsumers(group)) },
		func(code coordinator.Code) { reply(ConsumerDescription{Code: code, Group: group, State: Dead}) })
}

// Fetch is Shard.Fetch for somebody outside of the group; the code is of the whole answer.
func (c *Coordinator) Fetch(group string, wanted []TopicOffset, requireStable bool, reply func(coordinator.Code, []TopicOffset)) {
	c.FetchAs(Committer{Group: group, Generation: noGeneration}, wanted, requireStable, reply)
}

// FetchAs is Fetch for who may be a member.
func (c *Coordinator) FetchAs(who Committer, wanted []TopicOffset, requireStable bool, reply func(coordinator.Code, []TopicOffset)) {
	c.do(who.Group, func(s *Shard, _ time.Time) {
		if code := s.MayFetch(who); code != coordinator.OK {
			reply(code, wanted)
			return
		}
		reply(coordinator.OK, s.Fetch(who.Group, wanted, requireStable))
	}, func(code coordinator.Code) { reply(code, wanted) })
}

// Delete is Shard.Delete.
func (c *Coordinator) Delete(group string, reply func(coordinator.Code)) {
	c.do(group, func(s *Shard, now time.Time) { s.Delete(now, group, reply) }, reply)
}

// DeleteOffsets is Shard.DeleteOffsets.
func (c *Coordinator) DeleteOffsets(group string, positions []TopicOffset, reply func(coordinator.Code, []TopicOffset)) {
	c.do(group, func(s *Shard, _ time.Time) { s.DeleteOffsets(group, positions, reply) },
		func(code coordinator.Code) { reply(code, nil) })
}

// Describe is Shard.Describe.
func (c *Coordinator) Describe(group string, reply func(Description)) {
	c.do(group, func(s *Shard, _ time.Time) { reply(s.Describe(group)) },
		func(code coordinator.Code) { reply(Description{Code: code, Group: group, State: Dead}) })
}

// EndTxn is told of a producer's marker in a partition of __consumer_offsets; done is called when the positions count.
func (c *Coordinator) EndTxn(partition int32, producerID int64, commit bool, done func()) {
	c.runtime.Complete(partition, func(s *Shard, _ time.Time) {
		s.EndTxn(producerID, commit)
		done()
	}, func(error) { done() }) // whoever loads the partition next reads the marker
}

// DropTopic forgets every position in a deleted topic.
func (c *Coordinator) DropTopic(topic string) {
	for _, p := range c.runtime.Led() {
		c.runtime.Complete(p, func(s *Shard, _ time.Time) { s.DropTopic(topic) }, func(error) {})
	}
}

// List gives every group of this node, and LoadInProgress or another code when a shard could not be asked.
func (c *Coordinator) List(ctx context.Context) ([]Listing, coordinator.Code) {
	var all []Listing
	for _, p := range c.runtime.Led() {
		type part struct {
			list []Listing
			err  error
		}
		answer := make(chan part, 1)
		c.runtime.Do(p, func(s *Shard, _ time.Time) { answer <- part{list: s.List()} },
			func(err error) { answer <- part{err: err} })
		select {
		case r := <-answer:
			if r.err != nil && !errors.Is(r.err, coordinator.NotCoordinator) {
				return nil, codeOf(r.err)
			}
			all = append(all, r.list...)
		case <-ctx.Done():
			return nil, coordinator.RequestTimedOut
		}
	}
	return all, coordinator.OK
}
