package record

import (
	"fmt"
	"math"
)

// Columns are records side by side, as decoders want them: payloads in one buffer, and where each key and value lies in
// it. Lengths are -1 for null (the offset then means nothing). All slices but Buf have the same length.
type Columns struct {
	Buf                            []byte
	KeyOff, KeyLen, ValOff, ValLen []int32
	Timestamps                     []int64 // milliseconds since 1970
	Offsets                        []int64 // in the partition

	viewing bool   // Buf is memory of somebody else, by ViewColumns
	own     []byte // our memory meanwhile
}

// Len is the number of records.
func (c *Columns) Len() int { return len(c.Offsets) }

// Reset empties the columns and keeps their memory.
func (c *Columns) Reset() {
	if c.viewing {
		c.Buf, c.own, c.viewing = c.own, nil, false
	}
	c.Buf = c.Buf[:0]
	c.truncate(0)
}

// Viewing tells that the payloads lie where ViewColumns found them; AppendColumns would copy them all.
func (c *Columns) Viewing() bool { return c.viewing }

// ViewColumns is AppendColumns for an uncompressed batch without the copy: Buf becomes run, the memory in which the batch lies at byte at, which
// must stay as it is until Reset. into is empty, or a view of the same run.
func ViewColumns(run []byte, at int, b Batch, into *Columns) error {
	if b.Control() {
		return nil
	}
	rows, start, end := into.Len(), at+HeaderLen, at+len(b)
	if b.Compression() != None || end > len(run) || end > math.MaxInt32 || rows > 0 && !into.viewing {
		return fmt.Errorf("%w: no view of %s records at byte %d of %d", ErrInvalid, b.Compression(), at, len(run))
	}
	into.grow(min(int(b.Count()), (end-start)/recordLenMin))
	if !into.viewing {
		into.own, into.viewing = into.Buf, true
	}
	into.Buf = run[:end:end]
	if err := into.walk(b, start); err != nil {
		into.truncate(rows)
		return err
	}
	return nil
}

func (c *Columns) truncate(n int) {
	c.KeyOff, c.KeyLen, c.ValOff, c.ValLen = c.KeyOff[:n], c.KeyLen[:n], c.ValOff[:n], c.ValLen[:n]
	c.Timestamps, c.Offsets = c.Timestamps[:n], c.Offsets[:n]
}

// AppendColumns appends the records of a batch to columns, copying (or decompressing) the payload once and allocating
// only to grow. Headers are not kept. A control batch adds nothing. On an error the columns are as before; records of a
// hostile batch may be missing, never wrong. dec may be nil when the batch is uncompressed.
func AppendColumns(b Batch, dec *Decompressor, into *Columns) error {
	if b.Control() {
		return nil
	}
	if into.viewing && into.Len() == 0 {
		into.Reset()
	}
	start, rows := len(into.Buf), into.Len()
	if err := appendPayload(b, dec, into); err != nil {
		into.Buf = into.Buf[:start]
		return err
	}
	if err := into.walk(b, start); err != nil {
		into.Buf = into.Buf[:start]
		into.truncate(rows)
		return err
	}
	return nil
}

func appendPayload(b Batch, dec *Decompressor, into *Columns) (err error) {
	start := len(into.Buf)
	switch c := b.Compression(); {
	case c == None:
		into.Buf = append(into.Buf, b.Payload()...)
	case dec == nil:
		return fmt.Errorf("%w: %s records without a decompressor", ErrUnsupportedCodec, c)
	default:
		var out []byte
		if out, err = dec.Append(into.Buf, c, b.Payload()); err != nil {
			return err
		}
		into.Buf = out
	}
	if len(into.Buf) > math.MaxInt32 {
		return fmt.Errorf("%w: %d bytes in one set of columns", ErrDecompressedTooLarge, len(into.Buf))
	}
	into.grow(min(int(b.Count()), (len(into.Buf)-start)/recordLenMin))
	return nil
}

// grow makes room for n more records.
func (c *Columns) grow(n int) {
	if want := len(c.Offsets) + n; n > 0 && want > cap(c.Offsets) {
		want = max(want, 2*cap(c.Offsets))
		c.KeyOff, c.KeyLen = regrow(c.KeyOff, want), regrow(c.KeyLen, want)
		c.ValOff, c.ValLen = regrow(c.ValOff, want), regrow(c.ValLen, want)
		c.Timestamps, c.Offsets = regrow(c.Timestamps, want), regrow(c.Offsets, want)
	}
}

func regrow[T any](s []T, want int) []T {
	grown := make([]T, len(s), want)
	copy(grown, s)
	return grown
}

// walk notes the records that lie in Buf from start on.
func (c *Columns) walk(b Batch, start int) error {
	base, baseTimestamp := b.BaseOffset(), b.BaseTimestamp()
	appendTime, maxTimestamp := b.LogAppendTime(), b.MaxTimestamp()
	lastDelta, maxDelta := int64(-1), int64(b.LastOffsetDelta())
	s := scanner{buf: c.Buf, at: start}
	for range b.Count() {
		length, n := varint(s.buf[s.at:])
		if n == 0 || length < recordLenMin-1 || length > int64(len(s.buf)-s.at-n) {
			return fmt.Errorf("%w: record at byte %d of the records", ErrInvalid, s.at-start)
		}
		s.at += n
		end := s.at + int(length)
		in := scanner{buf: s.buf[:end], at: s.at + 1}
		timestamp, ok1 := in.varint()
		delta, ok2 := in.varint()
		keyOff, keyLen, ok3 := in.span()
		valOff, valLen, ok4 := in.span()
		if !ok1 || !ok2 || !ok3 || !ok4 || delta <= lastDelta || delta > maxDelta {
			return fmt.Errorf("%w: record at byte %d of the records", ErrInvalid, s.at-start)
		}
		lastDelta, s.at = delta, end
		if appendTime {
			timestamp = maxTimestamp
		} else {
			timestamp += baseTimestamp
		}
		c.KeyOff, c.KeyLen = append(c.KeyOff, int32(keyOff)), append(c.KeyLen, int32(keyLen))
		c.ValOff, c.ValLen = append(c.ValOff, int32(valOff)), append(c.ValLen, int32(valLen))
		c.Timestamps, c.Offsets = append(c.Timestamps, timestamp), append(c.Offsets, base+delta)
	}
	if s.at != len(s.buf) {
		return fmt.Errorf("%w: %d bytes after the last record", ErrInvalid, len(s.buf)-s.at)
	}
	return nil
}
