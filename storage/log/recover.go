package log

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/freshetdb/freshet/storage/record"
	"github.com/freshetdb/freshet/storage/vfs"
)

// snapshotsKept is how many producer snapshots stay on disk.
const snapshotsKept = 2

// Open recovers the log in dir, or makes it. Unless Options.Clean, the active segment is read and checked; it is cut at
// the first batch that is torn or out of order, and what is left is made durable. Errors: ErrTopicID; else the disk's.
func Open(dir string, opts Options) (*Log, error) {
	if opts.FS == nil {
		opts.FS = vfs.Default()
	}
	if opts.Buffers == nil {
		opts.Buffers = NewBuffers()
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Config == (Config{}) {
		opts.Config = DefaultConfig()
	}
	l := &Log{
		dir: dir, fs: opts.FS, syncer: opts.Syncer, buffers: opts.Buffers, logger: opts.Logger, opts: opts,
		tentative: make(map[int64]producer), jitter: rand.Float64(), //nolint:gosec // spreads rolls, guards nothing
	}
	l.config.Store(&opts.Config)
	opts.Files.room()
	l.appendMu.Lock() // keeps others from closing files to make room
	defer l.appendMu.Unlock()
	if err := l.load(opts.Clean); err != nil {
		l.forget()
		return nil, fmt.Errorf("open log %s: %w", dir, err)
	}
	return l, nil
}

// listing is what a directory holds.
type listing struct {
	bases     []int64 // of segments
	snapshots []int64
	aborts    []int64 // segments with a transaction index
	swaps     []int64 // cleaned segments that were about to take their place
	rubbish   []string
	small     map[string]bool // the checkpoint files there are
}

// list reads the directory; exists is false when there is none.
func (l *Log) list() (found listing, exists bool, err error) {
	names, err := l.fs.List(l.dir)
	if vfs.IsNotExist(err) {
		return listing{}, false, nil
	}
	if err != nil {
		return listing{}, false, fmt.Errorf("list: %w", err)
	}
	for _, name := range names {
		if hasSuffix(name, suffixDeleted) || hasSuffix(name, suffixTemporary) || hasSuffix(name, suffixCleaned) {
			found.rubbish = append(found.rubbish, name)
			continue
		}
		switch name {
		case fileStart, fileCleaned, fileEpochs:
			if found.small == nil {
				found.small = map[string]bool{}
			}
			found.small[name] = true
			continue
		}
		switch offset, suffix, ok := parseName(name); {
		case ok && suffix == suffixLog:
			found.bases = append(found.bases, offset)
		case ok && suffix == suffixLog+suffixSwap:
			found.swaps = append(found.swaps, offset)
		case ok && suffix == suffixTxnIndex:
			found.aborts = append(found.aborts, offset)
		case ok && suffix == suffixSnapshot:
			found.snapshots = append(found.snapshots, offset)
		}
	}
	slices.Sort(found.bases)
	slices.Sort(found.snapshots)
	return found, true, nil
}

func hasSuffix(name, suffix string) bool {
	return len(name) > len(suffix) && name[len(name)-len(suffix):] == suffix
}

// load builds the log's state from its directory. The log is not shared yet, or both locks are held.
func (l *Log) load(clean bool) error {
	l.segments, l.producers, l.epochs, l.kept, l.snapshots, l.saved = nil, newProducers(), nil, nil, nil, -1
	found, exists, err := l.list()
	if err != nil {
		return err
	}
	l.made = exists
	l.fresh.Store(exists && !clean && !l.opts.Synced)
	l.keeping = false
	if !exists {
		return l.begin(0, l.opts.Lazy)
	}
	if err := checkTopicID(l.fs, l.dir, l.opts.TopicID); err != nil {
		return err
	}
	for _, name := range found.rubbish {
		if err := l.fs.Remove(l.fs.PathJoin(l.dir, name)); err != nil {
			return fmt.Errorf("remove %s: %w", name, err)
		}
	}
	if err := l.finishSwaps(&found); err != nil {
		return err
	}
	var start int64
	if found.small[fileStart] {
		if start, err = readOffset(l.fs, l.dir, fileStart); err != nil {
			return err
		}
	}
	l.firstDirty = 0
	if found.small[fileCleaned] {
		if l.firstDirty, err = readOffset(l.fs, l.dir, fileCleaned); err != nil {
			l.logger.Warn("log is cleaned from its start again", "dir", l.dir, "error", err)
		}
	}
	l.snapshots = found.snapshots
	if err := l.loadSegments(&found, start, clean); err != nil {
		return err
	}
	if start = max(start, l.segments[0].base); start > l.active().next {
		return fmt.Errorf("start offset %d lies beyond the end %d", start, l.active().next)
	}
	l.start.Store(start)
	l.end.Store(l.active().next)
	l.synced.Store(l.active().next)
	l.active().rest()
	return l.pruneSnapshots(l.active().next)
}

// begin makes an empty log that starts at offset, on disk unless lazy.
func (l *Log) begin(offset int64, lazy bool) error {
	l.segments = []*segment{l.newActive(offset)}
	l.start.Store(offset)
	l.end.Store(offset)
	l.synced.Store(offset)
	if lazy {
		return nil
	}
	return l.make()
}

// make creates directory and first segment, which settle makes durable with the first records: making thousands of logs
// costs no sync each.
func (l *Log) make() error {
	if l.made {
		return nil
	}
	if err := l.fs.MkdirAll(l.dir, dirMode); err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	if err := checkTopicID(l.fs, l.dir, l.opts.TopicID); err != nil {
		return err
	}
	l.opts.Files.room()
	if err := l.active().open(); err != nil {
		return err
	}
	l.fresh.Store(true)
	l.made = true
	return nil
}

// settle makes durable that the log is there: its directory, the names in it, and its id. Nothing in it is durable before.
func (l *Log) settle() error {
	if !l.fresh.Load() {
		return nil
	}
	if l.opts.TopicID != [16]byte{} {
		if err := syncFile(l.fs, l.fs.PathJoin(l.dir, fileMetadata)); err != nil {
			return err
		}
	}
	if err := vfs.SyncDir(l.fs, l.dir); err != nil {
		return err
	}
	if err := vfs.SyncDir(l.fs, l.fs.PathDir(l.dir)); err != nil {
		return err
	}
	l.fresh.Store(false)
	return nil
}

// syncFile syncs a file that is not open.
func syncFile(fs vfs.FS, name string) error {
	f, err := fs.OpenReadWrite(name, vfs.Category)
	if err != nil {
		return fmt.Errorf("sync %s: %w", name, err)
	}
	err = f.Sync()
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("sync %s: %w", name, err)
	}
	return nil
}

