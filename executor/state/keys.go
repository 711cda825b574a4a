package state

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/zeebo/xxh3"

	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// Keys are the keys of a chunk's rows, packed and hashed for one table. They are scratch memory: one goroutine, filled again and again.
type Keys struct {
	n      int
	rows   []uint16 // the chunk row of key i
	words  []uint64 // fixed keys: keyWords a key
	flags  []uint64 // header bits a slot of the key has: used and null bits
	hash   []uint64
	bucket []int64
	buf    []byte // byte keys
	ends   []uint32

	order  []uint16 // scratch of Probe: keys sorted by bucket and group
	counts [Groups + 1]uint16
	slots  []uint32
	picked []uint16
}

// Len is the number of keys.
func (k *Keys) Len() int { return k.n }

// Hash mixes a key into 64 bits; the group is its top 7. It must never change: groups are on disk and nodes agree on them.
func mix(h, w uint64) uint64 {
	hi, lo := bits.Mul64(h^w^0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93)
	return hi ^ lo
}

func groupOf(hash uint64) int { return int(hash >> 57) }

// Encode packs the keys of the given chunk rows from their columns (one a key column, dense over the chunk or Const).
func (t *Table) Encode(k *Keys, cols []*vector.Vector, rows []uint16) {
	n := len(rows)
	k.n = n
	k.rows = append(k.rows[:0], rows...)
	k.flags, k.hash, k.bucket = resize(k.flags, n), resize(k.hash, n), resize(k.bucket, n)
	if t.fixed {
		t.encodeFixed(k, cols)
	} else {
		t.encodeBytes(k, cols)
	}
	t.encodeBuckets(k, cols)
}

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n, max(n, 2*cap(s)))
	}
	return s[:n]
}

func (t *Table) encodeBuckets(k *Keys, cols []*vector.Vector) {
	if t.WindowKey < 0 {
		clear(k.bucket)
		return
	}
	v := cols[t.WindowKey]
	for i, r := range k.rows {
		k.bucket[i] = 0
		if !v.IsNull(int(r)) {
			k.bucket[i] = t.bucketOf(v.I[v.Row(int(r))])
		}
	}
}

func (t *Table) bucketOf(windowStart int64) int64 {
	b := windowStart / t.BucketWidth
	if windowStart%t.BucketWidth < 0 {
		b--
	}
	return b
}

func (t *Table) encodeFixed(k *Keys, cols []*vector.Vector) {
	k.words = resize(k.words, k.n*t.keyWords)
	for i := range k.flags {
		k.flags[i] = slotUsed
	}
	at := 0
	for c, v := range cols {
		t.encodeColumn(k, v, at, slotUsed<<(slotNulls+c))
		at += fixedWords(t.KeyTypes[c])
	}
	switch t.keyWords {
	case 1:
		for i, w := range k.words {
			k.hash[i] = mix(k.flags[i], w)
		}
	case 2:
		for i := range k.hash {
			k.hash[i] = mix(mix(k.flags[i], k.words[2*i]), k.words[2*i+1])
		}
	default:
		for i := range k.hash {
			k.hash[i] = hashWords(k.flags[i], k.words[i*t.keyWords:(i+1)*t.keyWords])
		}
	}
}

func hashWords(flags uint64, key []uint64) uint64 {
	h := flags
	for _, w := range key {
		h = mix(h, w)
	}
	if len(key) == 0 {
		h = mix(h, 0)
	}
	return h
}

// encodeColumn packs one column into words at, at+stride …; null rows get the bit.
func (t *Table) encodeColumn(k *Keys, v *vector.Vector, at int, bit uint64) {
	stride, words := t.keyWords, k.words
	plain := !v.Const && len(v.Nulls) == 0
	switch v.Type.ID {
	case types.Real, types.Double:
		for i, r := range k.rows {
			if plain || !v.IsNull(int(r)) {
				words[i*stride+at] = floatWord(v.F[v.Row(int(r))])
				continue
			}
			words[i*stride+at] = 0
			k.flags[i] |= bit
		}
	case types.Decimal, types.Interval:
		for i, r := range k.rows {
			w := words[i*stride+at : i*stride+at+2]
			if plain || !v.IsNull(int(r)) {
				d := v.D[v.Row(int(r))]
				w[0], w[1] = uint64(d.Hi), d.Lo
				continue
			}
			w[0], w[1] = 0, 0
			k.flags[i] |= bit
		}
	default:
		if plain {
			for i, r := range k.rows {
				words[i*stride+at] = uint64(v.I[r])
			}
			return
		}
		for i, r := range k.rows {
			if v.IsNull(int(r)) {
				words[i*stride+at] = 0
				k.flags[i] |= bit
				continue
			}
			words[i*stride+at] = uint64(v.I[v.Row(int(r))])
		}
	}
}

