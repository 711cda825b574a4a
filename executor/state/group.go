package state

import "math/bits"

const (
	groupFirst = 8 // slots of a new group
	// groupSmall is the size in slots below which a group grows fourfold instead of twofold: its keys are moved less often, and its memory is small.
	groupSmall = 512
)

// bucket holds the groups of one range of window starts (or of everything), and the bytes of their keys and values.
type bucket struct {
	key    int64
	groups [Groups]*group
	arena  *Arena
}

// group is the open-addressing table of one hash group: linear probing, load up to one half. Removed keys keep their slot until the
// group is rehashed, so that nothing else ever moves a slot.
type group struct {
	id     uint32 // in Table.groups
	no     int    // which of Groups
	bucket *bucket
	mem    words
	mask   uint64
	used   int // slots taken, removed keys included
	live   int // keys present now
}

func (g *group) slot(t *Table, s uint32) []uint64 {
	i := int(s) * t.stride
	return g.mem.w[i : i+t.stride : i+t.stride]
}

// find gives the slot of key i of k, or the empty slot where it belongs.
func (g *group) find(t *Table, k *Keys, i int) (slot uint32, found bool) {
	if !t.fixed {
		return g.findBytes(t, k.hash[i], k.bytes(i))
	}
	w, stride := g.mem.w, t.stride
	flags := k.flags[i]
	if t.keyWords == 1 {
		key := k.words[i]
		for h := k.hash[i]; ; h++ {
			s := int(h&g.mask) * stride
			if w[s+1] == key && w[s]&slotKeyMask == flags {
				return uint32(h & g.mask), true
			}
			if w[s] == 0 {
				return uint32(h & g.mask), false
			}
		}
	}
	return g.findFixed(t, k.hash[i], flags, k.words[i*t.keyWords:(i+1)*t.keyWords])
}

func (g *group) findFixed(t *Table, hash, flags uint64, key []uint64) (slot uint32, found bool) {
	w, stride := g.mem.w, t.stride
probe:
	for h := hash; ; h++ {
		s := int(h&g.mask) * stride
		if w[s] == 0 {
			return uint32(h & g.mask), false
		}
		if w[s]&slotKeyMask != flags {
			continue
		}
		for j, x := range key {
			if w[s+1+j] != x {
				continue probe
			}
		}
		return uint32(h & g.mask), true
	}
}

func (g *group) findBytes(t *Table, hash uint64, key []byte) (slot uint32, found bool) {
	w, stride := g.mem.w, t.stride
	for h := hash; ; h++ {
		s := int(h&g.mask) * stride
		if w[s] == 0 {
			return uint32(h & g.mask), false
		}
		if w[s+1] == hash && string(g.bucket.arena.Get(w[s+2])) == string(key) {
			return uint32(h & g.mask), true
		}
	}
}

// insert takes the slot of key i of k, in which find has not found it: a key that is not present and has no past.
func (g *group) insert(t *Table, k *Keys, i int, s uint32) {
	slot := g.slot(t, s)
	slot[0] = k.flags[i]
	if t.fixed {
		copy(slot[1:], k.words[i*t.keyWords:(i+1)*t.keyWords])
	} else {
		slot[1] = k.hash[i]
		slot[2] = g.bucket.arena.Put(0, k.bytes(i))
	}
	g.used++
}

// full tells whether another key needs a rehash first.
func (g *group) full() bool { return 2*(g.used+1) > int(g.mask)+1 }

// rehash moves the slots that still mean something into a new table at most a quarter full.
func (g *group) rehash(t *Table) error {
	keep := 0
	for s := 0; s < len(g.mem.w); s += t.stride {
		if t.alive(g.mem.w[s]) {
			keep++
		}
	}
	size := max(groupFirst, 1<<bits.Len(uint(4*keep-1)))
	if keep > 0 && size < groupSmall {
		size *= 2
	}
	return g.resize(t, size)
}

// reserve makes room for n keys at once, where a dump tells how many will come.
func (g *group) reserve(t *Table, n int) error {
	size := max(groupFirst, 1<<bits.Len(uint(2*n)))
	if size <= int(g.mask)+1 {
		return nil
	}
	return g.resize(t, size)
}

// resize moves the slots that still mean something into a new table of size slots, a power of two with room for them.
func (g *group) resize(t *Table, size int) error {
	bytes := int64(size*t.stride) * 8
	if err := t.store.budget.Take(bytes, t.Name); err != nil {
		return err
	}
	mem, err := allocWords(size * t.stride)
	if err != nil {
		t.store.budget.Give(bytes)
		return err
	}
	old := g.mem
	g.mem, g.mask, g.used = mem, uint64(size-1), 0
	for s := 0; s < len(old.w); s += t.stride {
		g.move(t, old.w[s:s+t.stride])
	}
	t.store.budget.Give(old.bytes())
	old.free()
	return nil
}

// move places one slot of the former table.
func (g *group) move(t *Table, from []uint64) {
	if from[0] == 0 {
		return
	}
	if !t.alive(from[0]) {
		if !t.fixed {
			g.bucket.arena.Free(from[2])
		}
		return
	}
	h := t.slotHash(from)
	for g.mem.w[int(h&g.mask)*t.stride] != 0 {
		h++
	}
	s := uint32(h & g.mask)
	copy(g.slot(t, s), from)
	g.used++
	for seq := from[0] >> slotSeq; seq >= t.undo.tail && seq > 0; {
		e := t.undo.at(seq)
		e[0] = uint64(g.id)<<32 | uint64(s)
		seq = e[1] >> slotSeq
	}
}

func (t *Table) slotHash(slot []uint64) uint64 {
	if !t.fixed {
		return slot[1]
	}
	return hashWords(slot[0]&slotKeyMask, slot[1:t.value])
}

// alive tells whether a slot with this header is present or has a past that somebody may ask for.
func (t *Table) alive(header uint64) bool {
	return header&slotPresent != 0 || header>>slotSeq >= t.undo.tail && header != 0
}
