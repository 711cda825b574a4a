package txn

import (
	"time"

	"github.com/freshetdb/freshet/broker/coordinator"
)

// AddPartitions lets partitions take part in the producer's transaction, opening one if there is none. The list is
// committed before reply, so that a new coordinator knows where markers have to go. A change under way is waited for:
// clients that have just ended a transaction would ask again anyway.
func (s *Shard) AddPartitions(now time.Time, id string, p coordinator.Producer, partitions []TopicPartition, reply func(coordinator.Code)) {
	t, code := s.find(id, p)
	if code == coordinator.ConcurrentTransactions {
		t.waiters = append(t.waiters, waiter{
			run:  func(now time.Time) { s.AddPartitions(now, id, p, partitions, reply) },
			drop: func(err error) { reply(codeOf(err)) },
		})
		return
	}
	if code != coordinator.OK {
		reply(code)
		return
	}
	if t.state == Ongoing && t.partitions.hasAll(partitions) {
		reply(coordinator.OK)
		return
	}
	next := t.durable
	next.join(now, partitions)
	s.write(now, t, next, func(_ time.Time, err error) { reply(codeOf(err)) })
}

// join adds partitions to the ongoing transaction, or to a new one.
func (d *durable) join(now time.Time, partitions []TopicPartition) {
	joined := partitionSet{}
	if d.state == Ongoing {
		for tp := range d.partitions {
			joined[tp] = struct{}{}
		}
	} else {
		d.start = now
	}
	for _, tp := range partitions {
		joined[tp] = struct{}{}
	}
	d.state, d.partitions = Ongoing, joined
}

// Begin is AddPartitions for a producer of this process: nothing is written. That is enough because End brings the exact list, and because the process that would have to remember the
// partitions dies together with the producer: what it leaves open is aborted at the next start.
func (s *Shard) Begin(now time.Time, id string, p coordinator.Producer, partitions []TopicPartition, reply func(coordinator.Code)) {
	t, code := s.find(id, p)
	if code == coordinator.ConcurrentTransactions {
		t.waiters = append(t.waiters, waiter{
			run:  func(now time.Time) { s.Begin(now, id, p, partitions, reply) },
			drop: func(err error) { reply(codeOf(err)) },
		})
		return
	}
	if code == coordinator.OK {
		t.join(now, partitions)
		t.volatile = true
		s.plan(t)
	}
	reply(code)
}

// EndRequest ends a transaction.
type EndRequest struct {
	ID       string
	Producer coordinator.Producer
	Commit   bool
	// Partitions replaces those joined by Begin; nil keeps what AddPartitions brought.
	Partitions []TopicPartition
}

// EndCallbacks tell how a transaction's end gets on. Decided is called first; Visible only after an OK.
type EndCallbacks struct {
	// Decided tells that the end is committed: from now on it happens, whoever fails.
	Decided func(code coordinator.Code)
	// Visible tells that every marker is committed, so that readers see the end.
	Visible func(err error)
}

func (c EndCallbacks) orNothing() EndCallbacks {
	if c.Decided == nil {
		c.Decided = func(coordinator.Code) {}
	}
	if c.Visible == nil {
		c.Visible = func(error) {}
	}
	return c
}

// End commits or aborts the producer's transaction.
func (s *Shard) End(now time.Time, req EndRequest, calls EndCallbacks) {
	calls = calls.orNothing()
	t, code := s.find(req.ID, req.Producer)
	if code == coordinator.ConcurrentTransactions && t.prepared() && req.Commit != (t.state == PrepareCommit) {
		code = coordinator.InvalidTxnState
	}
	if code != coordinator.OK {
		calls.Decided(code)
		return
	}
	prepared, complete := PrepareAbort, CompleteAbort
	if req.Commit {
		prepared, complete = PrepareCommit, CompleteCommit
	}
	switch t.state {
	case complete: // a retry
		calls.Decided(coordinator.OK)
		calls.Visible(nil)
		return
	case Ongoing:
	default:
		calls.Decided(coordinator.InvalidTxnState)
		return
	}
	next := t.durable
	next.state = prepared
	if req.Partitions != nil {
		next.partitions = partitionSet{}
		for _, tp := range req.Partitions {
			next.partitions[tp] = struct{}{}
		}
	}
	s.prepare(now, t, next, calls)
}

// prepare commits the decision and then carries it out.
func (s *Shard) prepare(now time.Time, t *txn, next durable, calls EndCallbacks) {
	s.write(now, t, next, func(_ time.Time, err error) {
		calls.Decided(codeOf(err))
		if err == nil {
			s.finish(t, calls)
		}
	})
}

// finish writes the markers of a decided transaction and, when all are committed, that it is complete. Only then may the
// next one begin: a marker repeated after a crash would otherwise end that one.
func (s *Shard) finish(t *txn, calls EndCallbacks) {
	t.busy = true
	t.visible = calls.Visible
	partitions := t.partitions.sorted()
	left := len(partitions)
	if left == 0 {
		s.out.Post(func(now time.Time) { s.complete(now, t) })
		return
	}
	for _, tp := range partitions {
		m := Marker{
			TopicPartition: tp, Producer: t.producer, CoordinatorEpoch: s.leaderEpoch, Commit: t.state == PrepareCommit,
		}
		s.markers.Write(m, func(err error) {
			s.out.Post(func(now time.Time) {
				if err != nil { // the node stops; the next coordinator finishes
					t.tellVisible(err)
					return
				}
				if left--; left == 0 {
					s.complete(now, t)
				}
			})
		})
	}
}

// complete is called when every marker of a transaction is committed.
func (s *Shard) complete(now time.Time, t *txn) {
	next := t.durable
	next.state = CompleteAbort
	ended := s.metrics.aborted
	if t.state == PrepareCommit {
		next.state, ended = CompleteCommit, s.metrics.committed
	}
	ended.Inc()
	next.partitions = nil
	s.write(now, t, next, func(_ time.Time, err error) {
		if err != nil { // still prepared: the next coordinator writes the markers again, which changes nothing
			t.busy = true
		}
	})
	t.tellVisible(nil)
}

// tellVisible tells once whether the transaction's end can be seen.
func (t *txn) tellVisible(err error) {
	if fn := t.visible; fn != nil {
		t.visible = nil
		fn(err)
	}
}
