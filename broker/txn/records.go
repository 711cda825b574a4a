package txn

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/coordinator"
)

// Versions of the records of __transaction_state, as Kafka writes them with transaction.version 1 and 2. Values of version 0
// are read, too.
const (
	keyVersion   = 0
	valueVersion = 1
)

// stateRecord is a transactional id's state.
func stateRecord(id string, d *durable) coordinator.Record {
	key := kmsg.TxnMetadataKey{Version: keyVersion, TransactionalID: id}
	value := kmsg.NewTxnMetadataValue()
	value.Version = valueVersion
	value.ProducerID, value.ProducerEpoch = d.producer.ID, d.producer.Epoch
	value.TimeoutMillis = int32(d.timeout.Milliseconds())
	value.PreviousProducerID, value.NextProducerID = d.previousID, d.nextID
	value.ClientTransactionVersion = int16(d.version)
	value.State = kmsg.TransactionState(d.state)
	value.LastUpdateTimestamp = d.update.UnixMilli()
	value.StartTimestamp = -1
	if !d.start.IsZero() {
		value.StartTimestamp = d.start.UnixMilli()
	}
	for _, tp := range d.partitions.sorted() {
		n := len(value.Topics)
		if n == 0 || value.Topics[n-1].Topic != tp.Topic {
			value.Topics = append(value.Topics, kmsg.TxnMetadataValueTopic{Topic: tp.Topic})
			n++
		}
		value.Topics[n-1].Partitions = append(value.Topics[n-1].Partitions, tp.Partition)
	}
	return coordinator.Record{Key: key.AppendTo(nil), Value: value.AppendTo(nil)}
}

// Replay implements coordinator.Machine.
func (s *Shard) Replay(e coordinator.Entry) error {
	if e.Marker != coordinator.NoMarker {
		return nil
	}
	if len(e.Key) < 2 || binary.BigEndian.Uint16(e.Key) != keyVersion {
		return fmt.Errorf("transaction key % x", e.Key[:min(len(e.Key), 2)])
	}
	var key kmsg.TxnMetadataKey
	if err := key.ReadFrom(e.Key); err != nil {
		return fmt.Errorf("transaction key: %w", err)
	}
	if e.Value == nil {
		delete(s.txns, key.TransactionalID)
		return nil
	}
	if err := scanValue(e.Value); err != nil {
		return err
	}
	var value kmsg.TxnMetadataValue
	if err := value.ReadFrom(e.Value); err != nil {
		return fmt.Errorf("transaction value: %w", err)
	}
	if value.Version < 0 || value.Version > valueVersion {
		return fmt.Errorf("transaction value of version %d", value.Version)
	}
	state := State(value.State)
	if state < Empty || state > CompleteAbort {
		return fmt.Errorf("transaction state %d", value.State)
	}
	t := newTxn(key.TransactionalID, value.ProducerID)
	t.producer.Epoch = value.ProducerEpoch
	t.previousID, t.nextID = value.PreviousProducerID, value.NextProducerID
	t.timeout = time.Duration(value.TimeoutMillis) * time.Millisecond
	t.state, t.version, t.partitions = state, Version(value.ClientTransactionVersion), partitionSet{}
	t.update = time.UnixMilli(value.LastUpdateTimestamp)
	if value.StartTimestamp >= 0 {
		t.start = time.UnixMilli(value.StartTimestamp)
	}
	for _, topic := range value.Topics {
		for _, p := range topic.Partitions {
			t.partitions[TopicPartition{topic.Topic, p}] = struct{}{}
		}
	}
	s.txns[t.id] = t
	return nil
}

// Snapshot implements coordinator.Machine. What is ongoing in memory only is written as before it began.
func (s *Shard) Snapshot() (records []coordinator.Record, ok bool) {
	for _, d := range s.List() {
		t := s.txns[d.ID]
		if t.producer.Epoch == noEpoch {
			continue // not committed yet
		}
		state := t.durable
		if t.volatile {
			state.state, state.partitions, state.start = Empty, nil, time.Time{}
		}
		records = append(records, stateRecord(t.id, &state))
	}
	return records, true
}

// tombstone forgets a transactional id.
func tombstone(id string) coordinator.Record {
	key := kmsg.TxnMetadataKey{Version: keyVersion, TransactionalID: id}
	return coordinator.Record{Key: key.AppendTo(nil)}
}
