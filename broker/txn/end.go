package txn

import (
	"time"

	"github.com/freshetdb/freshet/broker/coordinator"
)

// EndRequest ends a transaction.
type EndRequest struct {
	ID       string
	Producer coordinator.Producer
	Commit   bool
	Version  Version
	// FreshID is a producer id nobody has, or -1: then EndResponse.NeedID tells that one is needed. Only V2 needs one, when
	// the epochs have run out.
	FreshID int64
	// Partitions replaces those joined by Begin; nil keeps what AddPartitions brought.
	Partitions []TopicPartition
}

// EndResponse answers an EndRequest.
type EndResponse struct {
	Code coordinator.Code
	// Producer is what the next transaction is made by, in V2.
	Producer coordinator.Producer
	NeedID   bool // ask again with a FreshID
}

// refusal answers with a code.
func refusal(code coordinator.Code) EndResponse { return EndResponse{Code: code, Producer: nobody()} }

// EndCallbacks tell how a transaction's end gets on. Decided is called first; Visible only after an OK.
type EndCallbacks struct {
	// Decided tells that the end is committed: from now on it happens, whoever fails.
	Decided func(r EndResponse)
	// Visible tells that every marker is committed, so that readers see the end.
	Visible func(err error)
}

func (c EndCallbacks) orNothing() EndCallbacks {
	if c.Decided == nil {
		c.Decided = func(EndResponse) {}
	}
	if c.Visible == nil {
		c.Visible = func(error) {}
	}
	return c
}

// End commits or aborts the producer's transaction.
func (s *Shard) End(now time.Time, req EndRequest, calls EndCallbacks) {
	calls = calls.orNothing()
	if req.Version == V2 {
		s.endV2(now, req, calls)
		return
	}
	t, code := s.find(req.ID, req.Producer)
	if code == coordinator.ConcurrentTransactions && t.prepared() && req.Commit != (t.state == PrepareCommit) {
		code = coordinator.InvalidTxnState
	}
	if code != coordinator.OK {
		calls.Decided(refusal(code))
		return
	}
	prepared, complete := outcome(req.Commit)
	switch t.state {
	case complete: // a retry
		calls.Decided(refusal(coordinator.OK))
		calls.Visible(nil)
		return
	case Ongoing:
	default:
		calls.Decided(refusal(coordinator.InvalidTxnState))
		return
	}
	next := t.durable
	next.state, next.version = prepared, V1
	if req.Partitions != nil {
		next.partitions = partitionSet{}
		for _, tp := range req.Partitions {
			next.partitions[tp] = struct{}{}
		}
	}
	s.prepare(now, t, next, nobody(), calls)
}

// outcome gives the states of a transaction that is decided, and of one that is over.
func outcome(commit bool) (prepared, complete State) {
	if commit {
		return PrepareCommit, CompleteCommit
	}
	return PrepareAbort, CompleteAbort
}

// endV2 is End with a new epoch for the next transaction (KIP-890). The same epoch once more is another end, the one before
// a retry of the last:
//
//	               abort              commit
//	               retry   current    retry   current
//	Empty          fenced  bumps      fenced  refused
//	CompleteAbort  OK      bumps      refused refused
//	CompleteCommit refused bumps      OK      refused
//	Ongoing        fenced  bumps      fenced  bumps
func (s *Shard) endV2(now time.Time, req EndRequest, calls EndCallbacks) {
	t := s.txns[req.ID]
	retry, code := t.checkEnd(req)
	if code != coordinator.OK {
		calls.Decided(refusal(code))
		return
	}
	prepared, complete := outcome(req.Commit)
	switch {
	case t.state == complete && retry:
		calls.Decided(EndResponse{Producer: t.producer})
		calls.Visible(nil)
		return
	case t.state == Ongoing, !req.Commit && !retry:
	default:
		calls.Decided(refusal(coordinator.InvalidTxnState))
		return
	}
	next := t.durable
	answer := coordinator.Producer{ID: t.producer.ID, Epoch: t.producer.Epoch + 1}
	if t.producer.Epoch >= epochMax {
		if req.FreshID < 0 {
			calls.Decided(EndResponse{NeedID: true, Producer: nobody()})
			return
		}
		next.nextID = req.FreshID
		answer = coordinator.Producer{ID: req.FreshID}
	}
	next.state, next.version = prepared, V2
	next.lastEpoch = t.producer.Epoch
	next.producer.Epoch++
	if t.state != Ongoing { // nothing took part, so there is nothing but the epoch to end
		next.start, next.partitions = now, nil
	}
	s.prepare(now, t, next, answer, calls)
}

