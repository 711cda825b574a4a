package wire

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// Pooled buffers come in powers of two between these; larger requests get memory of their own.
const (
	minClassBits = 12 // 4 KiB
	maxClassBits = 23 // 8 MiB
)

// buffers pools request memory by size class.
type buffers struct {
	classes [maxClassBits - minClassBits + 1]sync.Pool
}

// Buffer is a request's memory with a reference count: the bytes are reused after the last Release.
type Buffer struct {
	bytes []byte
	refs  atomic.Int32
	pool  *sync.Pool // nil: left to the collector
	// weight is what Release gives back to the listener's memory budget.
	weight int64
	large  bool
	budget *budget
}

// class is the index of the smallest size class that holds n bytes.
func class(n int) int {
	return max(bits.Len(uint(n-1)), minClassBits) - minClassBits
}

// get returns a buffer of at least n bytes with one reference.
func (p *buffers) get(n int) *Buffer {
	c := class(max(n, 1))
	if c >= len(p.classes) {
		b := &Buffer{bytes: make([]byte, n)}
		b.refs.Store(1)
		return b
	}
	b, _ := p.classes[c].Get().(*Buffer)
	if b == nil {
		b = &Buffer{bytes: make([]byte, 1<<(c+minClassBits)), pool: &p.classes[c]}
	}
	b.refs.Store(1)
	return b
}

// Retain adds a reference.
func (b *Buffer) Retain() { b.refs.Add(1) }

// Release drops a reference; after the last one the bytes must not be touched.
func (b *Buffer) Release() {
	switch left := b.refs.Add(-1); {
	case left > 0:
		return
	case left < 0:
		panic("wire: buffer released twice")
	}
	if b.budget != nil {
		b.budget.give(b.weight, b.large)
		b.budget, b.weight = nil, 0
	}
	if b.pool != nil {
		b.pool.Put(b)
	}
}
