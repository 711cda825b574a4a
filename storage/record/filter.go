package record

import (
	"encoding/binary"
	"fmt"
	"math"
)

// noTimestamp is the base timestamp of a batch without records.
const noTimestamp = -1

// DeleteHorizon is the time in milliseconds from which compaction may drop the batch's tombstones, or the batch itself when it is a
// marker; ok is false when none was set yet. It takes the place of the base timestamp. Source: KIP-534.
func (b Batch) DeleteHorizon() (ms int64, ok bool) {
	return b.BaseTimestamp(), b.Attributes()&attrDeleteHorizon != 0
}

// Filter copies batches without some of their records, as compaction does: offsets, leader epoch, producer, sequences and codec
// stay. It keeps its memory between batches; one goroutine may use it at a time.
type Filter struct {
	source   Batch
	plain    []byte // the records kept, as they were
	moved    []byte // the same with other timestamp deltas
	kept     int32
	maxDelta int64 // largest timestamp delta of those kept

	compressor compressor
}

// Begin looks at a batch, which the filter refers to until the next Begin, and asks keep about each record in order; the record is
// valid during the call only. It tells how many records stay and whether a tombstone (a key without a value) is among
// them. On an error, from records that cannot be read, the batch must not be touched.
func (f *Filter) Begin(b Batch, dec *Decompressor, keep func(*Record) bool) (kept int32, tombstones bool, err error) {
	f.source, f.plain, f.kept, f.maxDelta = b, f.plain[:0], 0, math.MinInt64
	it, err := Records(b, dec)
	if err != nil {
		return 0, false, err
	}
	var r Record
	for {
		from := it.s.at
		if !it.Next(&r) {
			return f.kept, tombstones, it.Err()
		}
		if !keep(&r) {
			continue
		}
		f.plain = append(f.plain, it.s.buf[from:it.s.at]...)
		f.kept++
		f.maxDelta = max(f.maxDelta, r.TimestampDelta)
		tombstones = tombstones || r.Key != nil && r.Value == nil
	}
}

// Append appends the batch with the records that Begin kept, which must be some. horizonMs, when not negative, becomes its delete horizon;
// one that it has already stays.
func (f *Filter) Append(dst []byte, horizonMs int64) ([]byte, error) {
	b, records := f.source, f.plain
	baseTimestamp, maxTimestamp := b.BaseTimestamp(), b.MaxTimestamp()
	attributes := b.Attributes()
	if !b.LogAppendTime() {
		maxTimestamp = baseTimestamp + f.maxDelta
	}
	if _, has := b.DeleteHorizon(); !has && horizonMs >= 0 {
		var err error
		if records, err = f.rebase(baseTimestamp - horizonMs); err != nil {
			return dst, err
		}
		baseTimestamp, attributes = horizonMs, attributes|attrDeleteHorizon
	}
	start := len(dst)
	dst = append(dst, b[:HeaderLen]...)
	dst, err := f.compressor.compress(dst, b.Compression(), records)
	if err != nil {
		return dst[:start], fmt.Errorf("compress records: %w", err)
	}
	if len(dst)-start-PrefixLen > math.MaxInt32 {
		return dst[:start], fmt.Errorf("%w: %d bytes", ErrTooLarge, len(dst)-start)
	}
	Batch(dst[start:]).putFiltered(attributes, f.kept, baseTimestamp, maxTimestamp)
	return dst, nil
}

// rebase adds by to every kept record's timestamp delta.
func (f *Filter) rebase(by int64) ([]byte, error) {
	f.moved = f.moved[:0]
	for rest := f.plain; len(rest) > 0; {
		length, n := varint(rest)
		if n == 0 || length < recordLenMin-1 || length > int64(len(rest)-n) {
			return nil, fmt.Errorf("%w: record of %d bytes", ErrInvalid, length)
		}
		body := rest[n : n+int(length)]
		rest = rest[n+int(length):]
		delta, n := varint(body[1:])
		if n == 0 {
			return nil, fmt.Errorf("%w: timestamp of a record", ErrInvalid)
		}
		after := body[1+n:]
		f.moved = appendVarint(f.moved, int64(1+varintLen(delta+by)+len(after)))
		f.moved = append(f.moved, body[0])
		f.moved = appendVarint(f.moved, delta+by)
		f.moved = append(f.moved, after...)
	}
	return f.moved, nil
}

// AppendEmpty appends the header of a batch without its records: what remembers a producer's last sequence, or the last offset of a
// segment, when the records are gone.
func AppendEmpty(dst []byte, b Batch) []byte {
	start := len(dst)
	dst = append(dst, b[:HeaderLen]...)
	attributes := b.Attributes() &^ (attrCodecMask | attrDeleteHorizon)
	Batch(dst[start:]).putFiltered(attributes, 0, noTimestamp, b.MaxTimestamp())
	return dst
}

// putFiltered fills what losing records changes in a header, and the checksum.
func (b Batch) putFiltered(attributes int16, count int32, baseTimestamp, maxTimestamp int64) {
	binary.BigEndian.PutUint32(b[posLength:], uint32(len(b)-PrefixLen))
	binary.BigEndian.PutUint16(b[posAttributes:], uint16(attributes))
	binary.BigEndian.PutUint64(b[posBaseTimestamp:], uint64(baseTimestamp))
	binary.BigEndian.PutUint64(b[posMaxTimestamp:], uint64(maxTimestamp))
	binary.BigEndian.PutUint32(b[posCount:], uint32(count))
	b.SetCRC()
}
