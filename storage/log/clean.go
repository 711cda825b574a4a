package log

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/freshetdb/freshet/storage/record"
)

// errNotCleaned ends a cleaning whose segments went away under it: there is nothing to do, and nothing wrong.
var errNotCleaned = errors.New("segments changed while they were cleaned")

// CleanOptions says how to clean.
type CleanOptions struct {
	Now time.Time
	// HighWatermark bounds what is looked at; open transactions do too.
	HighWatermark int64
	// MapBytes bounds the memory of the map from keys to offsets (log.cleaner.dedupe.buffer.size); 0 means 128 MiB. It is taken
	// while cleaning only, and no more of it than the records to clean can need.
	MapBytes int
	// Throttle, when not nil, is told of bytes read and written; it may wait, and ends the cleaning by an error.
	Throttle func(ctx context.Context, bytes int) error
}

// dedupeBytesDefault is Kafka's log.cleaner.dedupe.buffer.size.
const dedupeBytesDefault = 128 << 20

// CleanStats is what a cleaning did.
type CleanStats struct {
	BytesRead, BytesWritten         int64
	RecordsRead, RecordsKept        int64
	SegmentsBefore, SegmentsAfter   int
	BatchesUnreadable, MapKeys      int
	FirstDirtyBefore, FirstDirtyNow int64
	// Full tells that the map was full before the cleanable range ended: clean again.
	Full bool
}

// Dirt is how much there is to clean in a compacted log.
type Dirt struct {
	FirstDirty int64 // where the last cleaning ended
	End        int64 // where the next one may end at most
	CleanBytes int64 // below FirstDirty
	DirtyBytes int64 // from FirstDirty to End
	// Overdue tells that max.compaction.lag.ms has passed for a dirty record.
	Overdue bool
}

// Ratio is the dirty bytes' share.
func (d Dirt) Ratio() float64 {
	if d.DirtyBytes == 0 {
		return 0
	}
	return float64(d.DirtyBytes) / float64(d.DirtyBytes+d.CleanBytes)
}

// Dirt tells what a cleaning now would find. Source: Kafka, LogCleanerManager.cleanableOffsets.
func (l *Log) Dirt(now time.Time, highWatermark int64) (Dirt, error) {
	if err := l.usable(); err != nil {
		return Dirt{}, err
	}
	config := l.Config()
	stable := l.LastStableOffset(highWatermark)
	l.mu.Lock()
	segments, d := l.segments, Dirt{FirstDirty: max(l.firstDirty, l.start.Load())}
	l.mu.Unlock()
	if d.FirstDirty > segments[len(segments)-1].base {
		d.FirstDirty = l.start.Load() // a checkpoint of another life
	}
	d.End = d.FirstDirty
	for _, s := range segments[:len(segments)-1] {
		s.mu.Lock()
		size, next, newest := s.size, s.next, s.x.maxTimestamp
		s.mu.Unlock()
		if next <= d.FirstDirty {
			d.CleanBytes += size
			continue
		}
		if s.base >= stable || config.MinCompactionLag > 0 && newest > now.Add(-config.MinCompactionLag).UnixMilli() {
			break
		}
		if config.MaxCompactionLag > 0 && !d.Overdue {
			first, err := s.firstTime()
			if errors.Is(err, errSegmentGone) {
				break
			}
			if err != nil {
				return d, err
			}
			d.Overdue = now.UnixMilli()-first > config.MaxCompactionLag.Milliseconds()
		}
		d.DirtyBytes += size
		d.End = min(next, stable)
	}
	return d, nil
}

