package delimited

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/freshetdb/freshet/sql/format"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// Lengths of Kafka's own serializers' output, in bytes.
const (
	intLen  = 4
	longLen = 8
)

// kafkaFormat is KAFKA: one column as Kafka's own serializers write it: INT four bytes, BIGINT eight, DOUBLE eight (IEEE 754),
// all big-endian, STRING as UTF-8, BYTES as they are.
type kafkaFormat struct{}

// Name implements format.Format.
func (kafkaFormat) Name() string { return "KAFKA" }

// Check implements format.Format.
func (kafkaFormat) Check(opts format.Options) *sqlerr.Error {
	if len(opts.Columns) != 1 {
		return sqlerr.Newf(sqlerr.InvalidParameterValue, 0, "format KAFKA carries one column, not %d", len(opts.Columns)).
			WithHint("use JSON for several columns")
	}
	switch c := opts.Columns[0]; c.Type.ID {
	case types.Int, types.BigInt, types.Double, types.String, types.Bytes:
		return nil
	default:
		return sqlerr.Newf(sqlerr.FeatureNotSupported, 0, "format KAFKA cannot carry column %q of type %s", c.Name, c.Type).
			WithHint("it carries integer, bigint, double precision, text and bytea; use JSON for other types")
	}
}

// NewDecoder implements format.Format.
func (f kafkaFormat) NewDecoder(opts format.Options) (format.Decoder, *sqlerr.Error) {
	if err := f.Check(opts); err != nil {
		return nil, err
	}
	return kafkaDecoder{opts.Columns[0].Type}, nil
}

// NewEncoder implements format.Format.
func (f kafkaFormat) NewEncoder(opts format.Options) (format.Encoder, *sqlerr.Error) {
	if err := f.Check(opts); err != nil {
		return nil, err
	}
	return kafkaEncoder{}, nil
}

type kafkaDecoder struct{ t types.Type }

// Decode implements format.Decoder.
func (d kafkaDecoder) Decode(buf []byte, offs, lens []int32, out []*vector.Vector, bad []format.BadRow) []format.BadRow {
	v := out[0]
	for row, n := range lens {
		if n < 0 {
			v.SetNull(row)
			continue
		}
		b := buf[offs[row] : offs[row]+n]
		switch d.t.ID {
		case types.String:
			if !utf8.Valid(b) { // as Kafka's StringDeserializer
				b = bytes.ToValidUTF8(b, []byte("\uFFFD"))
			}
			v.SetBytes(row, b)
		case types.Bytes:
			v.SetBytes(row, b)
		default:
			if !d.number(b, v, row) {
				v.SetNull(row)
				bad = append(bad, format.BadRow{Row: row, Cause: fmt.Sprintf("expected %s of %d bytes, found %d bytes", d.t, d.length(), n)})
			}
		}
	}
	return bad
}

func (d kafkaDecoder) length() int {
	if d.t.ID == types.Int {
		return intLen
	}
	return longLen
}

func (d kafkaDecoder) number(b []byte, v *vector.Vector, row int) bool {
	if len(b) != d.length() {
		return false
	}
	switch d.t.ID {
	case types.Int:
		v.I[row] = int64(int32(binary.BigEndian.Uint32(b)))
	case types.BigInt:
		v.I[row] = int64(binary.BigEndian.Uint64(b))
	default:
		v.F[row] = math.Float64frombits(binary.BigEndian.Uint64(b))
	}
	return true
}

type kafkaEncoder struct{}

// Encode implements format.Encoder.
func (kafkaEncoder) Encode(cols []*vector.Vector, rows []uint16, dst *format.Payloads) error {
	v := cols[0]
	for _, row := range rows {
		null := v.IsNull(int(row))
		if !null {
			dst.Buf = appendKafka(dst.Buf, v, v.Row(int(row)))
		}
		dst.Ends, dst.Null = append(dst.Ends, int32(len(dst.Buf))), append(dst.Null, null)
	}
	return nil
}

func appendKafka(dst []byte, v *vector.Vector, i int) []byte {
	switch v.Type.ID {
	case types.Int:
		return binary.BigEndian.AppendUint32(dst, uint32(v.I[i]))
	case types.BigInt:
		return binary.BigEndian.AppendUint64(dst, uint64(v.I[i]))
	case types.Double:
		return binary.BigEndian.AppendUint64(dst, math.Float64bits(v.F[i]))
	}
	return append(dst, v.Bytes(i)...)
}
