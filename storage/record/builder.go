package record

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Builder builds batches record by record and keeps its memory between them. One goroutine may use it at a time.
type Builder struct {
	codec Compression
	buf   []byte // room for the header, then the records
	count int32

	baseTimestamp, maxTimestamp int64
	compressor                  compressor
}

// NewBuilder makes a builder of batches compressed with c.
func NewBuilder(c Compression) *Builder { return &Builder{codec: c} }

// Append adds a record; nil key or value is null. key, value and headers are copied.
func (b *Builder) Append(timestampMs int64, key, value []byte, headers []Header) {
	if b.count == 0 {
		b.begin(timestampMs)
	}
	b.maxTimestamp = max(b.maxTimestamp, timestampMs)
	delta := timestampMs - b.baseTimestamp
	size := b.bodyLen(delta, key, value, headers)
	dst := growBytes(b.buf, size+varint64Max)
	dst = appendVarint(dst, int64(size))
	dst = append(dst, 0)
	dst = appendVarint(dst, delta)
	dst = appendVarint(dst, int64(b.count))
	dst = appendNullable(dst, key)
	dst = appendNullable(dst, value)
	dst = appendVarint(dst, int64(len(headers)))
	for _, h := range headers {
		dst = appendVarint(dst, int64(len(h.Key)))
		dst = append(dst, h.Key...)
		dst = appendNullable(dst, h.Value)
	}
	b.buf = dst
	b.count++
}

// begin makes room for the header.
func (b *Builder) begin(timestampMs int64) {
	b.baseTimestamp, b.maxTimestamp = timestampMs, timestampMs
	b.buf = growBytes(b.buf[:0], HeaderLen)[:HeaderLen]
}

// records are the plain records so far.
func (b *Builder) records() []byte {
	if b.count == 0 {
		return nil
	}
	return b.buf[HeaderLen:]
}

// bodyLen is the length of a record without its length field.
func (b *Builder) bodyLen(delta int64, key, value []byte, headers []Header) int {
	size := 1 + varintLen(delta) + varintLen(int64(b.count)) + nullableLen(key) + nullableLen(value) + varintLen(int64(len(headers)))
	for _, h := range headers {
		size += varintLen(int64(len(h.Key))) + len(h.Key) + nullableLen(h.Value)
	}
	return size
}

func nullableLen(v []byte) int {
	if v == nil {
		return 1
	}
	return varintLen(int64(len(v))) + len(v)
}

func appendNullable(dst, v []byte) []byte {
	if v == nil {
		return append(dst, 1) // zig-zag of -1
	}
	dst = appendVarint(dst, int64(len(v)))
	return append(dst, v...)
}

// LenMax is an upper bound of what a record without headers adds to Len.
func LenMax(keyLen, valueLen int) int {
	return 1 + 2*varint64Max + 4*varint32Max + keyLen + valueLen
}

// Len is the batch's size so far in bytes, were it built uncompressed; for codec None it is what Build will add.
func (b *Builder) Len() int { return HeaderLen + len(b.records()) }

// Count is the number of records so far.
func (b *Builder) Count() int { return int(b.count) }

// Reset drops the records.
func (b *Builder) Reset() { b.buf, b.count = b.buf[:0], 0 }

// Build appends the batch to dst and empties the builder: base offset 0, leader epoch -1, no producer (SetProducer
// stamps one). The returned Batch is the end of dst, grown; the caller owns it. Building no records is an error.
func (b *Builder) Build(dst []byte) (Batch, error) {
	if b.count == 0 {
		return nil, fmt.Errorf("%w: no records", ErrInvalid)
	}
	start := len(dst)
	dst = growBytes(dst, HeaderLen+len(b.records()))
	dst = dst[:start+HeaderLen]
	out, err := b.compressor.compress(dst, b.codec, b.records())
	if err != nil {
		return nil, fmt.Errorf("compress records: %w", err)
	}
	batch, err := b.finish(out[start:])
	if err != nil {
		return nil, err
	}
	batch.SetCRC()
	b.Reset()
	return batch, nil
}

// BuildUnsealed is Build for a batch whose producer is still to be stamped: it has no checksum yet (SetProducer computes it), and with codec
// None nothing is copied. The batch is then the builder's own memory, and the builder goes on in that of spare.
func (b *Builder) BuildUnsealed(spare []byte) (Batch, error) {
	if b.count == 0 {
		return nil, fmt.Errorf("%w: no records", ErrInvalid)
	}
	out := b.buf
	if b.codec != None {
		var err error
		spare = growBytes(spare[:0], HeaderLen)[:HeaderLen]
		if out, err = b.compressor.compress(spare, b.codec, b.records()); err != nil {
			return nil, fmt.Errorf("compress records: %w", err)
		}
		spare = b.buf
	}
	batch, err := b.finish(out)
	if err != nil {
		return nil, err
	}
	b.buf = spare
	b.Reset()
	return batch, nil
}

// finish fills the header of a batch but its checksum.
func (b *Builder) finish(out []byte) (Batch, error) {
	batch := Batch(out)
	if len(batch)-PrefixLen > math.MaxInt32 {
		return nil, fmt.Errorf("%w: %d bytes", ErrTooLarge, len(batch))
	}
	batch.putHeader(int16(b.codec), b.count, b.baseTimestamp, b.maxTimestamp)
	return batch, nil
}

// putHeader fills every field but the checksum.
func (b Batch) putHeader(attributes int16, count int32, baseTimestamp, maxTimestamp int64) {
	b.SetBaseOffset(0)
	binary.BigEndian.PutUint32(b[posLength:], uint32(len(b)-PrefixLen))
	b.SetLeaderEpoch(-1)
	b[posMagic] = Magic
	binary.BigEndian.PutUint16(b[posAttributes:], uint16(attributes))
	binary.BigEndian.PutUint32(b[posLastOffsetDelta:], uint32(count-1))
	binary.BigEndian.PutUint64(b[posBaseTimestamp:], uint64(baseTimestamp))
	binary.BigEndian.PutUint64(b[posMaxTimestamp:], uint64(maxTimestamp))
	binary.BigEndian.PutUint32(b[posCount:], uint32(count))
	b.putProducer(NoProducer, -1, -1, false)
}
