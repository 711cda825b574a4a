package txn

import (
	"maps"
	"slices"
	"time"

	"github.com/freshetdb/freshet/broker/coordinator"
)

// Description of a transactional id.
type Description struct {
	Code       coordinator.Code
	ID         string
	Producer   coordinator.Producer
	State      State
	Timeout    time.Duration
	Start      time.Time // of the last transaction, zero before the first
	Partitions []TopicPartition
}

func (t *txn) describe() Description {
	return Description{
		ID: t.id, Producer: t.producer, State: t.state, Timeout: t.timeout, Start: t.start, Partitions: t.partitions.sorted(),
	}
}

// Describe tells of a transactional id.
func (s *Shard) Describe(id string) Description {
	t := s.txns[id]
	if id == "" {
		return Description{Code: coordinator.InvalidRequest}
	}
	if t == nil {
		return Description{Code: coordinator.TransactionalIDUnknown, ID: id}
	}
	return t.describe()
}

// List gives every transactional id, by name.
func (s *Shard) List() []Description {
	list := make([]Description, 0, len(s.txns))
	for _, id := range slices.Sorted(maps.Keys(s.txns)) {
		list = append(list, s.txns[id].describe())
	}
	return list
}

// Holds tells whether a transaction of the producer id is open in the partition as far as this shard knows. What a
// partition holds open and no shard does was left by a process that died.
func (s *Shard) Holds(producerID int64, tp TopicPartition) bool {
	for _, t := range s.txns {
		if t.producer.ID != producerID {
			continue
		}
		_, joined := t.partitions[tp]
		return joined && (t.state == Ongoing || t.prepared())
	}
	return false
}
