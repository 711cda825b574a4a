// Package record reads, builds, checks and compresses Kafka's v2 record batches in place, without making an object per
// record.
//
// A Batch is a view of bytes: a 61-byte header, then records, which are compressed together when the attributes say so.
// Base offset and leader epoch lie outside the checksum, so a broker assigns them by patching twelve bytes. All integers
// are big-endian; inside records they are zig-zag varints.
// Source: Kafka, "Record Batch" in the protocol guide; KIP-98.
package record

import (
	"encoding/binary"
	"hash/crc32"
)

// Offsets of the header's fields.
const (
	posBaseOffset      = 0
	posLength          = 8
	posLeaderEpoch     = 12
	posMagic           = 16
	posCRC             = 17
	posAttributes      = 21
	posLastOffsetDelta = 23
	posBaseTimestamp   = 27
	posMaxTimestamp    = 35
	posProducerID      = 43
	posProducerEpoch   = 51
	posBaseSequence    = 53
	posCount           = 57
)

const (
	// HeaderLen is the length of a batch's header, in bytes.
	HeaderLen = 61
	// PrefixLen is the length of what comes before the bytes that the length field counts.
	PrefixLen = 12
	// Magic is the version of the batch format.
	Magic = 2
	// NoProducer is the producer id of a batch that has none; epoch and sequence are then -1 too.
	NoProducer = -1
)

// Bits of the attributes.
const (
	attrCodecMask     = 0x07
	attrLogAppendTime = 0x08
	attrTransactional = 0x10
	attrControl       = 0x20
	attrDeleteHorizon = 0x40
)

// Compression is the codec of a batch's records.
type Compression int8

// The codecs of the format.
const (
	None Compression = iota
	Gzip
	Snappy
	LZ4
	Zstd
)

// String gives the codec's name as topic configurations spell it.
func (c Compression) String() string {
	switch c {
	case None:
		return "none"
	case Gzip:
		return "gzip"
	case Snappy:
		return "snappy"
	case LZ4:
		return "lz4"
	case Zstd:
		return "zstd"
	}
	return "unknown"
}

// Batch is a view of one v2 batch. Its accessors need at least HeaderLen bytes, which Next and Validate make sure of.
type Batch []byte

// BaseOffset is the offset of the first record.
func (b Batch) BaseOffset() int64 { return int64(binary.BigEndian.Uint64(b[posBaseOffset:])) }

// Length is the length field: the bytes after it.
func (b Batch) Length() int32 { return int32(binary.BigEndian.Uint32(b[posLength:])) }

// LeaderEpoch is the epoch of the leader that appended the batch.
func (b Batch) LeaderEpoch() int32 { return int32(binary.BigEndian.Uint32(b[posLeaderEpoch:])) }

// Magic is the format's version.
func (b Batch) Magic() int8 { return int8(b[posMagic]) }

// CRC is the stored CRC-32C of everything from the attributes on.
func (b Batch) CRC() uint32 { return binary.BigEndian.Uint32(b[posCRC:]) }

// Attributes are the bits behind Compression, LogAppendTime, Transactional and Control.
func (b Batch) Attributes() int16 { return int16(binary.BigEndian.Uint16(b[posAttributes:])) }

// Compression is the codec of the records; it may be one we do not know.
func (b Batch) Compression() Compression { return Compression(b.Attributes() & attrCodecMask) }

// LogAppendTime tells that every record has the timestamp MaxTimestamp.
func (b Batch) LogAppendTime() bool { return b.Attributes()&attrLogAppendTime != 0 }

// Transactional tells that the batch belongs to a transaction.
func (b Batch) Transactional() bool { return b.Attributes()&attrTransactional != 0 }

// Control tells that the batch holds a transaction marker and no user's records.
func (b Batch) Control() bool { return b.Attributes()&attrControl != 0 }

// LastOffsetDelta is the distance from the first record's offset to the last one's.
func (b Batch) LastOffsetDelta() int32 {
	return int32(binary.BigEndian.Uint32(b[posLastOffsetDelta:]))
}

// LastOffset is the offset of the last record.
func (b Batch) LastOffset() int64 { return b.BaseOffset() + int64(b.LastOffsetDelta()) }

