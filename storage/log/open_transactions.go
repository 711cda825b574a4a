package log

import (
	"cmp"
	"slices"
)

// OpenTransaction is a transaction that has records here and no marker yet.
type OpenTransaction struct {
	ProducerID       int64
	ProducerEpoch    int16
	CoordinatorEpoch int32 // of the producer's last marker, -1 when there was none
	FirstOffset      int64
}

// OpenTransactions appends to dst the transactions that are open, by first offset.
func (l *Log) OpenTransactions(dst []OpenTransaction) []OpenTransaction {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range l.producers.open {
		p := l.producers.byID[t.producerID]
		dst = append(dst, OpenTransaction{
			ProducerID: t.producerID, ProducerEpoch: p.epoch, CoordinatorEpoch: p.coordinatorEpoch, FirstOffset: t.first,
		})
	}
	return dst
}

// ProducerState is what a partition remembers of an idempotent producer.
type ProducerState struct {
	ProducerID       int64
	ProducerEpoch    int16
	CoordinatorEpoch int32 // of its last marker, -1 when there was none
	LastSequence     int32 // -1 when it wrote nothing in its epoch
	LastTimestamp    int64 // when it last wrote, in milliseconds
	TxnFirstOffset   int64 // of its open transaction, -1 when there is none
}

// Producers appends to dst the idempotent producers that are remembered, by id.
func (l *Log) Producers(dst []ProducerState) []ProducerState {
	l.mu.Lock()
	defer l.mu.Unlock()
	from := len(dst)
	for id, p := range l.producers.byID {
		dst = append(dst, ProducerState{
			ProducerID: id, ProducerEpoch: p.epoch, CoordinatorEpoch: p.coordinatorEpoch,
			LastSequence: p.lastSequence(), LastTimestamp: p.lastTimestamp, TxnFirstOffset: p.txnFirst,
		})
	}
	slices.SortFunc(dst[from:], func(a, b ProducerState) int { return cmp.Compare(a.ProducerID, b.ProducerID) })
	return dst
}
