package json

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/freshetdb/freshet/sql/format"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// encoder encodes rows of a list of columns. One goroutine uses it.
type encoder struct {
	writers   []writer
	prefixes  []fixed // {"A": for the first column, ,"B": for the others
	unwrapped bool
	rowMin    int // bytes of a row without its texts
}

// fixedMax is how long a text may be to be copied as one word of fixed length, which needs no call.
const fixedMax = 16

// fixed is a short text that is written again and again.
type fixed struct {
	text   []byte
	padded [fixedMax]byte // its beginning
}

func newFixed(text []byte) fixed {
	f := fixed{text: text}
	copy(f.padded[:], text)
	return f
}

// append writes the text.
func (f *fixed) append(dst []byte) []byte {
	n := len(dst)
	if len(f.text) > fixedMax || cap(dst)-n < fixedMax {
		return append(dst, f.text...)
	}
	*(*[fixedMax]byte)(dst[n : n+fixedMax]) = f.padded
	return dst[:n+len(f.text)]
}

// valueMin holds any number, and the quotes of a text.
const valueMin = 24

// writer writes the values of one type.
type writer struct {
	java   bool
	kids   []writer // of an array its elements, of a map keys and values, of a struct its fields
	fields [][]byte // of a struct: as encoder.prefixes
}

func newEncoder(opts format.Options) *encoder {
	e := &encoder{unwrapped: opts.Unwrapped}
	for i, c := range opts.Columns {
		e.writers = append(e.writers, newWriter(c.Type, opts.JavaNumbers))
		e.prefixes = append(e.prefixes, newFixed(prefix(c.Name, i)))
		e.rowMin += len(e.prefixes[i].text) + valueMin
	}
	return e
}

func prefix(name string, i int) []byte {
	p := []byte{','}
	if i == 0 {
		p = []byte{'{'}
	}
	return append(appendQuoted(p, []byte(name)), ':')
}

func newWriter(t types.Type, java bool) writer {
	w := writer{java: java}
	switch t.ID {
	case types.Array:
		w.kids = []writer{newWriter(*t.Elem, java)}
	case types.Map:
		w.kids = []writer{newWriter(*t.Key, java), newWriter(*t.Elem, java)}
	case types.Struct:
		for i, f := range t.Fields {
			w.kids = append(w.kids, newWriter(f.Type, java))
			w.fields = append(w.fields, prefix(f.Name, i))
		}
	}
	return w
}

// Encode implements format.Encoder.
func (e *encoder) Encode(cols []*vector.Vector, rows []uint16, dst *format.Payloads) error {
	for _, row := range rows {
		r := int(row)
		if e.unwrapped {
			null := cols[0].IsNull(r)
			if !null {
				dst.Buf = e.writers[0].append(dst.Buf, cols[0], r)
			}
			dst.Ends, dst.Null = append(dst.Ends, int32(len(dst.Buf))), append(dst.Null, null)
			continue
		}
		buf := slices.Grow(dst.Buf, e.rowLen(cols, r))
		for i, v := range cols {
			buf = e.prefixes[i].append(buf)
			if v.IsNull(r) {
				buf = append(buf, "null"...)
				continue
			}
			switch v.Type.ID { // the common types, without a call
			case types.BigInt, types.Int:
				buf = appendInt(buf, v.I[v.Row(r)])
			case types.String:
				buf = appendQuoted(buf, v.Bytes(r))
			default:
				buf = e.writers[i].append(buf, v, r)
			}
		}
		if len(cols) == 0 {
			buf = append(buf, '{')
		}
		buf = append(buf, '}')
		dst.Buf = buf
		dst.Ends, dst.Null = append(dst.Ends, int32(len(dst.Buf))), append(dst.Null, false)
	}
	return nil
}

// rowLen estimates the length of row r, so that its memory grows at most once.
func (e *encoder) rowLen(cols []*vector.Vector, r int) int {
	n := e.rowMin + fixedMax
	for _, v := range cols {
		if v.Type.ID == types.String {
			n += int(v.S[v.Row(r)].Len)
		}
	}
	return n
}