// NextOffset is the offset after the last record.
func (b Batch) NextOffset() int64 { return b.LastOffset() + 1 }

// BaseTimestamp is what record timestamps are relative to, in milliseconds since 1970.
func (b Batch) BaseTimestamp() int64 { return int64(binary.BigEndian.Uint64(b[posBaseTimestamp:])) }

// MaxTimestamp is the largest record timestamp, in milliseconds since 1970.
func (b Batch) MaxTimestamp() int64 { return int64(binary.BigEndian.Uint64(b[posMaxTimestamp:])) }

// ProducerID is the idempotent producer, or NoProducer.
func (b Batch) ProducerID() int64 { return int64(binary.BigEndian.Uint64(b[posProducerID:])) }

// ProducerEpoch is the producer's epoch.
func (b Batch) ProducerEpoch() int16 { return int16(binary.BigEndian.Uint16(b[posProducerEpoch:])) }

// BaseSequence is the producer's sequence number of the first record.
func (b Batch) BaseSequence() int32 { return int32(binary.BigEndian.Uint32(b[posBaseSequence:])) }

// LastSequence is the producer's sequence number of the last record; sequences wrap from 2^31-1 to 0.
func (b Batch) LastSequence() int32 { return AddSequence(b.BaseSequence(), b.LastOffsetDelta()) }

// AddSequence adds to a sequence number, which wraps from 2^31-1 to 0.
func AddSequence(sequence, n int32) int32 {
	return int32((int64(sequence) + int64(n)) & 0x7fffffff)
}

// Count is the number of records.
func (b Batch) Count() int32 { return int32(binary.BigEndian.Uint32(b[posCount:])) }

// Payload is the records' bytes, compressed when Compression says so.
func (b Batch) Payload() []byte { return b[HeaderLen:] }

// SetBaseOffset assigns the first record's offset; the checksum does not cover it.
func (b Batch) SetBaseOffset(offset int64) {
	binary.BigEndian.PutUint64(b[posBaseOffset:], uint64(offset))
}

// SetLeaderEpoch stamps the leader's epoch; the checksum does not cover it.
func (b Batch) SetLeaderEpoch(epoch int32) {
	binary.BigEndian.PutUint32(b[posLeaderEpoch:], uint32(epoch))
}

// SetProducer stamps the producer's fields and computes the checksum again.
func (b Batch) SetProducer(id int64, epoch int16, baseSequence int32, transactional bool) {
	b.putProducer(id, epoch, baseSequence, transactional)
	b.SetCRC()
}

func (b Batch) putProducer(id int64, epoch int16, baseSequence int32, transactional bool) {
	binary.BigEndian.PutUint64(b[posProducerID:], uint64(id))
	binary.BigEndian.PutUint16(b[posProducerEpoch:], uint16(epoch))
	binary.BigEndian.PutUint32(b[posBaseSequence:], uint32(baseSequence))
	attributes := b.Attributes() &^ attrTransactional
	if transactional {
		attributes |= attrTransactional
	}
	binary.BigEndian.PutUint16(b[posAttributes:], uint16(attributes))
}

// SetLogAppendTime gives every record the timestamp ms (message.timestamp.type=LogAppendTime) and computes the checksum again.
func (b Batch) SetLogAppendTime(ms int64) {
	binary.BigEndian.PutUint16(b[posAttributes:], uint16(b.Attributes()|attrLogAppendTime))
	b.SetMaxTimestamp(ms)
}

// SetMaxTimestamp sets the largest timestamp and computes the checksum again.
func (b Batch) SetMaxTimestamp(ms int64) {
	binary.BigEndian.PutUint64(b[posMaxTimestamp:], uint64(ms))
	b.SetCRC()
}

// SetCRC computes the checksum and stores it.
func (b Batch) SetCRC() { binary.BigEndian.PutUint32(b[posCRC:], b.ComputeCRC()) }

// ComputeCRC computes the checksum: CRC-32C of everything from the attributes on.
func (b Batch) ComputeCRC() uint32 { return crc32.Checksum(b[posAttributes:], castagnoli) }

// castagnoli never changes; the standard library picks the processor's instruction for it.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)
