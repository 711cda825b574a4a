package log

import (
	"math/bits"
	"sync"
	"sync/atomic"

	"github.com/freshetdb/freshet/storage/invariants"
	"github.com/freshetdb/freshet/storage/record"
	"github.com/freshetdb/freshet/storage/vfs"
)

const (
	bufferMinShift = 12 // 4 KiB, the smallest class
	bufferMaxShift = 22 // 4 MiB, the largest class; larger buffers are not pooled
	bufferClasses  = bufferMaxShift - bufferMinShift + 1

	// tailBudget is how much the tails of all logs hold together before each keeps only its newest chunk.
	tailBudget = 64 << 20
)

// Buffers is a pool of read and tail buffers, shared by the logs of a node. It is safe for concurrent use.
type Buffers struct {
	classes       [bufferClasses]sync.Pool
	decompressors sync.Pool
	tailBytes     atomic.Int64 // held by tails
}

// NewBuffers makes an empty pool.
func NewBuffers() *Buffers { return &Buffers{} }

// buffer is pooled memory with a count of its users; the last release gives it back.
type buffer struct {
	data  []byte
	refs  atomic.Int32
	pool  *Buffers
	class int // -1 when not pooled
}

// get returns a buffer of at least n bytes with one user.
func (p *Buffers) get(n int) *buffer {
	class := max(bits.Len(uint(max(n, 1)-1)), bufferMinShift) - bufferMinShift
	if class >= bufferClasses {
		b := &buffer{data: make([]byte, n), pool: p, class: -1}
		b.refs.Store(1)
		return b
	}
	b, _ := p.classes[class].Get().(*buffer)
	if b == nil {
		b = &buffer{data: make([]byte, 1<<(class+bufferMinShift)), pool: p, class: class}
	}
	b.refs.Store(1)
	return b
}

func (b *buffer) acquire() { b.refs.Add(1) }

func (b *buffer) release() {
	left := b.refs.Add(-1)
	invariants.Assert(left >= 0, "buffer released %d times too often", -left)
	if left == 0 && b.class >= 0 {
		b.pool.classes[b.class].Put(b)
	}
}

func (p *Buffers) decompressor() *record.Decompressor {
	if d, ok := p.decompressors.Get().(*record.Decompressor); ok {
		return d
	}
	return new(record.Decompressor)
}

// Span is a run of whole batches, in shared memory or as a range of a segment's file, valid until Release, which must be called exactly
// once on one copy of the span. The zero Span is empty and may be released.
type Span struct {
	Bytes      []byte // concatenated v2 batches, untouched; the first may begin below the asked offset
	NextOffset int64  // after the last batch, at most the next one's first; 0 when the span is empty

	// File, where it isn't nil, holds the batches in place of Bytes, from Pos on. It may be read while it is appended to, and by many at a
	// time. A segment that is cut off meanwhile (Log.Truncate) may end before the span does.
	File vfs.File
	Pos  int64
	size int // of the range

	buf    *buffer
	weight int // of buf, where the span has it for itself
	seg    *segment
}

// Len is how many bytes the batches have.
func (s *Span) Len() int { return len(s.Bytes) + s.size }

// Weight is how much memory the span keeps, at least its bytes in memory.
func (s *Span) Weight() int { return max(len(s.Bytes), s.weight) }

// Release gives the memory or the file back; Bytes and File must not be used afterwards.
func (s *Span) Release() {
	if s.buf != nil {
		s.buf.release()
		s.buf, s.Bytes = nil, nil
	}
	if s.seg != nil {
		s.seg.log.opts.Files.hold(-1)
		s.seg.release()
		s.seg, s.File, s.size = nil, nil, 0
	}
}
