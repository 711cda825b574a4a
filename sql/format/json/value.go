package json

import (
	"encoding/base64"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

const (
	usPerMS    = 1000
	usPerDay   = 24 * 60 * 60 * 1e6
	excerptMax = 60
)

// value decodes the value at p into row of v and gives the place after it, -1 when it cannot; d.cause is then set unless
// the payload is no JSON.
func (d *decoder) value(b []byte, p int, v *vector.Vector, row int, kid *object, depth int) int {
	if p >= len(b) {
		return -1
	}
	if b[p] == 'n' {
		end := literal(b, p, "null")
		if end > 0 {
			setNull(v, row)
		}
		return end
	}
	switch v.Type.ID {
	case types.BigInt, types.Int, types.SmallInt:
		return d.whole(b, p, v, row)
	case types.Real, types.Double:
		return d.float(b, p, v, row)
	case types.String:
		return d.string(b, p, v, row, depth)
	case types.Boolean:
		return d.boolean(b, p, v, row)
	case types.Decimal:
		return d.decimal(b, p, v, row)
	case types.Timestamp, types.Date, types.Time:
		return d.instant(b, p, v, row)
	case types.Bytes:
		return d.bytes(b, p, v, row)
	case types.Array:
		return d.list(b, p, v, row, kid, depth)
	case types.Map:
		return d.entries(b, p, v, row, kid, depth)
	case types.Struct:
		if b[p] != '{' {
			return d.mismatch(b, p, v.Type)
		}
		end, _ := d.members(kid, b, p, v.Kids, row, depth+1)
		return end
	}
	return d.mismatch(b, p, v.Type)
}

// numeral gives the number at p, bare or in text; end is -1 when there is neither. quoted tells which.
func numeral(b []byte, p int) (number []byte, quoted bool, end int) {
	if b[p] == '"' {
		s, end := scanText(b, p+1)
		if end < 0 || s.escaped || len(s.raw) == 0 {
			return nil, true, -1
		}
		return s.raw, true, end
	}
	end = scanNumber(b, p)
	if end < 0 {
		return nil, false, -1
	}
	return b[p:end], false, end
}

func (d *decoder) whole(b []byte, p int, v *vector.Vector, row int) int {
	x, end := shortInt(b, p)
	if end < 0 {
		number, quoted, after := numeral(b, p)
		if after < 0 {
			return d.mismatch(b, p, v.Type)
		}
		var ok bool
		if x, end = shortInt(number, 0); end == len(number) {
			ok = true
		} else if !quoted || digits(number, sign(number)) == len(number) { // text holds whole numbers only, as in Java
			x, ok = parseInt(number, d.java && !quoted)
		}
		if end = after; !ok {
			return d.mismatch(b, p, v.Type)
		}
	}
	if v.Type.ID != types.BigInt {
		var ok bool
		if x, ok = fitWhole(x, v.Type.ID, d.java); !ok {
			return d.mismatch(b, p, v.Type)
		}
	}
	v.I[row] = x
	return end
}

// sign is the length of a number's sign.
func sign(number []byte) int {
	if len(number) > 0 && (number[0] == '-' || number[0] == '+') {
		return 1
	}
	return 0
}

func (d *decoder) float(b []byte, p int, v *vector.Vector, row int) int {
	number, _, end := numeral(b, p)
	if end < 0 {
		return d.mismatch(b, p, v.Type)
	}
	f, ok := parseFloat(number)
	if !ok {
		return d.mismatch(b, p, v.Type)
	}
	if v.Type.ID == types.Real {
		f = float64(float32(f))
	}
	v.F[row] = f
	return end
}

func (d *decoder) decimal(b []byte, p int, v *vector.Vector, row int) int {
	number, _, end := numeral(b, p)
	if end < 0 {
		return d.mismatch(b, p, v.Type)
	}
	x, scale, ok := parseDecimal(number, v.Type, d.java)
	if !ok {
		return d.mismatch(b, p, v.Type)
	}
	v.D[row] = x
	if v.Type.Precision == 0 {
		v.Scales[row] = scale
	}
	return end
}

func (d *decoder) boolean(b []byte, p int, v *vector.Vector, row int) int {
	if end := literal(b, p, "true"); end > 0 {
		v.I[row] = 1
		return end
	}
	if end := literal(b, p, "false"); end > 0 {
		v.I[row] = 0
		return end
	}
	return d.mismatch(b, p, v.Type)
}

func (d *decoder) string(b []byte, p int, v *vector.Vector, row, depth int) int {
	if b[p] == '"' {
		s, end := scanText(b, p+1)
		if end < 0 {
			return -1
		}
		if !setText(v, row, s) {
			return d.mismatch(b, p, v.Type)
		}
		return end
	}
	end := skip(b, p, depth)
	if end < 0 {
		return -1
	}
	if !utf8.Valid(b[p:end]) {
		return d.mismatch(b, p, v.Type)
	}
	from := len(v.Buf)
	if d.java && b[p] == '[' {
		v.Buf = appendJavaList(v.Buf, b[p:end])
	} else {
		v.Buf = appendCompact(v.Buf, b[p:end])
	}
	v.MarkText(row, from)
	return end
}

// appendJavaList appends an array as Java prints a list: "[a, b]", texts without quotes.
func appendJavaList(dst, value []byte) []byte {
	dst = append(dst, '[')
	for p := blanks(value, 1); value[p] != ']'; {
		end := skip(value, p, 0)
		switch value[p] {
		case '"':
			if s, _ := scanText(value, p+1); s.raw != nil {
				dst, _ = appendText(dst, s)
			}
		case '[':
			dst = appendJavaList(dst, value[p:end])
		default:
			dst = appendCompact(dst, value[p:end])
		}
		if p = blanks(value, end); value[p] == ',' {
			dst = append(dst, ", "...)
			p = blanks(value, p+1)
		}
	}
	return append(dst, ']')
}

// appendCompact appends a value without the white space around its parts.
func appendCompact(dst, value []byte) []byte {
	for p := 0; p < len(value); {
		switch c := value[p]; {
		case c == '"':
			end := skipText(value, p+1)
			dst = append(dst, value[p:end]...)
			p = end
		case c > ' ':
			dst = append(dst, c)
			p++
		default:
			p++
		}
	}
	return dst
}

func (d *decoder) bytes(b []byte, p int, v *vector.Vector, row int) int {
	if b[p] != '"' {
		return d.mismatch(b, p, v.Type)
	}
	s, end := scanText(b, p+1)
	if end < 0 {
		return -1
	}
	var ok bool
	if d.scratch, ok = appendText(d.scratch[:0], s); !ok {
		return d.mismatch(b, p, v.Type)
	}
	from := len(v.Buf)
	out, err := base64.StdEncoding.AppendDecode(v.Buf, d.scratch)
	if err != nil {
		return d.mismatch(b, p, v.Type)
	}
	v.Buf = out
	v.MarkText(row, from)
	return end
}

// instant decodes TIMESTAMP and TIME (milliseconds) and DATE (days), or ISO text outside the ksqldb dialect.
func (d *decoder) instant(b []byte, p int, v *vector.Vector, row int) int {
	if b[p] == '"' && v.Type.ID == types.Timestamp && !d.java {
		if us, end := d.quotedTimestamp(b, p); end > 0 {
			v.I[row] = us
			return end
		}
	}
	x, end := shortInt(b, p)
	if end < 0 {
		number, quoted, after := numeral(b, p)
		if after < 0 {
			return d.mismatch(b, p, v.Type)
		}
		end = after
		ok := true
		if n, all := shortInt(number, 0); all == len(number) {
			x = n
		} else if !quoted {
			x, ok = parseInt(number, false)
		} else if d.java {
			ok = false
		} else if x, ok = d.isoText(number, v.Type.ID); ok {
			v.I[row] = x
			return end
		}
		if !ok {
			return d.mismatch(b, p, v.Type)
		}
	}
	if v.Type.ID != types.Date {
		var ok bool
		if x, ok = scaled(x, usPerMS); !ok {
			return d.mismatch(b, p, v.Type)
		}
	}
	if v.Type.ID == types.Time && (x < 0 || x >= usPerDay) {
		return d.mismatch(b, p, v.Type)
	}
	v.I[row] = x
	return end
}

func (d *decoder) isoText(s []byte, id types.ID) (x int64, ok bool) {
	switch id {
	case types.Date:
		return vector.ParseDate(view(s))
	case types.Time:
		return vector.ParseTime(view(s))
	}
	if x, ok = d.isoTimestamp(s); ok {
		return x, true
	}
	return vector.ParseTimestamp(view(s), time.UTC)
}

// mismatch says that the value at p does not go into a type; a value that is no JSON is reported as that.
func (d *decoder) mismatch(b []byte, p int, t types.Type) int {
	end := skip(b, p, 0)
	if end < 0 {
		return -1
	}
	expected := t.String()
	if d.java {
		expected = t.KsqlName()
	}
	d.cause = "expected " + expected + ", found " + excerpt(b[p:end])
	return -1
}

// within puts a member's name before the place of an error.
func (d *decoder) within(member string) {
	if d.cause == "" {
		return
	}
	if d.path != "" {
		member += "." + d.path
	}
	d.path = member
}

// explain is one line about the refused payload.
func (d *decoder) explain() string {
	switch {
	case d.cause == "":
		return "payload is not valid JSON"
	case d.path == "":
		return d.cause
	}
	return "field \"" + strings.ToValidUTF8(d.path, "?") + "\": " + d.cause
}

// excerpt is the beginning of a text that may be anything, fit for one line.
func excerpt(b []byte) string {
	cut := len(b) > excerptMax
	if cut {
		b = b[:excerptMax]
	}
	s := strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(string(b), "?"))
	if cut {
		s += "…"
	}
	return s
}
