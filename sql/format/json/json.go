// Package json is JSON payloads: decoded straight into vectors by a scanner that looks only at the wanted fields, encoded
// from vectors with the fields' names written in advance.
//
// Coercions are ksqlDB's (Jackson's): a number may stand in text, a fraction given to a whole number is cut off, STRING
// takes anything (objects as compact JSON), BYTES is base64, TIMESTAMP and TIME are milliseconds, DATE is days. Outside the
// ksqldb dialect times may also be ISO text, and a number too large for its column is an error instead of wrapping.
// A field is found by its exact name, else by its name in any case; a missing one is null; the last of several wins.
package json

import (
	"github.com/freshetdb/freshet/sql/format"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
)

const name = "JSON"

// Register adds JSON to the formats.
func Register(r *format.Registry) { r.Register(jsonFormat{}) }

type jsonFormat struct{}

// Name implements format.Format.
func (jsonFormat) Name() string { return name }

// Check implements format.Format: JSON carries everything but intervals and maps with keys that are no text.
func (jsonFormat) Check(opts format.Options) *sqlerr.Error {
	if opts.Unwrapped && len(opts.Columns) != 1 {
		return sqlerr.Newf(sqlerr.InvalidParameterValue, 0, "an unwrapped JSON payload holds one column, not %d", len(opts.Columns))
	}
	for _, c := range opts.Columns {
		if err := check(c.Name, c.Type); err != nil {
			return err
		}
	}
	return nil
}

func check(column string, t types.Type) *sqlerr.Error {
	switch t.ID {
	case types.Interval, types.Unknown:
		return sqlerr.Newf(sqlerr.FeatureNotSupported, 0, "format JSON cannot carry column %q of type %s", column, t)
	case types.Array:
		return check(column, *t.Elem)
	case types.Map:
		if t.Key.ID != types.String {
			return sqlerr.Newf(sqlerr.FeatureNotSupported, 0, "format JSON cannot carry column %q: map keys must be of type %s", column, types.Of(types.String))
		}
		return check(column, *t.Elem)
	case types.Struct:
		for _, f := range t.Fields {
			if err := check(column, f.Type); err != nil {
				return err
			}
		}
	}
	return nil
}

// NewDecoder implements format.Format.
func (f jsonFormat) NewDecoder(opts format.Options) (format.Decoder, *sqlerr.Error) {
	if err := f.Check(opts); err != nil {
		return nil, err
	}
	return newDecoder(opts), nil
}

// NewEncoder implements format.Format.
func (f jsonFormat) NewEncoder(opts format.Options) (format.Encoder, *sqlerr.Error) {
	if err := f.Check(opts); err != nil {
		return nil, err
	}
	return newEncoder(opts), nil
}
