package log

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/freshetdb/freshet/storage/record"
	"github.com/freshetdb/freshet/storage/vfs"
)

// Log is one partition on disk. It is safe for concurrent use.
type Log struct {
	dir     string
	fs      vfs.FS
	syncer  *Syncer // may be nil
	buffers *Buffers
	logger  *slog.Logger
	opts    Options
	config  atomic.Pointer[Config]

	// Published after the bytes: a reader that sees an end finds everything below it.
	start, end, synced atomic.Int64

	dirty  atomic.Bool // listed with the syncer
	fresh  atomic.Bool // the directory and its name above are not known to be on disk
	tailed atomic.Bool // somebody read at the end since the last append
	closed atomic.Bool
	dead   atomic.Pointer[error] // a failure of this log's own writes, for logs without a syncer

	queue queue

	cleanMu     sync.Mutex   // held while cleaning; before appendMu
	interrupted atomic.Int32 // how many want a cleaning to end

	appendMu sync.Mutex
	// appendMu guards, for one writer at a time:
	made      bool    // the directory exists
	cut       bool    // a failed write may have left bytes beyond the active segment's size
	beganMs   int64   // when the active segment began; 0 for unknown
	kept      epochs  // what the leader epochs' file durably holds; nil for unknown
	keeping   bool    // there is such a file
	jitter    float64 // the share of segment.jitter.ms that the active segment ends earlier
	doomed    []doomedFile
	saved     int64 // the end offset that a clean close noted, which holds as long as nothing is appended; -1 for none
	group     []*Entry
	accepted  []*Entry
	tentative map[int64]producer
	snapshots []int64 // offsets of the snapshot files, ascending
	relaxedAt int64   // end offset at the last Retain
	unread    int     // bytes appended since somebody read at the end

	mu sync.Mutex
	// mu guards; the writer may read them with appendMu alone:
	segments  []*segment // ascending, never empty; the last is active
	tail      []*chunk   // ascending, without gaps up to the end
	producers producers
	epochs    epochs
	// firstDirty is where the last cleaning ended.
	firstDirty int64
}

// StartOffset is the first offset that may be read.
func (l *Log) StartOffset() int64 { return l.start.Load() }

// EndOffset is the offset of the next record (log end offset).
func (l *Log) EndOffset() int64 { return l.end.Load() }

// SyncedOffset is the first offset that is not known to be on disk.
func (l *Log) SyncedOffset() int64 { return l.synced.Load() }

// Config is the current configuration.
func (l *Log) Config() Config { return *l.config.Load() }

// SetConfig changes the configuration from the next append or Retain on.
func (l *Log) SetConfig(c Config) { l.config.Store(&c) }

// LastStableOffset is the first offset that belongs to an undecided transaction, or to one whose marker lies at or above
// highWatermark; at most highWatermark, which must not go back between calls.
func (l *Log) LastStableOffset(highWatermark int64) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.producers.lastStable(highWatermark)
}

// AbortedTxns appends to dst the aborted transactions that overlap [from, to), ascending by the marker's offset.
func (l *Log) AbortedTxns(dst []AbortedTxn, from, to int64) ([]AbortedTxn, error) {
	if l.closed.Load() {
		return dst, ErrClosed
	}
	l.mu.Lock()
	segments := l.segments[l.segmentIndex(from):]
	l.mu.Unlock()
	for _, s := range segments {
		s.mu.Lock()
		for _, t := range s.x.aborted {
			if t.LastOffset >= from && t.FirstOffset < to {
				dst = append(dst, t)
			}
		}
		s.mu.Unlock()
	}
	return dst, nil
}

// segmentIndex finds the segment that holds offset, or the first. l.mu is held.
func (l *Log) segmentIndex(offset int64) int {
	i, found := slices.BinarySearchFunc(l.segments, offset, func(s *segment, offset int64) int {
		return int(min(max(s.base-offset, -1), 1))
	})
	if !found {
		i = max(i-1, 0)
	}
	return i
}

func (l *Log) active() *segment { return l.segments[len(l.segments)-1] }

// LatestEpoch is the newest leader epoch, -1 when there is none.
func (l *Log) LatestEpoch() int32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.epochs.latest()
}

// EpochEnd gives the largest leader epoch at or below epoch and the offset after its last record; -1, -1 when unknown.
// Source: KIP-101, KIP-279.
func (l *Log) EpochEnd(epoch int32) (found int32, end int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.epochs.end(epoch, l.end.Load())
}

