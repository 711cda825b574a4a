// Package client is the only way the upper floors touch topics: read, produce, transact, keep offsets, administer.
//
// Its unit is the raw v2 record batch (bytes), never a record object. The embedded form reads the partition's segments
// in-process: no socket, no copy. The remote form speaks Kafka. One conformance suite holds both.
package client

import (
	"context"
	"errors"
	"time"
)

// Errors that callers branch on. Everything else is a failure of the disk or the connection.
var (
	ErrUnknownTopic     = errors.New("unknown topic or partition")
	ErrTopicExists      = errors.New("topic already exists")
	ErrOffsetOutOfRange = errors.New("offset out of range") // below the log's start or above its end
	ErrFenced           = errors.New("producer fenced by a newer one")
	ErrClosed           = errors.New("client closed")
	ErrInvalidConfig    = errors.New("invalid topic configuration")
	ErrNotAllowed       = errors.New("the cluster does not allow it")      // its ACLs; of the remote form
	ErrUnavailable      = errors.New("the cluster does not answer for it") // for longer than the client is patient; of the remote form
)

// TopicPartition names one partition.
type TopicPartition struct {
	Topic     string
	Partition int32
}

// Topic is what the cluster knows of a topic.
type Topic struct {
	Name       string
	ID         [16]byte
	Partitions int32
	Internal   bool              // __consumer_offsets, __transaction_state
	Configs    map[string]string // only those set on the topic itself
}

// TopicSpec asks for a topic. Partitions 0 means the cluster's num.partitions, Replicas 0 its default.
type TopicSpec struct {
	Name       string
	Partitions int32
	Replicas   int16
	Configs    map[string]string
}

// Offsets are the bounds of a partition: records live in [Start, HighWatermark); read_committed readers stop at LastStable.
type Offsets struct {
	Start, LastStable, HighWatermark int64
}

// Isolation says how far a reader sees.
type Isolation int8

// The isolation levels of Kafka.
const (
	ReadUncommitted Isolation = iota // up to the high watermark
	ReadCommitted                    // up to the last stable offset; the reader drops aborted batches by Fetched.Aborted
)

// Aborted is one aborted transaction overlapping a fetched range: drop the transactional batches of ProducerID from
// FirstOffset on, until that producer's abort marker.
type Aborted struct {
	ProducerID  int64
	FirstOffset int64
}

// Fetched is a run of whole record batches, untouched, in offset order. The first batch may begin below the asked offset.
// Batches is valid until Release; Release must be called exactly once, from any goroutine.
type Fetched struct {
	Batches []byte // concatenated v2 batches; empty when nothing is readable yet
	Aborted []Aborted
	Offsets Offsets
	Release func() // nil when Batches is empty
}

// Reader reads partitions without blocking.
type Reader interface {
	// Fetch returns what is readable at offset now, about maxBytes, at least one whole batch if there is one. Of a watched partition
	// the remote form may give nothing below the readable end: it is on its way then, and the watcher is called when it has come.
	// Errors: ErrUnknownTopic, ErrOffsetOutOfRange.
	Fetch(ctx context.Context, tp TopicPartition, offset int64, maxBytes int, iso Isolation) (Fetched, error)

	// Watch calls moved after the partition's readable end (high watermark or last stable offset) has moved, after it was
	// deleted, and once at the start; the remote form follows a partition from the first Fetch on. moved must not block and may be called from any goroutine, coalesced. cancel ends it;
	// when cancel has returned, moved is not running and will not be called again.
	Watch(tp TopicPartition, moved func()) (cancel func(), err error)

	// Offsets gives the bounds of a partition.
	Offsets(ctx context.Context, tp TopicPartition) (Offsets, error)

	// OffsetForTime gives the first offset whose record timestamp is at or after t, or the high watermark.
	OffsetForTime(ctx context.Context, tp TopicPartition, t time.Time) (int64, error)
}

// Admin makes and removes topics.
type Admin interface {
	Topic(ctx context.Context, name string) (Topic, error) // ErrUnknownTopic
	Topics(ctx context.Context) ([]Topic, error)           // sorted by name
	// CreateTopic makes a topic and returns when its partitions can be written. ErrTopicExists, ErrInvalidConfig.
	CreateTopic(ctx context.Context, spec TopicSpec) (Topic, error)
	DeleteTopic(ctx context.Context, name string) error
	// DeleteRecords moves a partition's start offset up to before; -1 means the high watermark.
	DeleteRecords(ctx context.Context, tp TopicPartition, before int64) error
}

// Ack is the fate of one produced batch.
type Ack struct {
	BaseOffset int64
	Err        error
}

// Committed is a consumer's position: the next offset to read, with a note of its own.
type Committed struct {
	Offset      int64
	LeaderEpoch int32 // -1 when unknown
	Metadata    string
}

// GroupMember says who commits offsets, for fencing (KIP-447). The zero MemberID with Generation -1 commits as a simple consumer.
type GroupMember struct {
	Group      string
	MemberID   string
	Generation int32
}

// Producer appends raw batches. One goroutine may use it at a time; done callbacks come from any goroutine and must not block.
//
// A transactional producer (ProducerOptions.TransactionalID) opens a transaction at the first Produce or CommitOffsets
// after the last one ended, and has one open at a time.
type Producer interface {
	// Produce stamps producer id, epoch, sequence and the transactional bit into batch (one v2 batch with base offset 0 and
	// a right record count), appends it and calls done when it is durable (acks=all). batch belongs to the producer
	// until done is called, and is modified.
	Produce(tp TopicPartition, batch []byte, done func(Ack))

	// CommitOffsets adds positions to the open transaction. For a producer without a transactional id they are
	// committed by themselves. Errors show in Commit, or in done when that is not nil.
	CommitOffsets(member GroupMember, offsets map[TopicPartition]Committed, done func(error))

	// Commit ends the open transaction: when done is called with nil, every batch and offset of it is durable and
	// readers with ReadCommitted see it (after a crash too); with an error the transaction was aborted, or is unknown
	// and will be resolved by the next producer of the same id. Nothing may be produced until done was called.
	Commit(done func(error))

	// Abort ends the open transaction the other way and waits.
	Abort(ctx context.Context) error

	Close() error
}

// ProducerOptions describes a producer.
type ProducerOptions struct {
	TransactionalID    string        // empty: idempotent, not transactional
	TransactionTimeout time.Duration // 0: one minute
}

// Groups keeps consumers' positions and tells of groups.
type Groups interface {
	// Committed gives a group's positions. With requireStable it waits until no open transaction holds offsets of the
	// group back (KIP-447), as a takeover needs.
	Committed(ctx context.Context, group string, requireStable bool) (map[TopicPartition]Committed, error)
	// DeleteGroup forgets a group and its positions; a missing one is no error.
	DeleteGroup(ctx context.Context, group string) error
}

// Client is everything the upper floors may do to topics. It is safe for concurrent use; Close is idempotent.
type Client interface {
	Reader
	Admin
	Groups
	// Producer makes a producer; a transactional one fences every earlier producer of the same id first and resolves
	// its open transaction before returning (InitProducerId).
	Producer(ctx context.Context, opts ProducerOptions) (Producer, error)
	Close() error
}
