package state

import (
	"encoding/binary"
	"math/bits"
)

const (
	arenaHeader   = 4         // bytes before a value: its length
	arenaMinClass = 4         // smallest block: 16 bytes
	arenaChunk    = 1 << 20   // bytes of a full chunk
	arenaFirst    = 1 << 10   // bytes of the first chunk
	arenaMaxValue = 1<<31 - 1 // bytes
)

// Arena keeps byte values of variable length outside the slots. A handle is chunk<<32 | offset of the block + 1, so 0 is "none".
//
// Blocks come in powers of two from 16 bytes; freed ones are chained through their own first bytes, a list a size. Values larger than half a
// chunk get a chunk of their own. Handles stay valid until freed, whatever the arena grows.
type Arena struct {
	chunks [][]byte
	spare  []uint32 // numbers of chunks given back whole
	top    int      // bytes used of the chunk that is being filled
	fill   int      // its number, -1: none
	free   [32]uint64
	budget *Budget
	held   int64
}

func newArena(b *Budget) *Arena { return &Arena{budget: b, fill: -1} }

func classOf(n int) int {
	c := bits.Len(uint(n + arenaHeader - 1))
	return max(c, arenaMinClass)
}

// Put stores a copy of b, in place of old when it fits there, and returns its handle. b must not lie in the arena.
func (a *Arena) Put(old uint64, b []byte) uint64 {
	class := classOf(len(b))
	if old != 0 {
		if block := a.block(old); classOf(int(binary.LittleEndian.Uint32(block))) == class {
			writeBlock(block, b)
			return old
		}
		a.Free(old)
	}
	h := a.alloc(class)
	writeBlock(a.block(h), b)
	return h
}

func writeBlock(block, b []byte) {
	binary.LittleEndian.PutUint32(block, uint32(len(b)))
	copy(block[arenaHeader:], b)
}

// Get is a view of a value until the next Put or Free.
func (a *Arena) Get(handle uint64) []byte {
	if handle == 0 {
		return nil
	}
	block := a.block(handle)
	n := binary.LittleEndian.Uint32(block)
	return block[arenaHeader : arenaHeader+n : arenaHeader+n]
}

// Free gives a value's memory back; handle 0 is ignored.
func (a *Arena) Free(handle uint64) {
	if handle == 0 {
		return
	}
	block := a.block(handle)
	class := classOf(int(binary.LittleEndian.Uint32(block)))
	if 1<<class > arenaChunk/2 {
		n := handle >> 32
		a.account(-int64(len(a.chunks[n])))
		a.chunks[n] = nil
		a.spare = append(a.spare, uint32(n))
		return
	}
	binary.LittleEndian.PutUint64(block[arenaHeader:], a.free[class])
	a.free[class] = handle
}

// duplicate stores a second copy of a value.
func (a *Arena) duplicate(handle uint64) uint64 {
	if handle == 0 {
		return 0
	}
	n := len(a.Get(handle))
	h := a.alloc(classOf(n))
	writeBlock(a.block(h), a.Get(handle)) // looked up again: alloc may have moved the first chunk
	return h
}

func (a *Arena) block(handle uint64) []byte {
	return a.chunks[handle>>32][uint32(handle)-1:]
}

func (a *Arena) alloc(class int) uint64 {
	if h := a.free[class]; h != 0 {
		a.free[class] = binary.LittleEndian.Uint64(a.block(h)[arenaHeader:])
		return h
	}
	size := 1 << class
	if size > arenaChunk/2 {
		return uint64(a.newChunk(size))<<32 | 1
	}
	if a.fill < 0 || a.top+size > len(a.chunks[a.fill]) {
		a.extend(size)
	}
	h := uint64(a.fill)<<32 | uint64(a.top+1)
	a.top += size
	return h
}

// extend makes room for size bytes: the first chunk doubles until it is full-sized, then new chunks follow.
func (a *Arena) extend(size int) {
	if a.fill >= 0 && len(a.chunks[a.fill]) < arenaChunk {
		old := a.chunks[a.fill]
		n := max(2*len(old), a.top+size)
		n = min(1<<bits.Len(uint(n-1)), arenaChunk)
		if a.top+size <= n {
			a.chunks[a.fill] = append(make([]byte, 0, n), old...)[:n]
			a.account(int64(n - len(old)))
			return
		}
	}
	n := arenaChunk
	if a.fill < 0 {
		n = max(arenaFirst, size)
	}
	a.fill, a.top = a.newChunk(n), 0
}

func (a *Arena) newChunk(n int) int {
	a.account(int64(n))
	if k := len(a.spare); k > 0 {
		i := int(a.spare[k-1])
		a.spare = a.spare[:k-1]
		a.chunks[i] = make([]byte, n)
		return i
	}
	a.chunks = append(a.chunks, make([]byte, n))
	return len(a.chunks) - 1
}

func (a *Arena) account(n int64) {
	a.held += n
	a.budget.force(n)
}

// release forgets everything.
func (a *Arena) release() {
	a.account(-a.held)
	a.chunks, a.spare, a.fill, a.top = nil, nil, -1, 0
	clear(a.free[:])
}
