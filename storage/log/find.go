package log

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/freshetdb/freshet/storage/record"
)

// OffsetTime is a record found by time.
type OffsetTime struct {
	Offset      int64
	Timestamp   int64 // milliseconds since 1970
	LeaderEpoch int32
}

// OffsetForTime finds the first record, by offset, with a timestamp of ms or later; ok is false when there is none. It is
// exact to the record: the batch is opened.
func (l *Log) OffsetForTime(ms int64) (found OffsetTime, ok bool, err error) {
	for {
		segments, err := l.snapshotSegments()
		if err != nil {
			return OffsetTime{}, false, err
		}
		found, ok, err = l.findTime(segments, ms)
		if !errors.Is(err, errSegmentGone) {
			return found, ok, err
		}
	}
}

// MaxTimestamp finds the first record with the largest timestamp; ok is false when the log is empty. It is exact to the record.
func (l *Log) MaxTimestamp() (found OffsetTime, ok bool, err error) {
	for {
		segments, err := l.snapshotSegments()
		if err != nil {
			return OffsetTime{}, false, err
		}
		found, ok, err = l.findMaxTime(segments)
		if !errors.Is(err, errSegmentGone) {
			return found, ok, err
		}
	}
}

// findMaxTime goes by the largest timestamp that the indexes know, and reads everything when no record has it: it was deleted from the
// log's start, or cleaned away, or never was more than a producer's claim.
func (l *Log) findMaxTime(segments []*segment) (found OffsetTime, ok bool, err error) {
	largest := int64(-1)
	for _, s := range segments {
		s.mu.Lock()
		largest = max(largest, s.x.maxTimestamp)
		s.mu.Unlock()
	}
	if largest < 0 {
		return OffsetTime{}, false, nil
	}
	if found, ok, err = l.findTime(segments, largest); ok || err != nil {
		return found, ok, err
	}
	for _, s := range segments {
		if err := l.maxTimeIn(s, &found, &ok); err != nil {
			return OffsetTime{}, false, err
		}
	}
	return found, ok, nil
}

// maxTimeIn replaces found by the first record of a segment with the largest timestamp, when that is larger.
func (l *Log) maxTimeIn(s *segment, found *OffsetTime, ok *bool) error {
	file, size, err := s.acquire()
	if err != nil {
		return err
	}
	defer s.release()
	dec, start := l.buffers.decompressor(), l.start.Load()
	defer l.buffers.decompressors.Put(dec)
	_, err = walk(file, 0, size, func(b record.Batch, _ int64) (bool, error) {
		for b.LastOffset() >= start && (!*ok || b.MaxTimestamp() > found.Timestamp) {
			least := int64(math.MinInt64)
			if *ok {
				least = found.Timestamp + 1
			}
			larger, has, err := findRecord(b, dec, least, start)
			if err != nil || !has {
				return true, nil //nolint:nilerr // what cannot be read is not the answer
			}
			*found, *ok = larger, true
		}
		return true, nil
	})
	return err
}

// snapshotSegments gives the segments of now.
func (l *Log) snapshotSegments() ([]*segment, error) {
	if l.closed.Load() {
		return nil, ErrClosed
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clip(l.segments), nil
}

func (l *Log) findTime(segments []*segment, ms int64) (found OffsetTime, ok bool, err error) {
	start := l.start.Load()
	for _, s := range segments {
		s.mu.Lock()
		skip := s.x.maxTimestamp < ms || s.size == 0
		s.mu.Unlock()
		if skip {
			continue
		}
		found, ok, err = l.findTimeIn(s, ms, start)
		if ok || err != nil {
			return found, ok, err
		}
	}
	return OffsetTime{}, false, nil
}

// findTimeIn looks through one segment, opening only batches whose largest timestamp says so.
func (l *Log) findTimeIn(s *segment, ms, start int64) (found OffsetTime, ok bool, err error) {
	file, size, err := s.acquire()
	if err != nil {
		return OffsetTime{}, false, err
	}
	defer s.release()
	pos, err := s.positionOfTime(ms)
	if err != nil {
		return OffsetTime{}, false, err
	}
	dec := l.buffers.decompressor()
	defer l.buffers.decompressors.Put(dec)
	_, err = walk(file, pos, size, func(b record.Batch, _ int64) (bool, error) {
		if b.MaxTimestamp() < ms || b.LastOffset() < start {
			return true, nil
		}
		var err error
		found, ok, err = findRecord(b, dec, ms, start)
		return !ok, err
	})
	return found, ok, err
}

// findRecord finds the first record of a batch at or after ms.
func findRecord(b record.Batch, dec *record.Decompressor, ms, start int64) (OffsetTime, bool, error) {
	it, err := record.Records(b, dec)
	if err != nil {
		return OffsetTime{}, false, fmt.Errorf("find time in batch %d: %w", b.BaseOffset(), err)
	}
	var r record.Record
	for it.Next(&r) {
		offset := b.BaseOffset() + int64(r.OffsetDelta)
		if t := b.TimestampOf(&r); t >= ms && offset >= start {
			return OffsetTime{offset, t, b.LeaderEpoch()}, true, nil
		}
	}
	return OffsetTime{}, false, it.Err()
}
