package state

import (
	"slices"
	"sync"

	"github.com/freshetdb/freshet/sql/vector"
)

// Snapshot reads a store as of a commit. It is safe for concurrent use.
type Snapshot struct {
	store    *Store
	epoch    uint64
	released bool // guarded by store.mu
}

// reader is the scratch memory of one read.
type reader struct {
	keys  Keys
	rows  []Row // views of words and buf once complete
	ends  []int // of the two byte strings of each row in buf
	words []uint64
	buf   []byte
}

func (r *reader) reset() {
	r.rows, r.ends, r.words, r.buf = r.rows[:0], r.ends[:0], r.words[:0], r.buf[:0]
}

// add copies a row; under the lock.
func (r *reader) add(t *RowTable, b *bucket, slot []uint64, header uint64, value []uint64) {
	r.rows = append(r.rows, Row{TimeMS: int64(value[rowTime]), header: header})
	r.words = append(append(r.words, slot[1:t.table.value]...), value...)
	if !t.table.fixed {
		r.buf = append(r.buf, b.arena.Get(slot[2])...)
	}
	r.ends = append(r.ends, len(r.buf))
	if t.rest >= 0 {
		r.buf = append(r.buf, b.arena.Get(value[t.rest])...)
	}
	r.ends = append(r.ends, len(r.buf))
}

// row completes row i of those copied.
func (r *reader) row(t *RowTable, i int) *Row {
	n := t.table.stride - 1
	row := &r.rows[i]
	row.words = r.words[i*n : (i+1)*n]
	from := 0
	if i > 0 {
		from = r.ends[2*i-1]
	}
	row.key, row.rest = r.buf[from:r.ends[2*i]], r.buf[r.ends[2*i]:r.ends[2*i+1]]
	return row
}

var readers = sync.Pool{New: func() any { return new(reader) }}

// Pin fixes the last commit for reading; Release must be called.
func (s *Store) Pin() *Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pins[s.committed]++
	return &Snapshot{store: s, epoch: s.committed}
}

// Release lets the snapshot go; idempotent.
func (n *Snapshot) Release() {
	s := n.store
	s.mu.Lock()
	defer s.mu.Unlock()
	if n.released {
		return
	}
	n.released = true
	if s.pins[n.epoch]--; s.pins[n.epoch] == 0 {
		delete(s.pins, n.epoch)
		if n.epoch < s.committed {
			s.dropUndo()
		}
	}
}

// Epoch is the commit read.
func (n *Snapshot) Epoch() uint64 { return n.epoch }

// usable tells whether reads may go on; under the lock.
func (n *Snapshot) usable() error {
	if n.released || n.store.closed {
		return ErrClosed
	}
	return nil
}

// bucketAsOf is the bucket of a key as of epoch: the oldest one dropped since, else the current one.
func (t *Table) bucketAsOf(key int64, epoch uint64) *bucket {
	for _, d := range t.dropped {
		if d.b.key == key && (d.epoch == 0 || d.epoch > epoch) {
			return d.b
		}
	}
	return t.buckets[key]
}

// asOf gives the header and value words of a slot before the changes from cutoff on.
func (t *Table) asOf(slot []uint64, cutoff uint64) (header uint64, value []uint64) {
	header, value = slot[0], slot[t.value:]
	for header>>slotSeq >= cutoff {
		e := t.undo.at(header >> slotSeq)
		header, value = e[1], e[undoHead:]
	}
	return header, value
}

// Get appends the row of a key (one datum a key column, in the order of the table's Key) to out's columns (and Time), which take the columns
// indexes names, and tells whether there was one. out.N counts it. Errors: ErrClosed, a datum of the wrong type.
func (n *Snapshot) Get(t *RowTable, key []vector.Datum, indexes []int, out *vector.Chunk) (bool, error) {
	r := readers.Get().(*reader)
	defer readers.Put(r)
	if err := t.table.EncodeDatums(&r.keys, key); err != nil {
		return false, err
	}
	r.reset()
	if err := n.copyRow(t, r); err != nil || len(r.rows) == 0 {
		return false, err
	}
	row := r.row(t, 0)
	if err := t.ReadRow(row, indexes, out.Cols); err != nil {
		return false, err
	}
	out.Time = append(out.Time, row.TimeMS)
	out.N++
	return true, nil
}

