package state

import (
	"encoding/binary"
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
	keys Keys
	buf  []byte
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
// indexes names, ascending, and tells whether there was one. out.N counts it. Errors: ErrClosed, a datum of the wrong type.
func (n *Snapshot) Get(t *RowTable, key []vector.Datum, indexes []int, out *vector.Chunk) (bool, error) {
	r := readers.Get().(*reader)
	defer readers.Put(r)
	if err := t.table.EncodeDatums(&r.keys, key); err != nil {
		return false, err
	}
	time, ok, err := n.copyRow(t.table, r)
	if err != nil || !ok {
		return false, err
	}
	if err := t.ReadRow(r.buf, indexes, out.Cols); err != nil {
		return false, err
	}
	out.Time = append(out.Time, time)
	out.N++
	return true, nil
}

// copyRow copies the row of the key in r to r.buf.
func (n *Snapshot) copyRow(t *Table, r *reader) (timeMS int64, ok bool, err error) {
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	if err := n.usable(); err != nil {
		return 0, false, err
	}
	b := t.bucketAsOf(r.keys.bucket[0], n.epoch)
	if b == nil {
		return 0, false, nil
	}
	g := b.groups[groupOf(r.keys.hash[0])]
	if g == nil {
		return 0, false, nil
	}
	s, found := g.find(t, &r.keys, 0)
	if !found {
		return 0, false, nil
	}
	header, value := t.asOf(g.slot(t, s), t.undo.cutoff(n.epoch))
	if header&slotPresent == 0 {
		return 0, false, nil
	}
	r.buf = append(r.buf[:0], b.arena.Get(value[rowHandle])...)
	return int64(value[rowTime]), true, nil
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

// Scan hands every row to push, in chunks of the columns that indexes names (ascending) with their event times, group by group. push runs without
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
		if err := n.copyGroup(t.table, at, r); err != nil {
			return err
		}
		for b := r.buf; len(b) > 0; {
			size := binary.LittleEndian.Uint32(b)
			out.Time = append(out.Time, int64(binary.LittleEndian.Uint64(b[4:])))
			if err := t.ReadRow(b[12:12+size], indexes, out.Cols); err != nil {
				return err
			}
			b = b[12+size:]
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

// copyGroup copies the rows of a group to r.buf: length, event time, bytes.
func (n *Snapshot) copyGroup(t *Table, at place, r *reader) error {
	n.store.mu.Lock()
	defer n.store.mu.Unlock()
	r.buf = r.buf[:0]
	if err := n.usable(); err != nil {
		return err
	}
	t.eachAsOf(at, n.epoch, func(b *bucket, slot, value []uint64) {
		row := b.arena.Get(value[rowHandle])
		r.buf = binary.LittleEndian.AppendUint32(r.buf, uint32(len(row)))
		r.buf = binary.LittleEndian.AppendUint64(r.buf, value[rowTime])
		r.buf = append(r.buf, row...)
	})
	return nil
}

// eachAsOf visits the keys of a group that are present as of epoch; under the lock.
func (t *Table) eachAsOf(at place, epoch uint64, visit func(b *bucket, slot, value []uint64)) {
	b := t.bucketAsOf(at.bucket, epoch)
	if b == nil || b.groups[at.group] == nil {
		return
	}
	g, cutoff := b.groups[at.group], t.undo.cutoff(epoch)
	if t.NoUndo {
		cutoff = 1
	}
	for s := 0; s < len(g.mem.w); s += t.stride {
		slot := g.mem.w[s : s+t.stride]
		if slot[0] == 0 {
			continue
		}
		if header, value := t.asOf(slot, cutoff); header&slotPresent != 0 {
			visit(b, slot, value)
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
			t.table.eachAsOf(at, n.epoch, func(*bucket, []uint64, []uint64) { count++ })
		}
		n.store.mu.Unlock()
	}
	return count
}
