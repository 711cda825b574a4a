package log

import (
	"hash/maphash"
	"math/bits"
)

const (
	offsetSlotBytes = 24
	offsetSlotsMin  = 1024
	// offsetMapLoad is how full a map may become, in percent.
	offsetMapLoad = 75
)

// offsetSlot is a key's hash and its last offset; next is that offset plus one, 0 in an empty slot.
type offsetSlot struct {
	high, low uint64
	next      int64
}

// offsetMap knows the last offset of every key. Keys are told apart by 128 bits of a hash with seeds of this map's own, so that
// nobody can make up keys that collide. It holds no pointers and does not grow.
type offsetMap struct {
	slots []offsetSlot
	mask  uint64
	used  int
	seeds [2]maphash.Seed
}

// newOffsetMap makes a map for about keys keys that takes at most bytesMax bytes.
func newOffsetMap(keys int64, bytesMax int) *offsetMap {
	m := &offsetMap{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}}
	slots := max(min(keys*100/offsetMapLoad+1, int64(bytesMax/offsetSlotBytes)), offsetSlotsMin)
	size := uint64(1) << bits.Len64(uint64(slots)-1)
	if size > offsetSlotsMin && int64(size)*offsetSlotBytes > int64(bytesMax) {
		size /= 2
	}
	m.slots, m.mask = make([]offsetSlot, size), size-1
	return m
}

// room is how many more keys fit.
func (m *offsetMap) room() int { return len(m.slots)*offsetMapLoad/100 - m.used }

// grow doubles an empty map until n keys fit.
func (m *offsetMap) grow(n int) {
	for m.used == 0 && m.room() < n {
		m.slots = make([]offsetSlot, 2*len(m.slots))
		m.mask = uint64(len(m.slots) - 1)
	}
}

// find gives the slot of a key, or the empty one where it belongs.
func (m *offsetMap) find(key []byte) *offsetSlot {
	high, low := maphash.Bytes(m.seeds[0], key), maphash.Bytes(m.seeds[1], key)
	for at := high & m.mask; ; at = (at + 1) & m.mask {
		s := &m.slots[at]
		if s.next == 0 {
			s.high, s.low = high, low
			return s
		}
		if s.high == high && s.low == low {
			return s
		}
	}
}

// put notes that key's last record has offset; offsets come in order.
func (m *offsetMap) put(key []byte, offset int64) {
	s := m.find(key)
	if s.next == 0 {
		m.used++
	}
	s.next = offset + 1
}

// last is the last offset of a key, -1 when it has none.
func (m *offsetMap) last(key []byte) int64 { return m.find(key).next - 1 }
