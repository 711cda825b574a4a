package json

import (
	"github.com/freshetdb/freshet/sql/format"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// decoder decodes payloads for a list of columns. One goroutine uses it.
type decoder struct {
	root      *object
	unwrapped bool
	toTheEnd  bool // looks at the whole payload
	java      bool

	scratch []byte
	keys    map[string]int // of the present MAP, when it is large: their rows
	day     [dayLen]byte   // of the last ISO timestamp
	dayUS   int64

	// Why the present payload is refused: where in it, and what is wrong there; nothing means that it is no JSON.
	path, cause string
}

func newDecoder(opts format.Options) *decoder {
	d := &decoder{unwrapped: opts.Unwrapped, toTheEnd: !opts.SkipValidation, java: opts.JavaNumbers}
	fields := make([]types.Field, len(opts.Columns))
	for i, c := range opts.Columns {
		fields[i] = types.Field(c)
	}
	d.root = newObject(fields)
	return d
}

// Decode implements format.Decoder.
func (d *decoder) Decode(buf []byte, offs, lens []int32, out []*vector.Vector, bad []format.BadRow) []format.BadRow {
	for row := range offs {
		if lens[row] < 0 {
			nullRow(out, row)
			continue
		}
		payload := buf[offs[row] : offs[row]+lens[row] : offs[row]+lens[row]]
		if !d.payload(payload, out, row) {
			nullRow(out, row)
			bad = append(bad, format.BadRow{Row: row, Cause: d.explain()})
		}
	}
	return bad
}

// payload decodes one payload; false leaves the reason in d.
func (d *decoder) payload(b []byte, out []*vector.Vector, row int) bool {
	d.path, d.cause = "", ""
	p := blanks(b, 0)
	switch {
	case p == len(b):
		d.cause = "payload is empty"
		return false
	case d.unwrapped:
		p = d.value(b, p, out[0], row, d.root.kids[0], 0)
	case b[p] == '{':
		var done bool
		if p, done = d.members(d.root, b, p, out, row, 0); done {
			return true
		}
	default:
		if literal(b, p, "null") < 0 {
			d.cause = "payload is not a JSON object: " + excerpt(b[p:])
			return false
		}
		p += len("null")
		nullRow(out, row)
	}
	if p >= 0 && d.toTheEnd && blanks(b, p) != len(b) {
		d.cause = "payload goes on after its JSON value: " + excerpt(b[p:])
		return false
	}
	return p >= 0
}

// members decodes the object at p into row of vecs, one a member of o. end is -1 when it cannot; done says that nothing wanted
// follows and the rest was not looked at.
func (d *decoder) members(o *object, b []byte, p int, vecs []*vector.Vector, row, depth int) (end int, done bool) {
	o.begin()
	if p = blanks(b, p+1); p < len(b) && b[p] == '}' {
		o.missing(vecs, row)
		return p + 1, false
	}
	found, at := 0, 0
	for {
		var member int
		var exact bool
		if member, exact, at, p = o.key(b, p, at, d); p < 0 {
			return -1, false
		}
		p = blanks(b, p)
		if member < 0 || o.better(member, exact) {
			p = skip(b, p, depth+1)
		} else {
			if o.note(member, exact) {
				resetRow(vecs[member], row)
			} else {
				found++
			}
			if p = d.value(b, p, vecs[member], row, o.kids[member], depth+1); p < 0 {
				d.within(o.names[member])
			} else if found == o.n && !d.toTheEnd && depth == 0 {
				return p, true
			}
		}
		if p < 0 {
			return -1, false
		}
		if p = blanks(b, p); p >= len(b) {
			return -1, false
		}
		switch b[p] {
		case ',':
			p = blanks(b, p+1)
		case '}':
			if found < o.n {
				o.missing(vecs, row)
			}
			return p + 1, false
		default:
			return -1, false
		}
	}
}

// list decodes the array at p into row of v.
func (d *decoder) list(b []byte, p int, v *vector.Vector, row int, kid *object, depth int) int {
	if b[p] != '[' {
		return d.mismatch(b, p, v.Type)
	}
	items := v.Kids[0]
	if p = blanks(b, p+1); p < len(b) && b[p] == ']' {
		v.Offs[row+1] = int32(items.Len())
		return p + 1
	}
	for {
		if p = d.value(b, p, items, extend(items), kid, depth+1); p < 0 {
			return -1
		}
		if p = blanks(b, p); p >= len(b) {
			return -1
		}
		switch b[p] {
		case ',':
			p = blanks(b, p+1)
		case ']':
			v.Offs[row+1] = int32(items.Len())
			return p + 1
		default:
			return -1
		}
	}
}

// entries decodes the object at p into row of a MAP.
func (d *decoder) entries(b []byte, p int, v *vector.Vector, row int, kid *object, depth int) int {
	if b[p] != '{' {
		return d.mismatch(b, p, v.Type)
	}
	keys, values := v.Kids[0], v.Kids[1]
	if p = blanks(b, p+1); p < len(b) && b[p] == '}' {
		v.Offs[row+1] = int32(keys.Len())
		return p + 1
	}
	for {
		if p >= len(b) || b[p] != '"' {
			return -1
		}
		s, end := scanText(b, p+1)
		if end < 0 || !setText(keys, extend(keys), s) {
			return -1
		}
		if p = blanks(b, end); p >= len(b) || b[p] != ':' {
			return -1
		}
		if p = d.value(b, blanks(b, p+1), values, extend(values), kid, depth+1); p < 0 {
			d.within(string(s.raw))
			return -1
		}
		if !d.unique(v, int(v.Offs[row])) {
			return -1
		}
		if p = blanks(b, p); p >= len(b) {
			return -1
		}
		switch b[p] {
		case ',':
			p = blanks(b, p+1)
		case '}':
			v.Offs[row+1] = int32(keys.Len())
			return p + 1
		default:
			return -1
		}
	}
}

// searchMax is how many keys of a MAP are searched one by one for a repeated one; above, they are hashed.
const searchMax = 16

// unique sees to it that the entry appended last to a MAP whose entries begin at row first is the only one of its key: the
// last of several wins. Of nested values, whose memory cannot be written twice, a second is refused.
func (d *decoder) unique(v *vector.Vector, first int) bool {
	keys, values := v.Kids[0], v.Kids[1]
	last := keys.Len() - 1
	old := d.earlier(keys, first, last)
	if old < 0 {
		return true
	}
	if values.Type.Nested() {
		d.cause = "key " + excerpt(keys.Bytes(last)) + " stands twice"
		return false
	}
	values.ClearNull(old)
	vector.CopyRow(values, old, values, last)
	cut(keys, last)
	cut(values, last)
	return true
}

// earlier finds the row in [first, last) whose key is that of row last, -1 when there is none.
func (d *decoder) earlier(keys *vector.Vector, first, last int) int {
	key := keys.Bytes(last)
	if last-first < searchMax {
		for i := first; i < last; i++ {
			if string(keys.Bytes(i)) == string(key) {
				return i
			}
		}
		return -1
	}
	if last-first == searchMax {
		if d.keys == nil {
			d.keys = map[string]int{}
		}
		clear(d.keys)
		for i := first; i < last; i++ {
			d.keys[string(keys.Bytes(i))] = i
		}
	}
	if i, ok := d.keys[string(key)]; ok {
		return i
	}
	d.keys[string(key)] = last
	return -1
}
