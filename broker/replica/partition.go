package replica

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/storage/log"
)

// Isolation says how far a reader sees.
type Isolation int8

// The isolation levels of Kafka.
const (
	ReadUncommitted Isolation = 0 // up to the high watermark
	ReadCommitted   Isolation = 1 // up to the last stable offset
)

// Partition is one partition this node holds.
type Partition struct {
	m     *Manager
	topic string
	id    metadata.UUID
	index int32
	dir   string

	// state is what the cluster agreed on last.
	state atomic.Pointer[state]
	// log is nil until the first use.
	log atomic.Pointer[log.Log]
	// openMu serialises opening and closing; guards: closed, failed.
	openMu sync.Mutex
	closed bool
	failed error

	// epochAssigned is the leader epoch that the log knows, -1 for none.
	epochAssigned atomic.Int32

	mu      sync.Mutex // guards what follows
	pending []*appendOp
	dead    error

	// cleanAfter is when compaction may be tried again, in nanoseconds since 1970.
	cleanAfter atomic.Int64
	// flushArmed tells that a sync was asked for flush.ms from now.
	flushArmed atomic.Bool

	// highWatermark is written under mu.
	highWatermark atomic.Int64

	joinMu sync.Mutex // guards: joins
	joins  map[joiner]*joining

	watchMu  sync.Mutex // guards: watchers; held while they are called
	watchers watchList
}

// state is a partition's agreed state with its topic's configs, typed.
type state struct {
	metadata.Partition
	config metadata.TopicConfig
	leads  bool
	// producerExpiry is after how long an idle producer is forgotten.
	producerExpiry time.Duration
}

// logConfig is the part of the state that the log goes by.
func (s *state) logConfig() log.Config {
	c := logConfig(s.config)
	if s.producerExpiry > 0 {
		c.ProducerExpiry = s.producerExpiry
	}
	return c
}

// Topic is the topic's name.
func (p *Partition) Topic() string { return p.topic }

// TopicID is the topic's id.
func (p *Partition) TopicID() metadata.UUID { return p.id }

// Index is the partition's number.
func (p *Partition) Index() int32 { return p.index }

// LeaderEpoch is the agreed leader epoch.
func (p *Partition) LeaderEpoch() int32 { return p.state.Load().LeaderEpoch }

// Config is the topic's configuration.
func (p *Partition) Config() metadata.TopicConfig { return p.state.Load().config }

// CheckEpoch compares a caller's leader epoch, -1 for unknown, with ours (KIP-320).
func (p *Partition) CheckEpoch(epoch int32) error {
	switch ours := p.LeaderEpoch(); {
	case epoch < 0 || epoch == ours:
		return nil
	case epoch < ours:
		return ErrFencedLeaderEpoch
	default:
		return ErrUnknownLeaderEpoch
	}
}

// open returns the partition's log, opening it at the first call. Errors: ErrUnknownPartition once the partition is deleted,
// ErrStorage.
func (p *Partition) open() (*log.Log, error) {
	if l := p.log.Load(); l != nil {
		return l, nil
	}
	p.openMu.Lock()
	defer p.openMu.Unlock()
	switch {
	case p.closed:
		return nil, ErrUnknownPartition
	case p.failed != nil:
		return nil, p.failed
	case p.log.Load() != nil:
		return p.log.Load(), nil
	}
	if !p.m.awaitRemoval(p) {
		return nil, ErrUnknownPartition
	}
	l, err := p.m.openLog(p)
	if err != nil {
		err = fmt.Errorf("%w: open log of %s-%d: %w", ErrStorage, p.topic, p.index, err)
		p.m.log.Error("partition is offline", "topic", p.topic, "partition", p.index, "err", err)
		p.failed = err
		p.m.metrics.offline.Inc()
		return nil, err
	}
	p.mu.Lock()
	// Recovery syncs what it keeps, so all of it may be read.
	p.highWatermark.Store(l.SyncedOffset())
	p.mu.Unlock()
	p.log.Store(l)
	return l, nil
}

