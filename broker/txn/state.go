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
//
// Version 2 may abort what never began: from Empty and both Complete states to PrepareAbort.
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

// States of Kafka's that never last here: an id that is forgotten, and one whose fencing is being written.
const (
	dead              State = 6
	prepareEpochFence State = 7
)

// Version is the protocol a client ends its transactions by, in the numbers of Kafka's transaction.version.
type Version int8

// The versions. In V2 (KIP-890) each end bumps the producer's epoch, so that nothing late of one transaction can be taken for
// the next; V1 stands for 0 and 1, which differ in nothing here.
const (
	V1 Version = 0
	V2 Version = 2
)

// ParseState finds a state by its name in Kafka's tools. Those that never last here are known, too.
func ParseState(name string) (State, bool) {
	for s := Empty; s <= prepareEpochFence; s++ {
		if s.String() == name {
			return s, true
		}
	}
	return 0, false
}

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
	case dead:
		return "Dead"
	case prepareEpochFence:
		return "PrepareEpochFence"
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
	producer coordinator.Producer
	// previousID is the producer id before the last change, nextID the one that follows when the transaction is complete,
	// because the epochs have run out; noProducer for none.
	previousID, nextID int64
	timeout            time.Duration
	state              State
	version            Version // of the client that joined or ended last
	partitions         partitionSet
	start              time.Time // of the last transaction, zero before the first
	update             time.Time
	// lastEpoch is the epoch before the last bump that the producer itself may know of: its retry gets the same answer
	// (KIP-360). As in Kafka the log does not have it.
	lastEpoch int16
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
	// volatile means that the log does not know that the transaction is ongoing: it belongs to this process, and dies with
	// it. What it left in partitions is then found there and aborted (Hanging).
	volatile bool
	// busy means that a change is being written or markers are under way; no other may begin.
	busy    bool
	waiters []waiter
	// additions wait likewise, each until its time is over; they are written together.
	additions []addition
	// visible is to be called when the markers under way are committed.
	visible func(error)
	// unrecorded means that the markers are committed, but not yet the record that they are.
	unrecorded bool
	// notBefore delays what is tried again after a failed write: the abort of a transaction that timed out, the record of an end.
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
	waiters, additions := t.waiters, t.additions
	t.waiters, t.additions = nil, nil
	for _, w := range waiters {
		w.drop(err)
	}
	for _, a := range additions {
		a.reply(codeOf(err))
	}
}

const (
	// noEpoch and noProducer stand for an epoch and a producer id that no producer has.
	noEpoch    = -1
	noProducer = -1
)

// epochMax is the last epoch handed out; the one above is kept for the coordinator's own fencing.
const epochMax = 1<<15 - 2

func (t *txn) prepared() bool { return t.state == PrepareCommit || t.state == PrepareAbort }

// nobody is the producer of answers that have none.
func nobody() coordinator.Producer { return coordinator.Producer{ID: noProducer, Epoch: noEpoch} }
