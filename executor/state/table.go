package state

import (
	"cmp"
	"slices"
)

// Table is keyed state of fixed-size values. Its methods are called under the chunk lock.
type Table struct {
	shape
	store     *Store
	ordinal   int
	undo      undoLog
	from      uint64 // first seq of the open epoch: a slot whose newest entry is below it has not been touched yet
	buckets   map[int64]*bucket
	last      *bucket // the bucket used last
	groups    []*group
	freeIDs   []uint32
	dropped   []droppedBucket
	part      Part
	sink      uint64
	restoring Keys // scratch of Restore
}

// droppedBucket is out of the table but kept until the epoch in which it went is dropped.
type droppedBucket struct {
	epoch uint64 // 0: the open one
	b     *bucket
}

// Part is the slots of a chunk's keys that lie in one group. Value word j of slot s is Words[int(s)*Stride+Offset+j].
type Part struct {
	Words  []uint64
	Stride int
	Offset int
	Arena  *Arena
	Rows   []uint16 // chunk rows, in their order
	Slots  []uint32

	t *Table
	g *group
}

// Table makes a table. Before the first change only; tables are numbered in the order in which they are made.
func (s *Store) Table(l Layout) (*Table, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addTable(l), nil
}

func (s *Store) addTable(l Layout) *Table {
	if l.WindowKey < 0 || l.WindowKey >= len(l.KeyTypes) {
		l.WindowKey = -1
	}
	l.BucketWidth = max(l.BucketWidth, 1)
	t := &Table{shape: newShape(l), store: s, ordinal: len(s.tables), buckets: map[int64]*bucket{}}
	t.undo = newUndoLog(l.ValueWords, s.budget)
	t.from = t.undo.open()
	if l.NoUndo {
		t.from = 0
	}
	s.tables = append(s.tables, t)
	return t
}

// bucketFor finds or makes a bucket.
func (t *Table) bucketFor(key int64) *bucket {
	if t.last != nil && t.last.key == key {
		return t.last
	}
	b := t.buckets[key]
	if b == nil {
		b = &bucket{key: key, arena: newArena(t.store.budget)}
		t.buckets[key] = b
	}
	t.last = b
	return b
}

// groupFor finds or makes a group of a bucket.
func (t *Table) groupFor(b *bucket, no int) (*group, error) {
	if g := b.groups[no]; g != nil {
		return g, nil
	}
	g := &group{no: no, bucket: b}
	if err := g.rehash(t); err != nil {
		return nil, err
	}
	if n := len(t.freeIDs); n > 0 {
		g.id = t.freeIDs[n-1]
		t.freeIDs = t.freeIDs[:n-1]
		t.groups[g.id] = g
	} else {
		g.id = uint32(len(t.groups))
		t.groups = append(t.groups, g)
	}
	b.groups[no] = g
	return g, nil
}

// Probe finds or inserts the keys, marks each as changed in the open epoch and present, and hands the slots over, a call a group;
// the rows of one key come in their order, in one call. visit may change value words. Error: *BudgetError, visit's.
func (t *Table) Probe(k *Keys, visit func(*Part) error) error {
	if err := t.store.budget.over(t.Name); err != nil {
		return err
	}
	return t.eachGroup(k, func(b *bucket, no int, picked []uint16) error {
		g, err := t.groupFor(b, no)
		if err != nil {
			return err
		}
		if err := t.probeGroup(g, k, picked); err != nil {
			return err
		}
		p := &t.part
		p.Words, p.Stride, p.Offset, p.Arena = g.mem.w, t.stride, t.value, b.arena
		p.Slots, p.t, p.g = k.slots, t, g
		p.Rows = p.Rows[:0]
		for _, i := range picked {
			p.Rows = append(p.Rows, k.rows[i])
		}
		return visit(p)
	})
}