// loadSegments opens the segments that were found and recovers from the first that cannot be trusted on.
func (l *Log) loadSegments(found *listing, start int64, clean bool) error {
	bases, durable := found.bases, clean || l.opts.Synced
	for len(bases) > 1 && bases[1] <= start { // retention removed it, the crash brought it back
		if err := l.removeFiles(bases[0]); err != nil {
			return err
		}
		bases = bases[1:]
	}
	if len(bases) == 0 {
		if err := l.begin(start, true); err != nil {
			return err
		}
		if err := l.active().open(); err != nil {
			return err
		}
		l.fresh.Store(true)
		return l.settle()
	}
	var err error
	from := len(bases) - 1
	l.keeping = found.small[fileEpochs]
	if !found.small[fileEpochs] {
		l.epochs = nil
	} else if l.epochs, err = readEpochs(l.fs, l.dir); err != nil {
		l.logger.Warn("leader epochs rebuilt from the records", "dir", l.dir, "error", err)
		l.epochs, from, clean = nil, 0, false
	} else if durable {
		l.kept = append(epochs{}, l.epochs...)
	}
	for i, base := range bases {
		s := l.newSegment(base)
		l.segments = append(l.segments, s)
		if i < len(bases)-1 && !s.trust(bases[i+1]) {
			from, clean = min(from, i), false
		}
	}
	if clean && l.trustActive(slices.Contains(found.aborts, bases[len(bases)-1])) {
		l.saved = l.active().next
		return l.replay(l.active().next)
	}
	if err := l.replay(l.segments[from].base); err != nil {
		return err
	}
	return l.recoverFrom(from, durable)
}

