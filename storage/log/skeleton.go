package log

import (
	"context"
	"time"
)

// Log is one partition on disk.
type Log struct{}

// Open recovers the log in dir, or makes it.
func Open(dir string, opts Options) (*Log, error) { return nil, ErrClosed }

// Append checks, stamps and writes a group of batches with one write, setting each entry's Info or Err. See Entry. A
// returned error is the disk's and is every entry's Err too.
func (l *Log) Append(group []Entry, leaderEpoch int32, now time.Time) error { return ErrClosed }

// Submission is a batch handed to Submit: Done is called once, from any goroutine, after the write (not the sync).
type Submission struct {
	Entry
	LeaderEpoch int32
	Done        func(*Submission)
	next        *Submission
}

// Submit queues a batch. The goroutine that finds the queue empty becomes the appender and drains it, writing what has
// gathered meanwhile in one go; the others return at once. now is the appender's clock.
func (l *Log) Submit(s *Submission, now func() time.Time) {}

// Span is a run of whole batches, valid until Release, which must be called exactly once.
type Span struct {
	Bytes      []byte // concatenated v2 batches, untouched; the first may begin below the asked offset
	NextOffset int64  // after the last batch
}

// Release gives the memory back.
func (s *Span) Release() {}

// Read returns the batches from the one holding offset on, about maxBytes of them, all below limit (an exclusive offset: the
// high watermark or last stable offset; a batch that crosses it is left out). With minOne the first is returned even when it is larger
// than maxBytes. An empty span (nil Bytes) means nothing is there yet. It may return less than maxBytes though more is there: call again at NextOffset.
// Errors: ErrOffsetOutOfRange when offset < StartOffset or > EndOffset, ErrClosed.
func (l *Log) Read(offset int64, maxBytes int, minOne bool, limit int64) (Span, error) {
	return Span{}, ErrClosed
}

// StartOffset is the first offset that may be read.
func (l *Log) StartOffset() int64 { return 0 }

// EndOffset is the offset of the next record (log end offset).
func (l *Log) EndOffset() int64 { return 0 }

// SyncedOffset is the first offset that is not yet known to be on disk.
func (l *Log) SyncedOffset() int64 { return 0 }

// LastStableOffset is the first offset that belongs to an undecided transaction, at most highWatermark.
func (l *Log) LastStableOffset(highWatermark int64) int64 { return 0 }

// AbortedTxns appends to dst the aborted transactions that overlap [from, to).
func (l *Log) AbortedTxns(dst []AbortedTxn, from, to int64) ([]AbortedTxn, error) { return dst, nil }

// OffsetForTime finds the first record with a timestamp at or after ms; ok is false when there is none.
func (l *Log) OffsetForTime(ms int64) (found OffsetTime, ok bool, err error) {
	return OffsetTime{}, false, nil
}

// MaxTimestamp finds the first record with the largest timestamp.
func (l *Log) MaxTimestamp() (found OffsetTime, ok bool, err error) { return OffsetTime{}, false, nil }

// LatestEpoch is the last record's leader epoch, -1 when there is none.
func (l *Log) LatestEpoch() int32 { return -1 }

// EpochEnd gives the largest leader epoch at or below epoch and the offset after its last record; -1, -1 when unknown (KIP-101, KIP-279).
func (l *Log) EpochEnd(epoch int32) (found int32, end int64) { return -1, -1 }

// AssignEpoch notes durably that leader epoch begins at the log's end; a new leader calls it before its first append.
func (l *Log) AssignEpoch(epoch int32) error { return nil }

// Sync makes everything appended so far durable and returns the offset after it.
func (l *Log) Sync() (int64, error) { return 0, nil }

// Roll closes the active segment and begins another.
func (l *Log) Roll() error { return nil }

// TruncateTo drops the records from offset on (a follower's divergence).
func (l *Log) TruncateTo(offset int64) error { return nil }

// DeleteTo moves the start offset up to offset, at most the high watermark the caller knows, and removes whole segments below.
func (l *Log) DeleteTo(offset int64) error { return nil }

// Retain removes segments that retention by time or size lets go, none that reaches beyond highWatermark, and lets go of idle memory. It returns the number removed.
func (l *Log) Retain(now time.Time, highWatermark int64) (int, error) { return 0, nil }

// SetConfig changes the configuration.
func (l *Log) SetConfig(c Config) {}

// SizeBytes is the size of the segments.
func (l *Log) SizeBytes() int64 { return 0 }

// Close writes indexes and producer state, syncs and closes. It is idempotent; Reads after it answer ErrClosed.
func (l *Log) Close() error { return nil }

// Remove closes the log and removes its directory.
func (l *Log) Remove() error { return nil }

// Syncer makes appends of every log of one data directory durable in rounds.
type Syncer struct{}

// SyncerOptions says how often a round begins by itself.
type SyncerOptions struct {
	// Interval is the longest time an append stays unsynced though nobody asks; 0 means never by itself.
	Interval time.Duration
}

// NewSyncer makes a syncer; Run must be running for rounds to happen.
func NewSyncer(opts SyncerOptions) *Syncer { return nil }

// Run serves rounds until ctx ends, and then one last.
func (s *Syncer) Run(ctx context.Context) error { return nil }

// Request asks that what is appended now be synced soon: the next round begins at once, or after the running one. It never blocks.
func (s *Syncer) Request() {}

// Wait asks for a round and waits until l is synced up to offset.
func (s *Syncer) Wait(ctx context.Context, l *Log, offset int64) error { return nil }

// Err is ErrDiskDead, wrapped, after a failed sync.
func (s *Syncer) Err() error { return nil }

// Buffers is a pool of read and tail buffers, shared by the logs of a node.
type Buffers struct{}

// NewBuffers makes a pool.
func NewBuffers() *Buffers { return nil }
