package state

import (
	"hash/crc32"
	"strconv"
	"strings"

	"github.com/freshetdb/freshet/sql/types"
)

const (
	maxFixedColumns = 6 // null bits of key columns that fit a slot's header
	maxFixedWords   = 8 // longer keys are kept as bytes
)

// Layout describes a Table.
type Layout struct {
	Name     string // unique in the store, stable over restarts; named in errors about memory
	KeyTypes []types.Type
	// ValueWords is the number of state words of a key. Zeroed words are the state of a new key.
	ValueWords int
	// ArenaWords are the indexes of value words that hold handles of the table's arena.
	ArenaWords []int
	// WindowKey is the index in KeyTypes of a column held in int64 that is the window start; -1: none. Keys are then kept in buckets
	// BucketWidth wide, in the column's own unit, which are dropped whole.
	WindowKey   int
	BucketWidth int64
	// NoUndo: nothing is kept for aborts, snapshots or changelogs (bounded runs).
	NoUndo bool
}

// shape is a layout made ready: how a key is packed and where things lie in a slot.
//
// A slot is [header][key words][value words]. The header is seq<<8 | nulls<<2 | present<<1 | used: seq is the undo list's last entry of
// the slot (0: none), nulls has a bit for each null key column, present is clear for removed keys, used for empty slots.
// A fixed key is its columns, one word each (two for DECIMAL(p,s) and INTERVAL). Any other key is [hash][arena handle of its bytes].
type shape struct {
	Layout
	fixed    bool
	keyWords int
	value    int // offset of the value words
	stride   int
}

const (
	slotUsed    uint64 = 1
	slotPresent uint64 = 2
	slotNulls          = 2 // shift of the null bits
	slotSeq            = 8 // shift of the undo sequence
	slotKeyMask uint64 = 0xff &^ slotPresent
)

func newShape(l Layout) shape {
	s := shape{Layout: l, fixed: len(l.KeyTypes) <= maxFixedColumns}
	for _, t := range l.KeyTypes {
		n := fixedWords(t)
		s.keyWords += n
		s.fixed = s.fixed && n > 0
	}
	if !s.fixed || s.keyWords > maxFixedWords {
		s.fixed, s.keyWords = false, 2
	}
	s.value = 1 + s.keyWords
	s.stride = s.value + l.ValueWords
	return s
}

// fixedWords is the number of words a value of t is packed into, 0 when it has no fixed size.
func fixedWords(t types.Type) int {
	switch t.ID {
	case types.Boolean, types.SmallInt, types.Int, types.BigInt, types.Timestamp, types.Date, types.Time, types.Real, types.Double:
		return 1
	case types.Interval:
		return 2
	case types.Decimal:
		if t.Precision > 0 {
			return 2
		}
	}
	return 0
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// fingerprint tells layouts apart: a dump of another one is not loaded.
func (s *shape) fingerprint(sum uint32) uint32 {
	text := s.Name
	var textSb87 strings.Builder
	for _, t := range s.KeyTypes {
		textSb87.WriteString("|" + typeText(t))
	}
	text += textSb87.String()
	text += "#" + strconv.Itoa(s.ValueWords)
	var textSb91 strings.Builder
	for _, w := range s.ArenaWords {
		textSb91.WriteString("," + strconv.Itoa(w))
	}
	text += textSb91.String()
	text += "@" + strconv.Itoa(s.WindowKey) + "/" + strconv.FormatInt(s.BucketWidth, 10)
	return crc32.Update(sum, castagnoli, []byte(text))
}

func typeText(t types.Type) string {
	text := strconv.Itoa(int(t.ID)) + "." + strconv.Itoa(int(t.Precision)) + "." + strconv.Itoa(int(t.Scale))
	if t.Key != nil {
		text += "<" + typeText(*t.Key) + ">"
	}
	if t.Elem != nil {
		text += "<" + typeText(*t.Elem) + ">"
	}
	var textSb106 strings.Builder
	for _, f := range t.Fields {
		textSb106.WriteString("(" + f.Name + " " + typeText(f.Type) + ")")
	}
	text += textSb106.String()
	return text
}