// Clean keeps, of the records below Dirt's End, the last one of every key: it copies what stays and puts it in the segments' place. Dropped
// are also tombstones that were seen by an earlier cleaning delete.retention.ms ago, records of aborted transactions, markers without
// records, and records without a key. Offsets, epochs and order never change; readers go on meanwhile. What a crash leaves is
// finished or undone by the next Open. Errors: ErrClosed, ErrNoSpace (nothing has happened), ctx's, Throttle's, the disk's.
func (l *Log) Clean(ctx context.Context, opts CleanOptions) (CleanStats, error) {
	l.cleanMu.Lock()
	defer l.cleanMu.Unlock()
	if opts.MapBytes <= 0 {
		opts.MapBytes = dedupeBytesDefault
	}
	dirt, err := l.Dirt(opts.Now, opts.HighWatermark)
	if err != nil || dirt.DirtyBytes == 0 {
		return CleanStats{FirstDirtyBefore: dirt.FirstDirty, FirstDirtyNow: dirt.FirstDirty}, err
	}
	c, err := l.newCleaning(ctx, opts, dirt)
	if err != nil {
		return CleanStats{}, err
	}
	defer l.buffers.decompressors.Put(c.dec)
	err = c.run()
	if errors.Is(err, errNotCleaned) || errors.Is(err, errSegmentGone) {
		if err = l.usable(); err == nil {
			return c.stats, nil
		}
	}
	return c.stats, err
}

// cleaning is one run of Clean.
type cleaning struct {
	l        *Log
	ctx      context.Context //nolint:containedctx // of one call
	opts     CleanOptions
	config   Config
	dirt     Dirt
	end      int64 // where the map ends
	segments []*segment
	aborted  []AbortedTxn
	last     map[int64]lastBatch
	keys     *offsetMap
	dec      *record.Decompressor
	filter   record.Filter
	stats    CleanStats
}

// lastBatch is what is remembered of a producer by the log's end: the last offset of its last batch with data, -1 when only markers
// of its epoch are left.
type lastBatch struct {
	epoch  int16
	offset int64
}

func (l *Log) newCleaning(ctx context.Context, opts CleanOptions, dirt Dirt) (*cleaning, error) {
	aborted, err := l.AbortedTxns(nil, 0, math.MaxInt64)
	if err != nil {
		return nil, err
	}
	c := &cleaning{
		l: l, ctx: ctx, opts: opts, config: l.Config(), dirt: dirt, aborted: aborted,
		last: map[int64]lastBatch{}, dec: l.buffers.decompressor(),
	}
	c.stats.FirstDirtyBefore, c.stats.FirstDirtyNow = dirt.FirstDirty, dirt.FirstDirty
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.segments[:len(l.segments)-1] {
		if s.base < dirt.End {
			c.segments = append(c.segments, s)
		}
	}
	for id, p := range l.producers.byID {
		last := lastBatch{epoch: p.epoch, offset: -1}
		if p.n > 0 {
			last.offset = p.batches[p.n-1].lastOffset
		}
		c.last[id] = last
	}
	return c, nil
}

// run builds the map, rewrites the segments a group at a time, from the lowest offset, and notes how far it came.
func (c *cleaning) run() error {
	if err := c.mapKeys(); err != nil {
		return err
	}
	c.stats.MapKeys = c.keys.used
	if c.end <= c.dirt.FirstDirty {
		return nil // a batch that cannot be cleaned yet begins here
	}
	for len(c.segments) > 0 && c.segments[len(c.segments)-1].base >= c.end {
		c.segments = c.segments[:len(c.segments)-1]
	}
	txns := newCleanTxns(c.aborted)
	for from := 0; from < len(c.segments); {
		to := c.groupEnd(from)
		if err := c.cleanGroup(c.segments[from:to], txns); err != nil {
			return err
		}
		from = to
	}
	if err := c.l.noteCleaned(c.end); err != nil {
		return err
	}
	c.stats.FirstDirtyNow = c.end
	return nil
}

// pace ends the cleaning when it should, and slows it down.
func (c *cleaning) pace(bytes int) error {
	if err := c.l.usable(); err != nil {
		return err
	}
	if c.l.interrupted.Load() > 0 {
		return errNotCleaned
	}
	if c.opts.Throttle != nil {
		return c.opts.Throttle(c.ctx, bytes)
	}
	return c.ctx.Err()
}