// trust reads what a closed segment's files say of it and tells whether they can be believed.
func (s *segment) trust(next int64) bool {
	info, err := s.fs.Stat(s.path(suffixLog))
	if err != nil {
		return false
	}
	x, err := s.readIndexes(info.Size())
	if err != nil {
		return false
	}
	x.offsets, x.times = nil, nil
	s.x, s.size, s.next = x, info.Size(), next
	return true
}

// unindexedBytes is how large a segment may be to be read rather than its indexes.
const unindexedBytes = 16 << 10

// trustActive takes the active segment as a clean shutdown left it, reading only what lies after its last index entry, or everything
// when that is less; aborts tells that it has a transaction index.
func (l *Log) trustActive(aborts bool) bool {
	s := l.active()
	if n := len(l.snapshots); n == 0 || l.snapshots[n-1] < s.base {
		return false // it was left to be read
	}
	if err := s.open(); err != nil {
		return false
	}
	info, err := s.file.Stat()
	if err != nil {
		return false
	}
	x, pos, reading := newIndexes(), int64(0), !aborts && info.Size() <= unindexedBytes
	if !reading {
		if x, err = s.readIndexes(info.Size()); err != nil {
			return false
		}
		pos = x.lookup(1 << 62)
	}
	next, interval := s.base, l.Config().IndexInterval
	end, err := walk(s.file, pos, info.Size(), func(b record.Batch, at int64) (bool, error) {
		next = b.NextOffset()
		if reading {
			x.note(s.base, b.LastOffset(), b.MaxTimestamp(), at, len(b), interval)
		}
		return true, nil
	})
	if err != nil || end != info.Size() {
		return false
	}
	s.x, s.size, s.next = x, end, next
	return slices.Contains(l.snapshots, next)
}

// replay brings the producers to offset end, from the newest snapshot below and the batches after it.
func (l *Log) replay(end int64) error {
	var at int64
	l.producers, at = readSnapshot(l.fs, l.dir, l.snapshots, l.segments[0].base, end)
	nowMs := time.Now().UnixMilli()
	for _, s := range l.segments {
		if s.next <= at || s.base >= end {
			continue
		}
		file, size, err := s.acquireNow()
		if err != nil {
			return err
		}
		_, err = walk(file, 0, size, func(b record.Batch, _ int64) (bool, error) {
			if b.BaseOffset() < at {
				return true, nil
			}
			_, _, err := l.producers.note(b, nowMs)
			return true, err
		})
		s.release()
		if err != nil {
			return fmt.Errorf("replay producers of segment %d: %w", s.base, err)
		}
	}
	return nil
}

// recoverFrom checks the segments from an index on batch by batch, cuts at the first bad one and removes what follows. durable tells that
// what the files hold is on disk.
func (l *Log) recoverFrom(from int, durable bool) error {
	cut := false
	for i := from; i < len(l.segments); i++ {
		s := l.segments[i]
		if err := s.open(); err != nil {
			return err
		}
		whole, err := l.recoverSegment(s)
		if err != nil {
			return err
		}
		if !whole {
			cut = true
			if err := l.removeAfter(i); err != nil {
				return err
			}
		}
		if i < len(l.segments)-1 {
			if err := s.seal(); err != nil {
				return err
			}
			s.active = false
		}
	}
	if !durable || cut {
		if err := l.active().file.SyncData(); err != nil {
			return fmt.Errorf("sync recovered segment: %w", err)
		}
	}
	if err := l.settle(); err != nil {
		return err
	}
	l.producers.ended = nil // their markers are on disk now
	l.epochs = l.epochs.truncateEnd(l.active().next)
	return nil
}

