package pgwire

import (
	"encoding/binary"

	"github.com/jackc/pgproto3/v2"

	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// Formats of values.
const (
	formatText   = pgproto3.TextFormat
	formatBinary = pgproto3.BinaryFormat
)

// nullLength stands for a null in place of a value's length.
const nullLength = ^uint32(0)

// encoder writes a result's rows.
type encoder struct {
	binary []bool // one a column
	style  vector.Style
}

// prepare sets the encoder up for columns in the formats a Bind asked for: none for text, one for all, or one each.
func (e *encoder) prepare(columns types.Columns, formats []int16, style vector.Style) error {
	if len(formats) > 1 && len(formats) != len(columns) {
		return protocolf("bind message has %d result formats but query has %d columns", len(formats), len(columns))
	}
	e.style = style
	e.binary = e.binary[:0]
	for i := range columns {
		format := int16(formatText)
		switch len(formats) {
		case 0:
		case 1:
			format = formats[0]
		default:
			format = formats[i]
		}
		if format != formatText && format != formatBinary {
			return protocolf("invalid format code: %d", format)
		}
		e.binary = append(e.binary, format == formatBinary)
	}
	return nil
}

// row appends row i of a chunk as a DataRow.
func (e *encoder) row(dst []byte, c *vector.Chunk, i int) []byte {
	start := len(dst)
	dst = append(dst, 'D', 0, 0, 0, 0, byte(len(c.Cols)>>8), byte(len(c.Cols)))
	for n, v := range c.Cols {
		if v.IsNull(i) {
			dst = binary.BigEndian.AppendUint32(dst, nullLength)
			continue
		}
		at := len(dst)
		dst = append(dst, 0, 0, 0, 0)
		if e.binary[n] {
			dst = vector.AppendBinary(dst, v, i)
		} else {
			dst = vector.AppendText(dst, v, i, e.style)
		}
		binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	}
	binary.BigEndian.PutUint32(dst[start+1:], uint32(len(dst)-start-1))
	return dst
}

// describe appends a RowDescription. formats are as for prepare, which has checked them.
func (e *encoder) describe(dst []byte, columns types.Columns) []byte {
	start := len(dst)
	dst = append(dst, 'T', 0, 0, 0, 0, byte(len(columns)>>8), byte(len(columns)))
	for i, col := range columns {
		dst = append(append(dst, col.Name...), 0)
		dst = append(dst, 0, 0, 0, 0, 0, 0) // no table, no attribute: results are computed
		dst = binary.BigEndian.AppendUint32(dst, uint32(col.Type.OID()))
		dst = binary.BigEndian.AppendUint16(dst, uint16(col.Type.Len()))
		dst = binary.BigEndian.AppendUint32(dst, uint32(col.Type.Modifier()))
		format := byte(formatText)
		if e.binary[i] {
			format = formatBinary
		}
		dst = append(dst, 0, format)
	}
	binary.BigEndian.PutUint32(dst[start+1:], uint32(len(dst)-start-1))
	return dst
}

// each calls do for every row of a chunk that counts.
func each(c *vector.Chunk, do func(row int) error) error {
	if c.Sel != nil {
		for _, i := range c.Sel {
			if err := do(int(i)); err != nil {
				return err
			}
		}
		return nil
	}
	for i := range c.N {
		if err := do(i); err != nil {
			return err
		}
	}
	return nil
}

// send writes a chunk's rows, flushing as the buffer fills.
func (c *conn) send(chunk *vector.Chunk) error {
	if len(chunk.Cols) != len(c.rows.binary) {
		panic("chunk does not have the result's columns")
	}
	return each(chunk, func(i int) error {
		c.out = c.rows.row(c.out, chunk, i)
		if len(c.out) >= c.l.opts.WriteBufferBytes {
			return c.flush()
		}
		return nil
	})
}
