package record

import (
	"fmt"
	"math"
)

// Record is one record of a batch. Its slices alias the batch, or the decompressor's memory, and are good as long as it.
type Record struct {
	OffsetDelta    int32  // from the batch's base offset
	TimestampDelta int64  // from the batch's base timestamp, in milliseconds; see Batch.TimestampOf
	Key, Value     []byte // nil for null, empty and not nil for empty

	headers     []byte
	headerCount int32
}

// Header is one header of a record; Value is nil for null.
type Header struct {
	Key   []byte
	Value []byte
}

// TimestampOf gives a record's timestamp in milliseconds.
func (b Batch) TimestampOf(r *Record) int64 {
	if b.LogAppendTime() {
		return b.MaxTimestamp()
	}
	return b.BaseTimestamp() + r.TimestampDelta
}

// HeaderCount is the number of headers.
func (r *Record) HeaderCount() int { return int(r.headerCount) }

// AppendHeaders reads the headers, which alias the record's memory, and appends them to dst.
func (r *Record) AppendHeaders(dst []Header) ([]Header, error) {
	s := scanner{buf: r.headers}
	for range r.headerCount {
		key, ok := s.bytes()
		if !ok || key == nil {
			return dst, fmt.Errorf("%w: header key", ErrInvalid)
		}
		value, ok := s.bytes()
		if !ok {
			return dst, fmt.Errorf("%w: header value", ErrInvalid)
		}
		dst = append(dst, Header{Key: key, Value: value})
	}
	if len(s.buf) != s.at {
		return dst, fmt.Errorf("%w: %d bytes after the headers", ErrInvalid, len(s.buf)-s.at)
	}
	return dst, nil
}

// Iterator walks the records of one batch. It is safe on hostile bytes: it ends with an error.
type Iterator struct {
	s         scanner
	left      int32
	lastDelta int32
	maxDelta  int32
	err       error
}

// Records begins a walk over a batch. Compressed records are decompressed into dec's memory, which the next use of dec
// overwrites; dec may be nil when the batch is known to be uncompressed.
func Records(b Batch, dec *Decompressor) (Iterator, error) {
	payload := b.Payload()
	if c := b.Compression(); c != None {
		if dec == nil {
			return Iterator{}, fmt.Errorf("%w: %s records without a decompressor", ErrUnsupportedCodec, c)
		}
		var err error
		if payload, err = dec.decompress(c, payload); err != nil {
			return Iterator{}, err
		}
	}
	return Iterator{s: scanner{buf: payload}, left: b.Count(), lastDelta: -1, maxDelta: b.LastOffsetDelta()}, nil
}

// Next reads the next record into r and tells whether there was one. After false, Err says why.
func (it *Iterator) Next(r *Record) bool {
	if it.left <= 0 || it.err != nil {
		if it.err == nil && it.s.at != len(it.s.buf) {
			it.err = fmt.Errorf("%w: %d bytes after the last record", ErrInvalid, len(it.s.buf)-it.s.at)
		}
		return false
	}
	it.left--
	end, ok := it.s.record(r)
	if !ok || r.OffsetDelta <= it.lastDelta || r.OffsetDelta > it.maxDelta {
		it.err = fmt.Errorf("%w: record at byte %d of the records", ErrInvalid, it.s.at)
		return false
	}
	r.headers = it.s.buf[it.s.at:end]
	it.s.at = end
	it.lastDelta = r.OffsetDelta
	return true
}

// Err is what ended the walk early, or nil.
func (it *Iterator) Err() error { return it.err }

// scanner reads the fields of records from buf at at.
type scanner struct {
	buf []byte
	at  int
}

// record reads a record up to its headers' bytes; end is where those end. ok is false when a field does not fit.
func (s *scanner) record(r *Record) (end int, ok bool) {
	length, n := varint(s.buf[s.at:])
	if n == 0 || length < recordLenMin-1 || length > int64(len(s.buf)-s.at-n) {
		return 0, false
	}
	s.at += n
	end = s.at + int(length)
	in := scanner{buf: s.buf[:end], at: s.at + 1} // one byte of attributes, unused
	timestamp, ok1 := in.varint()
	offset, ok2 := in.varint()
	var ok3, ok4 bool
	r.Key, ok3 = in.bytes()
	r.Value, ok4 = in.bytes()
	count, ok5 := in.varint()
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || offset < 0 || offset > math.MaxInt32 {
		return 0, false
	}
	if count < 0 || count > int64(end-in.at) {
		return 0, false
	}
	r.TimestampDelta, r.OffsetDelta, r.headerCount = timestamp, int32(offset), int32(count)
	s.at = in.at
	return end, true
}

func (s *scanner) varint() (int64, bool) {
	v, n := varint(s.buf[s.at:])
	s.at += n
	return v, n > 0
}

// span reads a length and steps over as many bytes: where they begin, and -1 as length for null.
func (s *scanner) span() (off, length int, ok bool) {
	v, n := varint(s.buf[s.at:])
	if n == 0 || v < -1 || v > int64(len(s.buf)-s.at-n) {
		return 0, 0, false
	}
	s.at += n
	off = s.at
	if v > 0 {
		s.at += int(v)
	}
	return off, int(v), true
}

// bytes reads a length and as many bytes; nil for null.
func (s *scanner) bytes() ([]byte, bool) {
	off, length, ok := s.span()
	if !ok || length < 0 {
		return nil, ok
	}
	return s.buf[off : off+length : off+length], true
}