// checkEnd tells whether a V2 producer may end the transaction, and whether it asks again for the end it has had.
func (t *txn) checkEnd(req EndRequest) (retry bool, code coordinator.Code) {
	switch {
	case req.ID == "":
		return false, coordinator.InvalidRequest
	case t == nil:
		return false, coordinator.InvalidProducerID
	}
	bumped := t.producer.ID == req.Producer.ID && t.producer.Epoch == req.Producer.Epoch+1
	renewed := t.previousID == req.Producer.ID && t.producer.ID != req.Producer.ID &&
		req.Producer.Epoch == epochMax && t.producer.Epoch == 0
	retry = bumped || renewed
	current := t.producer == req.Producer
	var valid bool
	switch t.state {
	case CompleteCommit, CompleteAbort:
		valid = retry || current
	default:
		valid = current
	}
	switch {
	case t.producer.ID != req.Producer.ID && !renewed && !t.ending(req.Producer):
		return false, coordinator.InvalidProducerID
	case t.prepared(): // whatever the epoch: while markers are written Kafka looks at nothing else
		return false, coordinator.ConcurrentTransactions
	case !valid:
		return false, coordinator.ProducerFenced
	case t.busy:
		return false, coordinator.ConcurrentTransactions
	}
	return retry, coordinator.OK
}

// ending tells whether the producer is the one that goes on after the transaction that is decided, and not yet over.
func (t *txn) ending(p coordinator.Producer) bool {
	if !t.prepared() {
		return false
	}
	if t.nextID != noProducer {
		return p == coordinator.Producer{ID: t.nextID}
	}
	return p == t.producer
}

// prepare commits the decision and then carries it out. answer is what the producer is told.
func (s *Shard) prepare(now time.Time, t *txn, next durable, answer coordinator.Producer, calls EndCallbacks) {
	s.write(now, t, next, func(_ time.Time, err error) {
		if err != nil {
			calls.Decided(refusal(codeOf(err)))
			return
		}
		calls.Decided(EndResponse{Producer: answer})
		s.finish(t, calls)
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
			EpochBumped: t.version == V2,
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
	ended := s.metrics.aborted
	if t.state == PrepareCommit {
		ended = s.metrics.committed
	}
	ended.Inc()
	s.recordComplete(now, t)
	t.tellVisible(nil)
}

// recordComplete writes that a transaction is complete. What can't be written is tried again: until then it is prepared, and nothing else may begin. A new
// coordinator would write the markers again, which changes nothing.
func (s *Shard) recordComplete(now time.Time, t *txn) {
	next := t.durable
	next.state = CompleteAbort
	if t.state == PrepareCommit {
		next.state = CompleteCommit
	}
	next.partitions = nil
	if next.nextID != noProducer {
		next.producer, next.nextID = coordinator.Producer{ID: next.nextID}, noProducer
	}
	s.write(now, t, next, func(_ time.Time, err error) {
		if t.unrecorded = err != nil; t.unrecorded {
			t.busy = true
			s.nextRecord = earlier(s.nextRecord, t.notBefore)
		}
	})
}

// tellVisible tells once whether the transaction's end can be seen.
func (t *txn) tellVisible(err error) {
	if fn := t.visible; fn != nil {
		t.visible = nil
		fn(err)
	}
}
