package delimited

import (
	"encoding/base64"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/freshetdb/freshet/sql/format"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

const (
	usPerMS  = 1000
	usPerDay = 24 * 60 * 60 * 1e6
)

// decoder decodes lines. One goroutine uses it.
type decoder struct {
	delimiter byte
	java      bool
	names     []string // of the payload's columns
	outs      []int    // by column of the payload: the vector, -1 when it is not wanted
	scratch   []byte
}

// Decode implements format.Decoder.
func (d *decoder) Decode(buf []byte, offs, lens []int32, out []*vector.Vector, bad []format.BadRow) []format.BadRow {
	for row, n := range lens {
		cause := ""
		if n >= 0 {
			cause = d.line(buf[offs[row]:offs[row]+n], out, row)
		}
		if n < 0 || cause != "" {
			for _, v := range out {
				v.SetNull(row)
			}
		}
		if cause != "" {
			bad = append(bad, format.BadRow{Row: row, Cause: cause})
		}
	}
	return bad
}

// line decodes one payload; what it returns is why it could not.
func (d *decoder) line(b []byte, out []*vector.Vector, row int) string {
	if len(b) > 0 && b[len(b)-1] == '\n' {
		b = b[:len(b)-1]
	}
	if len(b) > 0 && b[len(b)-1] == '\r' {
		b = b[:len(b)-1]
	}
	column := 0
	for more := true; more; column++ {
		var field []byte
		var ok bool
		if field, b, more, ok = d.field(b); !ok {
			return "payload is not valid CSV"
		}
		if column >= len(d.outs) || d.outs[column] < 0 {
			continue
		}
		v := out[d.outs[column]]
		if len(field) == 0 { // quoted or not
			v.SetNull(row)
			continue
		}
		if !d.set(v, row, field) {
			return mismatch(d.names[column], v.Type, d.java, field)
		}
	}
	if column != len(d.outs) {
		return fmt.Sprintf("expected %d fields, found %d", len(d.outs), column)
	}
	return ""
}

// field takes the first field off a line; more tells whether a delimiter follows it.
func (d *decoder) field(b []byte) (field, rest []byte, more, ok bool) {
	if len(b) == 0 || b[0] != '"' {
		for i, c := range b {
			switch c {
			case d.delimiter:
				return b[:i], b[i+1:], true, true
			case '\n', '\r':
				return nil, nil, false, false
			}
		}
		return b, nil, false, true
	}
	d.scratch = d.scratch[:0]
	for i := 1; i < len(b); i++ {
		if b[i] != '"' {
			d.scratch = append(d.scratch, b[i])
			continue
		}
		switch {
		case i+1 == len(b):
			return d.scratch, nil, false, true
		case b[i+1] == '"':
			d.scratch = append(d.scratch, '"')
			i++
		case b[i+1] == d.delimiter:
			return d.scratch, b[i+2:], true, true
		default:
			return nil, nil, false, false
		}
	}
	return nil, nil, false, false
}

// set writes a field's value to row.
func (d *decoder) set(v *vector.Vector, row int, field []byte) bool {
	switch v.Type.ID {
	case types.String:
		if !utf8.Valid(field) {
			return false
		}
		v.SetBytes(row, field)
	case types.Bytes:
		from := len(v.Buf)
		out, err := base64.StdEncoding.AppendDecode(v.Buf, field)
		if err != nil {
			return false
		}
		v.Buf = out
		v.MarkText(row, from)
	case types.Boolean: // as Java's Boolean.parseBoolean
		v.I[row] = 0
		if isTrue(field) {
			v.I[row] = 1
		}
	case types.Decimal:
		return d.setDecimal(v, row, field)
	case types.Real, types.Double:
		f, err := vector.ParseFloat(string(field), v.Type.ID)
		v.F[row] = f
		return err == nil
	case types.Timestamp, types.Date, types.Time:
		return d.setInstant(v, row, field)
	default:
		x, err := vector.ParseInt(string(field), v.Type.ID)
		v.I[row] = x
		return err == nil
	}
	return true
}

func isTrue(b []byte) bool {
	return len(b) == 4 && b[0]|0x20 == 't' && b[1]|0x20 == 'r' && b[2]|0x20 == 'u' && b[3]|0x20 == 'e'
}

func (d *decoder) setDecimal(v *vector.Vector, row int, field []byte) bool {
	x, scale, ok, fits := vector.ParseDecimal(string(field))
	if !ok || !fits {
		return false
	}
	if v.Type.Precision == 0 {
		v.D[row], v.Scales[row] = x, scale
		return true
	}
	y, ok := x.Rescale(scale, v.Type.Scale)
	v.D[row] = y
	if !ok || !y.FitsPrecision(v.Type.Precision) {
		return false
	}
	back, ok := y.Rescale(v.Type.Scale, scale)
	return !d.java || scale <= v.Type.Scale || ok && back == x
}

func (d *decoder) setInstant(v *vector.Vector, row int, field []byte) bool {
	x, err := vector.ParseInt(string(field), types.BigInt)
	if err != nil {
		return false
	}
	if v.Type.ID != types.Date {
		if x > math.MaxInt64/usPerMS || x < math.MinInt64/usPerMS {
			return false
		}
		x *= usPerMS
	}
	v.I[row] = x
	return v.Type.ID != types.Time || x >= 0 && x < usPerDay
}
