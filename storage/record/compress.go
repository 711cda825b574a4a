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

	levels  [Zstd + 1]int // asked for, where leveled says so; else what is fast
	leveled [Zstd + 1]bool
}

// setLevel makes the codec compress at a level from now on.
func (c *compressor) setLevel(codec Compression, level int) {
	if c.leveled[codec] && c.levels[codec] == level {
		return
	}
	c.leveled[codec], c.levels[codec] = true, level
	switch codec {
	case Gzip:
		c.gzip = nil
	case LZ4:
		c.lz4 = nil
	case Zstd:
		c.zstd = nil
	case None, Snappy:
	}
}

// lz4Levels are the library's names of the levels 1 to 9.
var lz4Levels = [...]lz4.CompressionLevel{
	lz4.Fast, lz4.Level1, lz4.Level2, lz4.Level3, lz4.Level4, lz4.Level5, lz4.Level6, lz4.Level7, lz4.Level8, lz4.Level9,
}

// lz4Default is Kafka's default level, which it too serves with the fast algorithm.
const lz4Default = 9

func (c *compressor) lz4Level() lz4.CompressionLevel {
	if !c.leveled[LZ4] || c.levels[LZ4] == lz4Default {
		return lz4.Fast
	}
	return lz4Levels[min(max(c.levels[LZ4], 0), len(lz4Levels)-1)]
}

func (c *compressor) gzipLevel() int {
	if level := c.levels[Gzip]; c.leveled[Gzip] && level >= gzip.BestSpeed && level <= gzip.BestCompression {
		return level
	}
	return gzip.DefaultCompression
}

func (c *compressor) zstdLevel() zstd.EncoderLevel {
	if !c.leveled[Zstd] {
		return zstd.SpeedFastest
	}
	return zstd.EncoderLevelFromZstd(c.levels[Zstd])
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
			c.zstd, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(c.zstdLevel()))
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
		var err error
		if c.gzip, err = gzip.NewWriterLevel(&c.sink, c.gzipLevel()); err != nil {
			return dst, err
		}
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
		if err := c.lz4.Apply(lz4.BlockSizeOption(lz4.Block64Kb), lz4.ChecksumOption(false), lz4.ConcurrencyOption(1), lz4.CompressionLevelOption(c.lz4Level())); err != nil {
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