// probeGroup fills k.slots with the slots of the picked keys.
func (t *Table) probeGroup(g *group, k *Keys, picked []uint16) error {
	k.slots = resize(k.slots, len(picked))
	for j := range picked {
		i := int(picked[j])
		s, found := g.find(t, k, i)
		if !found {
			if g.full() {
				if err := g.rehash(t); err != nil {
					return err
				}
				for q := range j { // their slots have moved
					k.slots[q], _ = g.find(t, k, int(picked[q]))
				}
				s, _ = g.find(t, k, i)
			}
			g.insert(t, k, i, s)
		}
		k.slots[j] = s
		header := g.mem.w[int(s)*t.stride]
		if header>>slotSeq < t.from {
			t.touch(g, s, true)
			header = g.mem.w[int(s)*t.stride]
		}
		if header&slotPresent == 0 {
			g.mem.w[int(s)*t.stride] = header | slotPresent
			g.live++
		}
	}
	return nil
}

// touch keeps the value of a slot in the undo list, once an epoch. Arena values go to the entry; the slot gets copies of its own (keep)
// or none.
func (t *Table) touch(g *group, s uint32, keep bool) {
	slot := g.slot(t, s)
	e, seq := t.undo.push()
	e[0], e[1] = uint64(g.id)<<32|uint64(s), slot[0]
	copy(e[undoHead:], slot[t.value:])
	slot[0] = slot[0]&(1<<slotSeq-1) | seq<<slotSeq
	for _, w := range t.ArenaWords {
		if keep {
			slot[t.value+w] = g.bucket.arena.duplicate(slot[t.value+w])
		} else {
			slot[t.value+w] = 0
		}
	}
}

// remove takes the key in slot s away; it has been touched.
func (t *Table) remove(g *group, s uint32) {
	slot := g.slot(t, s)
	if slot[0]&slotPresent == 0 {
		return
	}
	slot[0] &^= slotPresent
	g.live--
	for _, w := range t.ArenaWords {
		g.bucket.arena.Free(slot[t.value+w])
	}
	clear(slot[t.value:])
}

// Remove takes the key in slot s of a part of Probe away.
func (p *Part) Remove(s uint32) { p.t.remove(p.g, s) }

// eachGroup hands the keys over by bucket and group, in stable order.
func (t *Table) eachGroup(k *Keys, visit func(b *bucket, no int, picked []uint16) error) error {
	if k.n == 0 {
		return nil
	}
	k.order = resize(k.order, k.n)
	for i := range k.order {
		k.order[i] = uint16(i)
	}
	mixed := false
	for _, b := range k.bucket[1:] {
		mixed = mixed || b != k.bucket[0]
	}
	if !mixed {
		return t.eachGroupOf(k, k.order, visit)
	}
	slices.SortStableFunc(k.order, func(i, j uint16) int { return cmp.Compare(k.bucket[i], k.bucket[j]) })
	order := k.order
	for len(order) > 0 {
		n := 1
		for n < len(order) && k.bucket[order[n]] == k.bucket[order[0]] {
			n++
		}
		if err := t.eachGroupOf(k, order[:n], visit); err != nil {
			return err
		}
		order = order[n:]
	}
	return nil
}

// eachGroupOf does it for keys of one bucket, by a counting sort.
func (t *Table) eachGroupOf(k *Keys, order []uint16, visit func(b *bucket, no int, picked []uint16) error) error {
	b := t.bucketFor(k.bucket[order[0]])
	if len(order) == 1 {
		return visit(b, groupOf(k.hash[order[0]]), order)
	}
	t.touchHomes(b, k, order)
	clear(k.counts[:])
	for _, i := range order {
		k.counts[groupOf(k.hash[i])+1]++
	}
	for g := range Groups {
		k.counts[g+1] += k.counts[g]
	}
	k.picked = resize(k.picked, len(order))
	next := k.counts
	for _, i := range order {
		g := groupOf(k.hash[i])
		k.picked[next[g]] = i
		next[g]++
	}
	ends := k.counts
	picked := k.picked
	for g := range Groups {
		if from, to := ends[g], ends[g+1]; from < to {
			if err := visit(b, g, picked[from:to:to]); err != nil {
				return err
			}
		}
	}
	return nil
}

