package log

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/freshetdb/freshet/storage/record"
	"github.com/freshetdb/freshet/storage/vfs"
)

// cleanWriteBytes is how much of a cleaned segment is written at a time.
const cleanWriteBytes = 256 << 10

// cleanGroup rewrites neighbouring segments as one and puts it in their place, unless nothing would change.
func (c *cleaning) cleanGroup(group []*segment, txns *cleanTxns) error {
	w, err := c.newCleanWriter(group)
	if err != nil {
		return c.l.refused(err)
	}
	for _, s := range group {
		if err := c.walk(s, 0, func(b record.Batch) (bool, error) { return true, w.take(b, txns) }); err != nil {
			w.discard()
			return c.l.refused(err)
		}
	}
	if err := w.finish(); err != nil {
		w.discard()
		return c.l.refused(err)
	}
	c.stats.SegmentsBefore += len(group)
	c.stats.SegmentsAfter++
	if !w.changed && len(group) == 1 {
		w.discard()
		return nil
	}
	if err := c.l.swapIn(w.out, group); err != nil {
		return err
	}
	c.stats.BytesWritten += w.out.size
	return nil
}

// cleanWriter writes a cleaned segment.
type cleanWriter struct {
	c       *cleaning
	out     *segment
	file    vfs.File
	buf     []byte
	one     []byte // a batch on its way from the filter
	changed bool
	final   int64 // last offset of the group's last batch, which stays at least as an empty one
}

func (c *cleaning) newCleanWriter(group []*segment) (*cleanWriter, error) {
	first, last := group[0], group[len(group)-1]
	out := c.l.newSegment(first.base)
	out.next, out.loaded = last.end(), true
	w := &cleanWriter{c: c, out: out}
	var err error
	if w.final, err = c.lastOffset(last); err != nil {
		return nil, err
	}
	// Transactions whose markers are not looked at keep their entries.
	for _, s := range group {
		s.mu.Lock()
		for _, t := range s.x.aborted {
			if t.LastOffset >= c.end {
				out.x.aborted = append(out.x.aborted, t)
			}
		}
		s.mu.Unlock()
	}
	w.file, err = c.l.fs.Create(out.path(suffixLog)+suffixCleaned, vfs.Category)
	if err != nil {
		return nil, fmt.Errorf("create cleaned segment: %w", err)
	}
	return w, nil
}

// lastOffset is the last offset that a batch of the segment has.
func (c *cleaning) lastOffset(s *segment) (int64, error) {
	pos, err := s.position(math.MaxInt64)
	if err != nil {
		return 0, err
	}
	last := int64(-1)
	err = c.walk(s, pos, func(b record.Batch) (bool, error) {
		last = b.LastOffset()
		return true, nil
	})
	return last, err
}

// take decides about a batch and writes what stays of it.
func (w *cleanWriter) take(b record.Batch, txns *cleanTxns) error {
	c := w.c
	c.stats.RecordsRead += int64(b.Count())
	if b.LastOffset() >= c.end || b.CRC() != b.ComputeCRC() {
		if b.LastOffset() < c.end {
			c.stats.BatchesUnreadable++
		}
		c.stats.RecordsKept += int64(b.Count())
		return w.write(b)
	}
	if b.Control() {
		return w.takeMarker(b, txns)
	}
	aborted := txns.data(b)
	kept, tombstones, err := c.filter.Begin(b, c.dec, func(r *record.Record) bool { return !aborted && c.keeps(b, r) })
	_, has := b.DeleteHorizon()
	horizon := int64(-1)
	switch {
	case err != nil:
		c.stats.BatchesUnreadable++
		c.stats.RecordsKept += int64(b.Count())
		return w.write(b)
	case kept == 0:
		return w.takeEmpty(b)
	case kept == b.Count() && (has || !tombstones):
		c.stats.RecordsKept += int64(kept)
		return w.write(b)
	case tombstones && !has:
		horizon = c.horizon()
	}
	c.stats.RecordsKept += int64(kept)
	w.changed = true
	if w.one, err = c.filter.Append(w.one[:0], horizon); err != nil {
		return err
	}
	return w.write(w.one)
}

// horizon is when what is seen for the first time now may go.
func (c *cleaning) horizon() int64 {
	return c.opts.Now.UnixMilli() + c.config.DeleteRetention.Milliseconds()
}

// keeps tells whether a record below the map's end stays: it has a key, is the key's last, and is no tombstone that had its time.
func (c *cleaning) keeps(b record.Batch, r *record.Record) bool {
	if r.Key == nil || b.BaseOffset()+int64(r.OffsetDelta) < c.keys.last(r.Key) {
		return false
	}
	if r.Value != nil {
		return true
	}
	horizon, has := b.DeleteHorizon()
	return !has || c.opts.Now.UnixMilli() < horizon
}

