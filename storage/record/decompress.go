package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

const (
	// decompressedMax is how large one batch's records may become unless the decompressor says otherwise.
	decompressedMax = 128 << 20
	// readStep is how much room a streaming codec is given at a time.
	readStep = 64 << 10
	// xerialHeaderLen is the length of snappy-java's stream header: eight bytes of magic, two versions.
	xerialHeaderLen = 16
)

// xerialMagic begins snappy-java's block stream, which old Java and Python producers send.
const xerialMagic = "\x82SNAPPY\x00"

// Decompressor turns compressed records into plain ones and keeps its memory between calls. The zero value works, with a
// limit of 128 MiB a batch. One goroutine may use it at a time.
type Decompressor struct {
	// BytesMax bounds what one batch may decompress to; 0 means 128 MiB.
	BytesMax int

	buf    []byte
	source bytes.Reader
	gzip   *gzip.Reader
	lz4    *lz4.Reader
	zstd   *zstd.Decoder
}

// Append appends the plain form of src to dst. Errors wrap ErrCorrupt, ErrDecompressedTooLarge or ErrUnsupportedCodec.
func (d *Decompressor) Append(dst []byte, c Compression, src []byte) ([]byte, error) {
	var out []byte
	var err error
	switch c {
	case None:
		return append(dst, src...), nil
	case Gzip:
		out, err = d.appendGzip(dst, src)
	case Snappy:
		out, err = d.appendSnappy(dst, src)
	case LZ4:
		out, err = d.appendLZ4(dst, src)
	case Zstd:
		out, err = d.appendZstd(dst, src)
	default:
		return dst, fmt.Errorf("%w %d", ErrUnsupportedCodec, c)
	}
	if err == nil {
		return out, nil
	}
	if errors.Is(err, ErrDecompressedTooLarge) {
		return dst, err
	}
	return dst, fmt.Errorf("%w: %s records: %w", ErrCorrupt, c, err)
}

// decompress is Append into memory of d's own.
func (d *Decompressor) decompress(c Compression, src []byte) ([]byte, error) {
	out, err := d.Append(d.buf[:0], c, src)
	if err != nil {
		return nil, err
	}
	d.buf = out
	return out, nil
}

func (d *Decompressor) limit() int {
	if d.BytesMax > 0 {
		return d.BytesMax
	}
	return decompressedMax
}

func (d *Decompressor) tooLarge() error {
	return fmt.Errorf("%w: more than %d bytes", ErrDecompressedTooLarge, d.limit())
}

func (d *Decompressor) appendGzip(dst, src []byte) ([]byte, error) {
	d.source.Reset(src)
	if d.gzip == nil {
		d.gzip = new(gzip.Reader)
	}
	if err := d.gzip.Reset(&d.source); err != nil {
		return dst, err
	}
	return d.readAll(dst, d.gzip)
}

func (d *Decompressor) appendLZ4(dst, src []byte) ([]byte, error) {
	d.source.Reset(src)
	if d.lz4 == nil {
		d.lz4 = lz4.NewReader(&d.source)
	} else {
		d.lz4.Reset(&d.source)
	}
	return d.readAll(dst, d.lz4)
}

// readAll appends everything r gives, up to the limit.
func (d *Decompressor) readAll(dst []byte, r io.Reader) ([]byte, error) {
	start := len(dst)
	for {
		if cap(dst)-len(dst) < readStep {
			grown := make([]byte, len(dst), 2*cap(dst)+readStep)
			copy(grown, dst)
			dst = grown
		}
		n, err := r.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if len(dst)-start > d.limit() {
			return dst, d.tooLarge()
		}
		if errors.Is(err, io.EOF) {
			return dst, nil
		}
		if err != nil {
			return dst, err
		}
	}
}

func (d *Decompressor) appendSnappy(dst, src []byte) ([]byte, error) {
	if len(src) < xerialHeaderLen || string(src[:len(xerialMagic)]) != xerialMagic {
		return d.appendSnappyBlock(dst, src, d.limit())
	}
	start, rest := len(dst), src[xerialHeaderLen:]
	for len(rest) > 0 {
		if len(rest) < 4 {
			return dst, io.ErrUnexpectedEOF
		}
		n := int64(binary.BigEndian.Uint32(rest))
		rest = rest[4:]
		if n > int64(len(rest)) {
			return dst, io.ErrUnexpectedEOF
		}
		var err error
		if dst, err = d.appendSnappyBlock(dst, rest[:n], d.limit()-(len(dst)-start)); err != nil {
			return dst, err
		}
		rest = rest[n:]
	}
	return dst, nil
}

func (d *Decompressor) appendSnappyBlock(dst, src []byte, limit int) ([]byte, error) {
	n, err := snappy.DecodedLen(src)
	if err != nil {
		return dst, err
	}
	if n > limit {
		return dst, d.tooLarge()
	}
	dst = growBytes(dst, n)
	out, err := snappy.Decode(dst[len(dst):len(dst)+n], src)
	if err != nil {
		return dst, err
	}
	return dst[:len(dst)+len(out)], nil
}

func (d *Decompressor) appendZstd(dst, src []byte) ([]byte, error) {
	if d.zstd == nil {
		var err error
		d.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxMemory(uint64(d.limit())), zstd.WithDecoderMaxWindow(uint64(max(d.limit(), zstd.MinWindowSize))))
		if err != nil {
			return dst, err
		}
	}
	// DecodeAll counts what is already in its destination towards the limit, so it is given an empty one in our spare room.
	room := dst[len(dst):cap(dst)]
	out, err := d.zstd.DecodeAll(src, room[:0])
	if errors.Is(err, zstd.ErrDecoderSizeExceeded) || errors.Is(err, zstd.ErrWindowSizeExceeded) {
		return dst, d.tooLarge()
	}
	if err != nil {
		return dst, err
	}
	if len(out) > 0 && len(out) <= len(room) && &out[0] == &room[0] {
		return dst[:len(dst)+len(out)], nil
	}
	return append(dst, out...), nil
}

// growBytes makes room for n more bytes.
func growBytes(dst []byte, n int) []byte {
	if cap(dst)-len(dst) >= n {
		return dst
	}
	grown := make([]byte, len(dst), max(2*cap(dst), len(dst)+n))
	copy(grown, dst)
	return grown
}
