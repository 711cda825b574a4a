package state

import (
	"fmt"
	"math"
	"slices"

	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
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
//
// The value words of a row are its event time in ms, null bits, and the columns outside the key: those of fixed size in words, the others behind each
// other in the arena. Key columns are read from the key, but for DECIMALs without precision, which lose their trailing zeros there.
type RowTable struct {
	table   *Table
	layout  RowLayout
	perMS   int64 // units of the window column in a millisecond
	places  []columnPlace
	bits    int // value word where null bits begin
	rest    int // value word of the arena handle, -1: no column needs it
	restOf  []types.Type
	vectors []*vector.Vector
	encoded []byte
}

// columnPlace is where a column of a row lies.
type columnPlace struct {
	kind placeKind
	at   int // word of the slot behind its header, or number of the value in its bytes
	bit  int // null bit: of the header, or of the row
	wide bool
}

type placeKind uint8

const (
	inKeyWords placeKind = iota
	inKeyBytes
	inWords
	inRest
)

const rowTime = 0 // value word of the event time

// RowTable makes a table of rows. Before the first change only. Errors: a key column that does not exist, a name taken.
func (s *Store) RowTable(l RowLayout) (*RowTable, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rows[l.Name] != nil {
		return nil, fmt.Errorf("there are two tables of state named %q", l.Name)
	}
	t := &RowTable{layout: l, perMS: 1, rest: -1}
	inner := Layout{Name: l.Name, WindowKey: -1, BucketWidth: 1, NoUndo: l.NoUndo}
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
	t.place(&inner)
	t.table = s.addTable(inner)
	s.rows[l.Name] = t
	return t, nil
}

// place decides where each column lies.
func (t *RowTable) place(inner *Layout) {
	key := newShape(*inner)
	cols := t.layout.Columns
	t.places = make([]columnPlace, len(cols))
	t.bits = rowTime + 1
	words := t.bits + (len(cols)+63)/64
	for c := range cols {
		p := &t.places[c]
		typ := cols[c].Type
		n := fixedWords(typ)
		p.bit, p.wide = c, n == 2
		if k := slices.Index(t.layout.Key, c); k >= 0 && (typ.ID != types.Decimal || typ.Precision > 0) {
			p.kind, p.at = inKeyBytes, k
			if key.fixed {
				p.kind, p.at, p.bit = inKeyWords, 0, k
				for _, before := range inner.KeyTypes[:k] {
					p.at += fixedWords(before)
				}
			}
			continue
		}
		if n == 0 {
			p.kind, p.at = inRest, len(t.restOf)
			t.restOf = append(t.restOf, typ)
			continue
		}
		p.kind, p.at = inWords, key.keyWords+words
		words += n
	}
	if len(t.restOf) > 0 {
		t.rest = words
		inner.ArenaWords = []int{words}
		words++
	}
	inner.ValueWords = words
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

// Row is a row in a table, a view until the next change, or a copy of one.
type Row struct {
	TimeMS int64
	header uint64
	words  []uint64 // key words and value words
	key    []byte   // of byte keys
	rest   []byte   // columns of no fixed size
}

// Find gives the row of key i.
func (t *RowTable) Find(k *Keys, i int) (Row, bool) {
	b := t.table.bucketAt(k.bucket[i])
	if b == nil {
		return Row{}, false
	}
	g := b.groups[groupOf(k.hash[i])]
	if g == nil {
		return Row{}, false
	}
	s, found := g.find(t.table, k, i)
	if !found {
		return Row{}, false
	}
	slot := g.slot(t.table, s)
	if slot[0]&slotPresent == 0 {
		return Row{}, false
	}
	r := Row{TimeMS: int64(slot[t.table.value+rowTime]), header: slot[0], words: slot[1:]}
	if !t.table.fixed {
		r.key = b.arena.Get(slot[2])
	}
	if t.rest >= 0 {
		r.rest = b.arena.Get(slot[t.table.value+t.rest])
	}
	return r, true
}

// Set makes row r of cols (all columns; copied) the row of key i. Error: *BudgetError.
func (t *RowTable) Set(k *Keys, i int, cols []*vector.Vector, r int, timeMS int64) error {
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
	t.write(slot[1:], b.arena, cols, r, timeMS)
	return nil
}

// write sets the value words; words begin with the key.
func (t *RowTable) write(words []uint64, arena *Arena, cols []*vector.Vector, r int, timeMS int64) {
	key := t.table.keyWords
	value := words[key:]
	value[rowTime] = uint64(timeMS)
	clear(value[t.bits : t.bits+(len(cols)+63)/64])
	t.encoded = t.encoded[:0]
	for c, v := range cols {
		p := &t.places[c]
		switch {
		case p.kind == inRest:
			t.encoded = AppendValue(t.encoded, v, r)
		case p.kind != inWords:
		case v.IsNull(r):
			value[t.bits+p.bit>>6] |= 1 << (p.bit & 63)
			words[p.at] = 0
			if p.wide {
				words[p.at+1] = 0
			}
		case p.wide:
			d := v.D[v.Row(r)]
			words[p.at], words[p.at+1] = uint64(d.Hi), d.Lo
		case v.Type.ID == types.Real || v.Type.ID == types.Double:
			words[p.at] = math.Float64bits(v.F[v.Row(r)])
		default:
			words[p.at] = uint64(v.I[v.Row(r)])
		}
	}
	if t.rest >= 0 {
		value[t.rest] = arena.Put(value[t.rest], t.encoded)
	}
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

// ReadRow appends columns of a row: out[j] takes column indexes[j]. It is fastest when indexes ascend. Error: ErrCorrupt.
func (t *RowTable) ReadRow(r *Row, indexes []int, out []*vector.Vector) error {
	rest, next := r.rest, 0
	for j, c := range indexes {
		var err error
		p, v := &t.places[c], out[j]
		switch p.kind {
		case inKeyWords:
			readWords(v, r.words[p.at:], r.header&(slotUsed<<(slotNulls+p.bit)) != 0, p.wide)
		case inWords:
			null := r.words[t.table.keyWords+t.bits+p.bit>>6]&(1<<(p.bit&63)) != 0
			readWords(v, r.words[p.at:], null, p.wide)
		case inKeyBytes:
			err = readNth(r.key, t.table.KeyTypes, p.at, v)
		case inRest:
			if p.at < next {
				rest, next = r.rest, 0
			}
			for ; next < p.at && err == nil; next++ {
				rest, err = skipValue(rest, t.restOf[next], 0)
			}
			if err == nil {
				rest, err = ReadValue(rest, v)
				next++
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func readWords(v *vector.Vector, w []uint64, null, wide bool) {
	switch {
	case null:
		v.AppendNull()
	case wide:
		v.D = append(v.D, vector.Int128{Hi: int64(w[0]), Lo: w[1]})
	case v.Type.ID == types.Real || v.Type.ID == types.Double:
		v.F = append(v.F, math.Float64frombits(w[0]))
	default:
		v.I = append(v.I, int64(w[0]))
	}
}

// readNth appends the n-th of the values in b.
func readNth(b []byte, of []types.Type, n int, v *vector.Vector) (err error) {
	for _, t := range of[:n] {
		if b, err = skipValue(b, t, 0); err != nil {
			return err
		}
	}
	_, err = ReadValue(b, v)
	return err
}
