package record

import (
	"fmt"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// compressor turns plain records into compressed ones and keeps its codecs between calls.
type compressor struct {
	sink appender
	gzip *gzip.Writer
	lz4  *lz4.Writer
	zstd *zstd.Encoder
}

// appender is an io.Writer that appends.
type appender struct{ buf []byte }

// Write implements io.Writer.
func (a *appender) Write(p []byte) (int, error) {
	a.buf = append(a.buf, p...)
	return len(p), nil
}

// compress appends the compressed form of src to dst.
func (c *compressor) compress(dst []byte, codec Compression, src []byte) ([]byte, error) {
	switch codec {
	case None:
		return append(dst, src...), nil
	case Gzip:
		return c.compressGzip(dst, src)
	case Snappy:
		n := snappy.MaxEncodedLen(len(src))
		if n < 0 {
			return dst, fmt.Errorf("%w: %d bytes for snappy", ErrTooLarge, len(src))
		}
		dst = growBytes(dst, n)
		out := snappy.Encode(dst[len(dst):len(dst)+n], src)
		return dst[:len(dst)+len(out)], nil
	case LZ4:
		return c.compressLZ4(dst, src)
	case Zstd:
		if c.zstd == nil {
			var err error
			c.zstd, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
			if err != nil {
				return dst, err
			}
		}
		return c.zstd.EncodeAll(src, dst), nil
	}
	return dst, fmt.Errorf("%w %d", ErrUnsupportedCodec, codec)
}

func (c *compressor) compressGzip(dst, src []byte) ([]byte, error) {
	c.sink.buf = dst
	if c.gzip == nil {
		c.gzip = gzip.NewWriter(&c.sink)
	} else {
		c.gzip.Reset(&c.sink)
	}
	if _, err := c.gzip.Write(src); err != nil {
		return dst, err
	}
	if err := c.gzip.Close(); err != nil {
		return dst, err
	}
	return c.sink.take(), nil
}

// compressLZ4 writes 64 KiB blocks: one block of the whole payload measured twice as slow.
func (c *compressor) compressLZ4(dst, src []byte) ([]byte, error) {
	c.sink.buf = dst
	if c.lz4 == nil {
		c.lz4 = lz4.NewWriter(&c.sink)
		if err := c.lz4.Apply(lz4.BlockSizeOption(lz4.Block64Kb), lz4.ChecksumOption(false), lz4.ConcurrencyOption(1)); err != nil {
			return dst, err
		}
	} else {
		c.lz4.Reset(&c.sink)
	}
	if _, err := c.lz4.Write(src); err != nil {
		return dst, err
	}
	if err := c.lz4.Close(); err != nil {
		return dst, err
	}
	return c.sink.take(), nil
}

func (a *appender) take() []byte {
	buf := a.buf
	a.buf = nil
	return buf
}
