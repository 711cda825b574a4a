package state

import "github.com/freshetdb/freshet/sql/vector"

// Changes walks the keys changed in the open epoch, each once, a run at a time: in order of first change, or by group when they are many; those set back to their value before are left out.
// It is scratch memory of its user.
//
// Of key i of a run, Old[i] and New[i] tell whether it was and is present; its value words before lie at slot 2i, those now at slot 2i+1 of
// Words with Stride. Values in arenas are in Arena.
type Changes struct {
	N        int
	Old, New []bool
	Words    []uint64
	Stride   int
	Arena    *Arena

	t     *Table
	order []uint32
	next  int
	refs  []uint64
}

// Changes begins a walk over a table's open epoch. The table may not change during it.
func (t *Table) Changes(c *Changes) {
	c.t, c.next, c.N, c.Stride = t, 0, 0, t.ValueWords
	c.order = t.openOrder(c.order)
}

// Next fills c with the next run of at most limit keys and tells whether there is one. Keys in dropped buckets are left out.
func (c *Changes) Next(limit int) bool {
	t := c.t
	c.N, c.Old, c.New, c.refs, c.Words = 0, c.Old[:0], c.New[:0], c.refs[:0], c.Words[:0]
	var run *bucket
	for ; c.next < len(c.order) && c.N < limit; c.next++ {
		t.touchAhead(c.order, c.next)
		e := t.undo.at(t.undo.open() + uint64(c.order[c.next]))
		g := t.groups[e[0]>>32]
		if g.bucket != t.last && t.buckets[g.bucket.key] != g.bucket {
			continue
		}
		if run != nil && run != g.bucket && len(t.ArenaWords) > 0 {
			break
		}
		run = g.bucket
		slot := g.slot(t, uint32(e[0]))
		if (slot[0]|e[1])&slotPresent == 0 || t.unchanged(e, slot) {
			continue
		}
		c.Old = append(c.Old, e[1]&slotPresent != 0)
		c.New = append(c.New, slot[0]&slotPresent != 0)
		c.refs = append(c.refs, e[0])
		c.Words = append(append(c.Words, e[undoHead:]...), slot[t.value:]...)
		c.N++
	}
	if run != nil {
		c.Arena = run.arena
	}
	return c.N > 0
}

// AppendKey appends the key columns of key i of the run.
func (c *Changes) AppendKey(i int, cols []*vector.Vector) error {
	ref := c.refs[i]
	return c.t.appendKey(cols, c.t.groups[ref>>32], uint32(ref))
}

// Each hands over the slots of all present keys of the buckets from start lo to hi (exclusive, in the unit of the window column; a table without
// windows has one bucket, at 0), at most limit a call. visit may not change the table. Rows of the part are unused.
func (t *Table) Each(lo, hi int64, limit int, visit func(*Part) error) error {
	for _, start := range t.Buckets() {
		if start < lo || start >= hi {
			continue
		}
		b := t.buckets[t.bucketOf(start)]
		for _, g := range b.groups {
			if g == nil || g.live == 0 {
				continue
			}
			if err := t.eachSlot(g, limit, visit); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *Table) eachSlot(g *group, limit int, visit func(*Part) error) error {
	p := &Part{Words: g.mem.w, Stride: t.stride, Offset: t.value, Arena: g.bucket.arena, t: t, g: g}
	for s := uint32(0); uint64(s) <= g.mask; s++ {
		if g.mem.w[int(s)*t.stride]&slotPresent != 0 {
			p.Slots = append(p.Slots, s)
		}
		if len(p.Slots) == limit || uint64(s) == g.mask && len(p.Slots) > 0 {
			if err := visit(p); err != nil {
				return err
			}
			p.Slots = p.Slots[:0]
		}
	}
	return nil
}

// AppendKey appends the key columns of slot s of the part.
func (p *Part) AppendKey(s uint32, cols []*vector.Vector) error { return p.t.appendKey(cols, p.g, s) }

// DropBucket drops the bucket that starts at start, in the unit of the window column.
func (t *Table) DropBucket(start int64) {
	if b := t.buckets[t.bucketOf(start)]; b != nil {
		t.dropBucket(b)
	}
}

// Lookup finds the keys that are present and hands over the chunk row and the value words of each, in order; the others are left out.
func (t *Table) Lookup(k *Keys, visit func(row uint16, value []uint64)) {
	for i := range k.n {
		b := t.bucketAt(k.bucket[i])
		if b == nil || b.groups[groupOf(k.hash[i])] == nil {
			continue
		}
		g := b.groups[groupOf(k.hash[i])]
		if s, found := g.find(t, k, i); found {
			if slot := g.slot(t, s); slot[0]&slotPresent != 0 {
				visit(k.rows[i], slot[t.value:])
			}
		}
	}
}