// mapKeys reads the dirty records for the last offset of every key, until their end or until the map is full.
func (c *cleaning) mapKeys() error {
	c.keys = newOffsetMap(c.dirt.End-c.dirt.FirstDirty, c.opts.MapBytes)
	c.end = c.dirt.End
	txns := newCleanTxns(c.aborted)
	for _, s := range c.segments {
		s.mu.Lock()
		next := s.next
		s.mu.Unlock()
		if next <= c.dirt.FirstDirty {
			continue
		}
		pos, err := s.position(max(c.dirt.FirstDirty, s.base))
		if err != nil {
			return err
		}
		err = c.walk(s, pos, func(b record.Batch) (bool, error) {
			if b.LastOffset() < c.dirt.FirstDirty {
				return true, nil
			}
			if b.NextOffset() > c.dirt.End || !c.mapBatch(b, txns) {
				c.end = min(c.end, b.BaseOffset())
				c.stats.Full = b.NextOffset() <= c.dirt.End
				return false, nil
			}
			return true, nil
		})
		if err != nil || c.end < next {
			return err
		}
	}
	return nil
}

// mapBatch notes a batch's keys; false says that they do not fit. Batches that cannot be read are left as they are.
func (c *cleaning) mapBatch(b record.Batch, txns *cleanTxns) (fits bool) {
	if b.Control() {
		if m, err := record.ReadMarker(b); err == nil {
			txns.marker(b, m)
		}
		return true
	}
	if b.Count() == 0 || b.CRC() != b.ComputeCRC() || txns.data(b) {
		return true
	}
	it, err := record.Records(b, c.dec)
	if err != nil {
		return true
	}
	var r record.Record
	n := 0
	for whole := it; ; n++ {
		if !whole.Next(&r) {
			if whole.Err() != nil {
				return true
			}
			break
		}
	}
	c.keys.grow(n)
	if c.keys.room() < n {
		return false
	}
	for it.Next(&r) {
		if r.Key != nil {
			c.keys.put(r.Key, b.BaseOffset()+int64(r.OffsetDelta))
		}
	}
	return true
}

// walk is walk over a segment that must hold batches up to its end.
func (c *cleaning) walk(s *segment, pos int64, visit func(record.Batch) (bool, error)) error {
	file, size, err := s.acquire()
	if err != nil {
		return err
	}
	defer s.release()
	stopped := false
	end, err := walk(file, pos, size, func(b record.Batch, _ int64) (bool, error) {
		if err := c.pace(len(b)); err != nil {
			return false, err
		}
		c.stats.BytesRead += int64(len(b))
		more, err := visit(b)
		stopped = !more
		return more, err
	})
	if err == nil && !stopped && end != size {
		return fmt.Errorf("%w: segment %d at byte %d of %d", record.ErrCorrupt, s.base, end, size)
	}
	return err
}

// groupEnd tells how many segments from one on go into one: as many as fit into segment.bytes and 2^31 offsets.
func (c *cleaning) groupEnd(from int) int {
	limit := min(c.config.SegmentBytes, math.MaxInt32)
	size := int64(0)
	to := from
	for ; to < len(c.segments); to++ {
		s := c.segments[to]
		s.mu.Lock()
		size += s.size
		span := s.next - c.segments[from].base
		s.mu.Unlock()
		if to > from && (size > limit || span > math.MaxInt32) {
			break
		}
	}
	return to
}

// noteCleaned durably notes that everything below offset was cleaned.
func (l *Log) noteCleaned(offset int64) error {
	l.appendMu.Lock()
	defer l.appendMu.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	if err := writeOffset(l.fs, l.dir, fileCleaned, offset); err != nil {
		return l.refused(err)
	}
	l.mu.Lock()
	l.firstDirty = offset
	l.mu.Unlock()
	return nil
}

// firstTime is the largest timestamp of the segment's first batch.
func (s *segment) firstTime() (int64, error) {
	s.mu.Lock()
	first, known := s.first, s.firstKnown
	s.mu.Unlock()
	if known {
		return first, nil
	}
	file, size, err := s.acquire()
	if err != nil {
		return 0, err
	}
	defer s.release()
	if size < record.HeaderLen {
		return math.MaxInt64, nil
	}
	header, err := readAt(file, make([]byte, record.HeaderLen), 0)
	if err != nil || len(header) < record.HeaderLen {
		return math.MaxInt64, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.first, s.firstKnown = record.Batch(header).MaxTimestamp(), true
	return s.first, nil
}

// interruptCleaning ends a cleaning that is under way and keeps others out until the function it returns is called.
func (l *Log) interruptCleaning() (done func()) {
	l.interrupted.Add(1)
	l.cleanMu.Lock()
	l.interrupted.Add(-1)
	return l.cleanMu.Unlock
}
