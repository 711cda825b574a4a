package pgwire

import (
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/freshetdb/freshet/server/session"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

func protocolf(format string, args ...any) *sqlerr.Error {
	return sqlerr.Newf(sqlerr.ProtocolViolation, 0, format, args...)
}

// parameterTypes is what a Parse message says of its parameters. A number we do not know is left to inference.
func parameterTypes(oids []uint32) []types.Type {
	if len(oids) == 0 {
		return nil
	}
	list := make([]types.Type, len(oids))
	for i, oid := range oids {
		if t, ok := types.FromOID(types.OID(oid)); ok {
			list[i] = t
		}
	}
	return list
}

// parameterOIDs is what ParameterDescription answers: the client's own numbers where it gave any.
func parameterOIDs(p *session.Prepared) []uint32 {
	oids := make([]uint32, len(p.Params))
	for i, t := range p.Params {
		oids[i] = uint32(t.OID())
		if declared := declaredOID(p, i); declared != 0 {
			oids[i] = declared
		}
	}
	return oids
}

func declaredOID(p *session.Prepared, i int) uint32 {
	if i < len(p.OIDs) && types.OID(p.OIDs[i]) != types.OIDUnknown {
		return p.OIDs[i]
	}
	return 0
}

// arguments reads the parameters of a Bind message as values of the statement's types.
func (m *bind) arguments(p *session.Prepared, style vector.Style) ([]vector.Datum, error) {
	if len(m.params) != len(p.Params) {
		return nil, protocolf("bind message supplies %d parameters, but prepared statement %q requires %d", len(m.params), p.Name, len(p.Params))
	}
	if len(m.formats) > 1 && len(m.formats) != len(m.params) {
		return nil, protocolf("bind message has %d parameter formats but %d parameters", len(m.formats), len(m.params))
	}
	if len(m.params) == 0 {
		return nil, nil
	}
	args := make([]vector.Datum, len(m.params))
	for i, raw := range m.params {
		if raw == nil {
			args[i] = vector.NullOf(p.Params[i])
			continue
		}
		format := int16(formatText)
		switch {
		case len(m.formats) == 1:
			format = m.formats[0]
		case len(m.formats) > 1:
			format = m.formats[i]
		}
		var err error
		switch format {
		case formatText:
			args[i], err = textArgument(p.Params[i], raw, style)
		case formatBinary:
			args[i], err = binaryArgument(p.Params[i], types.OID(declaredOID(p, i)), raw)
		default:
			return nil, protocolf("invalid format code: %d", format)
		}
		if err != nil {
			return nil, badArgument(err, i, p.Params[i], format == formatBinary, raw)
		}
	}
	return args, nil
}

func textArgument(t types.Type, raw []byte, style vector.Style) (vector.Datum, error) {
	text := string(raw)
	if err := utf8Text(text); err != nil {
		return vector.Datum{}, err
	}
	return vector.ParseText(t, text, style.Zone)
}

// jsonbVersion begins a jsonb value in binary format.
const jsonbVersion = 1

// uuidBytes is the length of a uuid in binary format.
const uuidBytes = 16

// binaryArgument reads a binary value of the type the client declared (oid; 0: of ours), as a value of our type t.
func binaryArgument(t types.Type, oid types.OID, raw []byte) (vector.Datum, error) {
	switch oid {
	case types.OIDJSONB:
		if len(raw) == 0 || raw[0] != jsonbVersion {
			return vector.Datum{}, vector.ErrSyntax
		}
		raw = raw[1:]
	case types.OIDUUID:
		if len(raw) != uuidBytes {
			return vector.Datum{}, vector.ErrSyntax
		}
		h := hex.EncodeToString(raw)
		raw = fmt.Appendf(nil, "%s-%s-%s-%s-%s", h[:8], h[8:12], h[12:16], h[16:20], h[20:])
	case types.OIDOid:
		if len(raw) == 4 {
			raw = append([]byte{0, 0, 0, 0}, raw...)
		}
	}
	if t.ID == types.String {
		if err := utf8Text(string(raw)); err != nil {
			return vector.Datum{}, err
		}
	}
	return vector.ParseBinary(t, raw)
}

// shownBytes is how much of a bad argument an error repeats.
const shownBytes = 64

// badArgument is 22P02 and its relatives, naming the parameter.
func badArgument(err error, i int, t types.Type, binary bool, raw []byte) error {
	if known, ok := errors.AsType[*sqlerr.Error](err); ok {
		return known
	}
	temporal := t.ID == types.Timestamp || t.ID == types.Date || t.ID == types.Time || t.ID == types.Interval
	code := sqlerr.InvalidTextRepresentation
	switch {
	case errors.Is(err, vector.ErrRange) && temporal:
		code = sqlerr.DatetimeOverflow
	case errors.Is(err, vector.ErrRange):
		code = sqlerr.NumericOutOfRange
	case binary:
		return sqlerr.Newf(sqlerr.InvalidBinaryRepr, 0, "incorrect binary data format in bind parameter %d", i+1)
	case temporal:
		code = sqlerr.InvalidDatetimeFormat
	}
	if binary {
		return sqlerr.Newf(code, 0, "value out of range for type %s in bind parameter %d", t, i+1)
	}
	shown := string(raw[:min(len(raw), shownBytes)])
	if code == sqlerr.InvalidTextRepresentation || code == sqlerr.InvalidDatetimeFormat {
		return sqlerr.Newf(code, 0, "invalid input syntax for type %s: %q", t, shown).WithDetail("bind parameter $%d", i+1)
	}
	return sqlerr.Newf(code, 0, "value %q is out of range for type %s", shown, t).WithDetail("bind parameter $%d", i+1)
}
