package log

import (
	"fmt"
	"slices"

	"github.com/freshetdb/freshet/storage/record"
)

const (
	// producerBatches is how many of a producer's last batches are known by sequence and offset.
	producerBatches = 5

	noTxn = -1
)

// producerBatch is one batch of a producer, as duplicates are recognised.
type producerBatch struct {
	firstSequence, lastSequence int32
	baseOffset, lastOffset      int64
}

// producer is what a partition knows of an idempotent producer. It holds no pointers and is copied freely.
type producer struct {
	epoch            int16
	coordinatorEpoch int32
	n                int8 // batches known, newest last
	batches          [producerBatches]producerBatch
	txnFirst         int64 // first offset of the open transaction, noTxn when there is none
	lastTimestamp    int64 // when it last wrote, in milliseconds
}

func newProducer() producer { return producer{epoch: -1, coordinatorEpoch: -1, txnFirst: noTxn} }

func (p *producer) lastSequence() int32 {
	if p.n == 0 {
		return -1
	}
	return p.batches[p.n-1].lastSequence
}

// check decides about a batch: its duplicate, or an error, or neither. Source: Kafka ProducerAppendInfo, KIP-98.
func (p *producer) check(id int64, b record.Batch) (duplicate *producerBatch, err error) {
	epoch, first, last := b.ProducerEpoch(), b.BaseSequence(), b.LastSequence()
	switch {
	case epoch < p.epoch:
		return nil, fmt.Errorf("%w: producer %d has epoch %d, batch has %d", ErrProducerFenced, id, p.epoch, epoch)
	case first < 0:
		// The coordinator writes on the producer's behalf (offsets of a transaction) and does not number what it writes.
	case p.epoch < 0:
		// Nothing is known of it (its records were deleted, or it is new): any sequence begins.
	case epoch > p.epoch:
		if first != 0 {
			return nil, fmt.Errorf("%w: producer %d begins epoch %d with sequence %d", ErrOutOfOrderSequence, id, epoch, first)
		}
	default:
		for i := range p.batches[:p.n] {
			if known := &p.batches[i]; known.firstSequence == first && known.lastSequence == last {
				return known, nil
			}
		}
		if want := record.AddSequence(p.lastSequence(), 1); first != want {
			return nil, fmt.Errorf("%w: producer %d expects %d, batch begins with %d", ErrOutOfOrderSequence, id, want, first)
		}
	}
	if p.txnFirst != noTxn && !b.Transactional() && epoch == p.epoch {
		return nil, fmt.Errorf("%w: producer %d has an open transaction", ErrInvalidTxnState, id)
	}
	return nil, nil
}

// checkMarker decides about a transaction marker. With bumped it ends a transaction whose end bumped the epoch, and one that
// does not is late: its transaction has ended (KIP-1228). The same marker once more changes nothing and is let through.
func (p *producer) checkMarker(id int64, b record.Batch, m record.Marker, bumped bool) error {
	if b.ProducerEpoch() < p.epoch || bumped && b.ProducerEpoch() == p.epoch && p.txnFirst != noTxn {
		return fmt.Errorf("%w: producer %d has epoch %d, marker has %d", ErrProducerFenced, id, p.epoch, b.ProducerEpoch())
	}
	if m.CoordinatorEpoch < p.coordinatorEpoch {
		return fmt.Errorf("%w: producer %d has coordinator epoch %d, marker has %d", ErrCoordinatorFenced, id, p.coordinatorEpoch, m.CoordinatorEpoch)
	}
	return nil
}

// note takes in an appended batch; its offsets are assigned. nowMs keeps the producer from expiring.
func (p *producer) note(b record.Batch, nowMs int64) {
	if epoch := b.ProducerEpoch(); epoch != p.epoch {
		p.epoch, p.n = epoch, 0
	}
	p.lastTimestamp = nowMs
	if b.Control() {
		p.txnFirst = noTxn
		return
	}
	if b.Transactional() && p.txnFirst == noTxn {
		p.txnFirst = b.BaseOffset()
	}
	if b.BaseSequence() < 0 {
		return
	}
	if p.n == producerBatches {
		copy(p.batches[:], p.batches[1:])
		p.n--
	}
	p.batches[p.n] = producerBatch{b.BaseSequence(), b.LastSequence(), b.BaseOffset(), b.LastOffset()}
	p.n++
}

// openTxn is a transaction without a marker; endedTxn has one that may lie above the high watermark.
type openTxn struct{ producerID, first int64 }

type endedTxn struct{ first, marker int64 }

// producers is the idempotence and transaction state of a partition, rebuilt identically from the batches anywhere.
type producers struct {
	byID  map[int64]producer
	open  []openTxn // ascending by first
	ended []endedTxn
	// joins are the permissions to open a transaction, by producer, and the tickets given out for them.
	joins   map[int64]join
	tickets uint64
}

func newProducers() producers { return producers{byID: make(map[int64]producer)} }

// note takes in an appended batch, and returns the transaction when it aborts one.
func (s *producers) note(b record.Batch, nowMs int64) (aborted AbortedTxn, isAbort bool, err error) {
	id := b.ProducerID()
	if id < 0 {
		return AbortedTxn{}, false, nil
	}
	p, known := s.byID[id]
	if !known {
		p = newProducer()
	}
	wasOpen := p.txnFirst
	var marker record.Marker
	if b.Control() {
		if b.Count() == 0 {
			return AbortedTxn{}, false, nil // Kafka's cleaner leaves this of a marker whose transaction is gone
		}
		if marker, err = record.ReadMarker(b); err != nil {
			return AbortedTxn{}, false, err
		}
		p.coordinatorEpoch = marker.CoordinatorEpoch
	}
	p.note(b, nowMs)
	s.byID[id] = p
	switch {
	case wasOpen == noTxn && p.txnFirst != noTxn:
		s.open = append(s.open, openTxn{id, p.txnFirst})
	case wasOpen != noTxn && p.txnFirst == noTxn:
		s.open = slices.DeleteFunc(s.open, func(t openTxn) bool { return t.producerID == id })
		s.ended = append(s.ended, endedTxn{wasOpen, b.LastOffset()})
		if !marker.Commit {
			return AbortedTxn{id, wasOpen, b.LastOffset(), s.firstOpen(b.NextOffset())}, true, nil
		}
	}
	return AbortedTxn{}, false, nil
}

// firstOpen is the first offset of an open transaction, at most end.
func (s *producers) firstOpen(end int64) int64 {
	if len(s.open) > 0 {
		return min(s.open[0].first, end)
	}
	return end
}

// lastStable is the first offset that is undecided for readers at the high watermark: in an open transaction, or in one
// whose marker they cannot see yet.
func (s *producers) lastStable(highWatermark int64) int64 {
	s.ended = slices.DeleteFunc(s.ended, func(t endedTxn) bool { return t.marker < highWatermark })
	stable := s.firstOpen(highWatermark)
	for _, t := range s.ended {
		stable = min(stable, t.first)
	}
	return stable
}

// expire forgets producers that have not written since beforeMs and have no open transaction.
func (s *producers) expire(beforeMs int64) {
	s.expireJoins(beforeMs)
	for id, p := range s.byID {
		if p.txnFirst == noTxn && p.lastTimestamp < beforeMs {
			delete(s.byID, id)
		}
	}
}
