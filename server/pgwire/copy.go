package pgwire

import (
	"bytes"
	"context"
	"encoding/binary"

	"github.com/jackc/pgproto3/v2"

	"github.com/freshetdb/freshet/server/session"
	"github.com/freshetdb/freshet/sql/vector"
)

// copyOut sends a result as COPY data, row by row as they come. Source: PostgreSQL, COPY, "File Formats".
func (c *conn) copyOut(ctx context.Context, r *session.Result) error {
	c.put(&pgproto3.CopyOutResponse{ColumnFormatCodes: make([]uint16, len(r.Columns))})
	if r.Copy.Header {
		c.copyLine(func() {
			for i, col := range r.Columns {
				c.copyField(r.Copy, i, []byte(col.Name), false)
			}
		})
	}
	var value []byte
	sent := 0
	err := c.streaming(ctx, r, func(ctx context.Context) error {
		return r.Run(ctx, func(chunk *vector.Chunk) error {
			sent += chunk.Rows()
			err := each(chunk, func(row int) error {
				c.copyLine(func() {
					for i, v := range chunk.Cols {
						value = value[:0]
						null := v.IsNull(row)
						if !null {
							value = vector.AppendText(value, v, row, c.sess.Style)
						}
						c.copyField(r.Copy, i, value, null)
					}
				})
				if len(c.out) >= c.l.opts.WriteBufferBytes {
					return c.flush()
				}
				return nil
			})
			if err != nil || !r.Live() {
				return err
			}
			return c.flush()
		})
	})
	if err != nil {
		return err
	}
	c.put(&pgproto3.CopyDone{})
	c.complete(r, sent)
	return nil
}

// copyLine frames one line as CopyData.
func (c *conn) copyLine(write func()) {
	start := len(c.out)
	c.out = append(c.out, 'd', 0, 0, 0, 0)
	write()
	c.out = append(c.out, '\n')
	binary.BigEndian.PutUint32(c.out[start+1:], uint32(len(c.out)-start-1))
}

func (c *conn) copyField(f *session.Copy, column int, value []byte, null bool) {
	if column > 0 {
		c.out = append(c.out, f.Delimiter)
	}
	switch {
	case null:
		c.out = append(c.out, f.Null...)
	case f.CSV:
		c.out = appendCSV(c.out, f, value)
	default:
		c.out = appendCopyText(c.out, f, value)
	}
}

// appendCSV quotes a value where it must be, so that it reads back and is no null.
func appendCSV(dst []byte, f *session.Copy, value []byte) []byte {
	plain := bytes.IndexByte(value, f.Delimiter) < 0 && bytes.IndexByte(value, f.Quote) < 0 &&
		bytes.IndexByte(value, '\n') < 0 && bytes.IndexByte(value, '\r') < 0 && string(value) != f.Null && string(value) != `\.`
	if plain {
		return append(dst, value...)
	}
	dst = append(dst, f.Quote)
	for _, b := range value {
		if b == f.Quote || b == f.Escape {
			dst = append(dst, f.Escape)
		}
		dst = append(dst, b)
	}
	return append(dst, f.Quote)
}

// copyEscapes are the letters of control characters in COPY's text format.
var copyEscapes = map[byte]byte{'\b': 'b', '\f': 'f', '\n': 'n', '\r': 'r', '\t': 't', '\v': 'v', '\\': '\\'}

func appendCopyText(dst []byte, f *session.Copy, value []byte) []byte {
	for _, b := range value {
		letter, special := copyEscapes[b]
		switch {
		case special:
			dst = append(dst, '\\', letter)
		case b == f.Delimiter:
			dst = append(dst, '\\', b)
		default:
			dst = append(dst, b)
		}
	}
	return dst
}