// AssignEpoch notes that leader epoch begins at the log's end; a new leader calls it before its first append. The note is
// durable before it returns, except for a log's first epoch, which stands in its batches.
func (l *Log) AssignEpoch(epoch int32) error {
	l.appendMu.Lock()
	defer l.appendMu.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	return l.assignEpoch(epoch, l.end.Load())
}

// assignEpoch is AssignEpoch for an epoch that begins at start. l.appendMu is held.
func (l *Log) assignEpoch(epoch int32, start int64) error {
	next, changed := l.epochs.assign(epoch, start)
	if !changed {
		return nil
	}
	if len(l.epochs) > 0 && l.made {
		if err := l.saveEpochs(next); err != nil {
			return l.failed(err)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.epochs = next
	return nil
}

// SizeBytes is the size of the segments.
func (l *Log) SizeBytes() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	total := int64(0)
	for _, s := range l.segments {
		s.mu.Lock()
		total += s.size
		s.mu.Unlock()
	}
	return total
}

// Sync makes everything appended before the call durable and returns the offset after it. Beside a Syncer it is for
// shutdown and tests. A failure is final: ErrDiskDead.
func (l *Log) Sync() (int64, error) {
	if err := l.usable(); err != nil {
		return l.synced.Load(), err
	}
	return l.syncActive()
}

// syncActive syncs the active segment; what lies in closed ones was synced when they were closed.
func (l *Log) syncActive() (int64, error) {
	active, end := l.unsynced()
	if end <= l.synced.Load() {
		return end, nil
	}
	file, _, err := active.acquire()
	if errors.Is(err, errSegmentGone) {
		return l.synced.Load(), nil // truncated or closed meanwhile, which syncs by itself
	}
	if err != nil {
		return l.synced.Load(), err
	}
	defer active.release()
	if err = file.SyncData(); err == nil {
		err = l.settle()
	}
	if err != nil {
		return l.synced.Load(), l.killed(fmt.Errorf("sync: %w", err))
	}
	l.confirm(active, end)
	return end, nil
}

// unsynced gives the segment that a sync has to take and the offset up to which it is then durable.
func (l *Log) unsynced() (active *segment, end int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.active(), l.end.Load()
}

// confirm publishes that everything below end is on disk, unless the segment that was synced for it was cut or removed since.
func (l *Log) confirm(synced *segment, end int64) {
	l.mu.Lock()
	synced.mu.Lock()
	raised := !synced.gone && end > l.synced.Load()
	synced.mu.Unlock()
	if raised {
		l.synced.Store(end)
	}
	l.mu.Unlock()
	if raised && l.opts.OnSynced != nil {
		l.opts.OnSynced(end, nil)
	}
}

// usable is the error that stops every write: closed, or a dead disk.
func (l *Log) usable() error {
	if l.closed.Load() {
		return ErrClosed
	}
	if l.syncer != nil {
		return l.syncer.Err()
	}
	if err := l.dead.Load(); err != nil {
		return *err
	}
	return nil
}

// failed gives a write's error its meaning: a full disk may pass, anything else ends writing until restart.
func (l *Log) failed(err error) error {
	if vfs.IsNoSpace(err) {
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	}
	return l.killed(err)
}

// killed ends writing to the disk until restart.
func (l *Log) killed(cause error) error {
	if l.syncer != nil {
		return l.syncer.kill(cause, l.dir)
	}
	err := fmt.Errorf("%w: %w", ErrDiskDead, cause)
	if l.dead.CompareAndSwap(nil, &err) {
		l.logger.Error("log unusable until restart", "dir", l.dir, "error", cause)
		if l.opts.OnSynced != nil {
			l.opts.OnSynced(l.synced.Load(), err)
		}
	}
	return *l.dead.Load()
}

// Remove closes the log without saving anything and removes its directory, durably.
func (l *Log) Remove() error {
	defer l.interruptCleaning()()
	if !l.closed.Swap(true) {
		l.appendMu.Lock()
		l.forget()
		l.appendMu.Unlock()
	}
	if !l.made {
		return nil
	}
	return RemoveDir(l.fs, l.dir)
}

// noteBatch brings indexes, producers and counts up to date with a batch at pos of the active segment. l.mu and the
// segment's lock are held, or the log is not shared yet.
func (l *Log) noteBatch(s *segment, b record.Batch, pos, nowMs, interval int64) error {
	aborted, isAbort, err := l.producers.note(b, nowMs)
	if err != nil {
		return err
	}
	if isAbort {
		s.x.aborted = append(s.x.aborted, aborted)
	}
	s.x.note(s.base, b.LastOffset(), b.MaxTimestamp(), pos, len(b), interval)
	s.size, s.next = pos+int64(len(b)), b.NextOffset()
	return nil
}
