package log

import (
	"fmt"

	"github.com/freshetdb/freshet/storage/record"
)

// Kafka asks that no transaction opens in a partition unless its coordinator knows that the partition takes part: what it
// does not know of it can't end, and readers of committed records would wait at it for ever. Batches of an Entry with
// RequireJoin are refused unless their producer has a transaction open here, or has joined:
//
//	BeginJoin ──(caller asks the coordinator)──► EndJoin ──► first batch of the transaction uses the join up
//	     └─────────── a marker of the producer, or BeginJoin of another epoch: the join has lapsed ──► EndJoin says false
//
// Source: KIP-890 (verification guards).

// join is a producer's permission to open a transaction, being asked for or granted.
type join struct {
	ticket  uint64
	epoch   int16
	lowest  int32 // smallest sequence seen meanwhile: the transaction must begin with it
	strict  bool
	granted bool
	beganMs int64
}

// JoinRequest is what a partition is told of a batch that may open a transaction.
type JoinRequest struct {
	ProducerID    int64
	ProducerEpoch int16
	// Sequence is the batch's first, -1 when it is not numbered.
	Sequence int32
	// Strict refuses an unknown producer that does not begin with sequence 0. Producers whose epoch is bumped by each
	// transaction (v2) begin there.
	Strict bool
}

// BeginJoin tells whether the producer may append already, because its transaction is open or it has joined. If not, ticket
// is for EndJoin. nowMs lets joins that never end expire together with producers.
func (l *Log) BeginJoin(r JoinRequest, nowMs int64) (ticket uint64, joined bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := &l.producers
	if p, known := s.byID[r.ProducerID]; known && p.txnFirst != noTxn && p.epoch == r.ProducerEpoch {
		return 0, true
	}
	j, known := s.joins[r.ProducerID]
	if !known || j.epoch != r.ProducerEpoch {
		if s.joins == nil {
			s.joins = map[int64]join{}
		}
		s.tickets++
		j = join{ticket: s.tickets, epoch: r.ProducerEpoch, lowest: r.Sequence, strict: r.Strict, beganMs: nowMs}
	}
	j.lowest = min(j.lowest, r.Sequence)
	s.joins[r.ProducerID] = j
	return j.ticket, j.granted
}

// EndJoin grants a join, or takes it back. It tells whether the join is granted: not when it has lapsed meanwhile.
func (l *Log) EndJoin(producerID int64, ticket uint64, grant bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	j, known := l.producers.joins[producerID]
	if !known || j.ticket != ticket {
		return false
	}
	if !grant {
		delete(l.producers.joins, producerID)
		return false
	}
	j.granted = true
	l.producers.joins[producerID] = j
	return true
}

// checkJoin refuses a batch that would open a transaction without a join. p is the producer as the batches before it in the
// run leave it, inRun whether there are any: those have used the join up.
func (l *Log) checkJoin(b record.Batch, p *producer, inRun bool) error {
	if p.txnFirst != noTxn && p.epoch == b.ProducerEpoch() {
		return nil
	}
	id := b.ProducerID()
	l.mu.Lock()
	j, known := l.producers.joins[id]
	l.mu.Unlock()
	used := inRun && (!j.strict || p.n > 0) // a strict producer's epoch without a batch has had the marker before it only
	if used || !known || !j.granted || j.epoch != b.ProducerEpoch() {
		return fmt.Errorf("%w: the transaction of producer %d does not include the partition", ErrInvalidTxnState, id)
	}
	first := b.BaseSequence()
	switch {
	case first < 0:
	case first > j.lowest:
		return fmt.Errorf("%w: producer %d must begin its transaction with %d, batch begins with %d", ErrOutOfOrderSequence, id, j.lowest, first)
	case j.strict && p.n == 0 && first != 0:
		return fmt.Errorf("%w: producer %d must begin with 0, batch begins with %d", ErrOutOfOrderSequence, id, first)
	}
	return nil
}

// lapse ends a producer's join by what is appended of it: its first batch uses it up, a marker makes it void. The marker of the
// transaction before does not when it carries the epoch of this one: what comes next may ask before that marker is here.
func (s *producers) lapse(e *Entry) {
	if len(s.joins) == 0 {
		return
	}
	b := e.Batch
	j, known := s.joins[b.ProducerID()]
	if !known || j.epoch > b.ProducerEpoch() || e.EpochBumped && j.epoch == b.ProducerEpoch() {
		return
	}
	delete(s.joins, b.ProducerID())
}

// expireJoins forgets joins begun before beforeMs.
func (s *producers) expireJoins(beforeMs int64) {
	for id, j := range s.joins {
		if j.beganMs < beforeMs {
			delete(s.joins, id)
		}
	}
}
