package delimited

import (
	"github.com/freshetdb/freshet/sql/format"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/vector"
)

// noneFormat is NONE: no columns, and null payloads; the key of a stream without one.
type noneFormat struct{}

// Name implements format.Format.
func (noneFormat) Name() string { return "NONE" }

// Check implements format.Format.
func (noneFormat) Check(opts format.Options) *sqlerr.Error {
	if len(opts.Columns) > 0 {
		return sqlerr.Newf(sqlerr.InvalidParameterValue, 0, "format NONE cannot carry column %q", opts.Columns[0].Name)
	}
	return nil
}

// NewDecoder implements format.Format.
func (f noneFormat) NewDecoder(opts format.Options) (format.Decoder, *sqlerr.Error) {
	return noneFormat{}, f.Check(opts)
}

// NewEncoder implements format.Format.
func (f noneFormat) NewEncoder(opts format.Options) (format.Encoder, *sqlerr.Error) {
	return noneFormat{}, f.Check(opts)
}

// Decode implements format.Decoder: whatever is there is ignored.
func (noneFormat) Decode(_ []byte, _, _ []int32, _ []*vector.Vector, bad []format.BadRow) []format.BadRow {
	return bad
}

// Encode implements format.Encoder.
func (noneFormat) Encode(_ []*vector.Vector, rows []uint16, dst *format.Payloads) error {
	for range rows {
		dst.Ends, dst.Null = append(dst.Ends, int32(len(dst.Buf))), append(dst.Null, true)
	}
	return nil
}