// beginClose refuses to open the log from now on and gives it if it is open; its owner closes it and calls endClose.
func (p *Partition) beginClose() *log.Log {
	p.openMu.Lock()
	defer p.openMu.Unlock()
	p.closed = true
	return p.log.Load()
}

// endClose lets go of the log and fails what waits on it.
func (p *Partition) endClose() {
	p.log.Store(nil)
	p.fail(ErrUnknownPartition)
	p.wakeWatchers()
}

// remove ends a deleted partition: the log goes with its directory.
func (p *Partition) remove() error {
	l := p.beginClose()
	err := p.removeLog(l)
	p.endClose()
	return err
}

func (p *Partition) removeLog(l *log.Log) error {
	if l == nil {
		return log.RemoveDir(p.m.opts.FS, p.dir)
	}
	return l.Remove()
}

// apply takes over an agreed state.
func (p *Partition) apply(s *state) {
	p.state.Store(s)
	if l := p.log.Load(); l != nil {
		l.SetConfig(s.logConfig())
	}
	if !s.leads {
		p.fail(ErrNotLeader)
		p.wakeWatchers()
	}
}

// Bounds are the ends of what a partition holds.
type Bounds struct {
	// Start is the first offset that may be read.
	Start int64
	// LastStable is the first offset of an undecided transaction, or HighWatermark.
	LastStable int64
	// HighWatermark is the first offset consumers may not see.
	HighWatermark int64
}

// Bounds gives the partition's ends.
func (p *Partition) Bounds() (Bounds, error) {
	l, err := p.open()
	if err != nil {
		return Bounds{}, err
	}
	return p.bounds(l), nil
}

func (p *Partition) bounds(l *log.Log) Bounds {
	hw := p.highWatermark.Load()
	return Bounds{Start: l.StartOffset(), LastStable: l.LastStableOffset(hw), HighWatermark: hw}
}

// readableEnd is where a reader of that isolation must stop.
func (b Bounds) readableEnd(iso Isolation) int64 {
	if iso == ReadCommitted {
		return b.LastStable
	}
	return b.HighWatermark
}

// EndOffset is the offset after the last record, synced or not.
func (p *Partition) EndOffset() (int64, error) {
	l, err := p.open()
	if err != nil {
		return 0, err
	}
	return l.EndOffset(), nil
}

// Read is what a partition gave a reader.
type Read struct {
	// Span holds whole batches, untouched; Release it when its Bytes are not nil.
	Span log.Span
	Bounds
	// Aborted are the aborted transactions overlapping the span; only for ReadCommitted.
	Aborted []log.AbortedTxn
}

// Read returns what is readable at offset, about maxBytes; with minOne at least one batch if there is one. The first batch may begin
// below offset. Errors: log.ErrOffsetOutOfRange, ErrUnknownPartition, ErrStorage.
func (p *Partition) Read(offset int64, maxBytes int, minOne bool, iso Isolation) (Read, error) {
	return p.read(offset, maxBytes, minOne, iso, func(l *log.Log, end int64) (log.Span, error) {
		return l.Read(offset, maxBytes, minOne, end)
	})
}

// ReadRange is Read for those who hand batches on unread: long runs come as ranges of a file, and at most about maxMemory bytes in memory.
func (p *Partition) ReadRange(offset int64, maxBytes, maxMemory int, minOne bool, iso Isolation) (Read, error) {
	return p.read(offset, maxBytes, minOne, iso, func(l *log.Log, end int64) (log.Span, error) {
		return l.ReadRange(offset, maxBytes, maxMemory, minOne, end)
	})
}