func (t *Table) encodeBytes(k *Keys, cols []*vector.Vector) {
	k.buf, k.ends = k.buf[:0], resize(k.ends, k.n)
	for i, r := range k.rows {
		from := len(k.buf)
		for c, v := range cols {
			if t.KeyTypes[c].ID == types.Decimal && t.KeyTypes[c].Precision == 0 && !v.IsNull(int(r)) {
				k.buf = appendPlainDecimal(k.buf, v.D[v.Row(int(r))], v.ScaleAt(int(r)))
				continue
			}
			k.buf = AppendValue(k.buf, v, int(r))
		}
		k.ends[i] = uint32(len(k.buf))
		k.flags[i] = slotUsed
		k.hash[i] = xxh3.Hash(k.buf[from:])
	}
}

// appendPlainDecimal writes a decimal of free scale without trailing zeros, so that 1.0 and 1.00 are one key.
func appendPlainDecimal(dst []byte, d vector.Int128, scale int16) []byte {
	for scale > 0 {
		shorter, ok := d.Rescale(scale, scale-1)
		if !ok {
			break
		}
		if back, ok := shorter.Rescale(scale-1, scale); !ok || back != d {
			break
		}
		d, scale = shorter, scale-1
	}
	return AppendDatum(dst, &vector.Datum{Type: types.Of(types.Decimal), D: d, Scale: scale})
}

func (k *Keys) bytes(i int) []byte {
	from := uint32(0)
	if i > 0 {
		from = k.ends[i-1]
	}
	return k.buf[from:k.ends[i]]
}

// EncodeDatums packs one key, a datum a key column. Error: a datum of another type than the column.
func (t *Table) EncodeDatums(k *Keys, key []vector.Datum) error {
	if len(key) != len(t.KeyTypes) {
		return fmt.Errorf("the key of %q has %d columns, not %d", t.Name, len(t.KeyTypes), len(key))
	}
	k.n = 1
	k.rows = append(k.rows[:0], 0)
	k.flags, k.hash, k.bucket = resize(k.flags, 1), resize(k.hash, 1), resize(k.bucket, 1)
	k.flags[0], k.bucket[0] = slotUsed, 0
	k.words, k.buf, k.ends = k.words[:0], k.buf[:0], resize(k.ends, 1)
	for c := range key {
		d := &key[c]
		if !d.Null && d.Type.ID != t.KeyTypes[c].ID {
			return fmt.Errorf("column %d of the key of %q is given another type", c+1, t.Name)
		}
		switch {
		case t.fixed:
			t.appendFixedDatum(k, d, c)
		case d.Type.ID == types.Decimal && d.Type.Precision == 0 && !d.Null:
			k.buf = appendPlainDecimal(k.buf, d.D, d.Scale)
		default:
			k.buf = AppendDatum(k.buf, d)
		}
	}
	if t.fixed {
		k.hash[0] = hashWords(k.flags[0], k.words)
	} else {
		k.ends[0] = uint32(len(k.buf))
		k.hash[0] = xxh3.Hash(k.buf)
	}
	if t.WindowKey >= 0 && !key[t.WindowKey].Null {
		k.bucket[0] = t.bucketOf(key[t.WindowKey].I)
	}
	return nil
}

func (t *Table) appendFixedDatum(k *Keys, d *vector.Datum, c int) {
	wide := fixedWords(t.KeyTypes[c]) == 2
	switch {
	case d.Null:
		k.flags[0] |= slotUsed << (slotNulls + c)
		k.words = append(k.words, 0)
		if wide {
			k.words = append(k.words, 0)
		}
	case wide:
		k.words = append(k.words, uint64(d.D.Hi), d.D.Lo)
	case d.Type.ID == types.Real || d.Type.ID == types.Double:
		k.words = append(k.words, floatWord(d.F))
	default:
		k.words = append(k.words, uint64(d.I))
	}
}

// appendKey appends the key in slot s of g to cols, one a key column.
func (t *Table) appendKey(cols []*vector.Vector, g *group, s uint32) error {
	slot := g.slot(t, s)
	if !t.fixed {
		b := g.bucket.arena.Get(slot[2])
		var err error
		for _, v := range cols {
			if b, err = ReadValue(b, v); err != nil {
				return err
			}
		}
		return nil
	}
	at := 1
	for c, v := range cols {
		n := fixedWords(t.KeyTypes[c])
		switch {
		case slot[0]&(slotUsed<<(slotNulls+c)) != 0:
			v.AppendNull()
		case n == 2:
			v.D = append(v.D, vector.Int128{Hi: int64(slot[at]), Lo: slot[at+1]})
		case v.Type.ID == types.Real || v.Type.ID == types.Double:
			v.F = append(v.F, math.Float64frombits(slot[at]))
		default:
			v.I = append(v.I, int64(slot[at]))
		}
		at += n
	}
	return nil
}