// append writes row i of v, which is not null.
func (w *writer) append(dst []byte, v *vector.Vector, i int) []byte {
	i = v.Row(i)
	switch v.Type.ID {
	case types.Boolean:
		return strconv.AppendBool(dst, v.I[i] != 0)
	case types.SmallInt, types.Int, types.BigInt, types.Date:
		return appendInt(dst, v.I[i])
	case types.Timestamp, types.Time:
		return appendInt(dst, vector.FloorDiv(v.I[i], usPerMS))
	case types.Real, types.Double:
		return w.appendFloat(dst, v, i)
	case types.Decimal:
		return vector.AppendDecimal(dst, v.D[i], v.ScaleAt(i))
	case types.Bytes:
		dst = base64.StdEncoding.AppendEncode(append(dst, '"'), v.Bytes(i))
		return append(dst, '"')
	case types.Array:
		return w.appendList(dst, v, i)
	case types.Map:
		return w.appendMap(dst, v, i)
	case types.Struct:
		for f := range v.Kids {
			dst = append(dst, w.fields[f]...)
			dst = w.kids[f].appendNullable(dst, v.Kids[f], i)
		}
		if len(v.Kids) == 0 {
			dst = append(dst, '{')
		}
		return append(dst, '}')
	}
	return appendQuoted(dst, v.Bytes(i))
}

func (w *writer) appendNullable(dst []byte, v *vector.Vector, i int) []byte {
	if v.IsNull(i) {
		return append(dst, "null"...)
	}
	return w.append(dst, v, i)
}

// appendFloat writes a number JSON has, else text.
func (w *writer) appendFloat(dst []byte, v *vector.Vector, i int) []byte {
	f := v.F[i]
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(vector.AppendFloat(append(dst, '"'), f, 64), '"')
	}
	return vector.AppendText(dst, v, i, vector.Style{Ksql: w.java})
}

func (w *writer) appendList(dst []byte, v *vector.Vector, i int) []byte {
	dst = append(dst, '[')
	for k := v.Offs[i]; k < v.Offs[i+1]; k++ {
		if k > v.Offs[i] {
			dst = append(dst, ',')
		}
		dst = w.kids[0].appendNullable(dst, v.Kids[0], int(k))
	}
	return append(dst, ']')
}

func (w *writer) appendMap(dst []byte, v *vector.Vector, i int) []byte {
	dst = append(dst, '{')
	for k := v.Offs[i]; k < v.Offs[i+1]; k++ {
		if k > v.Offs[i] {
			dst = append(dst, ',')
		}
		dst = append(appendQuoted(dst, v.Kids[0].Bytes(int(k))), ':')
		dst = w.kids[1].appendNullable(dst, v.Kids[1], int(k))
	}
	return append(dst, '}')
}

const hexDigits = "0123456789ABCDEF"

// appendQuoted writes a JSON string. Bytes that are no UTF-8 become U+FFFD.
func appendQuoted(dst, s []byte) []byte {
	n := len(dst) + 1
	if cap(dst)-n <= len(s) {
		dst = slices.Grow(dst, len(s)+2)
	}
	dst = append(dst, '"')
	p := copyPlain(dst[n:n+len(s)], s)
	dst = dst[:n+p]
	if p < len(s) {
		dst = appendEscaped(dst, s[p:])
	}
	return append(dst, '"')
}

// copyPlain copies the beginning of s that stands for itself in a JSON string, ASCII only, and gives its length. What is behind
// it in dst, which is as long as s, is overwritten with anything.
func copyPlain(dst, s []byte) int {
	p := 0
	for p+wordLen <= len(s) && p+wordLen <= len(dst) {
		w := binary.LittleEndian.Uint64(s[p:])
		binary.LittleEndian.PutUint64(dst[p:], w)
		if special(w) {
			break
		}
		p += wordLen
	}
	for p < len(s) && s[p] >= ' ' && s[p] < utf8.RuneSelf && s[p] != '"' && s[p] != '\\' {
		dst[p] = s[p]
		p++
	}
	return p
}

// special tells whether one of eight bytes has to be looked at: a quote, a backslash, a control character, a byte above 127.
func special(w uint64) bool {
	quote, slash := w^(lows*'"'), w^(lows*'\\')
	return ((quote-lows)&^quote|(slash-lows)&^slash|(w-lows*' ')&^w|w)&highs != 0
}

// appendEscaped writes the inside of a JSON string of which something may have to be escaped.
func appendEscaped(dst, s []byte) []byte {
	if !utf8.Valid(s) {
		s = []byte(string([]rune(string(s))))
	}
	for {
		n := plain(s)
		dst = append(dst, s[:n]...)
		if n == len(s) {
			return dst
		}
		switch c := s[n]; c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		s = s[n+1:]
	}
}

// plain is the length of the beginning of s that needs no escape.
func plain(s []byte) int {
	p := 0
	for ; p+8 <= len(s); p += 8 {
		w := binary.LittleEndian.Uint64(s[p:])
		quote, slash := w^(lows*'"'), w^(lows*'\\')
		stop := ((quote - lows) & ^quote) | ((slash - lows) & ^slash) | ((w - lows*' ') & ^w)
		if stop&highs != 0 {
			break
		}
	}
	for p < len(s) && s[p] >= ' ' && s[p] != '"' && s[p] != '\\' {
		p++
	}
	return p
}