func (p *Partition) read(offset int64, maxBytes int, minOne bool, iso Isolation, from func(*log.Log, int64) (log.Span, error)) (Read, error) {
	l, err := p.open()
	if err != nil {
		return Read{}, err
	}
	r := Read{Bounds: p.bounds(l)}
	end := r.readableEnd(iso)
	if offset < r.Start || offset > r.HighWatermark {
		return r, log.ErrOffsetOutOfRange
	}
	if offset >= end || (maxBytes <= 0 && !minOne) {
		return r, nil
	}
	r.Span, err = from(l, end)
	if err != nil {
		return r, p.gone(err)
	}
	p.m.metrics.fetchedBytes.Add(float64(r.Span.Len()))
	if iso == ReadCommitted && r.Span.Len() > 0 {
		if r.Aborted, err = l.AbortedTxns(nil, offset, r.Span.NextOffset); err != nil {
			r.Span.Release()
			r.Span = log.Span{}
			return r, p.gone(err)
		}
	}
	return r, nil
}

// gone turns the error of a log closed under the caller into the partition's.
func (p *Partition) gone(err error) error {
	if errors.Is(err, log.ErrClosed) {
		return ErrUnknownPartition
	}
	return err
}

// OffsetForTime finds the first readable record with a timestamp at or after ms; ok is false when there is none.
func (p *Partition) OffsetForTime(ms int64, iso Isolation) (found log.OffsetTime, ok bool, err error) {
	l, err := p.open()
	if err != nil {
		return found, false, err
	}
	found, ok, err = l.OffsetForTime(ms)
	return found, ok && found.Offset < p.bounds(l).readableEnd(iso), p.gone(err)
}

// MaxTimestamp finds the first record with the largest timestamp; ok is false when the partition is empty.
func (p *Partition) MaxTimestamp() (found log.OffsetTime, ok bool, err error) {
	l, err := p.open()
	if err != nil {
		return found, false, err
	}
	found, ok, err = l.MaxTimestamp()
	return found, ok, p.gone(err)
}

// EpochEnd gives the largest leader epoch at or below epoch and the offset after its last record; -1, -1 when unknown, which an epoch
// to come is too. The present epoch is known from its beginning, though the log notes it with its first record.
func (p *Partition) EpochEnd(epoch int32) (found int32, end int64, err error) {
	l, err := p.open()
	if err != nil {
		return -1, -1, err
	}
	switch now := p.LeaderEpoch(); {
	case epoch > now:
		return -1, -1, nil
	case epoch == now:
		return epoch, l.EndOffset(), nil
	}
	found, end = l.EpochEnd(epoch)
	return found, end, nil
}

// LatestEpoch is the leader epoch of the last record, -1 when there is none.
func (p *Partition) LatestEpoch() (int32, error) {
	l, err := p.open()
	if err != nil {
		return -1, err
	}
	return l.LatestEpoch(), nil
}

// SizeBytes is the size of the partition's segments.
func (p *Partition) SizeBytes() (int64, error) {
	l, err := p.open()
	if err != nil {
		return 0, err
	}
	return l.SizeBytes(), nil
}

// DeleteRecords moves the start up to before, -1 for the high watermark, and returns the new start.
// Errors: log.ErrOffsetOutOfRange when before is beyond the high watermark.
func (p *Partition) DeleteRecords(before int64) (start int64, err error) {
	l, err := p.open()
	if err != nil {
		return 0, err
	}
	p.Settle()
	hw := p.highWatermark.Load()
	if before == -1 {
		before = hw
	}
	if before < 0 || before > hw {
		return 0, log.ErrOffsetOutOfRange
	}
	if err := l.DeleteTo(before); err != nil {
		return 0, p.gone(err)
	}
	return l.StartOffset(), nil
}

// retain lets go of what retention allows.
func (p *Partition) retain(now time.Time) (segments int, err error) {
	l := p.log.Load()
	if l == nil {
		return 0, nil
	}
	segments, err = l.Retain(now, p.highWatermark.Load())
	return segments, p.gone(err)
}
