package record

import (
	"fmt"
	"math"
)

// Recompressor gives batches another codec (compression.type of a topic). It keeps its memory between batches; one goroutine may use
// it at a time.
type Recompressor struct {
	// Limit bounds what one batch may decompress to; 0 means 128 MiB.
	Limit int

	dec        Decompressor
	compressor compressor
}

// Recompress gives the batch with its records compressed by codec, at a level (see Levels); everything else stays. A batch that has the
// codec already is returned as it is, another one in memory of its own. The records are read on the way: errors wrap
// ErrInvalid, ErrCorrupt or ErrDecompressedTooLarge when they cannot be.
func (r *Recompressor) Recompress(b Batch, codec Compression, level int) (Batch, error) {
	if b.Compression() == codec {
		return b, nil
	}
	r.dec.BytesMax = r.Limit
	payload := b.Payload()
	if c := b.Compression(); c != None {
		var err error
		if payload, err = r.dec.decompress(c, payload); err != nil {
			return nil, err
		}
	}
	if err := checkRecords(b, payload); err != nil {
		return nil, err
	}
	r.compressor.setLevel(codec, level)
	out := append(make([]byte, 0, HeaderLen+len(b)), b[:HeaderLen]...)
	out, err := r.compressor.compress(out, codec, payload)
	if err != nil {
		return nil, fmt.Errorf("compress records: %w", err)
	}
	if len(out)-PrefixLen > math.MaxInt32 {
		return nil, fmt.Errorf("%w: %d bytes", ErrTooLarge, len(out))
	}
	changed := Batch(out)
	changed.putFiltered(b.Attributes()&^attrCodecMask|int16(codec), b.Count(), b.BaseTimestamp(), b.MaxTimestamp())
	return changed, nil
}

// checkRecords walks over plain records of a batch.
func checkRecords(b Batch, payload []byte) error {
	it := Iterator{s: scanner{buf: payload}, left: b.Count(), lastDelta: -1, maxDelta: b.LastOffsetDelta()}
	var r Record
	for it.Next(&r) {
	}
	return it.Err()
}

// Levels are the compression levels a topic may ask for, in the codecs' own numbers.
type Levels struct {
	Gzip int // 1 to 9, -1 for the library's default
	LZ4  int // 1 to 17; 9, the default, is the fast algorithm
	Zstd int // up to 22, negative for faster
}

// Of is the level of a codec; 0 for codecs without.
func (l Levels) Of(c Compression) int {
	switch c {
	case Gzip:
		return l.Gzip
	case LZ4:
		return l.LZ4
	case Zstd:
		return l.Zstd
	case None, Snappy:
	}
	return 0
}

// ParseCompression reads a codec as compression.type spells it; ok is false for other words, "producer" among them.
func ParseCompression(s string) (c Compression, ok bool) {
	if s == "uncompressed" {
		return None, true
	}
	for c := Gzip; c <= Zstd; c++ {
		if c.String() == s {
			return c, true
		}
	}
	return None, false
}
