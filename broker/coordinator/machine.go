// Package coordinator runs a replayable state machine on each partition of an internal topic: it loads the partition,
// runs the machine on one goroutine, writes the machine's records and tells it when they are committed.
//
//	Elect ──► loading ──(log read to its end)──► active ──(Resign, Close)──► stopped
//
// A machine changes its durable state only when told that its records are committed (the high watermark passed them), so
// nothing it answers can be lost, and a failed write needs no rollback. Records of one partition commit in the order
// written. Source: Kafka's CoordinatorRuntime, with apply-at-commit instead of its snapshot registry.
package coordinator

import "time"

// Record is one entry of an internal topic. A nil Value is a tombstone: the key is gone.
type Record struct {
	Key, Value []byte
}

// Marker says what a control entry ended.
type Marker int8

// The markers of a transaction.
const (
	NoMarker Marker = iota
	CommitMarker
	AbortMarker
)

// Entry is a record or a marker read back from the log.
type Entry struct {
	Record
	Offset        int64
	ProducerID    int64
	ProducerEpoch int16
	// Transactional entries count only when the producer's marker says so.
	Transactional bool
	Marker        Marker // with no record
}

// Write asks for records to be appended as one atomic run, in order after all earlier writes of the machine.
type Write struct {
	Records []Record
	// Txn makes the records part of a producer's transaction instead of the shard's own word.
	Txn *Producer
	// Done is called on the shard's goroutine when the records are committed (nil) or were not (a Code).
	Done func(now time.Time, err error)
}

// Producer identifies a transactional producer.
type Producer struct {
	ID    int64
	Epoch int16
}

// Shard is what a machine may do to the world. Post may be called from any goroutine, Write only from the shard's own.
type Shard interface {
	Write(w Write)
	// Post runs fn on the shard's goroutine, unless the shard has stopped.
	Post(fn func(now time.Time))
}

// Machine is the state machine of one partition. Its methods are called from one goroutine at a time.
type Machine interface {
	// Replay takes the next entry of the log while loading. The entry's bytes are valid during the call. An error means
	// bytes that cannot be understood: the runtime logs and skips them.
	Replay(e Entry) error
	// Start tells that the log is read to its end and requests will come. leaderEpoch is the partition's.
	Start(now time.Time, leaderEpoch int32, shard Shard)
	// Tick lets timers that are due fire and says when to call next (zero: never). It is called after every other event.
	Tick(now time.Time) (next time.Time)
	// Snapshot gives every record that rebuilds the machine's committed state, so that the log before it can go. It is
	// called when no write is under way. ok is false when it has to wait, because an open transaction's entries count later.
	Snapshot() (records []Record, ok bool)
	// Stop ends every parked request with err.
	Stop(err error)
}

// Bounds of a partition: transactions below LastStable have ended, everything below HighWatermark is committed.
type Bounds struct {
	Start, LastStable, HighWatermark int64
}

// Log is an internal topic's partitions on this node.
type Log interface {
	// Append appends one batch (offsets are assigned in place; batch belongs to the log until done) and calls done when
	// the high watermark has passed it, from any goroutine.
	Append(partition int32, batch []byte, done func(err error))
	// Read gives whole committed batches from offset on, none at the high watermark. release must be called once when
	// batches is not empty.
	Read(partition int32, offset int64, maxBytes int) (batches []byte, release func(), err error)
	// Bounds gives the offsets between which records live.
	Bounds(partition int32) (Bounds, error)
	// Trim gives up everything below before.
	Trim(partition int32, before int64) error
}