// copyRow copies the row of the key in r, if there is one.
func (n *Snapshot) copyRow(rows *RowTable, r *reader) error {
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	if err := n.usable(); err != nil {
		return err
	}
	t := rows.table
	b := t.bucketAsOf(r.keys.bucket[0], n.epoch)
	if b == nil {
		return nil
	}
	g := b.groups[groupOf(r.keys.hash[0])]
	if g == nil {
		return nil
	}
	s, found := g.find(t, &r.keys, 0)
	if !found {
		return nil
	}
	slot := g.slot(t, s)
	if header, value := t.asOf(slot, t.cutoff(n.epoch)); header&slotPresent != 0 {
		r.add(rows, b, slot, header, value)
	}
	return nil
}

// cutoff is the first entry of the undo list that a reader as of epoch undoes.
func (t *Table) cutoff(epoch uint64) uint64 {
	if t.NoUndo {
		return 1
	}
	return t.undo.cutoff(epoch)
}

// place names a group of a bucket.
type place struct {
	bucket int64
	group  int
}

// places lists the groups that hold anything as of epoch, by bucket; under the lock.
func (t *Table) places(epoch uint64) []place {
	keys := make([]int64, 0, len(t.buckets)+len(t.dropped))
	for k := range t.buckets {
		keys = append(keys, k)
	}
	for _, d := range t.dropped {
		if d.epoch == 0 || d.epoch > epoch {
			keys = append(keys, d.b.key)
		}
	}
	slices.Sort(keys)
	var out []place
	for _, k := range slices.Compact(keys) {
		b := t.bucketAsOf(k, epoch)
		for no, g := range b.groups {
			if g != nil {
				out = append(out, place{k, no})
			}
		}
	}
	return out
}

// Scan hands every row to push, in chunks of the columns that indexes names with their event times, group by group. push runs without
// the lock and must not keep the chunk. Errors: ErrClosed, push's.
func (n *Snapshot) Scan(t *RowTable, indexes []int, push func(*vector.Chunk) error) error {
	places, err := n.places(t.table)
	if err != nil {
		return err
	}
	out := &vector.Chunk{}
	for _, c := range indexes {
		out.Cols = append(out.Cols, vector.New(t.layout.Columns[c].Type, 0))
	}
	r := readers.Get().(*reader)
	defer readers.Put(r)
	for _, at := range places {
		if err := n.copyGroup(t, at, r); err != nil {
			return err
		}
		for i := range r.rows {
			row := r.row(t, i)
			out.Time = append(out.Time, row.TimeMS)
			if err := t.ReadRow(row, indexes, out.Cols); err != nil {
				return err
			}
			if out.N++; out.N == vector.MaxRows {
				if err := flush(out, push); err != nil {
					return err
				}
			}
		}
	}
	if out.N > 0 {
		return flush(out, push)
	}
	return nil
}

func flush(out *vector.Chunk, push func(*vector.Chunk) error) error {
	err := push(out)
	for _, v := range out.Cols {
		v.Truncate()
	}
	out.N, out.Time = 0, out.Time[:0]
	return err
}

func (n *Snapshot) places(t *Table) ([]place, error) {
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	if err := n.usable(); err != nil {
		return nil, err
	}
	return t.places(n.epoch), nil
}

// copyGroup copies the rows of a group.
func (n *Snapshot) copyGroup(t *RowTable, at place, r *reader) error {
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	r.reset()
	if err := n.usable(); err != nil {
		return err
	}
	t.table.eachAsOf(at, n.epoch, func(b *bucket, slot []uint64, header uint64, value []uint64) {
		r.add(t, b, slot, header, value)
	})
	return nil
}

// eachAsOf visits the keys of a group that are present as of epoch; under the lock.
func (t *Table) eachAsOf(at place, epoch uint64, visit func(b *bucket, slot []uint64, header uint64, value []uint64)) {
	b := t.bucketAsOf(at.bucket, epoch)
	if b == nil || b.groups[at.group] == nil {
		return
	}
	g, cutoff := b.groups[at.group], t.cutoff(epoch)
	for s := 0; s < len(g.mem.w); s += t.stride {
		slot := g.mem.w[s : s+t.stride]
		if slot[0] == 0 {
			continue
		}
		if header, value := t.asOf(slot, cutoff); header&slotPresent != 0 {
			visit(b, slot, header, value)
		}
	}
}

// Len is the number of rows, counted one by one.
func (n *Snapshot) Len(t *RowTable) int {
	places, err := n.places(t.table)
	if err != nil {
		return 0
	}
	count := 0
	for _, at := range places {
		n.store.mu.Lock()
		if n.usable() == nil {
			t.table.eachAsOf(at, n.epoch, func(*bucket, []uint64, uint64, []uint64) { count++ })
		}
		n.store.mu.Unlock()
	}
	return count
}
