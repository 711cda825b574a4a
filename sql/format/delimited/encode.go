package delimited

import (
	"encoding/base64"
	"strconv"

	"github.com/freshetdb/freshet/sql/format"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// encoder encodes lines. One goroutine uses it.
type encoder struct {
	delimiter byte
	java      bool
	scratch   []byte
}

// Encode implements format.Encoder.
func (e *encoder) Encode(cols []*vector.Vector, rows []uint16, dst *format.Payloads) error {
	for _, row := range rows {
		for i, v := range cols {
			if i > 0 {
				dst.Buf = append(dst.Buf, e.delimiter)
			}
			e.scratch = e.scratch[:0]
			if !v.IsNull(int(row)) {
				e.scratch = e.append(e.scratch, v, v.Row(int(row)))
			}
			dst.Buf = e.quote(dst.Buf, e.scratch, i == 0)
		}
		dst.Ends, dst.Null = append(dst.Ends, int32(len(dst.Buf))), append(dst.Null, false)
	}
	return nil
}

func (e *encoder) append(dst []byte, v *vector.Vector, i int) []byte {
	switch v.Type.ID {
	case types.Boolean:
		return strconv.AppendBool(dst, v.I[i] != 0)
	case types.Timestamp, types.Time:
		return strconv.AppendInt(dst, vector.FloorDiv(v.I[i], usPerMS), 10)
	case types.Date:
		return strconv.AppendInt(dst, v.I[i], 10)
	case types.Bytes:
		return base64.StdEncoding.AppendEncode(dst, v.Bytes(i))
	}
	return vector.AppendText(dst, v, i, vector.Style{Ksql: e.java})
}

// quote appends a field, quoted where Commons CSV's minimal mode does: a line's first field unless it begins with a letter
// or digit (an empty one is quoted, so that no line is empty), others when they begin with a character up to '#', end with a
// blank, or hold a delimiter, quote or line break.
func (e *encoder) quote(dst, field []byte, first bool) []byte {
	if !e.needsQuotes(field, first) {
		return append(dst, field...)
	}
	dst = append(dst, '"')
	for _, c := range field {
		if c == '"' {
			dst = append(dst, '"')
		}
		dst = append(dst, c)
	}
	return append(dst, '"')
}

func (e *encoder) needsQuotes(field []byte, first bool) bool {
	if len(field) == 0 {
		return first
	}
	c := field[0]
	if first && (c < '0' || c > '9' && c < 'A' || c > 'Z' && c < 'a' || c > 'z') || c <= '#' || field[len(field)-1] <= ' ' {
		return true
	}
	for _, c := range field {
		if c == e.delimiter || c == '"' || c == '\n' || c == '\r' {
			return true
		}
	}
	return false
}
