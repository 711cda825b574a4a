package record

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// What may be wrong with a batch. Errors of this package wrap one of these.
var (
	ErrCorrupt              = errors.New("corrupt record batch")           // CORRUPT_MESSAGE
	ErrTorn                 = errors.New("incomplete record batch")        // the bytes end before the batch does
	ErrUnsupportedMagic     = errors.New("unsupported batch version")      // UNSUPPORTED_FOR_MESSAGE_FORMAT
	ErrUnsupportedCodec     = errors.New("unsupported compression type")   // UNSUPPORTED_COMPRESSION_TYPE
	ErrInvalid              = errors.New("invalid record batch")           // INVALID_RECORD
	ErrTooLarge             = errors.New("record batch too large")         // MESSAGE_TOO_LARGE
	ErrDecompressedTooLarge = errors.New("decompressed records too large") // refused to spend the memory
)

// Limits are the bounds Validate holds a produced batch to. The zero value has no size limit.
type Limits struct {
	BytesMax int // max.message.bytes, over the whole batch; 0 for no limit
}

// Next splits the first batch off concatenated batches. It checks only what walking needs: magic and length. An empty
// buffer is io-like end: Next is not called on it. Errors: ErrTorn when buf ends inside the batch, ErrUnsupportedMagic, ErrCorrupt.
func Next(buf []byte) (batch Batch, rest []byte, err error) {
	if len(buf) < HeaderLen {
		return nil, buf, fmt.Errorf("%w: %d bytes left", ErrTorn, len(buf))
	}
	if buf[posMagic] != Magic {
		return nil, buf, fmt.Errorf("%w %d", ErrUnsupportedMagic, int8(buf[posMagic]))
	}
	length := int64(int32(binary.BigEndian.Uint32(buf[posLength:]))) + PrefixLen
	if length < HeaderLen {
		return nil, buf, fmt.Errorf("%w: length %d", ErrCorrupt, length)
	}
	if length > int64(len(buf)) {
		return nil, buf, fmt.Errorf("%w: %d of %d bytes", ErrTorn, len(buf), length)
	}
	return Batch(buf[:length:length]), buf[length:], nil
}

// Validate checks one produced batch by its header and checksum, without touching the records: exactly one v2 batch, not a
// control batch, count and offsets in step, a complete producer identity or none, a codec we know, the size allowed.
func Validate(buf []byte, limits Limits) error {
	b, rest, err := Next(buf)
	if errors.Is(err, ErrTorn) { // to Kafka, bytes that end before the batch does hold no batch
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if err != nil {
		return err
	}
	if len(rest) != 0 {
		return fmt.Errorf("%w: %d bytes after the batch; one batch a partition", ErrInvalid, len(rest))
	}
	if limits.BytesMax > 0 && len(b) > limits.BytesMax {
		return fmt.Errorf("%w: %d bytes, limit %d", ErrTooLarge, len(b), limits.BytesMax)
	}
	if b.ComputeCRC() != b.CRC() {
		return fmt.Errorf("%w: checksum %08x, computed %08x", ErrCorrupt, b.CRC(), b.ComputeCRC())
	}
	return b.validateHeader()
}

// validateHeader checks the fields that a client may send.
func (b Batch) validateHeader() error {
	if c := b.Compression(); c > Zstd {
		return fmt.Errorf("%w %d", ErrUnsupportedCodec, c)
	}
	if b.Control() {
		return fmt.Errorf("%w: clients may not write control batches", ErrInvalid)
	}
	if n := b.Count(); n < 1 || b.LastOffsetDelta() != n-1 {
		return fmt.Errorf("%w: %d records, last offset delta %d", ErrInvalid, n, b.LastOffsetDelta())
	}
	switch {
	case b.ProducerID() < 0 && b.Transactional():
		return fmt.Errorf("%w: transactional without a producer id", ErrInvalid)
	case b.ProducerID() >= 0 && (b.ProducerEpoch() < 0 || b.BaseSequence() < 0):
		return fmt.Errorf("%w: producer %d with epoch %d, sequence %d", ErrInvalid, b.ProducerID(), b.ProducerEpoch(), b.BaseSequence())
	}
	// Every record takes at least seven bytes, so an uncompressed batch cannot claim more than fit.
	if b.Compression() == None && int64(b.Count())*recordLenMin > int64(len(b)-HeaderLen) {
		return fmt.Errorf("%w: %d records in %d bytes", ErrInvalid, b.Count(), len(b)-HeaderLen)
	}
	return nil
}

// CheckRecords walks the records of a batch that is not compressed: as many as the header says, one offset after the other, every field
// within its record, and nothing after the last. Errors: ErrInvalid.
func CheckRecords(b Batch) error {
	it, err := Records(b, nil)
	if err != nil {
		return err
	}
	var r Record
	for it.Next(&r) {
		if err := r.checkHeaders(); err != nil {
			return err
		}
	}
	return it.Err()
}

func (r *Record) checkHeaders() error {
	s := scanner{buf: r.headers}
	for range r.headerCount {
		if key, ok := s.bytes(); !ok || key == nil {
			return fmt.Errorf("%w: header key", ErrInvalid)
		}
		if _, ok := s.bytes(); !ok {
			return fmt.Errorf("%w: header value", ErrInvalid)
		}
	}
	if s.at != len(s.buf) {
		return fmt.Errorf("%w: %d bytes after the headers", ErrInvalid, len(s.buf)-s.at)
	}
	return nil
}

// recordLenMin is the smallest record: length, attributes, two deltas, two nulls, no headers.
const recordLenMin = 7
