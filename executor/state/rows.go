package state

import (
	"fmt"

	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// The value words of a RowTable.
const (
	rowHandle = 0 // arena handle of the row's bytes: AppendRow of all columns
	rowTime   = 1 // event time, ms
	rowWords  = 2
)

// RowLayout describes a RowTable.
type RowLayout struct {
	Name    string // unique in the store, stable over restarts
	Columns types.Columns
	Key     []int // of Columns
	// WindowColumn is the column (TIMESTAMP in us, or BIGINT in ms) that holds the window start, part of the key, -1: none; BucketMS is the
	// width of the buckets in which old windows are dropped.
	WindowColumn int
	BucketMS     int64
	NoUndo       bool // as Layout.NoUndo
}

// RowTable keeps whole rows by key: views, tables over topics. Set, Delete, Find and DropBefore are called under the chunk lock.
type RowTable struct {
	table   *Table
	layout  RowLayout
	perMS   int64 // units of the window column in a millisecond
	vectors []*vector.Vector
}

// RowTable makes a table of rows. Before the first change only. Errors: a key column that does not exist, a name taken.
func (s *Store) RowTable(l RowLayout) (*RowTable, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rows[l.Name] != nil {
		return nil, fmt.Errorf("there are two tables of state named %q", l.Name)
	}
	t := &RowTable{layout: l, perMS: 1}
	inner := Layout{Name: l.Name, ValueWords: rowWords, ArenaWords: []int{rowHandle}, WindowKey: -1, BucketWidth: 1, NoUndo: l.NoUndo}
	for i, c := range l.Key {
		if c < 0 || c >= len(l.Columns) {
			return nil, fmt.Errorf("the key of %q names column %d of %d", l.Name, c, len(l.Columns))
		}
		inner.KeyTypes = append(inner.KeyTypes, l.Columns[c].Type)
		if l.WindowColumn >= 0 && c == l.WindowColumn {
			inner.WindowKey = i
		}
	}
	if inner.WindowKey >= 0 {
		if l.Columns[l.WindowColumn].Type.ID == types.Timestamp {
			t.perMS = 1000
		}
		inner.BucketWidth = max(l.BucketMS, 1) * t.perMS
	}
	t.table = s.addTable(inner)
	s.rows[l.Name] = t
	return t, nil
}

// FindRows finds a table made with Store.RowTable by its name.
func (s *Store) FindRows(name string) (*RowTable, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.rows[name]
	return t, ok
}

// Columns are the rows' columns.
func (t *RowTable) Columns() types.Columns { return t.layout.Columns }

// Key are the key's columns.
func (t *RowTable) Key() []int { return t.layout.Key }

// Encode packs the keys of chunk rows; cols are the columns of a whole row.
func (t *RowTable) Encode(k *Keys, cols []*vector.Vector, rows []uint16) {
	t.vectors = t.vectors[:0]
	for _, c := range t.layout.Key {
		t.vectors = append(t.vectors, cols[c])
	}
	t.table.Encode(k, t.vectors, rows)
}

// Touch loads the home slots of all keys, so that the misses of Set and Find overlap.
func (t *RowTable) Touch(k *Keys) {
	var touched uint64
	for i := range k.n {
		b := t.table.bucketAt(k.bucket[i])
		if b == nil {
			continue
		}
		if g := b.groups[groupOf(k.hash[i])]; g != nil {
			touched += g.mem.w[int(k.hash[i]&g.mask)*t.table.stride]
		}
	}
	t.table.sink = touched
}

func (t *Table) bucketAt(key int64) *bucket {
	if t.last != nil && t.last.key == key {
		return t.last
	}
	return t.buckets[key]
}

// Find gives the row of key i and its event time; row is a view until the next change.
func (t *RowTable) Find(k *Keys, i int) (row []byte, timeMS int64, ok bool) {
	b := t.table.bucketAt(k.bucket[i])
	if b == nil {
		return nil, 0, false
	}
	g := b.groups[groupOf(k.hash[i])]
	if g == nil {
		return nil, 0, false
	}
	s, found := g.find(t.table, k, i)
	if !found {
		return nil, 0, false
	}
	slot := g.slot(t.table, s)
	if slot[0]&slotPresent == 0 {
		return nil, 0, false
	}
	value := slot[t.table.value:]
	return b.arena.Get(value[rowHandle]), int64(value[rowTime]), true
}

// Set makes row (AppendRow of all columns; copied) the row of key i. Error: *BudgetError.
func (t *RowTable) Set(k *Keys, i int, row []byte, timeMS int64) error {
	in := t.table
	if err := in.store.budget.over(in.Name); err != nil {
		return err
	}
	b := in.bucketFor(k.bucket[i])
	g, err := in.groupFor(b, groupOf(k.hash[i]))
	if err != nil {
		return err
	}
	s, found := g.find(in, k, i)
	if !found {
		if g.full() {
			if err := g.rehash(in); err != nil {
				return err
			}
			s, _ = g.find(in, k, i)
		}
		g.insert(in, k, i, s)
	}
	slot := g.slot(in, s)
	if slot[0]>>slotSeq < in.from {
		in.touch(g, s, false)
	}
	if slot[0]&slotPresent == 0 {
		slot[0] |= slotPresent
		g.live++
	}
	value := slot[in.value:]
	value[rowHandle] = b.arena.Put(value[rowHandle], row)
	value[rowTime] = uint64(timeMS)
	return nil
}

// Delete removes the row of key i and tells whether there was one.
func (t *RowTable) Delete(k *Keys, i int) bool {
	in := t.table
	b := in.bucketAt(k.bucket[i])
	if b == nil || b.groups[groupOf(k.hash[i])] == nil {
		return false
	}
	g := b.groups[groupOf(k.hash[i])]
	s, found := g.find(in, k, i)
	if !found || g.slot(in, s)[0]&slotPresent == 0 {
		return false
	}
	if g.slot(in, s)[0]>>slotSeq < in.from {
		in.touch(g, s, false)
	}
	in.remove(g, s)
	return true
}

// DropBefore drops the buckets that lie wholly below a window start in ms.
func (t *RowTable) DropBefore(startMS int64) {
	if t.table.WindowKey >= 0 {
		t.table.DropBefore(startMS * t.perMS)
	}
}

// Len is the number of rows now.
func (t *RowTable) Len() int { return t.table.Len() }

// ReadRow appends a row's bytes to the columns of out: out[j] takes column indexes[j]. Error: ErrCorrupt.
func (t *RowTable) ReadRow(row []byte, indexes []int, out []*vector.Vector) error {
	next := 0
	for c, col := range t.layout.Columns {
		if next == len(indexes) {
			return nil
		}
		var err error
		if row, next, err = readColumn(row, col.Type, c, indexes, next, out); err != nil {
			return err
		}
	}
	if next < len(indexes) { // not ascending, or repeated
		return fmt.Errorf("a projection of %q is not ascending: %w", t.layout.Name, ErrLayout)
	}
	return nil
}

func readColumn(row []byte, typ types.Type, c int, indexes []int, next int, out []*vector.Vector) ([]byte, int, error) {
	if indexes[next] != c {
		rest, err := skipValue(row, typ, 0)
		return rest, next, err
	}
	rest, err := ReadValue(row, out[next])
	return rest, next + 1, err
}
