package state

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/zeebo/xxh3"
)

// The versions and kinds of changelog records (docs/formats/state.md).
const (
	changelogVersion = 1
	kindValue        = 0 // key: a key of the table; value: its whole state, or a tombstone
	kindDrop         = 1 // key: a bucket; its groups of this partition are dropped
)

// ChangelogWriter takes the records that make an epoch durable. key and value are views, valid during the call; a nil value is
// a tombstone. A changelog is cut below the positions of a dump: keys of dropped buckets get no tombstones of their own.
type ChangelogWriter interface {
	Write(partition int32, key, value []byte) error
}

// DirtyInto writes the whole values of the keys changed in the open epoch (tombstones for removed ones) and seals the epoch
// under the number epoch: later changes belong to the next one. w nil: nothing is written. After an error the caller must Rollback.
func (s *Store) DirtyInto(epoch uint64, w ChangelogWriter) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	defer s.seal(epoch)
	if w == nil {
		return nil
	}
	for _, t := range s.tables {
		if t.NoUndo {
			continue
		}
		if err := t.writeDrops(w); err != nil {
			return err
		}
		if err := t.writeDirty(w); err != nil {
			return err
		}
	}
	return nil
}

func (t *Table) writeDrops(w ChangelogWriter) error {
	for _, d := range t.dropped {
		if d.epoch != 0 {
			continue
		}
		for p := range ChangelogPartitions {
			if !d.b.inPartition(p) {
				continue
			}
			key := t.changelogHead(kindDrop, p*groupsPerPartition)
			key = binary.AppendVarint(key, d.b.key)
			if err := w.Write(int32(p), key, []byte{1}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bucket) inPartition(p int) bool {
	for _, g := range b.groups[p*groupsPerPartition : (p+1)*groupsPerPartition] {
		if g != nil {
			return true
		}
	}
	return false
}

func (t *Table) changelogHead(kind, group int) []byte {
	b := t.store.scratch[:0]
	b = append(b, changelogVersion)
	b = binary.AppendUvarint(b, uint64(t.ordinal)<<1|uint64(kind))
	b = append(b, byte(group))
	t.store.scratch = b
	return b
}

func (t *Table) writeDirty(w ChangelogWriter) error {
	order := t.openOrder(t.store.order)
	t.store.order = order
	for i, distance := range order {
		t.touchAhead(order, i)
		e := t.undo.at(t.undo.open() + uint64(distance))
		g := t.groups[e[0]>>32]
		if t.buckets[g.bucket.key] != g.bucket { // dropped since
			continue
		}
		slot := g.slot(t, uint32(e[0]))
		if (slot[0]|e[1])&slotPresent == 0 || t.unchanged(e, slot) {
			continue
		}
		key := t.appendKeyBytes(t.changelogHead(kindValue, g.no), g, slot)
		t.store.scratch = key
		var value []byte
		if slot[0]&slotPresent != 0 {
			value = t.appendStateBytes(t.store.value[:0], g.bucket.arena, slot[t.value:])
			t.store.value = value
		}
		if err := w.Write(int32(g.no/groupsPerPartition), key, value); err != nil {
			return err
		}
	}
	return nil
}

// unchanged tells whether a touched slot has the value it had; values in arenas are taken to have changed.
func (t *Table) unchanged(e, slot []uint64) bool {
	return e[1]&slot[0]&slotPresent != 0 && slices.Equal(e[undoHead:], slot[t.value:])
}

// appendKeyBytes appends a slot's key: null bits and words, or the bytes.
func (t *Table) appendKeyBytes(dst []byte, g *group, slot []uint64) []byte {
	if !t.fixed {
		return append(dst, g.bucket.arena.Get(slot[2])...)
	}
	dst = append(dst, byte(slot[0]&slotKeyMask))
	for _, w := range slot[1:t.value] {
		dst = binary.LittleEndian.AppendUint64(dst, w)
	}
	return dst
}

// appendStateBytes appends value words; of an arena word, uvarint 0 for none or length + 1 and the bytes.
func (t *Table) appendStateBytes(dst []byte, a *Arena, value []uint64) []byte {
	if dst == nil {
		dst = make([]byte, 0, 64)
	}
	for i, w := range value {
		switch {
		case !t.inArena(i):
			dst = binary.LittleEndian.AppendUint64(dst, w)
		case w == 0:
			dst = append(dst, 0)
		default:
			b := a.Get(w)
			dst = append(binary.AppendUvarint(dst, uint64(len(b))+1), b...)
		}
	}
	return dst
}

func (t *Table) inArena(word int) bool {
	return slices.Contains(t.ArenaWords, word)
}

// Restore applies one changelog record. Only before the first epoch, or on a standby. Errors: ErrCorrupt, *BudgetError.
func (s *Store) Restore(key, value []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if len(key) < 3 || key[0] != changelogVersion {
		return fmt.Errorf("a changelog record has an unknown version: %w", ErrCorrupt)
	}
	ref, n := binary.Uvarint(key[1:])
	if n <= 0 || ref>>1 >= uint64(len(s.tables)) || len(key) < n+2 || key[n+1] >= Groups {
		return fmt.Errorf("a changelog record names no table: %w", ErrCorrupt)
	}
	t, group, rest := s.tables[ref>>1], int(key[n+1]), key[n+2:]
	if ref&1 == kindDrop {
		return t.restoreDrop(group, rest)
	}
	return t.restoreValue(group, rest, value)
}

func (t *Table) restoreDrop(group int, rest []byte) error {
	bucketKey, n := binary.Varint(rest)
	if n != len(rest) || n <= 0 {
		return fmt.Errorf("a changelog record names no bucket: %w", ErrCorrupt)
	}
	b := t.buckets[bucketKey]
	if b == nil {
		return nil
	}
	from := group / groupsPerPartition * groupsPerPartition
	left := false
	for no, g := range b.groups {
		if g == nil {
			continue
		}
		if no < from || no >= from+groupsPerPartition {
			left = true
			continue
		}
		t.freeGroup(g)
	}
	if !left {
		delete(t.buckets, bucketKey)
		t.last = nil
		b.arena.release()
	}
	return nil
}

// freeGroup frees one group of a bucket that lives on, with its arena values.
func (t *Table) freeGroup(g *group) {
	for s := 0; s < len(g.mem.w); s += t.stride {
		slot := g.mem.w[s : s+t.stride]
		if slot[0] == 0 {
			continue
		}
		if !t.fixed {
			g.bucket.arena.Free(slot[2])
		}
		for _, w := range t.ArenaWords {
			g.bucket.arena.Free(slot[t.value+w])
		}
	}
	g.bucket.groups[g.no] = nil
	t.groups[g.id] = nil
	t.freeIDs = append(t.freeIDs, g.id)
	t.store.budget.Give(g.mem.bytes())
	g.mem.free()
}

// restoreValue puts or removes one key, without a past.
func (t *Table) restoreValue(group int, key, value []byte) error {
	return t.restoreInto(&t.restoring, group, key, value)
}

func (t *Table) restoreInto(k *Keys, group int, key, value []byte) error {
	if err := t.parseKey(k, key); err != nil {
		return err
	}
	if groupOf(k.hash[0]) != group {
		return fmt.Errorf("a key of %q is in the wrong group: %w", t.Name, ErrCorrupt)
	}
	if value != nil {
		if err := t.checkState(value); err != nil {
			return err
		}
	} else if b := t.buckets[k.bucket[0]]; b == nil || b.groups[group] == nil {
		return nil
	}
	if err := t.store.budget.over(t.Name); err != nil {
		return err
	}
	g, err := t.groupFor(t.bucketFor(k.bucket[0]), group)
	if err != nil {
		return err
	}
	s, found := g.find(t, k, 0)
	if value == nil {
		if found {
			t.remove(g, s)
		}
		return nil
	}
	if !found {
		if g.full() {
			if err := g.rehash(t); err != nil {
				return err
			}
			s, _ = g.find(t, k, 0)
		}
		g.insert(t, k, 0, s)
	}
	slot := g.slot(t, s)
	if slot[0]&slotPresent == 0 {
		slot[0] |= slotPresent
		g.live++
	}
	t.readState(g.bucket.arena, slot[t.value:], value)
	return nil
}

// parseKey reads a stored key into k.
func (t *Table) parseKey(k *Keys, key []byte) error {
	k.n = 1
	k.rows = append(k.rows[:0], 0)
	k.flags, k.hash, k.bucket = resize(k.flags, 1), resize(k.hash, 1), resize(k.bucket, 1)
	k.bucket[0] = 0
	if !t.fixed {
		return t.parseByteKey(k, key)
	}
	if len(key) != 1+8*t.keyWords || key[0]&1 == 0 || uint64(key[0])&^slotKeyMask != 0 {
		return fmt.Errorf("a key of %q cannot be read: %w", t.Name, ErrCorrupt)
	}
	k.flags[0] = uint64(key[0])
	k.words = k.words[:0]
	for b := key[1:]; len(b) > 0; b = b[8:] {
		k.words = append(k.words, binary.LittleEndian.Uint64(b))
	}
	k.hash[0] = hashWords(k.flags[0], k.words)
	if t.WindowKey >= 0 {
		at := 0
		for _, typ := range t.KeyTypes[:t.WindowKey] {
			at += fixedWords(typ)
		}
		k.bucket[0] = t.bucketOf(int64(k.words[at]))
	}
	return nil
}

func (t *Table) parseByteKey(k *Keys, key []byte) error {
	rest := key
	for c, typ := range t.KeyTypes {
		if c == t.WindowKey && len(rest) >= 9 && rest[0] == 1 {
			k.bucket[0] = t.bucketOf(int64(binary.LittleEndian.Uint64(rest[1:])))
		}
		var err error
		if rest, err = skipValue(rest, typ, 0); err != nil {
			return fmt.Errorf("a key of %q cannot be read: %w", t.Name, err)
		}
	}
	if len(rest) > 0 {
		return fmt.Errorf("a key of %q is too long: %w", t.Name, ErrCorrupt)
	}
	k.flags[0] = slotUsed
	k.buf = append(k.buf[:0], key...)
	k.ends = append(k.ends[:0], uint32(len(key)))
	k.hash[0] = xxh3.Hash(key)
	return nil
}

// checkState tells whether readState can read b.
func (t *Table) checkState(b []byte) error {
	for i := range t.ValueWords {
		n := uint64(8)
		if t.inArena(i) {
			size, used := binary.Uvarint(b)
			if used <= 0 {
				return fmt.Errorf("a value of %q cannot be read: %w", t.Name, ErrCorrupt)
			}
			b = b[used:]
			n = max(size, 1) - 1
		}
		if n > uint64(len(b)) {
			return fmt.Errorf("a value of %q is cut off: %w", t.Name, ErrCorrupt)
		}
		b = b[n:]
	}
	if len(b) > 0 {
		return fmt.Errorf("a value of %q is too long: %w", t.Name, ErrCorrupt)
	}
	return nil
}

func (t *Table) readState(a *Arena, value []uint64, b []byte) {
	for i := range value {
		if !t.inArena(i) {
			value[i] = binary.LittleEndian.Uint64(b)
			b = b[8:]
			continue
		}
		size, used := binary.Uvarint(b)
		b = b[used:]
		if size == 0 {
			a.Free(value[i])
			value[i] = 0
			continue
		}
		value[i] = a.Put(value[i], b[:size-1])
		b = b[size-1:]
	}
}