// takeEmpty keeps a batch without records when it is its producer's last, or the last of the segment, as a header.
func (w *cleanWriter) takeEmpty(b record.Batch) error {
	needed := w.c.isLast(b) || b.LastOffset() == w.final
	if needed && b.Count() == 0 {
		return w.write(b)
	}
	w.changed = true
	if !needed {
		return nil
	}
	w.one = record.AppendEmpty(w.one[:0], b)
	return w.write(w.one)
}

// isLast tells whether a batch is what an active producer's epoch and last sequence are known by, should every snapshot be lost.
func (c *cleaning) isLast(b record.Batch) bool {
	last, active := c.last[b.ProducerID()]
	if b.ProducerID() < 0 || !active {
		return false
	}
	if last.offset >= 0 {
		return b.LastOffset() == last.offset
	}
	return b.Control() && b.ProducerEpoch() == last.epoch
}

// takeMarker keeps a marker while records of its transaction are left, and delete.retention.ms longer. It is kept whole: an empty
// control batch would have to be understood by every reader.
func (w *cleanWriter) takeMarker(b record.Batch, txns *cleanTxns) error {
	c := w.c
	m, err := record.ReadMarker(b)
	if err != nil { // of a kind we do not know, or without its record already
		c.stats.RecordsKept += int64(b.Count())
		return w.write(b)
	}
	needless, entry := txns.marker(b, m)
	if entry != nil {
		w.out.x.aborted = append(w.out.x.aborted, *entry)
	}
	horizon, has := b.DeleteHorizon()
	switch {
	case needless && !has:
		w.changed = true
		if _, _, err = c.filter.Begin(b, c.dec, func(*record.Record) bool { return true }); err != nil {
			return err
		}
		if w.one, err = c.filter.Append(w.one[:0], c.horizon()); err != nil {
			return err
		}
		b = w.one
	case needless && horizon <= c.opts.Now.UnixMilli() && !c.isLast(b) && b.LastOffset() != w.final:
		w.changed = true
		return nil
	}
	c.stats.RecordsKept += int64(b.Count())
	return w.write(b)
}

// write adds a batch to the segment.
func (w *cleanWriter) write(b record.Batch) error {
	x := &w.out.x
	if w.out.size+int64(len(b)) > math.MaxInt32 {
		return fmt.Errorf("%w: segment %d beyond 2 GiB after cleaning", record.ErrTooLarge, w.out.base)
	}
	x.note(w.out.base, b.LastOffset(), b.MaxTimestamp(), w.out.size, len(b), w.c.config.IndexInterval)
	w.out.size += int64(len(b))
	w.buf = append(w.buf, b...)
	if len(w.buf) < cleanWriteBytes {
		return nil
	}
	return w.flush()
}

func (w *cleanWriter) flush() error {
	if len(w.buf) == 0 {
		return nil
	}
	n := len(w.buf)
	if w.c.l.syncer != nil {
		if err := w.c.l.syncer.admit(n); err != nil {
			return err
		}
	}
	if _, err := w.file.Write(w.buf); err != nil {
		return fmt.Errorf("write cleaned segment: %w", err)
	}
	w.buf = w.buf[:0]
	return w.c.pace(n)
}

// finish makes the segment and its indexes durable under their temporary names and opens it for readers.
func (w *cleanWriter) finish() error {
	if err := w.flush(); err != nil {
		return err
	}
	if err := w.file.Sync(); err != nil {
		return fmt.Errorf("sync cleaned segment: %w", err)
	}
	if err := w.file.Close(); err != nil {
		return fmt.Errorf("close cleaned segment: %w", err)
	}
	w.file = nil
	s := w.out
	s.x.noteTime(s.base)
	slices.SortFunc(s.x.aborted, func(a, b AbortedTxn) int { return cmp.Compare(a.LastOffset, b.LastOffset) })
	if err := s.writeIndexes(suffixCleaned, writeIndexFile); err != nil {
		return err
	}
	var err error
	if s.file, err = s.fs.Open(s.path(suffixLog) + suffixCleaned); err != nil {
		return fmt.Errorf("open cleaned segment: %w", err)
	}
	s.log.opts.Files.opened(s)
	return nil
}

// discard removes what was written; what cannot be removed goes at the next start.
func (w *cleanWriter) discard() {
	if w.file != nil {
		_ = w.file.Close()
	}
	w.out.retire()
	for _, suffix := range segmentSuffixes {
		_ = w.out.fs.Remove(w.out.path(suffix) + suffixCleaned)
	}
}
