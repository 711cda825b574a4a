package coordinator

import (
	"errors"
	"fmt"
	"time"

	"github.com/freshetdb/freshet/storage/record"
)

// load replays the partition from its start to its end.
func (l *loop[M]) load() error {
	bounds, err := l.log.Bounds(l.partition)
	if err != nil {
		return fmt.Errorf("bounds: %w", err)
	}
	began := time.Now()
	var dec record.Decompressor
	bytes, skipped := int64(0), 0
	for offset := bounds.Start; offset < bounds.HighWatermark; {
		if l.isClosed() {
			return NotCoordinator
		}
		batches, release, err := l.log.Read(l.partition, offset, loadReadBytes)
		if err != nil {
			return fmt.Errorf("read at offset %d: %w", offset, err)
		}
		if len(batches) == 0 {
			break
		}
		bytes += int64(len(batches))
		next, bad, err := replay(l.machine, batches, offset, &dec)
		release()
		skipped += bad
		if err != nil {
			return fmt.Errorf("replay at offset %d: %w", offset, err)
		}
		if next <= offset {
			return fmt.Errorf("replay at offset %d: no progress", offset)
		}
		offset = next
	}
	if skipped > 0 {
		l.logger.Warn("coordinator skipped entries it does not understand", "partition", l.partition, "entries", skipped)
	}
	if bytes > 0 {
		l.sinceTrim = bytes
		l.logger.Info("coordinator loaded", "partition", l.partition, "bytes", bytes, "took_ms", time.Since(began).Milliseconds())
	}
	return nil
}

func (l *loop[M]) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

// replay hands the entries of concatenated batches from offset on to the machine. It gives the offset after them and how
// many were skipped; an error means that the log itself cannot be read.
func replay(m Machine, batches []byte, offset int64, dec *record.Decompressor) (next int64, skipped int, err error) {
	next = offset
	for len(batches) > 0 {
		var b record.Batch
		if b, batches, err = record.Next(batches); err != nil {
			return next, skipped, err
		}
		bad, err := replayBatch(m, b, offset, dec)
		skipped += bad
		if err != nil {
			return next, skipped, err
		}
		next = b.NextOffset()
	}
	return next, skipped, nil
}

func replayBatch(m Machine, b record.Batch, from int64, dec *record.Decompressor) (skipped int, err error) {
	entry := Entry{ProducerID: b.ProducerID(), ProducerEpoch: b.ProducerEpoch(), Transactional: b.Transactional()}
	if b.Control() {
		marker, err := record.ReadMarker(b)
		if err != nil {
			return 1, nil //nolint:nilerr // a control record of a kind we do not know ends nothing
		}
		entry.Offset, entry.Marker = b.BaseOffset(), AbortMarker
		if marker.Commit {
			entry.Marker = CommitMarker
		}
		return count(m.Replay(entry)), nil
	}
	it, err := record.Records(b, dec)
	if err != nil {
		return 0, err
	}
	var r record.Record
	for it.Next(&r) {
		entry.Offset = b.BaseOffset() + int64(r.OffsetDelta)
		if entry.Offset < from {
			continue
		}
		entry.Key, entry.Value = r.Key, r.Value
		skipped += count(m.Replay(entry))
	}
	return skipped, it.Err()
}

func count(err error) int {
	if err != nil {
		return 1
	}
	return 0
}

// snapshot writes the whole committed state again and then gives up the log before it, as far as no open transaction
// needs it. This stands in for compaction: it bounds the partition by its live state, whatever the cleaner does.
func (l *loop[M]) snapshot(now time.Time) {
	records, ok := l.machine.Snapshot()
	if !ok {
		return
	}
	l.sinceTrim = 0
	bounds, err := l.log.Bounds(l.partition)
	if err != nil {
		l.logger.Warn("coordinator snapshot failed", "partition", l.partition, "error", err)
		return
	}
	writes := cut(records)
	left := len(writes)
	var failed error // of any part: then the log before is still needed
	done := func(_ time.Time, err error) {
		failed = errors.Join(failed, err)
		if left--; left > 0 {
			return
		}
		if failed == nil {
			failed = l.log.Trim(l.partition, bounds.LastStable)
		}
		if failed != nil {
			l.logger.Warn("coordinator snapshot failed", "partition", l.partition, "error", failed)
		}
	}
	for i := range writes {
		writes[i].Done = done
		l.append(now, writes[i:i+1])
	}
	if len(writes) == 0 {
		left++
		done(now, nil)
	}
	l.lastSize, l.sinceTrim = l.sinceTrim, 0
}

// cut splits records into writes of about batchBytesMax.
func cut(records []Record) []Write {
	var writes []Write
	for len(records) > 0 {
		n, size := 0, 0
		for n < len(records) && size < batchBytesMax {
			size += record.LenMax(len(records[n].Key), len(records[n].Value))
			n++
		}
		writes = append(writes, Write{Records: records[:n]})
		records = records[n:]
	}
	return writes
}
