package log

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