// touchHomes loads the home slot of every key: independent loads, so that the misses overlap.
func (t *Table) touchHomes(b *bucket, k *Keys, order []uint16) {
	var touched uint64
	for _, i := range order {
		h := k.hash[i]
		if g := b.groups[groupOf(h)]; g != nil {
			touched += g.mem.w[int(h&g.mask)*t.stride]
		}
	}
	t.sink = touched
}

const (
	// touchStep is how many entries of the undo list touchAhead looks at in one go.
	touchStep = 32
	// orderFrom is the number of changed keys from which they are walked group by group: by then they do not fit the near caches.
	orderFrom = 8192
)

// openOrder lists the entries of the open epoch, as distances from its first: by group when there are many, so that a walk stays in one group's
// memory, else in order of change.
func (t *Table) openOrder(dst []uint32) []uint32 {
	from := t.undo.open()
	n := int(t.undo.head - from)
	dst = resize(dst, n)
	if n < orderFrom {
		for i := range dst {
			dst[i] = uint32(i)
		}
		return dst
	}
	next := make([]uint32, len(t.groups)+1)
	for i := range n {
		next[t.undo.at(from + uint64(i))[0]>>32+1]++
	}
	for g := range len(t.groups) {
		next[g+1] += next[g]
	}
	for i := range n {
		g := t.undo.at(from + uint64(i))[0] >> 32
		dst[next[g]] = uint32(i)
		next[g]++
	}
	return dst
}

// touchAhead loads, every touchStep entries of a walk over order, the slots that the next ones name (and the arena values in them), so that their
// misses overlap.
func (t *Table) touchAhead(order []uint32, at int) {
	if at%touchStep != 0 {
		return
	}
	var touched uint64
	var values [touchStep]uint64
	var arenas [touchStep]*Arena
	from := t.undo.open()
	for j, i := range order[at:min(at+touchStep, len(order))] {
		ref := t.undo.at(from + uint64(i))[0]
		g := t.groups[ref>>32]
		s := int(uint32(ref)) * t.stride
		touched += g.mem.w[s] + g.mem.w[s+t.stride-1]
		if len(t.ArenaWords) > 0 {
			values[j], arenas[j] = g.mem.w[s+t.value+t.ArenaWords[0]], g.bucket.arena
		}
	}
	for j, a := range arenas {
		if a != nil && values[j] != 0 {
			touched += uint64(a.block(values[j])[0])
		}
	}
	t.sink = touched
}

// Len is the number of keys present.
func (t *Table) Len() int {
	n := 0
	for _, b := range t.buckets {
		for _, g := range b.groups {
			if g != nil {
				n += g.live
			}
		}
	}
	return n
}

// Buckets are the starts of the buckets that exist, in the unit of the window column, ascending.
func (t *Table) Buckets() []int64 {
	out := make([]int64, 0, len(t.buckets))
	for b := range t.buckets {
		out = append(out, b*t.BucketWidth)
	}
	slices.Sort(out)
	return out
}

// DropBefore drops the buckets that lie wholly below limit, in the unit of the window column.
func (t *Table) DropBefore(limit int64) {
	end := t.bucketOf(limit)
	for key, b := range t.buckets {
		if key < end {
			t.dropBucket(b)
		}
	}
}

func (t *Table) dropBucket(b *bucket) {
	delete(t.buckets, b.key)
	if t.last == b {
		t.last = nil
	}
	if t.NoUndo {
		t.freeBucket(b)
		return
	}
	t.dropped = append(t.dropped, droppedBucket{b: b})
}

// freeBucket gives a bucket's memory back: nobody reads it any more.
func (t *Table) freeBucket(b *bucket) {
	for no, g := range b.groups {
		if g == nil {
			continue
		}
		t.store.budget.Give(g.mem.bytes())
		g.mem.free()
		t.groups[g.id] = nil
		t.freeIDs = append(t.freeIDs, g.id)
		b.groups[no] = nil
	}
	b.arena.release()
}
