// Package log keeps one partition on disk: segments, offset and time indexes, transaction index, leader-epoch cache,
// producer state and retention, in Kafka's own files, byte for byte.
//
// One goroutine at a time appends (Append locks); any number read beside it. Records become visible to Read after the
// write returned and durable after Sync or a round of the directory's Syncer. Lock order: Log.cleanMu, Log.appendMu, Log.mu, Syncer.mu.
// docs/formats/log.md describes every byte.
package log

import (
	"errors"
	"log/slog"
	"time"

	"github.com/freshetdb/freshet/storage/record"
	"github.com/freshetdb/freshet/storage/vfs"
)

// Errors that callers branch on; each has one Kafka error code.
var (
	ErrOffsetOutOfRange   = errors.New("offset out of range")                 // OFFSET_OUT_OF_RANGE
	ErrOutOfOrderSequence = errors.New("out of order sequence")               // OUT_OF_ORDER_SEQUENCE_NUMBER
	ErrDuplicateSequence  = errors.New("duplicate sequence")                  // DUPLICATE_SEQUENCE_NUMBER: too old to know its offset
	ErrProducerFenced     = errors.New("producer epoch is old")               // INVALID_PRODUCER_EPOCH
	ErrCoordinatorFenced  = errors.New("transaction coordinator is fenced")   // TRANSACTION_COORDINATOR_FENCED
	ErrInvalidTxnState    = errors.New("invalid transaction state")           // INVALID_TXN_STATE
	ErrInvalidTimestamp   = errors.New("invalid timestamp")                   // INVALID_TIMESTAMP
	ErrLeaderEpoch        = errors.New("leader epoch went back")              // a follower's or caller's mistake
	ErrNoSpace            = errors.New("disk full")                           // KAFKA_STORAGE_ERROR, may pass
	ErrDiskDead           = errors.New("disk failed; unusable until restart") // KAFKA_STORAGE_ERROR, for good
	ErrClosed             = errors.New("log closed")
	ErrTopicID            = errors.New("directory belongs to another topic id")
)

// TimestampType says whose clock a record's timestamp is.
type TimestampType int8

// The values of message.timestamp.type.
const (
	CreateTime    TimestampType = iota // the producer's
	LogAppendTime                      // ours, at the append
)

// Config is what a topic's configuration says about its logs; SetConfig changes it at run time.
type Config struct {
	SegmentBytes      int64         // segment.bytes: roll before a segment grows beyond
	SegmentAge        time.Duration // segment.ms: roll a segment whose first record is older
	IndexInterval     int64         // index.interval.bytes between two index entries
	RetentionAge      time.Duration // retention.ms; negative keeps for ever
	RetentionBytes    int64         // retention.bytes; negative keeps everything
	MessageBytesMax   int           // max.message.bytes of one batch; 0 for no limit
	Timestamps        TimestampType // message.timestamp.type
	TimestampAfterMax time.Duration // message.timestamp.after.max.ms; 0 or negative for no limit
	ProducerExpiry    time.Duration // producer.id.expiration.ms
	SegmentJitter     time.Duration // segment.jitter.ms: roll up to so much earlier
	FileDeleteDelay   time.Duration // file.delete.delay.ms between a segment's end and its files'
	Preallocate       bool          // preallocate: reserve a segment's room when it begins

	// What Clean goes by; a log with Compact keeps at least the last record of every key.
	Compact          bool          // cleanup.policy has compact
	MinCompactionLag time.Duration // min.compaction.lag.ms
	MaxCompactionLag time.Duration // max.compaction.lag.ms; 0 or negative for no limit
	MinDirtyRatio    float64       // min.cleanable.dirty.ratio
	DeleteRetention  time.Duration // delete.retention.ms
}

// DefaultConfig is Kafka's defaults.
func DefaultConfig() Config {
	return Config{
		SegmentBytes:      1 << 30,
		SegmentAge:        7 * 24 * time.Hour,
		IndexInterval:     4096,
		RetentionAge:      7 * 24 * time.Hour,
		RetentionBytes:    -1,
		MessageBytesMax:   1<<20 + PrefixLen,
		TimestampAfterMax: time.Hour,
		ProducerExpiry:    24 * time.Hour,
		FileDeleteDelay:   time.Minute,
		MinDirtyRatio:     0.5,
		DeleteRetention:   24 * time.Hour,
	}
}

// PrefixLen is what Kafka's default of max.message.bytes (1,048,588) allows above a mebibyte.
const PrefixLen = record.PrefixLen

// Options says where a log lives and what it shares with its neighbours. FS may be nil for the operating system's; a nil
// Syncer makes Sync the only way to durability; a nil Buffers makes a pool of the log's own.
type Options struct {
	FS      vfs.FS
	Syncer  *Syncer
	Buffers *Buffers
	// Files bounds the open files of all logs that share it; nil bounds nothing.
	Files  *OpenFiles
	Logger *slog.Logger
	Config Config

	// TopicID is kept in partition.metadata when not zero; a directory of another id answers ErrTopicID.
	TopicID [16]byte
	// Lazy leaves the directory unmade until the first append.
	Lazy bool
	// Clean says that the last process closed every log (TakeCleanShutdown): the active segment is trusted unread.
	Clean bool
	// Synced says that all that the last process wrote is on disk (vfs.SyncFS since): recovery need not sync what it keeps.
	Synced bool
	// TailBytes is how much of what was appended last is kept in memory for readers at the end; 0 means 512 KiB, and less
	// is kept when all logs of the Buffers together hold much.
	TailBytes int

	// OnSynced, when not nil, is called after each sync that covered new appends with the first offset not yet synced, or
	// with an error when the disk died. It runs on the syncer's goroutine or an appender's, which may hold the log's append
	// lock: it must not block or append, but may ask for offsets.
	OnSynced func(synced int64, err error)
}

// Origin says who appends, which decides what is checked and who assigns offsets.
type Origin int8

// The origins of a batch.
const (
	FromClient      Origin = iota // a producer: offsets are assigned, sequences checked, control batches refused
	FromCoordinator               // ours: as FromClient, and control batches (transaction markers) are allowed
	FromLeader                    // replication: offsets and leader epochs stand in the batch and are kept
)

// Entry is one batch to append and, afterwards, its fate. The batch must have passed record.Validate (the log does not
// compute the checksum again), is modified in place and is not kept.
type Entry struct {
	Batch  record.Batch
	Origin Origin
	// RequireJoin refuses a batch that opens a transaction which its producer did not join the partition to; see BeginJoin.
	RequireJoin bool
	// EpochBumped says of a marker that it carries a newer epoch than the transaction it ends.
	EpochBumped bool

	Info AppendInfo // set when Err is nil
	Err  error
}

// AppendInfo is where a batch went.
type AppendInfo struct {
	BaseOffset int64
	LastOffset int64
	// Timestamp is the append time in milliseconds when the log stamps it (LogAppendTime), else -1.
	Timestamp int64
	// Duplicate says that the batch was here already, with these offsets; nothing was written.
	Duplicate bool
}

// AbortedTxn is one aborted transaction: its records lie in [FirstOffset, LastOffset], LastOffset being the marker's.
type AbortedTxn struct {
	ProducerID       int64
	FirstOffset      int64
	LastOffset       int64
	LastStableOffset int64 // when the marker was written
}
