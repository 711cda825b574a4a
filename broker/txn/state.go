package txn

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/freshetdb/freshet/broker/coordinator"
)

// State is a transactional id's state, in the numbers of Kafka's TransactionState.
//
//	          AddPartitions            EndTxn(commit)                 markers written
//	Empty ──────────────────► Ongoing ────────────────► PrepareCommit ────────────────► CompleteCommit
//	  ▲                        ▲    │                                                        │
//	  │ InitProducerID         │    │ EndTxn(abort), timeout, InitProducerID                 │
//	  │                        │    └──────────────► PrepareAbort ──────► CompleteAbort      │
//	  └────────────────────────┴────────────────────────────────────────────┴────────────────┘
type State int8

// The states of a transactional id.
const (
	Empty          State = 0
	Ongoing        State = 1
	PrepareCommit  State = 2
	PrepareAbort   State = 3
	CompleteCommit State = 4
	CompleteAbort  State = 5
)

// String gives the state as Kafka's tools spell it.
func (s State) String() string {
	switch s {
	case Empty:
		return "Empty"
	case Ongoing:
		return "Ongoing"
	case PrepareCommit:
		return "PrepareCommit"
	case PrepareAbort:
		return "PrepareAbort"
	case CompleteCommit:
		return "CompleteCommit"
	case CompleteAbort:
		return "CompleteAbort"
	}
	return "Unknown"
}

// TopicPartition names a partition that takes part in a transaction.
type TopicPartition struct {
	Topic     string
	Partition int32
}

type partitionSet map[TopicPartition]struct{}

func (p partitionSet) sorted() []TopicPartition {
	return slices.SortedFunc(maps.Keys(p), func(a, b TopicPartition) int {
		if c := strings.Compare(a.Topic, b.Topic); c != 0 {
			return c
		}
		return int(a.Partition) - int(b.Partition)
	})
}

func (p partitionSet) hasAll(list []TopicPartition) bool {
	for _, tp := range list {
		if _, ok := p[tp]; !ok {
			return false
		}
	}
	return true
}

// durable is what the log holds of a transactional id.
type durable struct {
	producer   coordinator.Producer
	timeout    time.Duration
	state      State
	partitions partitionSet
	start      time.Time // of the ongoing transaction
	update     time.Time
}

// waiter is a request of this process that waits for the id to become free, instead of asking again as clients do.
type waiter struct {
	run  func(now time.Time)
	drop func(err error)
}

// txn is one transactional id.
type txn struct {
	id string
	durable
	// lastEpoch is the epoch before the last bump that the producer itself asked for: its retry gets the same answer (KIP-360).
	lastEpoch int16
	// volatile means that the log does not know that the transaction is ongoing: it belongs to this process, and dies with
	// it. What it left in partitions is then found there and aborted (Hanging).
	volatile bool
	// busy means that a change is being written or markers are under way; no other may begin.
	busy    bool
	waiters []waiter
	// visible is to be called when the markers under way are committed.
	visible func(error)
	// notBefore delays the abort of a transaction that timed out, after a failed write.
	notBefore time.Time
}

// expires is when an ongoing transaction is aborted.
func (t *txn) expires() time.Time {
	at := t.start.Add(t.timeout)
	if at.Before(t.notBefore) {
		return t.notBefore
	}
	return at
}

// dropWaiters tells those who wait that it was in vain.
func (t *txn) dropWaiters(err error) {
	waiters := t.waiters
	t.waiters = nil
	for _, w := range waiters {
		w.drop(err)
	}
}

// noEpoch stands for an epoch that no producer has.
const noEpoch = -1

// epochMax is the last epoch handed out; the one above is kept for the coordinator's own fencing.
const epochMax = 1<<15 - 2

func (t *txn) prepared() bool { return t.state == PrepareCommit || t.state == PrepareAbort }
