package json

import (
	"encoding/binary"
	"strings"

	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

const (
	// missesMax is how many keys may stand elsewhere than expected before the order of keys is learned anew; it doubles each
	// time, so that payloads without any order cost little.
	missesMax = 64
	// expectedMax and tokenMax bound what is learned.
	expectedMax = 256
	tokenMax    = 256

	stampMax = 1<<31 - 1
)

// object finds an object's wanted members: those of a payload, or of a struct.
type object struct {
	n      int // members wanted
	names  []string
	exact  map[string]int // by name
	folded map[string]int // by lower-case name; the first of several
	kids   []*object      // by member: what decodes the structs inside it, or nil

	// expected is the keys as the producer writes them: where one was found last time it is looked for first.
	expected    []expectedKey
	misses      int
	missesLimit int

	stamp uint32   // of the present object
	seen  []uint32 // by member: stamp<<1, +1 when found by its exact name
}

// expectedKey is a key as it was written. Its first and last eight bytes are compared as words, which is most of a key.
type expectedKey struct {
	token      string // "key":
	head, tail uint64 // of tokens of at least wordLen bytes
	member     int    // -1: not wanted
	exact      bool
}

const wordLen = 8

func newExpectedKey(token []byte, member int, exact bool) expectedKey {
	e := expectedKey{token: string(token), member: member, exact: exact}
	if len(token) >= wordLen {
		e.head = binary.LittleEndian.Uint64(token)
		e.tail = binary.LittleEndian.Uint64(token[len(token)-wordLen:])
	}
	return e
}

// at tells whether the key stands at p of b.
func (e *expectedKey) at(b []byte, p int) bool {
	n := len(e.token)
	if n > len(b)-p {
		return false
	}
	if n < wordLen {
		return string(b[p:p+n]) == e.token
	}
	if binary.LittleEndian.Uint64(b[p:]) != e.head || binary.LittleEndian.Uint64(b[p+n-wordLen:]) != e.tail {
		return false
	}
	return n <= 2*wordLen || string(b[p:p+n]) == e.token
}

func newObject(fields []types.Field) *object {
	o := &object{
		n: len(fields), exact: map[string]int{}, folded: map[string]int{},
		seen: make([]uint32, len(fields)), missesLimit: missesMax,
	}
	for i, f := range fields {
		o.names = append(o.names, f.Name)
		o.kids = append(o.kids, newKid(f.Type))
		o.exact[f.Name] = i
		if lower := strings.ToLower(f.Name); lower != "" {
			if _, taken := o.folded[lower]; !taken {
				o.folded[lower] = i
			}
		}
	}
	return o
}

// newKid is what decodes the structs inside a type: its own, or its elements'.
func newKid(t types.Type) *object {
	switch t.ID {
	case types.Struct:
		return newObject(t.Fields)
	case types.Array, types.Map:
		return newKid(*t.Elem)
	}
	return nil
}

// begin forgets what the object before had.
func (o *object) begin() {
	if o.stamp == stampMax {
		clear(o.seen)
		o.stamp = 0
	}
	o.stamp++
	if o.misses > o.missesLimit {
		o.expected, o.misses = o.expected[:0], 0
		o.missesLimit *= 2
	}
}

// better tells whether the member was found before by a better name.
func (o *object) better(member int, exact bool) bool {
	return !exact && o.seen[member] == o.stamp<<1|1
}

// note marks a member as found and tells whether it was before.
func (o *object) note(member int, exact bool) (again bool) {
	again = o.seen[member]>>1 == o.stamp
	o.seen[member] = o.stamp << 1
	if exact {
		o.seen[member]++
	}
	return again
}

// missing makes the members that were not found null.
func (o *object) missing(vecs []*vector.Vector, row int) {
	for m, v := range vecs {
		if o.seen[m]>>1 != o.stamp {
			setNull(v, row)
		}
	}
}

// key reads a key and the colon after it: the member it names (-1: none wanted), the place after, -1 when there is no
// key, and where in the expected order the next key is looked for.
func (o *object) key(b []byte, p, at int, d *decoder) (member int, exact bool, next, end int) {
	if at < len(o.expected) {
		if e := &o.expected[at]; e.at(b, p) {
			return e.member, e.exact, at + 1, p + len(e.token)
		}
	}
	return o.otherKey(b, p, at, d)
}

// otherKey is key for one that does not stand where it was expected.
func (o *object) otherKey(b []byte, p, at int, d *decoder) (member int, exact bool, next, end int) {
	if p >= len(b) || b[p] != '"' {
		return -1, false, at, -1
	}
	s, end := scanText(b, p+1)
	if end < 0 {
		return -1, false, at, -1
	}
	quoted := end
	if end = blanks(b, end); end >= len(b) || b[end] != ':' {
		return -1, false, at, -1
	}
	end++
	token := b[p:end]
	for i := at + 1; i < len(o.expected); i++ { // some were left out
		if string(token) == o.expected[i].token {
			return o.expected[i].member, o.expected[i].exact, i + 1, end
		}
	}
	if member, exact, end = o.find(s, d, end); end < 0 {
		return -1, false, at, -1
	}
	if at == len(o.expected) && at < expectedMax && end == quoted+1 && len(token) <= tokenMax {
		o.expected = append(o.expected, newExpectedKey(token, member, exact))
		return member, exact, at + 1, end
	}
	o.misses++
	return member, exact, at, end
}

// find looks a key up by name; end becomes -1 when the key is no text.
func (o *object) find(s text, d *decoder, end int) (member int, exact bool, _ int) {
	key := s.raw
	if s.escaped || !s.ascii {
		var ok bool
		if d.scratch, ok = appendText(d.scratch[:0], s); !ok {
			return -1, false, -1
		}
		key = d.scratch
	}
	if m, ok := o.exact[string(key)]; ok {
		return m, true, end
	}
	if !s.ascii || s.escaped {
		if m, ok := o.folded[strings.ToLower(string(key))]; ok {
			return m, false, end
		}
		return -1, false, end
	}
	d.scratch = d.scratch[:0]
	for _, c := range key {
		if c-'A' <= 'Z'-'A' {
			c |= 0x20
		}
		d.scratch = append(d.scratch, c)
	}
	if m, ok := o.folded[string(d.scratch)]; ok {
		return m, false, end
	}
	return -1, false, end
}