// recoverSegment rebuilds a segment's indexes from its batches and cuts it after the last good one; whole is false when
// something was cut.
func (l *Log) recoverSegment(s *segment) (whole bool, err error) {
	info, err := s.file.Stat()
	if err != nil {
		return false, fmt.Errorf("stat segment: %w", err)
	}
	s.x, s.size, s.next = newIndexes(), 0, s.base
	interval, nowMs := l.Config().IndexInterval, time.Now().UnixMilli()
	end, err := walk(s.file, 0, info.Size(), func(b record.Batch, pos int64) (bool, error) {
		if b.ComputeCRC() != b.CRC() || b.BaseOffset() < s.next || b.LastOffsetDelta() < 0 || b.LeaderEpoch() < l.epochAt(b.BaseOffset()) {
			return false, nil
		}
		if next, changed := l.epochs.assign(b.LeaderEpoch(), b.BaseOffset()); changed {
			l.epochs = next
		}
		err := l.noteBatch(s, b, pos, nowMs, interval)
		if errors.Is(err, record.ErrInvalid) {
			return false, nil
		}
		return err == nil, err
	})
	if err != nil || end == info.Size() {
		return true, err
	}
	l.logger.Warn("cut a torn tail", "dir", l.dir, "segment", s.base, "bytes", info.Size()-end, "next_offset", s.next)
	return false, vfs.Truncate(s.file, end)
}

// epochAt is the leader epoch that the cache gives an offset.
func (l *Log) epochAt(offset int64) int32 {
	epoch := int32(-1)
	for _, e := range l.epochs {
		if e.start > offset {
			break
		}
		epoch = e.epoch
	}
	return epoch
}

// removeAfter removes the segments after index i, newest first, so that a crash meanwhile leaves no gap.
func (l *Log) removeAfter(i int) error {
	for len(l.segments) > i+1 {
		s := l.active()
		s.retire()
		if err := l.removeFiles(s.base); err != nil {
			return err
		}
		l.segments = l.segments[:len(l.segments)-1]
	}
	return nil
}

// removeFiles removes a segment's files durably: the log first, then what only describes it.
func (l *Log) removeFiles(base int64) error {
	for _, suffix := range []string{suffixLog, suffixIndex, suffixTimeIndex, suffixTxnIndex} {
		err := l.fs.Remove(l.fs.PathJoin(l.dir, fileName(base, suffix)))
		if err != nil && !vfs.IsNotExist(err) {
			return fmt.Errorf("remove segment %d: %w", base, err)
		}
	}
	return vfs.SyncDir(l.fs, l.dir)
}

// writeSnapshot saves the producers' state as of offset, which is the log's end.
func (l *Log) writeSnapshot(offset int64) error {
	snapshot := l.producers.encode()
	if batches := l.producers.encodeBatches(snapshot); batches != nil { // made durable with the snapshot's name
		if err := writeIndexFile(l.fs, l.fs.PathJoin(l.dir, fileName(offset, suffixBatches)), batches); err != nil {
			return l.failed(err)
		}
	}
	if err := vfs.WriteFileAtomic(l.fs, l.fs.PathJoin(l.dir, fileName(offset, suffixSnapshot)), snapshot); err != nil {
		return l.failed(err)
	}
	if !slices.Contains(l.snapshots, offset) {
		l.snapshots = append(l.snapshots, offset)
	}
	return l.pruneSnapshots(offset)
}

// pruneSnapshots removes the snapshots beyond end and all but the newest of the others, and the newest at or below the
// active segment, where a recovery begins.
func (l *Log) pruneSnapshots(end int64) error {
	slices.Sort(l.snapshots)
	recovery := int64(-1)
	for _, at := range l.snapshots {
		if at <= l.active().base {
			recovery = at
		}
	}
	var kept []int64
	for i, at := range l.snapshots {
		if at == recovery || at <= end && i >= len(l.snapshots)-snapshotsKept {
			kept = append(kept, at)
			continue
		}
		if err := l.removeSnapshot(at); err != nil {
			return err
		}
	}
	l.snapshots = kept
	return nil
}

func (l *Log) removeSnapshot(at int64) error {
	for _, suffix := range []string{suffixSnapshot, suffixBatches} {
		err := l.fs.Remove(l.fs.PathJoin(l.dir, fileName(at, suffix)))
		if err != nil && !vfs.IsNotExist(err) {
			return fmt.Errorf("remove snapshot %d: %w", at, err)
		}
	}
	return nil
}
