package state

import "unsafe"

// mappedFrom is the size in bytes from which words live off the Go heap. Smaller blocks are ordinary slices without pointers, which the
// collector does not scan, so that an idle query stays small.
const mappedFrom = 256 << 10

// words is a block of zeroed machine words. It is freed exactly once, by its owner, under the chunk lock.
type words struct {
	w      []uint64
	mapped []byte // the mapping behind w, nil when w is on the heap
}

func allocWords(n int) (words, error) {
	if n*8 < mappedFrom {
		return words{w: make([]uint64, n)}, nil
	}
	mem, err := mapMemory(n * 8)
	if err != nil {
		return words{}, err
	}
	return words{w: unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(mem))), n), mapped: mem}, nil
}

func (b *words) bytes() int64 { return int64(len(b.w)) * 8 }

func (b *words) free() {
	if b.mapped != nil {
		unmapMemory(b.mapped)
	}
	b.w, b.mapped = nil, nil
}
