// Package delimited is payloads without names: DELIMITED (a line of CSV), KAFKA (one raw primitive) and NONE.
//
// DELIMITED follows ksqlDB, that is Apache Commons CSV: columns by position, their number must be right, an empty field is
// null, quotes are doubled inside quotes. TIMESTAMP and TIME are milliseconds, DATE is days, BYTES is base64.
package delimited

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/freshetdb/freshet/sql/format"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
)

// Register adds DELIMITED, KAFKA and NONE to the formats.
func Register(r *format.Registry) {
	r.Register(delimitedFormat{})
	r.Register(kafkaFormat{})
	r.Register(noneFormat{})
}

// propertyDelimiter is the property that holds the character between fields.
const propertyDelimiter = "value_delimiter"

type delimitedFormat struct{}

// Name implements format.Format.
func (delimitedFormat) Name() string { return "DELIMITED" }

// Check implements format.Format.
func (delimitedFormat) Check(opts format.Options) *sqlerr.Error {
	for _, c := range opts.Columns {
		if c.Type.Nested() || c.Type.ID == types.Interval || c.Type.ID == types.Unknown {
			return sqlerr.Newf(sqlerr.FeatureNotSupported, 0, "format DELIMITED cannot carry column %q of type %s", c.Name, c.Type)
		}
	}
	_, err := delimiter(opts)
	return err
}

// delimiter is the character between fields; a comma unless the properties say otherwise.
func delimiter(opts format.Options) (byte, *sqlerr.Error) {
	value, ok := property(opts.Properties)
	switch {
	case !ok:
		return ',', nil
	case strings.EqualFold(value, "TAB"):
		return '\t', nil
	case strings.EqualFold(value, "SPACE"):
		return ' ', nil
	case len(value) == 1 && value[0] < utf8.RuneSelf && value[0] != '"' && value[0] != '\n' && value[0] != '\r':
		return value[0], nil
	}
	return 0, sqlerr.Newf(sqlerr.InvalidParameterValue, 0, "invalid delimiter %q", value).
		WithHint("a delimiter is one ASCII character, TAB or SPACE")
}

func property(properties map[string]string) (string, bool) {
	for name, value := range properties {
		if strings.EqualFold(name, propertyDelimiter) {
			return value, true
		}
	}
	return "", false
}

// NewDecoder implements format.Format.
func (f delimitedFormat) NewDecoder(opts format.Options) (format.Decoder, *sqlerr.Error) {
	if err := f.Check(opts); err != nil {
		return nil, err
	}
	payload := opts.Payload
	if payload == nil {
		payload = opts.Columns
	}
	d := &decoder{names: make([]string, len(payload)), outs: make([]int, len(payload)), java: opts.JavaNumbers}
	d.delimiter, _ = delimiter(opts)
	for i, c := range payload {
		d.names[i], d.outs[i] = c.Name, -1
	}
	for i, c := range opts.Columns {
		at := -1
		for j, name := range d.names {
			if name == c.Name {
				at = j
			}
		}
		if at < 0 {
			return nil, sqlerr.Newf(sqlerr.Internal, 0, "column %q is not in the payload", c.Name)
		}
		d.outs[at] = i
	}
	return d, nil
}

// NewEncoder implements format.Format.
func (f delimitedFormat) NewEncoder(opts format.Options) (format.Encoder, *sqlerr.Error) {
	if err := f.Check(opts); err != nil {
		return nil, err
	}
	e := &encoder{java: opts.JavaNumbers}
	e.delimiter, _ = delimiter(opts)
	return e, nil
}

// mismatch says that a field does not go into a column.
func mismatch(name string, t types.Type, java bool, field []byte) string {
	const excerptMax = 60
	expected := t.String()
	if java {
		expected = t.KsqlName()
	}
	s := strings.ToValidUTF8(string(field[:min(len(field), excerptMax)]), "?")
	return fmt.Sprintf("field %q: expected %s, found %q", name, expected, s)
}
